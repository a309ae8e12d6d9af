"""What the terminal tells about itself: boot, heartbeats, days, faults and their restore twins.

In: facts of all parts. Out: messages. Must never send a fault twice without its twin between, nor flood the outbox.
"""

import asyncio

from firmware import VERSION
from firmware.core.day import DayBook
from firmware.modem.at import ATError
from protocol import codes, messages, topics
from protocol.errors import LocalProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.app.config import Config
    from firmware.app.mail import Mail
    from firmware.app.storage import Storage
    from firmware.core.outbox import Outbox
    from firmware.core.schedule import Heartbeat
    from firmware.hal.unix import Board
    from firmware.modem.sim800 import Sim800
    from firmware.modem.voice import Voice
    from firmware.net.link import Link

DAY_FILE = "day"
_TICK_S = 1.0
_DAY_MS = 30_000
_DAY_SAVE_MS = 600_000
_BOOT_WAIT_S = 60.0  # a boot message with the identities is worth this wait; without a modem it goes without
_LOST_MS = 30_000  # shorter gaps in registration or data are radio, not a fault
_CLOCK_MS = 300_000
_RTT_MAX_MS = 600_000  # of the wire; a ping that a call interrupted took as long as the call
_REFUSED_EVERY_MS = 60_000
_FAULT_LAMP = ("sim_absent", "modem_silent", "storage_damaged", "key_stuck")


class Telemetry:
    """Start `run` as a task."""

    def __init__(
        self, *, device: str, board: "Board", mail: "Mail", outbox: "Outbox", storage: "Storage", config: "Config"
    ) -> None:
        self.device = device
        self.board = board
        self.mail = mail
        self.outbox = outbox
        self.storage = storage
        self.config = config
        self.book = DayBook()
        self.book.load(storage.read(DAY_FILE))
        self.cause = "power"
        self.missed = 0  # heartbeats not sent since the last one that was
        self.heartbeat: "Heartbeat"
        self.modem: "Sim800"
        self.voice: "Voice"
        self.link: "Link"
        self._faults: dict[str, int] = {}  # fault: uptime at which it began
        self._lost_since: dict[str, int] = {}
        self._first = True  # no heartbeat has been sent in this boot
        self._day_ms = 0
        self._day_saved_ms = 0
        self._drops = outbox.drops
        self._damaged = 0  # of storage.damaged, told
        self._refused_ms: int | None = None
        self._booted = False
        self._beating: "asyncio.Task[bool] | None" = None

    def attach(self, modem: "Sim800", voice: "Voice", link: "Link", heartbeat: "Heartbeat") -> None:
        """The parts that need us first."""
        self.modem = modem
        self.voice = voice
        self.link = link
        self.heartbeat = heartbeat

    # Events

    def event(self, name: str, val: "int | None" = None, txt: "str | None" = None, at: "int | None" = None) -> None:
        """One happening."""
        self.mail.post("event", {"ev": name, "val": val, "txt": txt}, at)

    def notice(self, name: str, val: "int | None" = None) -> None:
        """Whatever the modem noticed: a fault, a restore, or a happening."""
        if name in ("voice_lost", "voice_back"):
            return  # followed by `_follow`, which waits for short gaps to pass
        if name in codes.FAULTS:
            self.fault(name, val)
            return
        for fault in codes.FAULTS:
            if codes.FAULTS[fault] == name:
                self.restore(fault)
                return
        self.event(name, val)

    def fault(self, name: str, val: "int | None" = None, txt: "str | None" = None, since: "int | None" = None) -> None:
        """Something is broken; told once until it is well again."""
        if name not in self._faults:
            self._faults[name] = self.board.now() if since is None else since
            self.count("faults")
            self.event(name, val, txt, since)

    def restore(self, name: str, txt: "str | None" = None) -> None:
        """The fault is gone; nothing if it was not told."""
        since = self._faults.pop(name, None)
        if since is not None:
            self.event(codes.FAULTS[name], (self.board.now() - since) // 1000, txt)

    def refused(self, kind: str, reason: str) -> None:
        """One of our own messages broke the contract: it can never be sent, and somebody must hear of that."""
        now = self.board.now()
        if self._refused_ms is None or now - self._refused_ms >= _REFUSED_EVERY_MS:
            self._refused_ms = now
            self.event("message_refused", None, "own %s: %s" % (kind, reason))

    def check_storage(self) -> None:
        """Lines and files that could not be read are gone for good: their number is told, and restored by a write."""
        damaged = self.storage.damaged
        if damaged > self._damaged and "storage_damaged" not in self._faults:
            self.fault("storage_damaged", damaged - self._damaged)
            self._damaged = damaged

    def stuck(self, key: str) -> None:
        """A key has been held for longer than anybody would."""
        self.count("stuck")
        self.fault("key_stuck", None, key)

    def free(self, key: str) -> None:
        """It was let go."""
        self.restore("key_stuck", key)

    def has_fault(self) -> bool:
        """Whether the lamp should show a fault."""
        return bool([name for name in _FAULT_LAMP if name in self._faults])

    def count(self, name: str) -> None:
        """One more in the record of the day."""
        self.book.count(name, self.board.now())

    # The loop

    async def run(self) -> None:
        """For ever."""
        if not self._booted:
            await self._boot()
            self._booted = True  # this task may be started again; the terminal was not
        while True:
            now = self.board.now()
            self._follow("voice_lost", not self.modem.registered(), now)
            self._follow("data_lost", self.link.client is None and not self.voice.in_call(), now)
            self._check(now)
            self._days(now)
            if (self._first and self.link.client is not None) or self.heartbeat.due(now):
                self._beat(now)
            await asyncio.sleep(_TICK_S)

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

    def _days(self, now: int) -> None:
        if now - self._day_ms < _DAY_MS:
            return
        self._day_ms = now
        ended = self.book.tick(now, self.mail.clock.epoch(now), self.modem.registered())
        for fields in ended:
            self.mail.post("day", fields)
        if ended or now - self._day_saved_ms >= _DAY_SAVE_MS:
            self._day_saved_ms = now
            self.save_day()

    def save_day(self) -> None:
        """Store the counts of the running day."""
        if self.storage.write(DAY_FILE, self.book.dump()):
            self.restore("storage_damaged")
        else:
            self.fault("storage_damaged")

    # Heartbeats

    def _beat(self, now: int) -> None:
        """A task of its own: one that a call holds up must not stop the record of the day."""
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self.beat())

    async def beat(self) -> bool:
        """One heartbeat, or one more that was missed (False)."""
        self.count("beats")
        client = self.link.client
        if client is None or self.voice.in_call():
            self.missed += 1
            return False
        try:
            await self.modem.measure()
        except ATError:
            pass  # the figures of the last minute then
        fields = self.mail.stamp()
        fields["s"] = fields["u"]
        fields.update(self.figures())
        try:
            await client.publish(topics.build("up", "hb", self.device), messages.encode("up", "hb", fields))
        except (OSError, LocalProtocolError):
            self.missed += 1
            return False
        self._first = False
        self.missed = 0
        return True

    def figures(self) -> "dict[str, object]":
        """The fields of a heartbeat."""
        modem = self.modem
        return {
            "bat": modem.mv,
            "pct": modem.pct,
            "mains": self.board.mains(),
            "csq": modem.csq,
            "reg": modem.reg,
            "net": "gsm" if modem.registered() else "none",
            "cell": modem.cell or None,
            "heap": self.board.heap(),
            "box": len(self.outbox),
            "drops": self.outbox.drops,
            "call": 1 if self.voice.in_call() else 0,
            "cfg": self.config.ver,
            "rtt": None if self.link.rtt_ms is None else min(self.link.rtt_ms, _RTT_MAX_MS),
            "missed": self.missed,
        }
