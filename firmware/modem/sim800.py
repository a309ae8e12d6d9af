"""SIM800: start-up, registration, signal, battery, time and identity. Voice is voice.py, sockets are sock.py.

In: the channels, and the power switch of a board that has one. Out: plain fields that tell what the modem said last,
and notices (`on_notice(name, value)`): modem_silent, modem_restarted, modem_refuses_mux, sim_absent, voice_lost,
under_voltage and twins.
Must never trust settings from before: the whole profile is sent after every start of the modem, asked for or not.
"""

import asyncio

from firmware.core import clock
from firmware.modem.command import CONTROL, ATError
from firmware.modem.port import SPEED
from firmware.modem.replies import digits, is_identity, parse_creg, parse_psuttz, plain, within
from firmware.waits import came
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.modem.at import AT
    from firmware.modem.channels import Channels
    from firmware.modem.command import Command
    from firmware.modem.power import Power

_REGISTERED = const((1, 5))  # home, roaming

# Sent after every start; a refused one is counted, and only what calls need is decisive. The first ones hold for
# the channel that they are sent on, and so does the form of short messages; sms.py sees to the rest of those.
_EACH = const(("ATE0", "AT+CMEE=1", "AT+CREG=2"))
_TEXTS = const(("AT+CMGF=1",))
_PROFILE = const(
    (
        "AT+CIURC=1",  # RDY and Call Ready tell of restarts
        "AT+CLTS=1",
        "AT+CLIP=1",
        "AT+COLP=0",  # with COLP=1 the channel is blocked until the other side answers
        "AT+CLCC=1",
        "AT+MORING=1",
        "AT+CBATCHK=1",
        "AT+DDET=1,0,0,0",  # the other side may accept by key; some modules cannot
    )
)
# What a module can beyond the least: (name, question that a module without it refuses).
_ABILITIES = const((("tts", "AT+CTTS=?"), ("audio_file", "AT+CREC=?"), ("dtmf", "AT+DDET=?")))
_KNOWN = const(("SMS Ready", "+CFUN:*", "*PSNWID:*", "+CTZV:*", "DST:*", "OVER-VOLTAGE*", "+CGREG:*", "+CRING:*"))
_VERSION_MAX = const(40)  # of the wire
_START_TRY_S = const(0.5)
_SILENT_MS = const(10_000)  # a modem boots in 3 s; after so long without a word it is called silent
_HUNT_EVERY = const(12)  # unanswered `AT` between two looks at other speeds
_SETTLED_MS = const(60_000)  # `Call Ready` belongs to the start for so long, later it tells of a restart
_LOOK_S = const(0.05)  # how soon a restart of the modem is noticed
_POLL_LOST_S = const(3)
_POLL_FINE_S = const(10)
_STATUS_MS = const(60_000)
_TIME_MS = const(30_000)
_TIME_AGAIN_MS = const(6 * 3_600_000)


class Sim800:
    """The modem apart from calls and sockets. Start `run` as a task."""

    def __init__(
        self,
        channels: "Channels",
        ms: "Callable[[], int]",
        on_notice: "Callable[[str, int | None], None]",
        on_time: "Callable[[int], bool]",
    ) -> None:
        self.channels = channels
        self.at = at = channels.voice
        self.ms = ms
        self.on_notice = on_notice
        self.on_time = on_time
        self.power: Power | None = None  # None: the board has no hand on it
        self.can: set[str] = set()  # of "tts", "audio_file", "dtmf", "mux"
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
        self._again = False  # the channels changed under a modem that runs: the profile must be sent anew
        self._silent = False  # told
        self.beat: "Callable[[], None]" = _nobody  # told that this task lives
        self._settled = False  # one start has been completed since power-on of the terminal
        self._status_ms: int | None = None
        self._time_ms: int | None = None
        self._time_known = False
        self._low = False
        self._time_wanted = False  # the module was restarted for the network's time in this boot
        at.on_silent = self._on_silent
        channels.on_fallen = self._on_fallen
        at.on("RDY", self._on_restart)
        at.on("Call Ready", self._on_call_ready)
        at.on("+CREG:*", self._on_creg)
        at.on("+CPIN:*", self._on_cpin)
        at.on("*PSUTTZ:*", self._on_psuttz)
        at.on("UNDER-VOLTAGE*", self._on_under_voltage)
        at.on("NORMAL POWER*", self._on_power_down)
        at.on(_KNOWN, lambda line: None)  # they tell us nothing

    def registered(self) -> bool:
        """Whether a call can be dialled as far as we know."""
        moving = self.power is not None and self.power.moving
        return self.ready and not moving and not self.at.silent and self.reg in _REGISTERED

    async def run(self) -> None:
        """Keep the modem started and its fields fresh, for ever."""
        while True:
            self.beat()
            if not self.ready or self._again:
                await self._start()
            try:
                await self._poll()
            except ATError:
                pass  # counted by the engine; a silent modem has been told by `on_silent`
            self._again = self._again or self.channels.due()
            if not self.ready or self._again or self.at.silent:
                self.ready = self.ready and not self.at.silent
                continue
            self._wake.clear()
            await came(self._wake, _POLL_FINE_S if self.registered() else _POLL_LOST_S, _LOOK_S)

    async def refresh(self) -> None:
        """Ask for the registration now; before a dial that would otherwise trust an old report."""
        try:
            for line in (await self._query("AT+CREG?", 1.0, "+CREG:")).lines:
                self._on_creg(line)
        except ATError:
            pass

    # Start

    async def _start(self) -> None:
        """From an unknown modem to one with our profile. Restarts itself when the modem restarts meanwhile."""
        await self._find()
        self._on_silent(False)
        self._started_ms = self.ms()
        self._volume = None
        self._again = False
        self.ready = True  # a restart during what follows takes it back, and the loop in `run` begins anew
        await self._want_network_time()
        if self.ready:
            await self._open()
            await self._set_up()
        if not self.ready:
            return
        await self._identify()
        self.identified.set()
        self._settled = self._settled or self.ready
        self._status_ms = None
        self.changed.set()

    async def _find(self) -> None:
        """Until the modem answers: power, the end of multiplexing (the engine sees to that), other speeds."""
        tries = 0
        begun = self.ms()
        while True:
            self.beat()
            if self.power is not None:
                await self.power.unanswered(tries)
            try:
                await self.at.command("AT", _START_TRY_S)
                return
            except ATError:
                tries += 1
            if not self._silent and self.ms() - begun >= _SILENT_MS:
                self._on_silent(True)
            if tries % _HUNT_EVERY == 0:
                await self.channels.hunt()
            await asyncio.sleep(_START_TRY_S)

    async def _open(self) -> None:
        """Channels of their own for voice, data and short messages. Not in a call, which may stand from before."""
        try:
            standing = await self.at.command("AT+CLCC", 1.0, prefix="+CLCC:")
        except ATError:
            standing = None
        opened = await self.channels.open(standing is not None and bool(standing.lines))
        self.can.discard("mux")
        if opened:
            self.can.add("mux")
        if opened is not None and self.ready:
            self.on_notice("modem_accepts_mux" if opened else "modem_refuses_mux", None)

    async def _set_up(self) -> None:
        channels = self.channels
        await self._send(self.at, _EACH + _PROFILE + _TEXTS)
        if channels.multiplexed:
            await self._send(channels.data, _EACH)
            await self._send(channels.texts, _EACH + _TEXTS)

    async def _send(self, engine: "AT", lines: "tuple[str, ...]") -> None:
        for line in lines:
            if not self.ready:
                return
            try:
                await engine.command(line, 2.0)
            except ATError:
                self.refused += 1

    async def _want_network_time(self) -> None:
        """`AT+CLTS=1` holds from the next registration on: a module without it is restarted, once in its life.

        One that guesses its speed reports no start of its own: it gets ours at the same time.
        """
        if self._time_wanted or await self._ask("AT+CLTS?", 1.0, "+CLTS:") != "0":
            return
        self._time_wanted = True
        try:
            await self.at.command("AT+IPR=%d" % SPEED)
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
                reply = await self.channels.texts.command(text, limit_s, prefix=prefix, needs=True)
            else:
                reply = await self.channels.texts.command(text, limit_s, bare=is_identity, needs=True)
        except ATError:
            return None
        line = reply.lines[-1]
        for head in (prefix, "+CCID:", "Revision:"):
            if head and line.startswith(head):
                line = line[len(head) :]
        return line.strip().strip('"')

    async def _identify(self) -> None:
        if self.imei is None:
            self.imei = digits(await self._ask("AT+GSN", 2.0), 15, 15)
        if self.version is None:
            self.version = plain(await self._ask("AT+GMR", 2.0) or "", _VERSION_MAX) or None
            await self._learn()
        await self._check_sim()
        if self.sim:
            self.imsi = digits(await self._ask("AT+CIMI", 20.0), 6, 15) or self.imsi
            self.iccid = digits((await self._ask("AT+CCID", 2.0) or "").rstrip("Ff"), 19, 20) or self.iccid

    async def _learn(self) -> None:
        """What this module can. Its firmware does not change, so it is asked once."""
        for name, question in _ABILITIES:
            try:
                await self.channels.texts.command(question, 2.0)
                self.can.add(name)
            except ATError:
                pass

    async def _check_sim(self) -> None:
        try:
            reply = await self._query("AT+CPIN?", 5.0, "+CPIN:")
            self._on_cpin(reply.lines[-1])
        except ATError as error:
            if error.code() in (10, 13):  # no card, card failure; 14 is only busy
                self._set_sim(False)

    # Polling

    async def _query(self, text: str, limit_s: float, prefix: str) -> "Command":
        """Ask for a fact beside the voice's channel, where a dial would have to wait for the answer."""
        engine = self.channels.spare
        if engine is None:
            raise ATError("full")
        return await engine.command(text, limit_s, CONTROL, prefix=prefix, needs=True)

    async def _poll(self) -> None:
        now = self.ms()
        if self.channels.multiplexed:
            await self.at.command("AT")  # nothing else would tell that the voice's channel is dead
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
            reply = await self._query("AT+CCLK?", 1.0, "+CCLK:")
            self._set_time(clock.parse_cclk(reply.lines[-1][6:]))

    async def measure(self) -> None:
        """Signal and supply, now."""
        for line in (await self._query("AT+CSQ", 1.0, "+CSQ:")).lines:
            level = within(line[5:].split(",")[0], 0, 31)
            self.csq = 99 if level is None else level
        for line in (await self._query("AT+CBC", 1.0, "+CBC:")).lines:
            fields = line[5:].split(",")
            if len(fields) == 3:
                self.pct = within(fields[1], 0, 100)
                self.mv = within(fields[2], 0, 6000)
        if self._low and self.mv is not None and self.mv > 3600:
            self._low = False
            self.on_notice("voltage_ok", self.mv)

    # Reports of the modem

    def _on_silent(self, silent: bool) -> None:
        if silent != self._silent:
            self._silent = silent
            self.on_notice("modem_silent" if silent else "modem_back", None)
        self._wake.set()

    def _on_fallen(self) -> None:
        self._again = True
        self._wake.set()

    def switched_off(self) -> None:
        """Our own doing: power knows why, nobody is told of a restart."""
        self.ready = False
        self._on_restart("")

    def _on_power_down(self, line: str) -> None:
        if self.power is not None:
            self.power.said_down()
        self._on_restart(line)

    def _on_call_ready(self, line: str) -> None:
        if self._settled and self._started_ms is not None and self.ms() - self._started_ms > _SETTLED_MS:
            self._on_restart(line)

    def _on_restart(self, line: str) -> None:
        counted = self._settled and self.ready
        self.ready = False
        self._set_reg(0, "")
        self.channels.fail_all("reset")
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
        before = self.reg in _REGISTERED
        self.reg = stat
        if before != (stat in _REGISTERED):
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


def _nobody() -> None:
    """Nobody listens."""
