"""SIM800: start-up, registration, signal, battery, time and identity. Voice is voice.py, sockets are sock.py.

In: the AT channel and the board's power switch, if it has one. Out: plain fields that tell what the modem said last,
and notices (`on_notice(name, value)`): modem_silent, modem_restarted, sim_absent, voice_lost, under_voltage and twins.
Must never trust settings from before: the whole profile is sent after every start of the modem, asked for or not.
"""

import asyncio

from firmware.core import clock
from firmware.modem.at import AT, CONTROL, ATError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

REGISTERED = (1, 5)  # home, roaming

# Sent after every start; a refused one is counted, and only what calls need is decisive.
PROFILE = (
    "ATE0",
    "AT+CMEE=1",
    "AT+CLTS=1",
    "AT+CREG=2",
    "AT+CLIP=1",
    "AT+COLP=0",  # with COLP=1 the channel is blocked until the other side answers
    "AT+CLCC=1",
    "AT+MORING=1",
    "AT+CBATCHK=1",
    "AT+CMGF=1",
    "AT+DDET=1,0,0,0",  # the other side may accept by key; some modules cannot
)
VERSION_MAX = 40  # of the wire
CELL_MAX = 24
_START_TRY_S = 0.5
_SILENT_TRIES = 20  # half a second each: a modem boots in 3 s; after 10 s without a word it is called silent
_SETTLED_MS = 60_000  # `Call Ready` belongs to the start for so long, later it tells of a restart
_POLL_LOST_S = 3
_POLL_FINE_S = 10
_STATUS_MS = 60_000
_TIME_MS = 30_000
_TIME_AGAIN_MS = 6 * 3_600_000


def parse_psuttz(line: str) -> "int | None":
    """UTC seconds of `*PSUTTZ: yyyy,M,d,h,m,s,"+32",0`; its time is already UTC."""
    try:
        parts = [int(field) for field in line[line.find(":") + 1 :].split(",")[:6]]
    except ValueError:
        return None
    if len(parts) != 6:
        return None
    return clock.from_local(parts[0], parts[1], parts[2], parts[3], parts[4], parts[5], 0)


def plain(text: str, most: int) -> str:
    """What of a modem's text the wire takes: printable ASCII without quotes and backslashes, so long at most."""
    return "".join([char for char in text if " " <= char <= "~" and char not in '"\\'])[:most].strip()


def parse_creg(line: str) -> "tuple[int, str] | None":
    """(stat, "lac-ci" or "") of a reply `+CREG: <n>,<stat>[,..]` or of a report `+CREG: <stat>[,..]`."""
    fields = [field.strip() for field in line[line.find(":") + 1 :].split(",")]
    # A report has the area in the second place, quoted or (some firmware) bare: never one digit.
    if len(fields) > 1 and len(fields[1]) == 1:
        fields = fields[1:]
    try:
        stat = int(fields[0])
    except ValueError:
        return None
    if not 0 <= stat <= 5:
        return None
    return stat, plain("-".join(fields[1:3]), CELL_MAX) if len(fields) >= 3 else ""


class Sim800:
    """The modem apart from calls and sockets. Start `run` as a task."""

    def __init__(
        self,
        at: AT,
        ms: "Callable[[], int]",
        on_notice: "Callable[[str, int | None], None]",
        on_time: "Callable[[int], bool]",
        restart: "Callable[[], Awaitable[None]] | None" = None,
    ) -> None:
        self.at = at
        self.ms = ms
        self.on_notice = on_notice
        self.on_time = on_time
        self.restart = restart  # the board's PWRKEY or supply switch; None: it has none
        self.on_reset: "list[Callable[[], None]]" = []  # voice and sockets forget what the modem forgot
        self.ready = False  # the profile of this start has been sent
        self.restarts = 0
        self.refused = 0  # profile lines that the modem did not take
        self.volume = 90  # wanted, 0..100
        self._volume: int | None = None  # as sent
        self.sim: bool | None = None
        self.reg = 0
        self.cell = ""
        self.csq = 99
        self.mv: int | None = None
        self.pct: int | None = None
        self.imei: str | None = None
        self.imsi: str | None = None
        self.iccid: str | None = None
        self.version: str | None = None
        self.identified = asyncio.Event()  # the first start has asked for the identity, whatever it got
        self.changed = asyncio.Event()  # registration or readiness changed
        self._wake = asyncio.Event()
        self._started_ms: int | None = None
        self._settled = False  # one start has been completed since power-on of the terminal
        self._status_ms: int | None = None
        self._time_ms: int | None = None
        self._time_known = False
        self._low = False
        self._time_wanted = False  # the module was restarted for the network's time in this boot
        at.on_silent = self._on_silent
        at.on("RDY", self._on_restart)
        at.on("Call Ready", self._on_call_ready)
        at.on("+CREG:*", self._on_creg)
        at.on("+CPIN:*", self._on_cpin)
        at.on("*PSUTTZ:*", self._on_psuttz)
        at.on("UNDER-VOLTAGE*", self._on_under_voltage)
        at.on("NORMAL POWER DOWN", self._on_restart)
        for known in ("SMS Ready", "+CFUN:*", "*PSNWID:*", "+CTZV:*", "DST:*", "OVER-VOLTAGE*", "+CGREG:*", "+CRING:*"):
            at.on(known, lambda line: None)

    def registered(self) -> bool:
        """Whether a call can be dialled as far as we know."""
        return self.ready and not self.at.silent and self.reg in REGISTERED

    async def run(self) -> None:
        """Keep the modem started and its fields fresh, for ever."""
        while True:
            if not self.ready:
                await self._start()
            try:
                await self._poll()
            except ATError:
                pass  # counted by the engine; a silent modem has been told by `on_silent`
            if not self.ready or self.at.silent:
                self.ready = self.ready and not self.at.silent
                continue
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), _POLL_FINE_S if self.registered() else _POLL_LOST_S)
            except asyncio.TimeoutError:
                pass

    async def refresh(self) -> None:
        """Ask for the registration now; before a dial that would otherwise trust an old report."""
        try:
            for line in (await self.at.command("AT+CREG?", 1.0, CONTROL, prefix="+CREG:", needs=True)).lines:
                self._on_creg(line)
        except ATError:
            pass

    # Start

    async def _start(self) -> None:
        """From an unknown modem to one with our profile. Restarts itself when the modem restarts meanwhile."""
        tries = 0
        while True:
            try:
                await self.at.command("AT", _START_TRY_S)
                break
            except ATError:
                tries += 1
                await asyncio.sleep(_START_TRY_S)
                if tries % _SILENT_TRIES == 0 and self.restart is not None:
                    await self.restart()
        self._started_ms = self.ms()
        self._volume = None
        self.ready = True  # a restart during what follows takes it back, and the loop in `run` begins anew
        await self._want_network_time()
        for line in PROFILE:
            if not self.ready:
                return
            try:
                await self.at.command(line, 2.0)
            except ATError:
                self.refused += 1
        await self._identify()
        self.identified.set()
        self._settled = self._settled or self.ready
        self._status_ms = None
        self.changed.set()

    async def _want_network_time(self) -> None:
        """`AT+CLTS=1` holds from the next registration on: a module without it is restarted, once in its life."""
        if self._time_wanted or await self._ask("AT+CLTS?", 1.0, "+CLTS:") != "0":
            return
        self._time_wanted = True
        try:
            await self.at.command("AT+CLTS=1")
            await self.at.command("AT&W", 2.0)
            await self.at.command("AT+CFUN=1,1", 10.0)
        except ATError:
            return  # then the time comes with the next registration, or from the clock of a later start
        self.ready = False

    async def _ask(self, text: str, limit_s: float, prefix: str = "") -> "str | None":
        """The one line that answers a question, without its prefix; None where there is none."""
        try:
            if prefix:
                reply = await self.at.command(text, limit_s, prefix=prefix, needs=True)
            else:
                reply = await self.at.command(text, limit_s, bare=_is_identity, needs=True)
        except ATError:
            return None
        line = reply.lines[-1]
        for head in (prefix, "+CCID:", "Revision:"):
            if head and line.startswith(head):
                line = line[len(head) :]
        return line.strip().strip('"')

    async def _identify(self) -> None:
        if self.imei is None:
            self.imei = _digits(await self._ask("AT+GSN", 2.0), 15, 15)
        if self.version is None:
            self.version = plain(await self._ask("AT+GMR", 2.0) or "", VERSION_MAX) or None
        await self._check_sim()
        if self.sim:
            self.imsi = _digits(await self._ask("AT+CIMI", 20.0), 6, 15) or self.imsi
            self.iccid = _digits((await self._ask("AT+CCID", 2.0) or "").rstrip("Ff"), 19, 20) or self.iccid

    async def _check_sim(self) -> None:
        try:
            reply = await self.at.command("AT+CPIN?", 5.0, prefix="+CPIN:", needs=True)
            self._on_cpin(reply.lines[-1])
        except ATError as error:
            if error.code() in (10, 13):  # no card, card failure; 14 is only busy
                self._set_sim(False)

    # Polling

    async def _poll(self) -> None:
        now = self.ms()
        await self.refresh()
        if self._volume != self.volume:
            self._volume = self.volume
            await self.at.command("AT+CLVL=%d" % self.volume)
        if self._status_ms is None or now - self._status_ms >= _STATUS_MS:
            self._status_ms = now
            if not self.sim or not self.registered():
                await self._check_sim()  # most boards have no contact that tells when a card is pulled
            await self.measure()
        pause = _TIME_AGAIN_MS if self._time_known else _TIME_MS
        if self._time_ms is None or now - self._time_ms >= pause or (not self._time_known and self.registered()):
            self._time_ms = now
            reply = await self.at.command("AT+CCLK?", 1.0, prefix="+CCLK:", needs=True)
            self._set_time(clock.parse_cclk(reply.lines[-1][6:]))

    async def measure(self) -> None:
        """Signal and supply, now."""
        for line in (await self.at.command("AT+CSQ", 1.0, prefix="+CSQ:", needs=True)).lines:
            level = _within(line[5:].split(",")[0], 0, 31)
            self.csq = 99 if level is None else level
        for line in (await self.at.command("AT+CBC", 1.0, prefix="+CBC:", needs=True)).lines:
            fields = line[5:].split(",")
            if len(fields) == 3:
                self.pct = _within(fields[1], 0, 100)
                self.mv = _within(fields[2], 0, 6000)
        if self._low and self.mv is not None and self.mv > 3600:
            self._low = False
            self.on_notice("voltage_ok", self.mv)

    # Reports of the modem

    def _on_silent(self, silent: bool) -> None:
        self.on_notice("modem_silent" if silent else "modem_back", None)
        self._wake.set()

    def _on_call_ready(self, line: str) -> None:
        if self._settled and self._started_ms is not None and self.ms() - self._started_ms > _SETTLED_MS:
            self._on_restart(line)

    def _on_restart(self, line: str) -> None:
        counted = self._settled and self.ready
        self.ready = False
        self._set_reg(0, "")
        self.at.fail_all("reset")
        for forget in self.on_reset:
            forget()
        if counted:
            self.restarts += 1
            self.on_notice("modem_restarted", self.mv)
        self._wake.set()

    def _on_creg(self, line: str) -> None:
        found = parse_creg(line)
        if found is not None:
            self._set_reg(found[0], found[1])

    def _set_reg(self, stat: int, cell: str) -> None:
        if cell:
            self.cell = cell
        before = self.reg in REGISTERED
        self.reg = stat
        if before != (stat in REGISTERED):
            self.on_notice("voice_lost" if before else "voice_back", None)
            self.changed.set()
            self._wake.set()

    def _on_cpin(self, line: str) -> None:
        if "READY" in line:
            self._set_sim(True)
        elif "NOT INSERTED" in line or "NOT READY" in line:
            self._set_sim(False)

    def _set_sim(self, present: bool) -> None:
        before, self.sim = self.sim, present
        if present != before and not (before is None and present):
            self.on_notice("sim_back" if present else "sim_absent", None)

    def _on_psuttz(self, line: str) -> None:
        self._set_time(parse_psuttz(line))

    def _set_time(self, epoch: "int | None") -> None:
        # Before the network's time the modem says 1970, 1980, 2000 or 2004: the clock refuses those.
        if epoch is not None and self.on_time(epoch):
            self._time_known = True
            self._time_ms = self.ms()

    def _on_under_voltage(self, line: str) -> None:
        if not self._low:
            self._low = True
            self.on_notice("under_voltage", self.mv)


def _is_identity(line: str) -> bool:
    """Bare answers: 15 to 20 digits with an F at most, or a revision."""
    if line.startswith(("Revision:", "+CCID:")):
        return True
    return 6 <= len(line) <= 21 and line.rstrip("Ff").isdigit()


def _digits(text: "str | None", low: int, high: int) -> "str | None":
    return text if text and low <= len(text) <= high and not text.strip("0123456789") else None


def _within(text: str, low: int, high: int) -> "int | None":
    try:
        value = int(text)
    except ValueError:
        return None
    return value if low <= value <= high else None
