"""The channels of one modem over one UART: voice and control, data, short messages.

In: the UART. Out: three AT engines; where the modem does not multiplex they are one and the same.
Must never let data hold up voice where the modem can keep them apart, nor lose a dial because the channels changed:
the voice's queue is one queue, whatever carries it.
"""

import asyncio

from firmware.modem import mux
from firmware.modem.at import AT, Reports
from firmware.modem.command import CONTROL, DATA, ATError
from firmware.modem.port import SPEED, Port
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_READ_MAX = const(512)  # one piece of the UART's buffer
_START = const("AT+CMUX=0")  # basic option; speed and frame size stay as they are
_START_S = const(2.0)
_SPEEDS = const((57_600, 9_600, 38_400, 19_200))  # what a module may have been set to, or guesses at most
_OPENED_MS = const(5_000)  # all channels have answered or have not; a dial does not wait for that
_LOOK_S = const(0.01)  # how soon a frame or a channel that waits is seen
_TICK_MS = const(100)
# How long a dial waits for a channel that takes nothing yet. With what follows the end of a session (the modem is
# spoken to plainly, asked once, given a moment for late words) it leaves within a second; one that was only late has
# opened the voice's channel before that.
_UNHEARD_MS = const(500)  # the session has not had a word from the modem
_READY_MS = const(900)  # it has
_PLAIN_S = const(0.1)  # after the end of multiplexing the modem needs a moment
_LATER_MS = const(10_000)  # tried again after a call that was in the way
_AGAIN_MS = const(600_000)  # tried again after an attempt that came to nothing
_DEAD_MS = const(120_000)  # longer than any command may take
# What a modem says by itself after a reset. Heard without a frame, it tells that the modem fell out of multiplexing.
_RESET_WORDS = const((b"RDY", b"+CFUN: 1", b"Call Ready", b"SMS Ready", b"NORMAL POWER DOWN", b"NORMAL POWER OFF"))


class Lane(Port):
    """What one engine writes to: frames of its channel, or the bare wire."""

    def __init__(self, channels: "Channels", dlci: int) -> None:
        self.channels = channels
        self.dlci = dlci

    async def ready(self, urgent: "Callable[[], bool]") -> bool:
        """Whether bytes would reach the modem now; waits for a channel that is being opened."""
        return await self.channels.reach(self.dlci, urgent)

    async def write(self, data: bytes) -> None:
        """All bytes, in pieces that let other channels between them; OSError if that cannot be."""
        channels = self.channels
        session = channels.session
        if session is None:
            if self.dlci != mux.VOICE:
                raise OSError
            await channels.send(data)
            return
        for at in range(0, len(data), mux.N1):
            if not await channels.reach(self.dlci, _always) or channels.session is not session:
                raise OSError
            await channels.send(mux.frame(self.dlci, mux.UIH, data[at : at + mux.N1]))

    def heard(self) -> None:
        """The modem answered here."""
        if self.channels.session is None:
            self.channels.plain()

    async def unheard(self) -> None:
        """The modem did not answer here."""
        if self.dlci == mux.VOICE:
            self.channels.unheard()


class Channels:
    """Start every task of `tasks`. Ask for `data` and `texts` anew for each command: they change with the mode."""

    def __init__(self, port: Port, ms: "Callable[[], int]") -> None:
        self.port = port
        self.ms = ms
        self.reports = Reports(ms)
        self.voice = AT(Lane(self, mux.VOICE), ms, self.reports)
        self.voice.unsure = True  # nothing but `AT` goes to a modem of which we know nothing
        self.multiplexed = False
        self.settled = False  # it is decided how this modem is spoken to, until it restarts
        self.session: mux.Mux | None = None
        self.busy: "Callable[[], bool]" = _never  # a call stands or is wanted: no time to change the channels
        self.on_fallen: "Callable[[], None]" = _nothing  # multiplexing ended by itself: the modem wants a new start
        self.falls = 0  # times that happened
        self.dropped = 0  # lines without a frame that told of no reset
        self._data = AT(Lane(self, mux.DATA), ms, self.reports)
        self._texts = AT(Lane(self, mux.TEXTS), ms, self.reports)
        self._lock = asyncio.Lock()  # a frame is never torn by another
        self._framed = True  # the modem may be speaking frames: a terminal that restarts finds it so
        self._owed = b""  # goes out before anything else
        self._dead_ms: int | None = None  # since then a channel beside the voice's answers nothing
        self._again_ms: int | None = None  # when multiplexing is worth another try

    @property
    def data(self) -> AT:
        """For sockets."""
        return self._data if self.multiplexed else self.voice

    @property
    def texts(self) -> AT:
        """For short messages and whatever else may take long."""
        return self._texts if self.multiplexed else self.voice

    @property
    def spare(self) -> "AT | None":
        """For questions that may take long and can wait: a channel at rest, the voice's only if it is all there is."""
        if not self.multiplexed:
            return self.voice
        for engine in (self._texts, self._data):
            if engine.idle():
                return engine
        return None

    def beside(self) -> "AT | None":
        """A free channel that is not the voice's, one that answers if there is one; None on a single channel."""
        free = [one for one in (self._texts, self._data) if one.running_priority() < 0] if self.multiplexed else []
        return next((one for one in free if not one.silent), free[0] if free else None)

    def on(self, pattern: "str | tuple[str, ...]", handler: "Callable[[str], None]") -> None:
        """Call `handler(line)` for unasked lines that match, whatever channel they come on."""
        self.reports.on(pattern, handler)

    def fail_all(self, reason: str) -> None:
        """The modem restarted: every command is forgotten, and it speaks plain AT."""
        if self.session is not None:
            self._fall()
        self.settled = self._framed = False
        self._owed = b""
        for engine in (self.voice, self._data, self._texts):
            engine.fail_all(reason)

    def tasks(self) -> "list[tuple[str, Callable[[], Awaitable[None]]]]":
        """(name, what to run for ever)."""
        return [
            ("at_read", self.read_forever),
            ("at_voice", self.voice.write_forever),
            ("at_data", self._data.write_forever),
            ("at_texts", self._texts.write_forever),
            ("mux", self.tend),
        ]

    # Up and down

    def due(self) -> bool:
        """Whether one channel could become three now."""
        if self.multiplexed or self._again_ms is None:
            return False
        return self.ms() >= self._again_ms and not self.busy()

    async def open(self, hold: bool = False) -> "bool | None":
        """Ask a modem that answers `AT` for channels; whether there are any, None if a call was in the way.

        `hold`: do not ask now, for a call stands of which `busy` does not know yet.
        """
        if self.multiplexed:
            return True
        self.plain()
        asked = not hold and await self._asked()
        self.settled = True
        if asked is None or hold:
            self._again_ms = self.ms() + _LATER_MS
            return None
        self._again_ms = self.ms() + _AGAIN_MS
        return asked and self.multiplexed

    async def _asked(self) -> "bool | None":
        try:
            await self.voice.command(_START, _START_S, CONTROL, unless=self.busy, then=self._begin)
        except ATError as error:
            # Without an answer it may have begun all the same.
            self._framed = error.reason not in ("refused", "held")
            return None if error.reason in ("held", "full") else False
        session, begun = self.session, self.ms()
        while session is not None and self.session is session and not session.up:
            if self.ms() - begun >= _OPENED_MS:
                self._fall()
            await asyncio.sleep(_LOOK_S)
        return self.multiplexed

    def _begin(self) -> None:
        """The modem said OK, and from the next byte on it speaks frames."""
        self._framed = True
        self.session = mux.Mux(self.ms())
        self.voice.drop(DATA, "closed")  # what waits there for data would hold up the voice for good

    def _fall(self) -> None:
        """Back to one channel. What was sent is lost, what waits for the voice goes on waiting."""
        self.session = None
        self.settled = self.multiplexed = False
        self.falls += 1
        if self._framed:
            self._owed = mux.recover()
        self.voice.unsure = True
        self.voice.fail_running("closed")
        for engine in (self._data, self._texts):
            engine.fail_all("closed")
        self.on_fallen()

    def plain(self) -> None:
        """It answered without a frame."""
        self._framed = False

    def unheard(self) -> None:
        """The voice's channel is dead, or this is a modem that has been left speaking frames."""
        if self.session is not None:
            self._fall()
        elif self._framed:
            self._owed = mux.recover()

    async def hunt(self) -> None:
        """Look for a modem that listens at another speed, and bring it to ours. Nothing on a port with one speed."""
        for baud in _SPEEDS:
            if not self.port.speed(baud):
                return
            try:
                await self.voice.command("AT", _START_S)
                await self.voice.command("AT+IPR=%d" % SPEED, _START_S)
                break
            except ATError:
                pass
        self.port.speed(SPEED)

    # Bytes

    async def reach(self, dlci: int, urgent: "Callable[[], bool]") -> bool:
        """Whether a channel takes bytes; waits a little for one that does not yet, but for a dial in the opening."""
        since: int | None = None
        while True:
            session = self.session
            if session is None:
                return dlci == mux.VOICE
            if session.may_send(dlci):
                return True
            now = self.ms()
            if since is None and (session.up or urgent()):
                since = now
            if since is not None and now - since >= (_READY_MS if session.heard else _UNHEARD_MS):
                if dlci == mux.VOICE:
                    self._fall()
                return False
            await asyncio.sleep(_LOOK_S)

    async def send(self, data: bytes) -> None:
        """To the wire, in one piece."""
        async with self._lock:
            if self._owed and self.session is None:
                owed, self._owed = self._owed, b""
                await self.port.write(owed)
                await asyncio.sleep(_PLAIN_S)
            await self.port.write(data)

    async def read_forever(self) -> None:
        """The only reader. Ends when the port is gone."""
        while True:
            piece = await self.port.read(_READ_MAX)
            if not piece:
                for engine in (self.voice, self._data, self._texts):
                    engine.fail_all("closed")
                return
            session = self.session
            if session is None:
                self.voice.feed(piece)
            else:
                self._hear(session, session.receive(piece, self.ms()))

    async def tend(self) -> None:
        """Keeps a session going while there is one."""
        ticked = 0
        while True:
            session, now = self.session, self.ms()
            if session is not None and session.out:
                out, session.out = session.out, bytearray()
                await self.send(bytes(out))
            elif session is not None and now - ticked >= _TICK_MS:
                ticked = now
                self._hear(session, session.tick(now))
                self._watch(now)
            else:
                await asyncio.sleep(_LOOK_S)

    def _watch(self, now: int) -> None:
        """A channel beside the voice's that stays dead is worth a new session, once no call wants the line."""
        if not self.multiplexed or not (self._data.silent or self._texts.silent):
            self._dead_ms = None
        elif self._dead_ms is None:
            self._dead_ms = now
        elif now - self._dead_ms >= _DEAD_MS and not self.busy():
            self._dead_ms = None
            self._fall()

    def _hear(self, session: mux.Mux, news: "list[tuple[int, bytes]]") -> None:
        """What a session brought, and what became of it."""
        engines = (None, self.voice, self._data, self._texts)
        for dlci, data in news:
            if dlci == mux.RAW:
                self._raw(data)
            else:
                engine = engines[data[0] if dlci == mux.LOST else dlci]
                if engine is None:
                    continue
                if dlci == mux.LOST:
                    engine.fail_running("closed")
                else:
                    engine.feed(data)
        if self.session is not session:
            return
        if session.ended:
            self._fall()
        elif session.up and not self.multiplexed:
            for engine in (self._data, self._texts):
                engine.silent = engine.unsure = False
            self.multiplexed = True

    def _raw(self, line: bytes) -> None:
        """A line between frames. Only a modem that fell out of multiplexing speaks so."""
        if line not in _RESET_WORDS:
            self.dropped += 1
            return
        if self.session is not None:
            self._framed = False
            self._fall()
        self.reports.tell(self, line.decode() if line.startswith(b"NORMAL") else "RDY")


def _always() -> bool:
    return True


def _never() -> bool:
    return False


def _nothing() -> None:
    pass
