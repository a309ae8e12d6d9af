"""One AT channel: the bare line, or one DLCI of the multiplexer. One command runs on it at a time.

In: bytes, and answers that come later. Out: echo, results and unsolicited lines into `transmit`. What arrives while its
command runs is dropped, and aborts a dialling; what another channel does never holds it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from tools.modem import dialect, syntax
from tools.modem.line import ESCAPE, LF, Command, Line, Payload, framed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.modem.core import Modem
    from tools.modem.settings import Registers
    from tools.modem.syntax import Answer, Request
    from tools.modem.timers import Timer

MAX_HELD = 64  # URCs kept back while a prompt stands; a real one has a small queue too


class Channel:
    """A command interpreter with settings of its own; `dlci` is 0 on the bare line."""

    def __init__(self, modem: Modem, dlci: int, registers: Registers, transmit: Callable[[bytes], None]) -> None:
        self.modem = modem
        self.dlci = dlci
        self.registers = registers
        self.line = Line()
        self.running: Request | None = None
        self._transmit = transmit
        self._chain: deque[Request] = deque()
        self._held: list[str] = []
        self._pending: Timer | None = None  # what the running command waits for, gone when it is aborted
        self._on_payload: Callable[[bytes | None], Answer | None] | None = None
        self._swallowed = False  # a stuck prompt has taken bytes for nothing

    def reset(self) -> None:
        """Forget whatever ran or waited."""
        self.line.reset()
        self.running = None
        self._chain.clear()
        self._held.clear()
        self._on_payload = None
        self._swallowed = False
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None

    def close(self) -> None:
        """It is gone for good: what comes late from its commands is nobody's."""
        self.reset()
        self._transmit = self._lose

    def _lose(self, out: bytes) -> None:
        self.modem.dropped["mux_closed"] += len(out)

    # Bytes in.

    def feed(self, byte: int) -> None:
        """One byte of the terminal."""
        if self.running is not None and not self.line.at_prompt:
            self._disturb(byte)
        else:
            self._hear(byte)

    def _hear(self, byte: int) -> None:
        if self.registers.number("E") and byte != LF:
            self._transmit(bytes((byte,)))
        if self.line.at_prompt and self.modem.faults.on("prompt_stuck"):
            self._swallow(byte)
            return
        item = self.line.push(byte)
        if isinstance(item, Command):
            self._start(item)
        elif isinstance(item, Payload):
            self._take(item.data)

    def _take(self, payload: bytes | None) -> None:
        """A prompt has got what it asked for, or None if it was cancelled."""
        self._swallowed = False
        self._release()
        take, self._on_payload = self._on_payload, None

        def go() -> None:
            answer = take(payload) if take else syntax.ERROR
            if answer is not None:
                self.finish(answer)

        longest = self.modem.longest(self.running, behind_prompt=True) if self.running is not None else 0.0
        if longest and payload is not None:
            self._pending = self.modem.wait(longest, go)
        else:
            go()

    def _swallow(self, byte: int) -> None:
        """A prompt that is stuck takes bytes for nothing, until ESC."""
        if byte == ESCAPE:
            self.line.reset()
            self._take(None)
        else:
            self._swallowed = True
            self.modem.dropped["rx_stuck"] += 1

    def give_up_prompt(self) -> None:
        """A prompt that has swallowed its payload ends with an error; one that waits for it goes on."""
        if self.line.at_prompt and self._swallowed:
            self.line.reset()
            self._release()
            self._on_payload = None
            self.finish(syntax.ERROR)

    def _disturb(self, byte: int) -> None:
        """A byte while a command runs: lost, and the end of a dialling. LF belongs to the line before."""
        if byte == LF:
            return
        self.modem.dropped["rx_busy"] += 1
        if self.running is not None and self.running.name == "D":
            self.modem.voice.abort_dialling(self)

    def _start(self, command: Command) -> None:
        try:
            if command.too_long:
                raise syntax.BadLineError("too long")  # noqa: TRY301 - one way to refuse a line
            self._chain.extend(syntax.split(command.text))
        except syntax.BadLineError as error:
            self.modem.event("error", what="line", why=str(error))
            self.finish(syntax.ERROR)
            return
        if self._chain:
            self._next()
        else:
            self.finish(syntax.OK)

    def _next(self) -> None:
        request = self._chain.popleft()
        self.running = request
        modem = self.modem
        modem.faults.notice(request.name)
        held = modem.blocks.pop(request.name, 0.0)
        longest = modem.longest(request)
        if held:
            modem.event("blocked", command=request.name, seconds=held)
            self._pending = modem.timers.after(held, lambda: self._run(request))
        elif longest:
            self._pending = modem.wait(longest, lambda: self._run(request))
        else:
            self._run(request)

    def _run(self, request: Request) -> None:
        self._pending = None
        answer = dialect.run(self, request)
        if answer is None:
            return
        if answer.after:
            self._pending = self.modem.wait(answer.after, lambda: self.finish(answer))
        else:
            self.finish(answer)

    # Bytes out.

    def finish(self, answer: Answer) -> None:
        """The result of the running command; the next one of the same line follows after OK."""
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None
        for line in answer.lines:
            self._transmit(framed(line))
        if answer.raw is not None:
            self._transmit(answer.raw)
        if answer.final is None:
            return
        self.modem.faults.between()
        if self.running is not None and "ERROR" in answer.final:
            self.modem.event("error", what=self.running.name, why=answer.final)
        self.running = None
        if answer.final == "OK" and self._chain:
            if answer.then is not None:
                answer.then()
            if self._chain:  # what came then may have been the end of everything
                self._next()
            return
        self._chain.clear()
        self._transmit(framed(answer.final))
        if answer.then is not None:
            answer.then()

    def prompt(self, count: int | None, take: Callable[[bytes | None], Answer | None]) -> Answer:
        """Ask for a payload: `take` gets it and answers, or finishes later."""
        self._on_payload = take
        self._swallowed = False
        self.line.prompt(count)
        self._transmit(b"\r\n> ")
        return syntax.Answer(final=None)

    def refuse(self, code: int) -> Answer:
        """An error of the equipment, in the form that AT+CMEE asks for."""
        return dialect.cme_error(self.registers.number("+CMEE"), code)

    def say(self, text: str) -> None:
        """An unsolicited line. While a prompt stands it waits, so that it never falls into a payload."""
        if not self.line.at_prompt:
            self._transmit(framed(text))
        elif len(self._held) >= MAX_HELD:
            self.modem.dropped["urc"] += 1
        else:
            self._held.append(text)

    def push(self, received: bytes) -> None:
        """Bytes of a connection that go to the terminal as they are (automatic receive)."""
        self._transmit(received)

    def _release(self) -> None:
        held, self._held = self._held, []
        for text in held:
            self._transmit(framed(text))
