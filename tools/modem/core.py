"""The modem itself: power, the AT channel, and the rooms behind it (radio, voice, data, SMS).

In: bytes of the serial line, control calls, time. Out: bytes and events into a sink. One command runs at a time; what
arrives meanwhile is dropped, and aborts a dialling. It opens no device and reads no clock: tests drive it with bytes.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Protocol

from tools.modem import data, dialect, radio, sms, syntax, voice
from tools.modem.line import LF, Command, Line, Payload, framed
from tools.modem.network import Network
from tools.modem.settings import Registers
from tools.modem.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.modem.connection import Internet
    from tools.modem.syntax import Answer, Request
    from tools.modem.timers import Timer, Timers

MAX_HELD = 64  # URCs kept back while a prompt stands; a real one has a small queue too


class Sink(Protocol):
    """Where the modem's output goes."""

    def write(self, data: bytes) -> None:
        """Bytes for the terminal."""

    def event(self, name: str, fields: dict[str, Any]) -> None:
        """One thing that happened, for whoever watches."""


class Modem:
    """A SIM800 on a serial line."""

    def __init__(
        self,
        timers: Timers,
        sink: Sink,
        internet: Internet,
        *,
        network: Network | None = None,
        identity: dialect.Identity | None = None,
        speed: float = 1.0,
    ) -> None:
        self.timers = timers
        self.sink = sink
        self.timing = Timing()
        self.speed = speed
        self.network = network or Network()
        self.identity = identity or dialect.Identity()
        self.registers = Registers()
        self.line = Line()
        self.dropped: Counter[str] = Counter()  # everything that went nowhere, by reason
        self.powered = False
        self.awake = False  # hears commands: from RDY on
        self.silent = False
        self.battery = (4000, 95)
        self.blocks: dict[str, float] = {}  # command: seconds that its next run holds the channel
        self.running: Request | None = None
        self._chain: deque[Request] = deque()
        self._held: list[str] = []
        self._pending: Timer | None = None  # what the running command waits for, gone when it is aborted
        self._on_payload: Callable[[bytes | None], Answer | None] | None = None
        self.radio = radio.Radio(self)
        self.voice = voice.Voice(self)
        self.data = data.Data(self, internet)
        self.sms = sms.SmsStore(self)

    @property
    def now(self) -> float:
        """Seconds since 1970."""
        return self.timers.now

    def wait(self, seconds: float, do: Callable[[], object]) -> Timer:
        """Do it after this much modem time, which `speed` shortens."""
        return self.timers.after(seconds / self.speed, do)

    def event(self, name: str, **fields: Any) -> None:
        """Tell whoever watches."""
        self.sink.event(name, fields)

    # Power.

    def power_on(self) -> None:
        """Start, with the boot messages in their order."""
        if self.powered:
            return
        self.powered = True
        self.event("power", state="on")
        self.registers.restore()
        timing = self.timing
        self.wait(timing.rdy, self._ready_for_commands)
        self.wait(timing.cfun, lambda: self.urc("+CFUN: 1"))
        self.wait(timing.sim, self.radio.boot)
        self.wait(timing.call_ready, lambda: self._booted("Call Ready"))
        self.wait(timing.sms_ready, lambda: self._booted("SMS Ready"))

    def _ready_for_commands(self) -> None:
        self.awake = True
        self.urc("RDY")

    def _booted(self, text: str) -> None:
        if self.radio.sim:
            self.urc(text)
        if text == "SMS Ready":
            self.event("ready", sim=self.radio.sim)

    def power_off(self, why: str = "off") -> None:
        """Lose power or reset: calls, connections and everything that waits are gone."""
        if not self.powered:
            return
        self.voice.lose("power")
        self.data.lose_power()
        self.radio.lose_power()
        self.sms.sending = False
        self.timers.clear()
        self.line.reset()
        self.powered = self.awake = False
        self.running = None
        self._chain.clear()
        self._held.clear()
        self._on_payload = None
        self.event("power", state=why)

    def restart(self, why: str) -> None:
        """Off, and on again after the gap that a reset needs."""
        self.power_off(why)
        self.wait(self.timing.power_gap, self.power_on)

    # Bytes in.

    def feed(self, received: bytes) -> None:
        """Bytes from the terminal, as they come."""
        for byte in received:
            if not self.awake or self.silent:
                self.dropped["rx_deaf"] += 1
            elif self.running is not None and not self.line.at_prompt:
                self._disturb(byte)
            else:
                self._hear(byte)

    def _hear(self, byte: int) -> None:
        if self.registers.number("E") and byte != LF:
            self._write(bytes((byte,)))
        item = self.line.push(byte)
        if isinstance(item, Command):
            self._start(item)
        elif isinstance(item, Payload):
            self._release()
            take, self._on_payload = self._on_payload, None
            answer = take(item.data) if take else syntax.ERROR
            if answer is not None:
                self.finish(answer)

    def _disturb(self, byte: int) -> None:
        """A byte while a command runs: lost, and the end of a dialling. LF belongs to the line before."""
        if byte == LF:
            return
        self.dropped["rx_busy"] += 1
        if self.running is not None and self.running.name == "D":
            self.voice.abort_dialling()

    def _start(self, command: Command) -> None:
        try:
            if command.too_long:
                raise syntax.BadLineError("too long")  # noqa: TRY301 - one way to refuse a line
            self._chain.extend(syntax.split(command.text))
        except syntax.BadLineError as error:
            self.event("error", what="line", why=str(error))
            self.finish(syntax.ERROR)
            return
        if self._chain:
            self._next()
        else:
            self.finish(syntax.OK)

    def _next(self) -> None:
        request = self._chain.popleft()
        self.running = request
        held = self.blocks.pop(request.name, 0.0)
        if held:
            self.event("blocked", command=request.name, seconds=held)
            self._pending = self.timers.after(held, lambda: self._run(request))
        else:
            self._run(request)

    def _run(self, request: Request) -> None:
        answer = dialect.run(self, request)
        if answer is None:
            return
        if answer.after:
            self._pending = self.wait(answer.after, lambda: self.finish(answer))
        else:
            self.finish(answer)

    # Bytes out.

    def finish(self, answer: Answer) -> None:
        """The result of the running command; the next one of the same line follows after OK."""
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None
        for line in answer.lines:
            self._write(framed(line))
        if answer.raw is not None:
            self._write(answer.raw)
        if answer.final is None:
            return
        if self.running is not None and "ERROR" in answer.final:
            self.event("error", what=self.running.name, why=answer.final)
        self.running = None
        if answer.final == "OK" and self._chain:
            if answer.then is not None:
                answer.then()
            self._next()
            return
        self._chain.clear()
        self._write(framed(answer.final))
        if answer.then is not None:
            answer.then()

    def prompt(self, count: int | None, take: Callable[[bytes | None], Answer | None]) -> Answer:
        """Ask for a payload: `take` gets it and answers, or finishes later."""
        self._on_payload = take
        self.line.prompt(count)
        self._write(b"\r\n> ")
        return syntax.Answer(final=None)

    def refuse(self, code: int) -> Answer:
        """An error of the equipment, in the form that AT+CMEE asks for."""
        return dialect.cme_error(self.registers.number("+CMEE"), code)

    def urc(self, text: str) -> None:
        """An unsolicited line. While a prompt stands it waits, so that it never falls into a payload."""
        if not self.awake:
            return
        if self.line.at_prompt:
            if len(self._held) >= MAX_HELD:
                self.dropped["urc"] += 1
            else:
                self._held.append(text)
            return
        self._write(framed(text))

    def push(self, received: bytes) -> None:
        """Bytes of a connection that go to the terminal as they are (automatic receive)."""
        self._write(received)

    def _release(self) -> None:
        held, self._held = self._held, []
        for text in held:
            self._write(framed(text))

    def _write(self, out: bytes) -> None:
        if self.silent:
            self.dropped["tx_silent"] += len(out)
        else:
            self.sink.write(out)
