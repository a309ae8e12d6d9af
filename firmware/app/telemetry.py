"""What the terminal tells about itself: boot, days, faults and their restore twins; beats.py has the heartbeats.

In: facts of all parts. Out: messages. Must never send a fault twice without its twin between, nor flood the outbox.
"""

import asyncio

from firmware import VERSION
from firmware.app.beats import Beats
from firmware.app.faults import Faults
from firmware.app.power import Supply
from firmware.core.day import DayBook
from firmware.core.schedule import Heartbeat
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.app.config import Config
    from firmware.app.mail import Mail
    from firmware.app.storage import Storage
    from firmware.core.outbox import Outbox
    from firmware.hal.base import Board
    from firmware.modem.sim800 import Sim800
    from firmware.modem.voice import Voice
    from firmware.net.link import Link

_DAY_FILE = const("day")
_TICK_S = const(1.0)
_DAY_MS = const(30_000)
_DAY_SAVE_MS = const(600_000)
_CONFIG_SAVE_MS = const(600_000)  # between two tries to store a configuration that storage would not take
_BOOT_WAIT_S = const(60.0)  # a boot message with the identities is worth this wait; without a modem it goes without
_LOST_MS = const(30_000)  # shorter gaps in registration or data are radio, not a fault
_CLOCK_MS = const(300_000)
_REFUSED_EVERY_MS = const(60_000)
_VOLTAGE_OK_MV = const(3_600)
_KEYS_MS = const(40_000)  # the key loop calls a key stuck after 30 s; before that nobody knows
_FAULT_LAMP = const(("sim_absent", "modem_silent", "storage_damaged", "key_stuck", "battery_absent"))


class Telemetry:
    """Start `run` as a task."""

    modem: "Sim800"
    voice: "Voice"
    link: "Link"

    def __init__(
        self, *, device: str, board: "Board", mail: "Mail", outbox: "Outbox", storage: "Storage", config: "Config"
    ) -> None:
        self.board = board
        self.mail = mail
        self.outbox = outbox
        self.storage = storage
        self.config = config
        self.book = DayBook()
        self.book.load(storage.read(_DAY_FILE))
        self.cause = "power"
        self.store: "Callable[[], None]" = lambda: None  # writes the outbox
        self.busy: "Callable[[], bool]" = lambda: False  # an alarm or a call is going on
        self.faults = Faults(mail, storage, lambda: self.count("faults"))
        self.fault, self.restore, self.event = self.faults.fault, self.faults.restore, self.faults.event
        self.beats = Beats(
            device=device,
            board=board,
            mail=mail,
            outbox=outbox,
            config=config,
            count=lambda: self.count("beats"),
        )
        self.supply = Supply(board, self.faults, outbox, self.pace)
        self._lost_since: dict[str, int] = {}
        self._day_ms = 0
        self._day_saved_ms = 0
        self._config_ms: int | None = None
        self._drops = outbox.drops
        self._damaged = 0  # of storage.damaged, told
        self._refused_ms: int | None = None
        self._booted = False

    def attach(self, modem: "Sim800", voice: "Voice", link: "Link", heartbeat: Heartbeat) -> None:
        """The parts that need us first."""
        self.modem = self.beats.modem = self.supply.modem = modem
        self.voice = self.beats.voice = self.supply.voice = voice
        self.link = self.beats.link = self.supply.link = link
        self.beats.heartbeat = heartbeat

    # What other parts tell

    def notice(self, name: str, val: "int | None" = None) -> None:
        """Whatever the modem noticed: a fault, a restore, or a happening."""
        if name not in ("voice_lost", "voice_back"):  # followed by `_follow`, which waits for short gaps to pass
            self.faults.notice(name, val)

    def refused(self, kind: str, reason: str) -> None:
        """One of our own messages broke the contract: it can never be sent, and somebody must hear of that."""
        now = self.board.now()
        if self._refused_ms is None or now - self._refused_ms >= _REFUSED_EVERY_MS:
            self._refused_ms = now
            self.event("message_refused", None, "own %s: %s" % (kind, reason))

    def check_storage(self) -> None:
        """Lines and files that could not be read are gone for good: their number is told, and restored by a write."""
        damaged = self.storage.damaged
        if damaged > self._damaged and "storage_damaged" not in self.faults:
            self.fault("storage_damaged", damaged - self._damaged)
            self._damaged = damaged

    def stored(self, done: bool) -> None:
        """How a write to storage went."""
        if done:
            self.restore("storage_damaged")
        else:
            self.fault("storage_damaged")

    def stuck(self, key: str) -> None:
        """A key has been held for longer than anybody would."""
        self.count("stuck")
        self.fault("key_stuck", None, key)

    def free(self, key: str) -> None:
        """It was let go."""
        self.restore("key_stuck", key)

    def has_fault(self) -> bool:
        """Whether the lamp should show a fault."""
        return bool([name for name in _FAULT_LAMP if name in self.faults])

    def count(self, name: str) -> None:
        """One more in the record of the day."""
        self.book.count(name, self.board.now())

    def pace(self, now: int) -> None:
        """The interval of the heartbeats may have changed."""
        self.beats.pace(self.supply.level, now)

    # The loop

    async def run(self) -> None:
        """For ever."""
        if not self._booted:
            await self._boot()
            self._booted = True  # this task may be started again; the terminal was not
        while True:
            self.tick(self.board.now())
            await asyncio.sleep(_TICK_S)

    def tick(self, now: int) -> None:
        """One round of it."""
        self._follow("voice_lost", not self.modem.registered(), now)
        # Data that the battery does not allow is not lost.
        lost = self.link.client is None and not self.voice.in_call() and self.supply.data()
        self._follow("data_lost", lost, now)
        self.supply.tick(now, self.mail.clock.epoch(now), busy=self.busy())
        self._check(now)
        self._left_over(now)
        self._days(now)
        self.beats.tick(now)

    async def _boot(self) -> None:
        if not self.modem.identified.is_set():
            try:
                await asyncio.wait_for(self.modem.identified.wait(), _BOOT_WAIT_S)
            except asyncio.TimeoutError:
                pass
        modem = self.modem
        self.mail.post(
            "boot",
            {
                "imei": modem.imei,
                "iccid": modem.iccid,
                "imsi": modem.imsi,
                "board": self.board.name,
                "fw": VERSION,
                "modem": modem.version,
                "cfg": self.config.ver,
                "cause": self.cause,
            },
            0,
        )

    def _follow(self, name: str, lost: bool, now: int) -> None:
        if not lost:
            self._lost_since.pop(name, None)
            self.restore(name)
            return
        since = self._lost_since.setdefault(name, now)
        if now - since >= _LOST_MS:
            self.fault(name, None, None, since)

    def _check(self, now: int) -> None:
        if self.mail.clock.is_set:
            self.restore("clock_unset")
        elif now > _CLOCK_MS:
            self.fault("clock_unset")
        self.check_storage()
        if self.outbox.drops - self.outbox.refusals > self._drops:
            self._drops = self.outbox.drops - self.outbox.refusals
            self.fault("outbox_full", self.outbox.drops)
        elif len(self.outbox) == 0:
            self.restore("outbox_full")
        due = self._config_ms is None or now - self._config_ms >= _CONFIG_SAVE_MS
        if self.config.unsaved and due and not self.busy():
            self._config_ms = now
            self.stored(self.config.save())

    def _left_over(self, now: int) -> None:
        """Faults of before the restart that only a report would end: that report may have come while we were off."""
        modem = self.modem
        answers = modem.ready and not modem.at.silent
        for slot in self.faults.left():
            name, _, txt = slot.partition(" ")
            well = {
                "sim_absent": bool(modem.sim),
                "modem_silent": answers,
                "modem_refuses_mux": "mux" in modem.can,
                "under_voltage": answers and modem.mv is not None and modem.mv > _VOLTAGE_OK_MV,
                "key_stuck": self._rests(txt) and now > _KEYS_MS,
            }
            if well.get(name):
                self.restore(name, txt or None)

    def _rests(self, key: str) -> bool:
        keys, levels = self.board.keys, self.board.levels()
        return key not in keys or not levels[keys.index(key)]

    # The record of the day

    def _days(self, now: int) -> None:
        if now - self._day_ms < _DAY_MS:
            return
        self._day_ms = now
        ended = self.book.tick(now, self.mail.clock.epoch(now), self.modem.registered())
        for fields in ended:
            self.mail.post("day", fields)
        if ended:
            self.store()  # first, so that a power cut between the two tells a day twice and not never
        if ended or now - self._day_saved_ms >= _DAY_SAVE_MS:
            self._day_saved_ms = now
            self.save_day()

    def save_day(self) -> None:
        """Store the counts of the running day."""
        self.stored(self.storage.write(_DAY_FILE, self.book.dump()))
