"""The AT engine: one reader and one writer own a channel; everybody else asks through a queue by priority.

In: a port with `async read(n)` and `async write(bytes)`, and commands. Out: replies, and unasked lines to handlers.
Must never send a byte while a command waits for its result, for `ATD` is aborted by any character: `abort` sends that
character on purpose. Only a data command is given up for a dial.
One channel for now. With multiplexing, voice and data get an `AT` each, over ports of the multiplexer.
"""

import asyncio

from firmware.modem.parser import Parser
from firmware.modem.port import Port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Priorities, best first. A lower number goes to the head of the queue; a running command is never cut.
EMERGENCY = 0  # dial, hang up, answer
VOICE = 1  # what a running call needs
CONTROL = 2  # registration, time, battery
DATA = 3  # sockets

QUEUE_MAX = 24  # the driver has fewer tasks than that; more means a fault, and is refused
READ_MAX = 512  # one piece of the UART's buffer
_RESYNC_TRIES = 3
_RESYNC_S = 1.0
_SETTLE_S = 0.1  # a late result of the command before arrives within this after the modem answers again
_GRACE_MS = 300  # what a dial leaves to a running data command: twice what a healthy one takes
_STEP_MS = 100  # how soon a waiting dial is noticed
_ABORT_MS = 1000  # within this an aborted dial says its last word
_ESCAPE = b"\x1b"  # leaves a modem that is stuck at its prompt


class ATError(Exception):
    """A command without success. reason: timeout, reset, refused, full, closed, aborted, held."""

    def __init__(self, reason: str, text: str = "") -> None:
        self.reason = reason
        self.text = text
        super().__init__(reason + (" " + text if text else ""))

    def code(self) -> int:
        """Number of a `+CME ERROR: <n>`, or -1."""
        if not self.text.startswith("+CME ERROR:"):
            return -1
        try:
            return int(self.text[11:])
        except ValueError:
            return -1


class Reply:
    """What a command got: its lines, raw bytes if any, and the line that ended it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.data = b""
        self.final = ""


class Command:
    """One command in the queue. `ok` and `fail` end it; an entry that ends in `*` matches by its beginning."""

    def __init__(
        self,
        text: str,
        deadline_s: float,
        priority: int,
        *,
        prefix: str = "",
        needs: bool = False,
        bare: "Callable[[str], bool] | None" = None,
        bare_ends: bool = False,
        ok: "tuple[str, ...]" = ("OK",),
        fail: "tuple[str, ...]" = (),
        payload: "bytes | None" = None,
        unless: "Callable[[], bool] | None" = None,
    ) -> None:
        self.text = text
        self.deadline_s = deadline_s
        self.priority = priority
        self.prefix = prefix
        self.needs = needs
        self.bare = bare
        self.bare_ends = bare_ends
        self.ok = ok
        self.fail = fail
        self.payload = payload
        self.unless = unless
        self.reply = Reply()
        self.error: ATError | None = None
        self.sent = False
        self.aborted = False  # its caller wants it ended, and one character does that
        self.done = asyncio.Event()
        self.prompted = asyncio.Event()

    def finish(self, error: "ATError | None" = None) -> None:
        """End it once; later endings change nothing."""
        if not self.done.is_set():
            self.error = error
            self.done.set()
            self.prompted.set()

    def take(self, line: str) -> bool:
        """Whether the line belongs to this command. Ends the command if the line is its result."""
        if _matches(line, self.ok):
            if self.needs and not self.reply.lines:
                return False  # the late result of an earlier command
            self.reply.final = line
            self.finish()
        elif _matches(line, self.fail) or line == "ERROR" or line.startswith(("+CME ERROR:", "+CMS ERROR:")):
            self.finish(ATError("refused", line))
        elif self.prefix and line.startswith(self.prefix):
            self.reply.lines.append(line)
        elif self.bare is not None and self.bare(line):
            self.reply.lines.append(line)
            if self.bare_ends:
                self.reply.final = line
                self.finish()
        else:
            return False
        return True


def _matches(line: str, patterns: "tuple[str, ...]") -> bool:
    for pattern in patterns:
        if line == pattern or (pattern.endswith("*") and line.startswith(pattern[:-1])):
            return True
    return False


class AT:
    """One channel. Start `read_forever` and `write_forever` as tasks; use `command` and `on`."""

    def __init__(self, port: Port, ms: "Callable[[], int]") -> None:
        self.port = port
        self.ms = ms
        self.parser = Parser()
        self.counts = {"timeout": 0, "full": 0, "unknown": 0, "stray": 0, "handler": 0}
        self.silent = False  # the modem did not even answer `AT`
        self.on_silent: "Callable[[bool], None] | None" = None
        self._queue: list[Command] = []
        self._wake = asyncio.Event()
        self._running: Command | None = None  # taken from the queue
        self._current: Command | None = None  # whose lines arrive: the running one, or a probe for it
        self._handlers: "list[tuple[str, Callable[[str], None]]]" = []

    def on(self, pattern: str, handler: "Callable[[str], None]") -> None:
        """Call `handler(line)` for unasked lines that match; first match wins. Handlers must not wait."""
        self._handlers.append((pattern, handler))

    async def command(
        self,
        text: str,
        deadline_s: float = 1.0,
        priority: int = CONTROL,
        *,
        prefix: str = "",
        needs: bool = False,
        bare: "Callable[[str], bool] | None" = None,
        bare_ends: bool = False,
        ok: "tuple[str, ...]" = ("OK",),
        fail: "tuple[str, ...]" = (),
        payload: "bytes | None" = None,
        unless: "Callable[[], bool] | None" = None,
    ) -> Reply:
        """Run one command; raises ATError. `deadline_s` runs from the sending, not from the queueing.

        prefix, bare: which lines are its answer, all others are unasked; needs: an end without such a line is stale;
        unless: asked when its turn comes; if so it is not sent, and ends with `held`.
        """
        if len(self._queue) >= QUEUE_MAX and priority > EMERGENCY:
            self.counts["full"] += 1
            raise ATError("full")
        command = Command(
            text,
            deadline_s,
            priority,
            prefix=prefix,
            needs=needs,
            bare=bare,
            bare_ends=bare_ends,
            ok=ok,
            fail=fail,
            payload=payload,
            unless=unless,
        )
        at = len(self._queue)
        while at > 0 and self._queue[at - 1].priority > priority:
            at -= 1
        self._queue.insert(at, command)
        self._wake.set()
        try:
            await command.done.wait()
        finally:
            if command in self._queue:
                self._queue.remove(command)
        if command.error is not None:
            raise command.error
        return command.reply

    def fail_all(self, reason: str) -> None:
        """End the running command and everything queued: the modem forgot them."""
        self.parser.reset()
        waiting, self._queue = self._queue, []
        for command in waiting:
            command.finish(ATError(reason))
        for running in (self._running, self._current):
            if running is not None:
                running.finish(ATError(reason))

    def abort(self, head: str) -> None:
        """End a command that begins so: unsent it is forgotten, a dial under way aborted. Its caller gets ATError."""
        unsent = [command for command in self._queue if command.text.startswith(head)]
        running = self._running
        if running is not None and running.text.startswith(head):
            running.aborted = True
            if not running.sent:
                unsent.append(running)
        for command in unsent:
            command.finish(ATError("aborted"))
        self._queue = [command for command in self._queue if not command.done.is_set()]

    def running_priority(self) -> int:
        """Priority of the running command, -1 if the channel is free."""
        return -1 if self._current is None else self._current.priority

    async def read_forever(self) -> None:
        """The only reader. Ends when the port is gone."""
        while True:
            piece = await self.port.read(READ_MAX)
            if not piece:
                self.fail_all("closed")
                return
            for kind, value in self.parser.feed(piece):
                if isinstance(value, bytes):
                    self._on_data(value)
                elif kind == "prompt":
                    if self._current is not None:
                        self._current.prompted.set()
                else:
                    self._on_line(value)

    def _on_data(self, data: bytes) -> None:
        if self._current is not None and not self._current.done.is_set():
            self._current.reply.data += data
        else:
            self.counts["stray"] += 1

    def _on_line(self, line: str) -> None:
        if line.startswith("AT"):
            return  # an echo: nothing that the modem says by itself begins so
        command = self._current
        if command is not None and not command.done.is_set() and command.take(line):
            return
        for pattern, handler in self._handlers:
            if _matches(line, (pattern,)):
                try:
                    handler(line)
                except Exception:
                    self.counts["handler"] += 1  # a fault in one handler must not end the only reader
                return
        self.counts["stray" if line in ("OK", "ERROR") else "unknown"] += 1

    async def write_forever(self) -> None:
        """The only writer: one command at a time, the best first."""
        while True:
            while not self._queue:
                self._wake.clear()
                await self._wake.wait()
            command = self._queue.pop(0)
            self._running = self._current = command
            try:
                await self._run(command)
            except OSError:
                command.finish(ATError("closed"))
                self._set_silent(True)  # a port that takes nothing is a modem that hears nothing
            finally:
                command.finish(ATError("closed"))
                self._running = self._current = None

    async def _run(self, command: Command) -> None:
        if self.silent and not await self._reach(command):
            self.counts["timeout"] += 1
            command.finish(ATError("timeout"))
            return
        if command.unless is not None and command.unless():
            command.finish(ATError("held"))
            return
        if command.done.is_set():
            return  # the modem restarted, or the caller took it back, while we asked whether it listens
        self.parser.expect_prompt = command.payload is not None
        command.sent = True
        await self.port.write(command.text.encode() + b"\r")
        if command.payload is not None:
            if not await self._outlast(command, command.prompted):
                await self.port.write(_ESCAPE)
                await self._timed_out(command)
                return
            if command.done.is_set():
                return  # refused instead of prompted
            await self.port.write(command.payload)
        if not await self._outlast(command, command.done):
            await self._timed_out(command)
        elif self.silent and command.error is None:
            self._set_silent(False)

    async def _outlast(self, command: Command, event: asyncio.Event) -> bool:
        """Wait for a running command. A dial that waits behind it gives it little time more."""
        until = self.ms() + int(command.deadline_s * 1000)
        urgent_since: int | None = None
        told = False
        while not event.is_set():
            now = self.ms()
            if command.aborted and not told:
                told = True
                until = min(until, now + _ABORT_MS)
                await self.port.write(b"\r")
            left = until - now
            if command.priority > VOICE and self._queue and self._queue[0].priority == EMERGENCY:
                urgent_since = now if urgent_since is None else urgent_since
                left = min(left, urgent_since + _GRACE_MS - now)
            if left <= 0:
                return False
            await _within(event, min(left, _STEP_MS) / 1000)
        return True

    async def _timed_out(self, command: Command) -> None:
        """Give up and find the modem's rhythm again, so that a late result is not taken for the next command's."""
        self.counts["timeout"] += 1
        self.parser.reset()
        command.finish(ATError("timeout"))
        for _ in range(_RESYNC_TRIES):
            if await self._probe():
                return
        self._set_silent(True)

    async def _probe(self) -> bool:
        """Whether the modem answers `AT` now."""
        probe = Command("AT", _RESYNC_S, CONTROL)
        self._current = probe
        await self.port.write(b"AT\r")
        if not await _within(probe.done, _RESYNC_S) or probe.error is not None:
            return False
        await asyncio.sleep(_SETTLE_S)
        self._set_silent(False)
        return True

    async def _reach(self, command: Command) -> bool:
        """Whether a silent modem can take this command: a dial goes on asking, anything else asks once.

        A dial sent into a modem that is busy would sit in its buffer, and the next character would abort it.
        """
        begun = self.ms()
        while not await self._probe():
            if command.done.is_set() or command.priority > EMERGENCY or self.ms() - begun >= command.deadline_s * 1000:
                return False
        self._current = command
        return True

    def _set_silent(self, silent: bool) -> None:
        if silent != self.silent:
            self.silent = silent
            if self.on_silent is not None:
                self.on_silent(silent)


async def _within(event: asyncio.Event, limit_s: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), limit_s)
    except asyncio.TimeoutError:
        return False
    return True
