"""One TCP connection through the modem's own stack, as an asynchronous stream.

In: the data channel; host, port and access point. Out: `read`, `write`, `close`, as net/ wants them.
Must never start a step while a call is up, for data is suspended then, nor over the only channel while one is wanted.
"""

import asyncio

from firmware.modem.command import DATA, ATError
from firmware.net.link import HELD, OpenStream
from firmware.waits import came
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.modem.channels import Channels

_SEND_MAX = const(512)  # 50 ms at 115,200 baud: no dial waits longer for a send
_READ_MAX = const(1024)
_POLL_S = const(1.5)  # the report of new data is lost when it meets a read or a send
_CONNECT_S = const(75.0)
_MODES_S = const(2.0)
_PULL = const("AT+CIPRXGET=1")
PUSHES = const("modem cannot hold data back")  # there will never be a link with it, and somebody has to hear why
_MODES = const(
    (  # (command, whether the connection works without it)
        ("AT+CIPMUX=0", True),  # one connection is how a modem starts
        ("AT+CIPQSEND=1", True),  # without it a send ends with SEND OK instead of DATA ACCEPT
        (_PULL, False),  # else data would come at any moment, between the lines of other answers
    )
)
_CONNECTED = const(("CONNECT OK", "ALREADY CONNECT"))


class StreamError(OSError):
    """The connection is not there; the text names the step."""


class ModemStream(OpenStream):
    """`open`, then `read` and `write` until one raises StreamError or read gives b""."""

    def __init__(self, channels: "Channels", held: "Callable[[], bool]", wanted: "Callable[[], bool]") -> None:
        self.channels = channels
        self.held = held  # a call is up: data is suspended
        self.wanted = wanted  # a call is up, or may be dialled over the only channel: no step that takes long
        self.opened = False
        self._bearer = False  # CIICR has been done and no PDP: DEACT seen
        self._news = asyncio.Event()  # data, an end, or a resume
        self._connected = asyncio.Event()
        self._verdict = ""
        self._lock = asyncio.Lock()
        self._opens = 0  # a reader of the connection before must not take what belongs to this one
        channels.on("+CIPRXGET: 1*", lambda line: self._news.set())
        channels.on("CLOSED", self._on_closed)
        channels.on("+PDP: DEACT", self._on_deact)
        channels.on(("CONNECT OK", "ALREADY CONNECT", "CONNECT FAIL"), self._on_verdict)
        channels.on("STATE:*", lambda line: None)

    async def open(self, host: str, port: int, apn: str) -> None:
        """Attach, get an address, connect. Raises StreamError, also when voice takes the line meanwhile."""
        self._opens += 1
        await self._shut()
        if not self._bearer:
            await self._raise_bearer(apn)
        self._connected.clear()
        self._verdict = ""
        # Some modems say that they are connected in the place of the OK.
        verdict = await self._step('AT+CIPSTART="TCP","%s",%d' % (host, port), 10.0, ("OK",) + _CONNECTED)
        if verdict in _CONNECTED:
            self._on_verdict(verdict)
        if not await came(self._connected, _CONNECT_S):
            raise StreamError("connect: no verdict")
        if self._verdict not in _CONNECTED:
            raise StreamError("connect: refused")
        self.opened = True

    async def _raise_bearer(self, apn: str) -> None:
        await self._step("AT+CGATT=1", 75.0)
        for text, optional in _MODES:
            await self._step(text, _MODES_S, refusable=optional)
        await self._step('AT+CSTT="%s","",""' % apn, 2.0)
        await self._step("AT+CIICR", 85.0)
        if self.wanted():
            raise StreamError(HELD)
        try:
            await self.channels.data.command("AT+CIFSR", 2.0, DATA, bare=_is_address, bare_ends=True, ok=())
        except ATError as error:
            raise StreamError("address: " + error.reason)
        self._bearer = True

    async def _step(self, text: str, limit_s: float, ok: "tuple[str, ...]" = ("OK",), refusable: bool = False) -> str:
        """One command; the line that ended it."""
        if self.wanted():
            raise StreamError(HELD)
        try:
            return (await self.channels.data.command(text, limit_s, DATA, ok=ok)).final
        except ATError as error:
            if refusable and error.reason == "refused":
                return error.text
            if text == _PULL and error.reason == "refused":
                raise StreamError(PUSHES)
            raise StreamError("%s: %s" % (text[3:10], error.reason))

    async def _shut(self) -> None:
        """CIPSHUT, which alone brings the stack back to its first state whatever state it is in."""
        if self.wanted():
            raise StreamError(HELD)
        try:
            await self.channels.data.command("AT+CIPSHUT", 65.0, DATA, ok=("SHUT OK",))
        except ATError as error:
            if error.reason != "refused":
                raise StreamError("shut: " + error.reason)
        self._bearer = False
        self.opened = False

    async def read(self, most: int) -> bytes:
        """Some bytes; b"" when the other side or the network ended the connection. Waits through a call."""
        mine = self._opens
        while mine == self._opens:
            self._news.clear()
            if not self.held():
                piece = await self._take(min(most, _READ_MAX))
                if piece:
                    return piece
                if not self.opened:
                    break
            await came(self._news, _POLL_S)
        return b""

    async def _take(self, most: int) -> bytes:
        """What the modem holds for us now."""
        asked = False
        try:
            reply = await self.channels.data.command("AT+CIPRXGET=4", 2.0, DATA, prefix="+CIPRXGET: 4,", needs=True)
            if _last_int(reply.lines[-1]) <= 0 or self.held():
                return b""
            asked = True
            text = "AT+CIPRXGET=2,%d" % most
            reply = await self.channels.data.command(text, 5.0, DATA, prefix="+CIPRXGET: 2,", needs=True)
        except ATError as error:
            # What a read that was given up (for a dial, say) took out of the modem is lost, and the stream with it.
            if asked or error.reason != "timeout":
                self.opened = False
            return b""
        return reply.data

    async def write(self, data: bytes) -> None:
        """All bytes, in pieces that do not delay a dial. Raises StreamError."""
        async with self._lock:
            for start in range(0, len(data), _SEND_MAX):
                # What fits is not copied: it stays until the modem has taken it.
                await self._send(data if len(data) <= _SEND_MAX else data[start : start + _SEND_MAX])

    async def _send(self, piece: bytes) -> None:
        while not await self._sent(piece):
            pass

    async def _sent(self, piece: bytes) -> bool:
        """Whether it left. A dial may have gone first while the send stood in the queue: then after the call."""
        while self.held() and self.opened:
            self._news.clear()
            await came(self._news, _POLL_S)
        if not self.opened:
            raise StreamError("send: closed")
        try:
            await self.channels.data.command(
                "AT+CIPSEND=%d" % len(piece),
                5.0,
                DATA,
                ok=("DATA ACCEPT:*", "SEND OK"),
                fail=("SEND FAIL", "CLOSED"),
                payload=piece,
                unless=self.held,
            )
            return True
        except ATError as error:
            if error.reason == "held":
                return False
            self.opened = False
            self._news.set()
            raise StreamError("send: " + error.reason)

    async def close(self) -> None:
        """End the connection as politely as the line allows; never raises."""
        opened, self.opened = self.opened, False
        self._news.set()
        if opened and not self.held():
            try:
                await self.channels.data.command("AT+CIPCLOSE=1", 5.0, DATA, ok=("CLOSE OK", "OK"))
            except ATError:
                pass

    def resumed(self) -> None:
        """A call is over: look for data at once."""
        self._news.set()

    def forget(self) -> None:
        """The modem restarted: there is no connection and no bearer."""
        self._bearer = False
        self._on_closed("")

    def _on_closed(self, line: str) -> None:
        self.opened = False
        self._news.set()
        self._on_verdict("CLOSED")

    def _on_deact(self, line: str) -> None:
        self._bearer = False
        self._on_closed(line)

    def _on_verdict(self, line: str) -> None:
        self._verdict = line
        self._connected.set()


def _is_address(line: str) -> bool:
    parts = line.split(".")
    return len(parts) == 4 and all([part.isdigit() for part in parts])


def _last_int(line: str) -> int:
    try:
        return int(line[line.rfind(",") + 1 :])
    except ValueError:
        return 0
