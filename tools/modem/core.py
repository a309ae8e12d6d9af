"""The modem itself: power, its channels, and the rooms behind them (radio, voice, data, SMS).

In: bytes of the serial line, control calls, time. Out: bytes and events into a sink. It opens no device and reads no
clock: tests drive it with bytes.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

from tools.modem import data, dialect, models, power, radio, routes, sms, speech, voice
from tools.modem.channel import Channel
from tools.modem.faults import Faults
from tools.modem.mux import Multiplexer
from tools.modem.network import Network
from tools.modem.pace import Air
from tools.modem.settings import Registers
from tools.modem.timing import BEHIND_PROMPT, LONGEST_S, Timing

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.modem.connection import Internet
    from tools.modem.pace import Pace
    from tools.modem.syntax import Request
    from tools.modem.timers import Timer, Timers


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
        faults: Faults | None = None,
        cmux: bool = True,
        model: models.Model = models.SIM800C,
        pace: Pace | None = None,
        seed: int = 0,
    ) -> None:
        self.timers = timers
        self.sink = sink
        self.timing = Timing()
        self.speed = speed
        self.network = network or Network()
        self.identity = identity or dialect.Identity()
        self.registers = Registers()
        self.dropped: Counter[str] = Counter()  # everything that went nowhere, by reason
        self.powered = False
        self.awake = False  # hears commands: from RDY on
        self.silent = False
        self.battery = (4000, 95)
        self.blocks: dict[str, float] = {}  # command: seconds that its next run holds the channel
        self.terminal_baud = 115_200  # the rate at the other end; a terminal in the same process may change it
        self.worst = False  # every command takes the manual's longest time
        self.model = model
        self.cmux = cmux  # False: AT+CMUX is an error, as on a module without it
        self.bare = Channel(self, 0, self.registers, self.transmit)
        self.mux: Multiplexer | None = None
        self.radio = radio.Radio(self)
        self.voice = voice.Voice(self)
        self.data = data.Data(self, internet)
        self.sms = sms.SmsStore(self)
        self.speech = speech.Speech(self)
        self.air = Air(timers, pace, seed)
        self.lines = power.Power(self)
        self.faults = faults or Faults()
        self.faults.attach(self)

    @property
    def now(self) -> float:
        """Seconds since 1970."""
        return self.timers.now

    def wait(self, seconds: float, do: Callable[[], object]) -> Timer:
        """Do it after this much modem time, which `speed` shortens."""
        return self.timers.after(seconds / self.speed, do)

    @property
    def misheard(self) -> bool:
        """The two ends of the line run at different rates; at 0 the module finds out the terminal's."""
        return self.registers.number("+IPR") not in (0, self.terminal_baud)

    def longest(self, request: Request, *, behind_prompt: bool = False) -> float:
        """Seconds of modem time that this command holds its channel on the worst day."""
        if not self.worst or request.form in {"read", "test"} or (request.name in BEHIND_PROMPT) != behind_prompt:
            return 0.0
        return LONGEST_S.get(request.name, 0.0)

    def event(self, name: str, **fields: Any) -> None:
        """Tell whoever watches."""
        self.sink.event(name, fields)
        self.faults.notice(name)

    # Power.

    @property
    def running(self) -> bool:
        """The level of STATUS."""
        return self.powered

    def pwrkey_down(self) -> None:
        """PWRKEY goes low. After 1 s a module that is off starts; after 1.5 s one that runs switches off."""
        self.lines.press()

    def pwrkey_up(self) -> None:
        """PWRKEY goes high again."""
        self.lines.release()

    def supply(self, on: bool) -> None:
        """The load switch of the supply."""
        self.lines.supply(on=on)

    def power_on(self) -> None:
        """Start, with the boot messages in their order; nothing without a supply."""
        if self.powered or not self.lines.supplied:
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
        self.speech.lose_power()
        self.lines.off_at = self.now
        self.faults.forget()
        self.timers.clear()
        self.bare.reset()
        self.end_mux()
        self.powered = self.awake = False
        self.event("power", state=why)

    def restart(self, why: str) -> None:
        """Off, and on again after the gap that a reset needs."""
        self.power_off(why)
        self.wait(self.timing.power_gap, self.power_on)

    # Channels.

    def channels(self) -> list[Channel]:
        """Those that stand: the bare line, or what the terminal has opened in the multiplexer."""
        return [self.bare] if self.mux is None else list(self.mux.channels.values())

    def start_mux(self, n1: int) -> None:
        """AT+CMUX was answered: from now on the line carries frames."""
        self.bare.reset()
        self.mux = Multiplexer(self, n1, self.transmit)
        self.event("mux", state="on")

    def end_mux(self) -> None:
        """The line is bare again, and whatever ran on the channels is nobody's."""
        if self.mux is None:
            return
        mux, self.mux = self.mux, None
        mux.reset()
        self.event("mux", state="off")

    # Bytes in.

    def feed(self, received: bytes) -> None:
        """Bytes from the terminal, as they come."""
        for byte in self.faults.wire.hear(received):
            if not self.awake or self.silent:
                self.dropped["rx_deaf"] += 1
            elif self.mux is not None:
                self.mux.feed(byte)
            else:
                self.bare.feed(byte)

    # Bytes out.

    def urc(self, text: str) -> None:
        """An unsolicited line, for the channels that hear such lines."""
        if self.awake and routes.hearers(self, text) and not self.faults.takes(text):
            self.say(text)

    def say(self, text: str) -> None:
        """The same past all faults."""
        if not self.awake:
            return
        for channel in routes.hearers(self, text):
            channel.say(text)

    def push(self, received: bytes) -> None:
        """Bytes of a connection that go to the terminal as they are (automatic receive)."""
        channels = self.channels()
        if self.data.at in channels:
            self.data.at.push(received)
        elif channels:
            channels[0].push(received)

    def transmit(self, out: bytes) -> None:
        """Bytes onto the serial line."""
        if self.silent:
            self.dropped["tx_silent"] += len(out)
        else:
            self.faults.wire.say(out)
