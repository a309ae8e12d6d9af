"""Spoken prompts, on modules that can: Chinese text to the loudspeaker.

In: a text. Out: whether the modem has begun to speak it. Must never hold up anything else: the lowest priority of all,
and a call that is set up ends it.
"""

from firmware.core.words import ucs2_hex
from firmware.modem.command import ATError
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.modem.channels import Channels

_SPEECH = const(4)  # priority, behind DATA
_BEGIN_S = const(2.0)
_LONGEST_MS = const(10_000)  # the report of the end can be lost, and a call set up over it may swallow it


class Tts:
    """The voice of one modem."""

    def __init__(self, channels: "Channels", ms: "Callable[[], int]", held: "Callable[[], bool]") -> None:
        self.channels = channels
        self.ms = ms
        self.held = held  # a call stands or is about to
        self.volume = 100  # wanted, 0..100
        self.refused = 0
        self._volume: int | None = None  # as sent
        self._until = 0
        channels.on("+CTTS:*", self._on_end)

    @property
    def speaking(self) -> bool:
        """Whether a prompt is being spoken, as far as the modem told."""
        return self.ms() < self._until

    def cut(self) -> None:
        """A call is up: whatever was being said is over."""
        self._until = 0

    def forget(self) -> None:
        """The modem restarted."""
        self.cut()
        self._volume = None

    def _on_end(self, line: str) -> None:
        self._until = 0

    async def say(self, text: str) -> bool:
        """Begin to speak; returns at once."""
        try:
            self._until = self.ms() + _LONGEST_MS
            if self._volume != self.volume:
                self._volume = self.volume
                await self._command("AT+CTTSPARAM=%d,0,50,50" % self.volume)
            await self._command('AT+CTTS=1,"%s"' % ucs2_hex(text))
        except ATError:
            self._until = 0
            self.refused += 1
            return False
        return True

    async def _command(self, text: str) -> None:
        await self.channels.voice.command(text, _BEGIN_S, _SPEECH, unless=self.held)
