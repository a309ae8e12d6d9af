"""SIM, registration, signal and the network's clock.

In: the switches of the test (coverage, SIM, packet service) and AT commands. Out: `+CREG`, `+CGREG`, `+CPIN`, NITZ
lines, and the answers whether a call or data can pass now.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from tools.modem.syntax import ERROR, OK, Answer, Request

if TYPE_CHECKING:
    from tools.modem.channel import Channel
    from tools.modem.core import Modem
    from tools.modem.timers import Timer

Coverage = Literal["on", "off", "denied"]

IDLE, HOME, SEARCHING, DENIED = 0, 1, 2, 3
EMERGENCY = frozenset({"112"})  # goes through without a SIM wherever there is any network
CHINA = timedelta(hours=8)
# Where the clock starts when nobody has set it; its year tells a driver that it is worth nothing.
FACTORY_CLOCK = datetime(2004, 1, 1, tzinfo=UTC)


class Radio:
    """The state of the air interface."""

    def __init__(self, modem: Modem) -> None:
        self.modem = modem
        # Switches; they outlive a power cycle.
        self.coverage: Coverage = "on"
        self.packet = True
        self.sim = True
        self.nitz = True
        self.signal = 22
        # State.
        self.full = True
        self.searching = False
        self.stat = IDLE
        self.attached = False
        self._joining: Timer | None = None
        self._attaching: Timer | None = None
        self._clock_offset: timedelta | None = None
        self._clock_text = "+00"
        self._clock_started = modem.now

    @property
    def registered(self) -> bool:
        """Calls and SMS can pass."""
        return self.stat == HOME

    def boot(self) -> None:
        """The module has looked at its card."""
        self.modem.urc("+CPIN: READY" if self.sim else "+CPIN: NOT INSERTED")
        self.full = True
        self._search()

    def lose_power(self) -> None:
        """Power is gone; the clock has no battery of its own."""
        if self.registered:
            self.modem.event("unregistered", stat=IDLE)
        self.stat = IDLE
        self.attached = self.searching = False
        self._joining = self._attaching = None
        self._clock_offset = None
        self._clock_started = self.modem.now

    def can_call(self, number: str) -> bool:
        """A call to this number finds a network."""
        return self.registered or (self.coverage != "off" and self.full and number in EMERGENCY)

    # Switches.

    def set_coverage(self, coverage: Coverage) -> None:
        """The network is there, gone, or refuses this card."""
        self.coverage = coverage
        if self.searching:
            self._search()

    def set_sim(self, present: bool) -> None:
        """Somebody takes the card out or puts it in."""
        if present == self.sim:
            return
        self.sim = present
        if self.modem.awake:
            self.modem.urc("+CPIN: READY" if present else "+CPIN: NOT INSERTED")
            self._search()

    def set_functionality(self, full: bool) -> None:
        """AT+CFUN=1 or less."""
        if full != self.full:
            self.full = full
            self.modem.urc("+CPIN: READY" if full and self.sim else "+CPIN: NOT READY")
            self._search()

    def set_packet(self, on: bool) -> None:
        """The packet service of the network is there or not."""
        self.packet = on
        self._change_attachment()

    def send_time(self) -> None:
        """The network sends its time now; the module takes it only if AT+CLTS=1 was set."""
        modem = self.modem
        if not (self.registered and modem.registers.number("+CLTS")):
            return
        self._clock_offset = CHINA
        self._clock_text = "+32"
        utc = datetime.fromtimestamp(modem.now, UTC)
        modem.urc('*PSNWID: "460","00","CHINA MOBILE",0,"CMCC",0')
        stamp = f"{utc.year},{utc.month},{utc.day},{utc.hour},{utc.minute},{utc.second}"
        modem.urc(f'*PSUTTZ: {stamp},"+32",0')
        modem.urc("DST: 0")
        modem.urc('+CTZV: "+32"')

    # Registration.

    def _search(self) -> None:
        """Look for a network under the present conditions."""
        self.searching = True
        if self._joining is not None:
            self._joining.cancel()
            self._joining = None
        if not self.full or not self.sim:
            self._become(IDLE)
        elif self.coverage == "on":
            if not self.registered:
                self._become(SEARCHING)
                self._joining = self.modem.wait(self.modem.timing.register, lambda: self._become(HOME))
        else:
            self._become(DENIED if self.coverage == "denied" else SEARCHING)

    def _become(self, stat: int) -> None:
        was, self.stat = self.stat, stat
        if was != stat:
            self._announce("+CREG")
            if self.attached:
                self._report_packet()
            if stat == HOME:
                self.modem.event("registered")
                if self.nitz:
                    self.send_time()
            elif was == HOME:
                self.modem.event("unregistered", stat=stat)
        if stat != HOME:
            self.modem.voice.lose("network")
        self._change_attachment()

    def _change_attachment(self) -> None:
        """Attach by itself when it can, as these modules do; lose it when it cannot."""
        if self.registered and self.packet:
            if not self.attached and self._attaching is None:
                self._attaching = self.modem.wait(self.modem.timing.attach, self._attached)
            self.modem.data.refresh()
            return
        if self._attaching is not None:
            self._attaching.cancel()
            self._attaching = None
        # A short loss of coverage only stops the data; the network forgets the context when the service goes.
        if not self.packet and self.attached:
            self.detach()
        self.modem.data.refresh()

    def _attached(self) -> None:
        self._attaching = None
        if not self.attached:
            self.attached = True
            self._report_packet()

    def detach(self) -> None:
        """No packet service any more: contexts and connections are gone."""
        self.attached = False
        self._report_packet()
        self.modem.data.deactivate()

    def _report_packet(self) -> None:
        self._announce("+CGREG")

    def _announce(self, name: str) -> None:
        """The short form and the long one, each for the channels that asked for it."""
        for text in dict.fromkeys(self.report(name, form) for form in (1, 2)):
            self.modem.urc(text)

    def packet_stat(self) -> int:
        """The stat of +CGREG."""
        if self.stat == HOME and not self.attached:
            return SEARCHING if self.packet else IDLE
        return self.stat

    def _creg(self, name: str, form: int) -> str:
        """`stat`, with the cell in form 2."""
        stat = self.stat if name == "+CREG" else self.packet_stat()
        identity = self.modem.identity
        if stat == HOME and form == 2:
            return f'{stat},"{identity.lac}","{identity.ci}"'
        return str(stat)

    def clock(self) -> str:
        """The module's clock as AT+CCLK? shows it: local time once the network has set it."""
        if self._clock_offset is None:
            at = FACTORY_CLOCK + timedelta(seconds=max(0.0, self.modem.now - self._clock_started))
            return at.strftime("%y/%m/%d,%H:%M:%S+00")
        at = datetime.fromtimestamp(self.modem.now, UTC) + self._clock_offset
        return at.strftime("%y/%m/%d,%H:%M:%S") + self._clock_text

    def report(self, name: str, form: int) -> str:
        """The unsolicited form of +CREG and +CGREG."""
        return f"{name}: {self._creg(name, form)}"

    def status(self, name: str, form: int) -> str:
        """The read form of +CREG and +CGREG."""
        return f"{name}: {form},{self._creg(name, form)}"


def _pin(at: Channel, _: Request) -> Answer:
    return Answer(("+CPIN: READY",)) if at.modem.radio.sim else at.refuse(10)


def _registration(at: Channel, request: Request) -> Answer:
    return Answer((at.modem.radio.status(request.name, at.registers.number(request.name)),))


def _signal(at: Channel, _: Request) -> Answer:
    heard = at.modem.radio.searching and at.modem.radio.full and at.modem.radio.coverage != "off"
    return Answer((f"+CSQ: {at.modem.radio.signal if heard else 99},0",))


def _clock(at: Channel, _: Request) -> Answer:
    return Answer((f'+CCLK: "{at.modem.radio.clock()}"',))


def _operator(at: Channel, _: Request) -> Answer:
    return Answer(('+COPS: 0,0,"CHINA MOBILE"' if at.modem.radio.registered else "+COPS: 0",))


def _attachment(at: Channel, _: Request) -> Answer:
    return Answer((f"+CGATT: {int(at.modem.radio.attached)}",))


def _attach(at: Channel, request: Request) -> Answer | None:
    radio, timing = at.modem.radio, at.modem.timing
    if request.args == ("0",):
        return Answer(after=timing.shut, then=radio.detach if radio.attached else None)
    if request.args != ("1",):
        return ERROR
    if radio.attached:
        return OK

    def settle() -> None:
        if radio.registered and radio.packet and not at.modem.voice.busy:
            radio._attached()  # noqa: SLF001 - the same room
            at.finish(OK)
        else:
            at.finish(ERROR)

    possible = radio.registered and radio.packet and not at.modem.voice.busy
    at.modem.wait(timing.attach if possible else timing.attach_failure, settle)
    return None


COMMANDS = {
    ("+CPIN", "read"): _pin,
    ("+CREG", "read"): _registration,
    ("+CGREG", "read"): _registration,
    ("+CSQ", "exec"): _signal,
    ("+CCLK", "read"): _clock,
    ("+COPS", "read"): _operator,
    ("+CGATT", "read"): _attachment,
    ("+CGATT", "write"): _attach,
}
