"""Messages from the cloud, each to the part that acts on it.

In: topic and payload as they arrived. Out: receipts to the outbox, routes and desk states to the alarm, configurations,
results. Must never act on what is not for this terminal, not whole, or past its time; and a command runs once.
"""

import asyncio

from protocol import const, messages, topics
from protocol.errors import RemoteProtocolError

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from firmware.app.alarm import Alarm
    from firmware.app.config import Config
    from firmware.app.mail import Mail
    from firmware.app.selftest import SelfTest
    from firmware.app.storage import Storage
    from firmware.app.telemetry import Telemetry
    from firmware.core.outbox import Outbox
    from firmware.hal.base import Board
    from firmware.net.sender import Sender

_FILE = const("commands")
_KNOWN_MAX = const(16)  # a session is redelivered at most once; the broker holds few commands per terminal
_WAITING_MAX = const(4)
_REFUSED_EVERY_MS = const(60_000)  # a broken sender must not fill the outbox with our complaints
_FAREWELL_S = const(5.0)  # for the result of a reboot to leave before it
# Minutes as shipped and at most: whoever is answered by itself hears the home.
_CALLBACK_MIN = const(30)
_CALLBACK_MAX = const(60)
_NUMBER_DIGITS = const((3, 19))


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
        selftest: "SelfTest",
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
        self.selftest = selftest
        self.failures: "dict[str, int]" = {}  # task: times it died
        self.refused = 0  # messages that broke the contract
        self._refused_ms: int | None = None
        self._waiting: "list[dict[str, object]]" = []
        self._wake = asyncio.Event()
        self._known: "list[str]" = []  # ids of the last commands
        self._begun: "list[str]" = []  # of them those without a result
        stored = storage.read(_FILE)
        if isinstance(stored, dict):
            known, begun = stored.get("known"), stored.get("begun")
            self._known = [str(cid) for cid in known][-_KNOWN_MAX:] if isinstance(known, list) else []
            self._begun = [cid for cid in self._known if isinstance(begun, list) and cid in begun]

    def resume(self) -> None:
        """After a start: commands that it cut are answered, each exactly once."""
        answered = [fields.get("cid") for fields in self.outbox.held("result")]
        for cid in list(self._begun):
            if cid in answered:
                self._begun.remove(cid)  # the cut came between its result and our note of it
            else:
                self._result(cid, "failed", "interrupted by a restart")

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

    def too_large(self) -> None:
        """A message came that the terminal has no room for; it was skipped."""
        self._complain("size")

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
        self.alarm.configure()
        self.telemetry.pace(self.board.now())
        self.telemetry.modem.volume = self.config.number("vol")
        if self.config.unsaved:
            self.telemetry.stored(False)  # in force all the same, until the next start
        self.telemetry.event("config_applied", version)

    def _command(self, fields: "dict[str, object]") -> None:
        cid = str(fields["cid"])
        if cid in self._known:
            return
        # Stored before it runs: a reboot that is redelivered after the reboot would never end.
        self._known = (self._known + [cid])[-_KNOWN_MAX:]
        self._begun = [one for one in self._begun if one in self._known] + [cid]
        self._note()
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
                await self._do(fields)
            except Exception:
                self._result(cid, "failed", "fault in the firmware")

    async def _do(self, fields: "dict[str, object]") -> None:
        cid, what, exp = str(fields["cid"]), str(fields["do"]), fields["exp"]
        clock = self.mail.clock
        if not clock.is_set:
            self._result(cid, "refused", "clock unset")
        elif isinstance(exp, int) and clock.expired(exp, self.board.now()):
            self._result(cid, "expired", None)
        elif what == "selftest":
            await self._selftest(cid)
        elif what == "report":
            await self._report(cid)
        elif what == "callback":
            args = fields.get("args")
            self._callback(cid, args if isinstance(args, dict) else {})
        elif what == "reboot":
            await self._reboot(cid)
        else:
            self._result(cid, "unknown", "not in this firmware")

    async def _selftest(self, cid: str) -> None:
        failed = None if self._needed() else await self.selftest.test()
        if failed is None:
            self._result(cid, "refused", "in a call or alarm")
        else:
            why = "parts in vals" if failed else None
            self._result(cid, "failed" if failed else "done", why, self.selftest.figures(failed))

    async def _report(self, cid: str) -> None:
        telemetry, outbox = self.telemetry, self.outbox
        vals: "list[list[object]]" = [
            ["drops", outbox.drops],
            ["aside", outbox.aside],
            ["damaged", outbox.damaged],
            ["refused", self.refused],
            ["restarts", telemetry.modem.restarts],
            ["deaths", sum(self.failures.values())],
            ["open", len(telemetry.faults.open())],
            ["undated", telemetry.book.lost_minutes],
        ]
        if await telemetry.beats.beat():
            self._result(cid, "done", None, vals)
        else:
            self._result(cid, "failed", "not sent", vals)

    def _callback(self, cid: str, args: "dict[str, object]") -> None:
        """The desk will ring: for some minutes it is answered without a hand."""
        minutes, number = args.get("minutes", _CALLBACK_MIN), args.get("number", "")
        if self._needed():
            self._result(cid, "refused", "in a call or alarm")
        elif not isinstance(minutes, int) or not 1 <= minutes <= _CALLBACK_MAX:
            self._result(cid, "refused", "minutes: 1 to %d" % _CALLBACK_MAX)
        elif number != "" and not _is_number(number):
            self._result(cid, "refused", "number")
        else:
            self.alarm.incoming.announced.open(str(number), minutes, self.board.now())
            self._result(cid, "done", None, [["minutes", minutes]])

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
        if cid in self._begun:
            self.sender.store()  # first: a cut between the two must not take the result away, nor make a second one
            self._begun.remove(cid)
            self._note()

    def _note(self) -> None:
        self.storage.write(_FILE, {"known": self._known, "begun": self._begun})


def _is_number(text: object) -> bool:
    digits = text[1:] if isinstance(text, str) and text[:1] == "+" else text
    low, high = _NUMBER_DIGITS
    return isinstance(digits, str) and low <= len(digits) <= high and not digits.strip("0123456789")
