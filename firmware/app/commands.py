"""Messages from the cloud, each to the part that acts on it.

In: topic and payload as they arrived. Out: receipts to the outbox, routes and desk states to the alarm, configurations,
results. Must never act on what is not for this terminal, not whole, or past its time; and a command runs once.
"""

import asyncio

from protocol import codes, messages, topics
from protocol.errors import RemoteProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.app.alarm import Alarm
    from firmware.app.config import Config
    from firmware.app.mail import Mail
    from firmware.app.storage import Storage
    from firmware.app.telemetry import Telemetry
    from firmware.core.outbox import Outbox
    from firmware.hal.unix import Board
    from firmware.net.sender import Sender

FILE = "commands"
_KNOWN_MAX = 16  # a session is redelivered at most once; the broker holds few commands per terminal
_WAITING_MAX = 4
_REFUSED_EVERY_MS = 60_000  # a broken sender must not fill the outbox with our complaints
_FAREWELL_S = 5.0  # for the result of a reboot to leave before it


class Commands:
    """Give `on_message` to the link; start `run` as a task."""

    def __init__(
        self,
        *,
        device: str,
        board: "Board",
        mail: "Mail",
        outbox: "Outbox",
        storage: "Storage",
        config: "Config",
        telemetry: "Telemetry",
        alarm: "Alarm",
        sender: "Sender",
    ) -> None:
        self.device = device
        self.board = board
        self.mail = mail
        self.outbox = outbox
        self.storage = storage
        self.config = config
        self.telemetry = telemetry
        self.alarm = alarm
        self.sender = sender
        self.refused = 0  # messages that broke the contract
        self._refused_ms: int | None = None
        self._waiting: "list[dict[str, object]]" = []
        self._wake = asyncio.Event()
        known = storage.read(FILE)
        self._known: list[str] = [str(cid) for cid in known] if isinstance(known, list) else []

    def on_message(self, topic: str, payload: bytes) -> None:
        """Take one message; returns at once."""
        try:
            direction, kind, device = topics.parse(topic)
            if direction != "down" or device != self.device:
                return
            fields = messages.decode("down", kind, payload)
        except RemoteProtocolError as error:
            self._complain(error.reason)
            return
        if kind == "receipt":
            self._receipt([str(one) for one in fields["of"]] if isinstance(fields["of"], (list, tuple)) else [])
        elif kind == "config":
            self._config(fields)
        elif kind == "cmd":
            self._command(fields)
        elif self._late(fields):
            self.board.note("expired", {"kind": kind})
        elif kind == "route":
            self.alarm.route(fields)
        elif kind == "desk":
            self.alarm.desk(fields)

    def _late(self, fields: "dict[str, object]") -> bool:
        """Whether a route or a word of the desk comes too late to be acted on."""
        exp, now = fields["exp"], self.board.now()
        if self.mail.clock.is_set:
            return isinstance(exp, int) and self.mail.clock.expired(exp, now)
        return not self.alarm.fresh(str(fields["ref"]), now)

    def _complain(self, reason: str) -> None:
        self.refused += 1
        now = self.board.now()
        if self._refused_ms is None or now - self._refused_ms >= _REFUSED_EVERY_MS:
            self._refused_ms = now
            self.telemetry.event("message_refused", None, reason)

    def _receipt(self, ids: "list[str]") -> None:
        gone = self.outbox.receipt(ids, self.board.now())
        self.board.note("receipt", {"ids": ids, "gone": gone, "left": len(self.outbox)})
        self.alarm.receipted(ids)
        self.sender.kick()

    def _config(self, fields: "dict[str, object]") -> None:
        reason = self.config.apply(fields, self.alarm.ladder.set_plans)
        self.board.note("config", {"ver": fields["ver"], "ok": not reason})
        version = fields["ver"] if isinstance(fields["ver"], int) else None
        if reason:
            self.telemetry.event("config_refused", version, reason[:32])
            return
        self.alarm.keys.configure(self.config.times())
        self.alarm.ladder.configure(self.config.times())
        self.telemetry.heartbeat.set_every(self.config.number("hb"), self.board.now())
        self.telemetry.modem.volume = self.config.number("vol")
        self.telemetry.event("config_applied", version)

    def _command(self, fields: "dict[str, object]") -> None:
        cid = str(fields["cid"])
        if cid in self._known:
            return
        # Stored before it runs: a reboot that is redelivered after the reboot would never end.
        self._known = (self._known + [cid])[-_KNOWN_MAX:]
        self.storage.write(FILE, self._known)
        if len(self._waiting) >= _WAITING_MAX:
            self._result(cid, "refused", "too many at once")
            return
        self._waiting.append(fields)
        self._wake.set()

    async def run(self) -> None:
        """Runs commands one after the other, for ever."""
        while True:
            while not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            fields = self._waiting.pop(0)
            cid = str(fields["cid"])
            try:
                await self._do(cid, str(fields["do"]), fields["exp"])
            except Exception:
                self._result(cid, "failed", "fault in the firmware")

    async def _do(self, cid: str, what: str, exp: object) -> None:
        clock = self.mail.clock
        if not clock.is_set:
            self._result(cid, "refused", "clock unset")
        elif isinstance(exp, int) and clock.expired(exp, self.board.now()):
            self._result(cid, "expired", None)
        elif what == "selftest":
            await self._selftest(cid)
        elif what == "report":
            if await self.telemetry.beat():
                self._result(cid, "done", None)
            else:
                self._result(cid, "failed", "not sent")
        elif what == "reboot":
            await self._reboot(cid)
        else:
            self._result(cid, "unknown", "not in this firmware")

    async def _selftest(self, cid: str) -> None:
        failed = self.failed_parts()
        mask = 0
        for part in failed:
            mask |= 1 << codes.SELFTEST_PARTS.index(part)
        if mask:
            self.telemetry.fault("selftest_failed", mask)
        else:
            self.telemetry.restore("selftest_failed")
        modem = self.telemetry.modem
        figures = [["failed", mask], ["csq", modem.csq], ["reg", modem.reg], ["restarts", modem.restarts]]
        self._result(cid, "failed" if mask else "done", "parts in vals" if mask else None, figures)

    def failed_parts(self) -> "list[str]":
        """Parts of codes.SELFTEST_PARTS that this board can test and that are not well."""
        modem = self.telemetry.modem
        tests = (
            ("modem", modem.ready and not modem.at.silent),
            ("sim", bool(modem.sim)),
            ("voice", modem.registered()),
            ("data", self.telemetry.link.client is not None),
            ("keys", not [level for level in self.board.levels() if level]),
            ("storage", self.storage.write("selftest", 1)),
            ("clock", self.mail.clock.is_set),
        )
        return [part for part, well in tests if not well]

    async def _reboot(self, cid: str) -> None:
        if self._needed():
            self._result(cid, "refused", "in a call or alarm")
            return
        self._result(cid, "done", None)
        self.storage.write("cause", "command")
        await asyncio.sleep(_FAREWELL_S)
        self.sender.store()
        self.alarm.store()
        self.telemetry.save_day()
        if self._needed():
            return  # somebody pressed meanwhile: that goes first, and the desk sees no boot message
        self.board.reboot()

    def _needed(self) -> bool:
        return self.alarm.wanted() or self.alarm.ladder.running

    def _result(self, cid: str, st: str, why: "str | None", vals: "list[list[object]] | None" = None) -> None:
        self.mail.post("result", {"cid": cid, "st": st, "why": why, "vals": vals})
