"""The AT engine of one channel: everybody asks through a queue by priority, one writer sends, `feed` takes what comes.

In: bytes of the modem, and commands. Out: bytes for a port, replies, and unasked lines to whoever wants them.
Must never send a byte while a command waits for its result, for `ATD` is aborted by any character: `abort` sends that
character on purpose. Only a command that is not the voice's is given up for a dial.
"""

import asyncio

from firmware.modem.command import CONTROL, EMERGENCY, VOICE, ATError, Command, matches
from firmware.modem.parser import Parser
from firmware.waits import came
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Unpack

    from firmware.modem.command import How
    from firmware.modem.port import Port

_QUEUE_MAX = const(24)  # the driver has fewer tasks than that; more means a fault, and is refused
_RESYNC_TRIES = const(3)
_RESYNC_S = const(1.0)
_URGENT_S = const(0.3)  # the same while a dial waits: a modem that listens answers within a tenth of that
_SETTLE_S = const(0.1)  # a late result of the command before arrives within this after the modem answers again
_GRACE_MS = const(300)  # what a dial leaves to a running data command: twice what a healthy one takes
_STEP_S = const(0.01)  # how soon a result or a waiting dial is noticed
_ABORT_MS = const(1000)  # within this an aborted dial says its last word
_ESCAPE = const(b"\x1b")  # leaves a modem that is stuck at its prompt
_ECHO_MS = const(200)  # a report on a second channel that comes so soon after the same on another is the same


class Reports:
    """Who wants which unasked line, for all channels of a modem: it may say a thing on any of them, or on each."""

    def __init__(self, ms: "Callable[[], int]") -> None:
        self.ms = ms
        # Of all channels: ends of commands, lines that nobody wanted, handlers that failed, lines heard twice.
        self.counts = {"timeout": 0, "full": 0, "unknown": 0, "stray": 0, "handler": 0, "twice": 0}
        self._handlers: "list[tuple[str | tuple[str, ...], Callable[[str], None]]]" = []
        self._last: "tuple[object, str, int]" = (None, "", 0)

    def on(self, pattern: "str | tuple[str, ...]", handler: "Callable[[str], None]") -> None:
        """Call `handler(line)` for unasked lines that match one; first match wins. Handlers must not wait."""
        self._handlers.append((pattern, handler))

    def tell(self, source: object, line: str) -> bool:
        """Give a line to its handler; False if nobody wants it."""
        source_before, line_before, ms_before = self._last
        now = self.ms()
        if line == line_before and source is not source_before and now - ms_before <= _ECHO_MS:
            self.counts["twice"] += 1
            return True
        self._last = (source, line, now)
        for pattern, handler in self._handlers:
            if matches(line, (pattern,) if isinstance(pattern, str) else pattern):
                try:
                    handler(line)
                except Exception:
                    self.counts["handler"] += 1  # a fault in one handler must not end the only reader
                return True
        return False


class AT:
    """One channel. Start `write_forever` as a task, give `feed` what comes; use `command` and `on`."""

    def __init__(self, port: "Port", ms: "Callable[[], int]", reports: "Reports | None" = None) -> None:
        self.port = port
        self.ms = ms
        self.reports = Reports(ms) if reports is None else reports  # one for all channels of a modem
        self.parser = Parser()
        self.counts = self.reports.counts
        self.silent = False  # the modem did not even answer `AT`
        self.unsure = False  # nobody knows whether it listens: ask before the next command
        self.on_silent: "Callable[[bool], None] | None" = None
        self._queue: list[Command] = []
        self._wake = asyncio.Event()
        self._running: Command | None = None  # taken from the queue
        self._current: Command | None = None  # whose lines arrive: the running one, or a probe for it

    def on(self, pattern: "str | tuple[str, ...]", handler: "Callable[[str], None]") -> None:
        """Call `handler(line)` for unasked lines that match, whatever channel they come on."""
        self.reports.on(pattern, handler)

    async def command(
        self,
        text: str,
        deadline_s: float = 1.0,
        priority: int = CONTROL,
        **how: "Unpack[How]",
    ) -> Command:
        """Run one command; raises ATError. `deadline_s` runs from the sending, not from the queueing.

        prefix, bare: which lines are its answer, all others are unasked; needs: an end without such a line is stale;
        bare_ends: the bare line ends it; ok, fail: lines that end it, `*` for any rest; payload: sent at its prompt;
        unless: asked when its turn comes; if so it is not sent, and ends with `held`; then: called at its success,
        before anything else is sent.
        """
        if len(self._queue) >= _QUEUE_MAX and priority > EMERGENCY:
            self.counts["full"] += 1
            raise ATError("full")
        command = Command(text, deadline_s, priority)
        for name, value in how.items():
            setattr(command, name, value)
        del how  # this frame lives as long as the command does
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
        return command

    def fail_all(self, reason: str) -> None:
        """End the running command and everything queued: the modem forgot them."""
        waiting, self._queue = self._queue, []
        for command in waiting:
            command.finish(ATError(reason))
        self.fail_running(reason, True)

    def fail_running(self, reason: str, forgotten: bool = False) -> None:
        """End what has been sent: its answer cannot come any more. `forgotten`: also what is about to be sent."""
        self.parser.reset()
        for running in (self._running, self._current):
            if running is not None and (running.sent or forgotten):
                running.finish(ATError(reason))

    def drop(self, priority: int, reason: str) -> None:
        """End what waits with this priority or a worse one."""
        for command in self._queue:
            if command.priority >= priority:
                command.finish(ATError(reason))
        self._queue = [command for command in self._queue if not command.done.is_set()]

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

    def idle(self) -> bool:
        """Whether a command given now would begin now."""
        return (self._running is None or self._running.done.is_set()) and not self._queue and not self.silent

    def sent(self, head: str) -> bool:
        """Whether a command that begins so has been sent and has no result."""
        running = self._running
        return running is not None and running.sent and not running.done.is_set() and running.text.startswith(head)

    def settle(self, head: str) -> None:
        """A command that begins so has succeeded: the modem shows it, and the result was lost."""
        if self._running is not None and self.sent(head):
            self._running.finish()

    def running_priority(self) -> int:
        """Priority of the running command, -1 if the channel is free."""
        return -1 if self._current is None else self._current.priority

    def feed(self, piece: bytes) -> None:
        """Bytes of the modem. Only one task may call this."""
        for kind, value in self.parser.feed(piece):
            if isinstance(value, bytes):
                self._on_data(value)
            elif kind == "prompt":
                if self._current is not None:
                    self._current.prompted = True
            else:
                self._on_line(value)

    def _on_data(self, data: bytes) -> None:
        if self._current is not None and not self._current.done.is_set():
            self._current.data += data
        else:
            self.counts["stray"] += 1

    def _on_line(self, line: str) -> None:
        if line.startswith("AT"):
            return  # an echo: nothing that the modem says by itself begins so
        command = self._current
        if command is not None and not command.done.is_set() and command.take(line):
            return
        if self.reports.tell(self, line):
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
        while True:
            if (self.silent or self.unsure) and not await self._reach(command):
                self.counts["timeout"] += 1
                command.finish(ATError("timeout"))
                return
            if command.unless is not None and command.unless():
                command.finish(ATError("held"))
                return
            urgent = _always if command.priority == EMERGENCY else self._urgent
            if await self.port.ready(urgent) and not self.unsure:
                break
            self.unsure = True  # the channel ended under us; the command has not been sent and goes on waiting
        if command.done.is_set():
            return  # the modem restarted, or the caller took it back, while we asked whether it listens
        self.parser.expect_prompt = command.payload is not None
        command.sent = True
        await self.port.write(command.text.encode() + b"\r")
        if command.payload is not None:
            if not await self._outlast(command, True):
                await self.port.write(_ESCAPE)
                await self._timed_out(command)
                return
            if command.done.is_set():
                return  # refused instead of prompted
            await self.port.write(command.payload)
        if not await self._outlast(command, False):
            await self._timed_out(command)
        elif self.silent and command.error is None:
            self._set_silent(False)

    async def _outlast(self, command: Command, prompt: bool) -> bool:
        """Whether a command ends in time, or comes to its prompt. A dial that waits behind it gives it little more."""
        until = self.ms() + int(command.deadline_s * 1000)
        urgent_since: int | None = None
        told = False
        while not (command.done.is_set() or (prompt and command.prompted)):
            now = self.ms()
            if command.aborted and not told:
                told = True
                until = min(until, now + _ABORT_MS)
                await self.port.write(b"\r")
            left = until - now
            if command.priority > VOICE and self._urgent():
                urgent_since = now if urgent_since is None else urgent_since
                left = min(left, urgent_since + _GRACE_MS - now)
            if left <= 0:
                return False
            await asyncio.sleep(_STEP_S)
        return True

    def _urgent(self) -> bool:
        """Whether a dial waits."""
        return bool(self._queue) and self._queue[0].priority == EMERGENCY

    async def _timed_out(self, command: Command) -> None:
        """Give up and find the modem's rhythm again, so that a late result is not taken for the next command's."""
        self.counts["timeout"] += 1
        self.parser.reset()
        command.finish(ATError("timeout"))
        for _ in range(_RESYNC_TRIES):
            if await self._probe(_URGENT_S if self._urgent() else _RESYNC_S):
                return
        self._set_silent(True)

    async def _probe(self, limit_s: float = _RESYNC_S) -> bool:
        """Whether the modem answers `AT` now."""
        probe = Command("AT", limit_s, CONTROL)
        probe.sent = True
        self._current = probe
        try:
            await self.port.write(b"AT\r")
        except OSError:
            pass  # a port that takes nothing: the wait is the same, and the next try finds another channel
        if not await came(probe.done, limit_s):
            self.parser.reset()
            await self.port.unheard()
            return False
        if probe.error is not None:
            return False
        self.port.heard()
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
        self.unsure = False
        if silent != self.silent:
            self.silent = silent
            if self.on_silent is not None:
                self.on_silent(silent)


def _always() -> bool:
    return True
