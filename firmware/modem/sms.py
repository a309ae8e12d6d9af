"""Short messages: sent in UCS2, those that arrive deleted unread.

In: number and text. Out: whether the network took it. Must never go out while a call stands on the same channel, nor
leave the modem in another character set than it was found in.
"""

from firmware.core.words import ucs2_hex
from firmware.modem.command import DATA, ATError
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.modem.channels import Channels

_SET_UP = const(
    (
        "AT+CMGF=1",
        "AT+CSMP=17,167,0,8",  # 8: UCS2; valid for a day; the text of an alarm is worthless after that
        'AT+CSCS="UCS2"',
    )
)
_RESTORE = const('AT+CSCS="GSM"')
_TIDY = const(
    (
        "AT+CMGF=1",
        _RESTORE,  # a restart of this program may have come between
        "AT+CGSMS=1",  # circuit switched: data may be down
        "AT+CNMI=2,1,0,0,0",
    )
)
_DELETE_ALL = const("AT+CMGD=1,4")
_SEND_S = const(60.0)  # the manual's longest time
_SEND_ALONE_S = const(20.0)  # on the only channel; a dial is waiting for its end
_SHORT_S = const(2.0)
_DELETE_S = const(25.0)
_END = const(b"\x1a")


class Sms:
    """Messages of one modem. One at a time; nobody else may call `send` meanwhile."""

    def __init__(self, channels: "Channels", held: "Callable[[], bool]") -> None:
        self.channels = channels
        self.held = held  # a call stands
        self.untidy = True  # the modem started, or a message came in
        self.counts = {"sent": 0, "failed": 0, "arrived": 0}
        channels.on("+CMTI:*", self._on_arrived)

    def forget(self) -> None:
        """The modem restarted."""
        self.untidy = True

    def _on_arrived(self, line: str) -> None:
        # Nobody reads it: whoever knows the number could write. A full card would let no further one through.
        self.counts["arrived"] += 1
        self.untidy = True

    def _waits(self) -> bool:
        return not self.channels.multiplexed and self.held()

    async def _say(self, text: str, limit_s: float = _SHORT_S) -> None:
        await self.channels.texts.command(text, limit_s, DATA, unless=self._waits)

    async def tidy(self) -> None:
        """Settings, and an empty card; what was refused is tried again after the next start or message."""
        self.untidy = False
        for line in _TIDY:
            try:
                await self._say(line)
            except ATError:
                pass  # the engine counts it; each of these is the default of most modules
        try:
            await self._say(_DELETE_ALL, _DELETE_S)
        except ATError as error:
            self.untidy = error.reason != "refused"

    async def send(self, number: str, text: str) -> bool:
        """Whether the network has taken the message. `text`: 70 UCS2 units at most."""
        sent = False
        try:
            for line in _SET_UP:
                await self._say(line)
            await self.channels.texts.command(
                'AT+CMGS="%s"' % ucs2_hex(number),
                _SEND_S if self.channels.multiplexed else _SEND_ALONE_S,
                DATA,
                prefix="+CMGS:",
                needs=True,
                payload=ucs2_hex(text).encode() + _END,
                unless=self._waits,
            )
            sent = True
        except ATError:
            pass  # refused, out of time or overtaken by a dial: the ladder tries again
        finally:
            await self._restore()
        self.counts["sent" if sent else "failed"] += 1
        return sent

    async def _restore(self) -> None:
        try:
            await self._say(_RESTORE)
        except ATError:
            self.untidy = True
