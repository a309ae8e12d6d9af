"""From a pressed key to a voice: keys, ladder, lamp and calls tied together.

In: contact levels, steps of calls, routes, desk states. Out: presses and reports for the outbox, orders, lamp.
Must never wait in the key loop, and never need storage, network, clock or configuration to dial.
"""

import asyncio

from firmware.app.orders import KINDS, Orders
from firmware.core import callers
from firmware.core.attempt import DUR_MAX_S
from firmware.core.debounce import Debouncer
from firmware.core.keys import Keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.app.config import Config
    from firmware.app.mail import Mail
    from firmware.app.storage import Storage
    from firmware.app.telemetry import Telemetry
    from firmware.core.indicator import Indicator
    from firmware.core.ladder import Ladder
    from firmware.hal.unix import Board
    from firmware.modem.sim800 import Sim800
    from firmware.modem.voice import Voice
    from firmware.net.link import Link

FILE = "alarm"
POLL_S = 0.01  # the debounce integrates samples of 10 ms
LADDER_MS = 100
_RESUME_MS = 45_000  # an alarm of before a restart is taken up again within a minute of it, with or without a modem
_LOOK_S = 0.1
FRESH_MS = 120_000  # for so long a press may be answered while no clock can judge the answer
_FIRED_MAX = 8
HOLD_MAX_MS = 600_000  # of the wire
_STEPS = {"dial": "dialling", "ring": "ringing", "talk": "active", "end": "ended", "fail": "ended"}


class Alarm:
    """Start `run` as a task, and `orders.run`; `resume` once. The sender calls `store`."""

    def __init__(
        self,
        *,
        board: "Board",
        ladder: "Ladder",
        indicator: "Indicator",
        mail: "Mail",
        storage: "Storage",
        config: "Config",
        telemetry: "Telemetry",
    ) -> None:
        self.board = board
        self.ladder = ladder
        self.indicator = indicator
        self.mail = mail
        self.storage = storage
        self.config = config
        self.telemetry = telemetry
        self.keys = Keys(config.times())
        self.debouncer = Debouncer(board.keys, board.now())
        self.faults = 0  # what could not be told or stored; the dial went on
        self.sos_ms: int | None = None  # last SOS, for the call-back window
        self.voice: "Voice"
        self.modem: "Sim800"
        self.link: "Link"
        self.orders: Orders
        self._left: "dict[str, object] | None" = None  # the alarm of before a restart, until it is taken up
        self._unkept: "list[dict[str, object]]" = []  # presses that the outbox could not take yet
        self._fired: "list[tuple[str, int]]" = []  # presses of this boot and when they fired
        self._unsaved = False
        self._number = ""  # last number dialled, for the note
        self._closing: str | None = None  # id of the report that ended the last call
        self._talk_ms: int | None = None
        self._ladder_ms = 0
        self._voice_up: bool | None = None
        self._data_up: bool | None = None

    def attach(self, modem: "Sim800", voice: "Voice", link: "Link") -> None:
        """The parts that need us first."""
        self.modem = modem
        self.voice = voice
        self.link = link
        self.orders = Orders(
            self.board,
            voice,
            talking=lambda: self.on_step("talk", None),
            ended=self._ended,
            clearing=lambda: self.act(self.ladder.incoming_gone(self.board.now())),
            clear=lambda: self.act(self.ladder.line_clear(self.board.now())),
        )

    def held(self) -> bool:
        """A call is up: data is suspended."""
        return self.voice.in_call()

    def wanted(self) -> bool:
        """A call is up or about to be dialled. Not so in the pauses of an exhausted ladder: its press must get out."""
        return self.held() or self.ladder.view(self.board.now())["phase"] in ("calling", "ringing", "talking")

    # Keys, time, lamp

    async def run(self) -> None:
        """The key loop, for ever. Everything in it returns at once."""
        while True:
            now = self.board.now()
            edges = self.debouncer.poll(self.board.levels(), now)
            for action in self.keys.edges(edges, now) + self.keys.tick(now):
                self._on_key(action, now)
            if now - self._ladder_ms >= LADDER_MS:
                self._ladder_ms = now
                self._facts(now)
                self.act(self.ladder.tick(now))
                self._keep()
            self._show(now)
            await asyncio.sleep(POLL_S)

    def _on_key(self, action: "tuple[object, ...]", now: int) -> None:
        what, key = action[0], str(action[1])
        if what == "feedback":
            self.indicator.feedback(key, now)
        elif what == "fire":
            self._fire(key, str(action[2]), action[3], now)
        elif what == "stuck":
            self.telemetry.stuck(key)
        elif what == "free":
            self.telemetry.free(key)

    def _fire(self, key: str, how: str, hold: object, now: int) -> None:
        if self._left is not None:
            self._take_up(False)  # a key means the alarm of before the restart too
        ref = self.mail.ids.next()
        try:
            self._press(ref, key, how, hold, now)
        except Exception:
            self.faults += 1
        self._call(key, ref, now)

    def _press(self, ref: str, key: str, how: str, hold: object, now: int) -> None:
        """The message of a fired key. `hold` is bounded: of all messages this one must never be refused."""
        press = self.mail.stamp(now, ref)
        press["key"] = key
        press["hold"] = min(max(hold, 0), HOLD_MAX_MS) if isinstance(hold, int) else 0
        press["how"] = how
        if key == "cancel":
            press["ref"] = self.ladder.ref
        self._unkept.append(press)
        self._keep()
        if key != "cancel":
            self._fired = (self._fired + [(ref, now)])[-_FIRED_MAX:]
        self.board.note("press", {"id": ref, "key": key, "how": how})
        self.telemetry.count("presses")

    def _call(self, key: str, ref: str, now: int) -> None:
        """What a fired key does to the calls; its press is in the outbox."""
        if key == "cancel":
            if not self.ladder.running and self.voice.in_call():
                self.orders.give(("hangup",))
            self.act(self.ladder.cancel(now))
            return
        if key == "sos":
            self.sos_ms = now
        self._closing = None  # of an alarm that this one may pre-empt
        # A caller of whom the ladder knows is its own business; any other call keeps the line from it.
        rings = self.voice.incoming and not self.ladder.knows_caller
        busy = (self.voice.state != "idle" or rings) and not self.ladder.in_call
        self.act(self.ladder.fire(key, ref, now, self.data_up(), busy))

    def _keep(self) -> None:
        """Presses into the outbox. Should that fail they wait here: the call does not."""
        while self._unkept:
            try:
                self.mail.keep("press", self._unkept[0])
            except Exception:
                self.faults += 1
                return
            self._unkept.pop(0)

    def fresh(self, ref: str, now: int) -> bool:
        """Whether an answer to this press may count while no clock can judge it; the ladder knows what is not ours."""
        for one, at in self._fired:
            if one == ref:
                return now - at <= FRESH_MS
        return ref not in self.ladder.refs  # of an earlier boot: nobody knows how long ago that was

    def data_up(self) -> bool:
        """Whether a message would leave now."""
        return self.link.client is not None and not self.held()

    def _facts(self, now: int) -> None:
        voice, data = self.modem.registered(), self.link.client is not None
        if voice != self._voice_up:
            self._voice_up = voice
            self.act(self.ladder.voice(voice, now))
        if data != self._data_up:
            self._data_up = data
            self.act(self.ladder.data(data, now))
        view = self.ladder.view(now)
        if self.voice.state == "talking":
            view = {"phase": "talking", "desk": view["desk"]}  # an answered caller is a talk too
        self.indicator.facts(
            now,
            started=self.modem.identified.is_set(),
            voice=voice,
            data=data,
            fault=self.telemetry.has_fault(),
            ladder=view,
        )

    def _show(self, now: int) -> None:
        for what, value in self.indicator.tick(now):
            if what == "lamp":
                self.board.lamp(value)
            else:
                self.board.beep(value)

    # What the ladder wants

    def act(self, actions: "list[tuple[object, ...]]") -> None:
        """Carry out what the ladder decided. Orders first: nothing that fails on the way to the cloud stops a call."""
        for action in actions:
            if action[0] in KINDS:
                self.orders.give(action)
        now = self.board.now()
        for action in actions:
            try:
                self._tell(action, now)
            except Exception:
                self.faults += 1

    def _tell(self, action: "tuple[object, ...]", now: int) -> None:
        what = action[0]
        if what == "dial":
            self._number = str(action[2])
        elif what == "tone":
            self.indicator.tone(str(action[1]), now)
        elif what == "report" and isinstance(action[2], dict):
            self._report(str(action[1]), action[2])
        elif what == "save":
            self._unsaved = True
            self.mail.kick()
        elif what in ("done", "exhausted"):
            self.board.note(str(what), {"why": action[1]} if what == "done" else {"ref": action[1]})

    def _report(self, kind: str, fields: "dict[str, object]") -> None:
        message_id = self.mail.post(kind, fields)
        if kind == "call":
            if fields.get("step") in ("end", "fail"):
                self._closing = message_id
            self._note_call(fields)

    def _note_call(self, fields: "dict[str, object]") -> None:
        step = fields.get("step")
        about = {"ref": fields.get("ref"), "label": fields.get("to"), "number": self._number}
        if step == "dial":
            about["src"] = fields.get("src")
            self.board.note("dial", about)
        elif step == "talk":
            self.telemetry.count("answered")
            self.board.note("talking", about)
        elif step in ("end", "fail"):
            about["step"] = step
            about["cause"] = fields.get("cause")
            self.board.note("ended", about)

    def store(self) -> None:
        """Write the open alarm if it changed. After the outbox: its press must not be less lasting than it is."""
        if not self._unsaved or self._left is not None or self._unkept:
            return
        dump = self.ladder.dump()
        self._unsaved = False
        if dump is None:
            self.storage.remove(FILE)
        else:
            self._unsaved = not self.storage.write(FILE, dump)

    # What the modem says

    def on_step(self, step: str, cause: "str | None") -> None:
        """A step of the call in voice."""
        now = self.board.now()
        if self.orders.attempt is not None:
            if step in ("end", "fail"):
                self.orders.end(cause or "")
            else:
                self.act(self.ladder.call(self.orders.attempt, _STEPS[step], now))
        elif step == "talk":
            self._talk_ms = now
            self._report("call", {"dir": "in", "step": "talk"})
        elif step in ("end", "fail"):
            self.act(self.ladder.line_clear(now))
            if step == "end":
                seconds = 0 if self._talk_ms is None else (now - self._talk_ms) // 1000
                self._report("call", {"dir": "in", "step": "end", "dur": min(seconds, DUR_MAX_S), "cause": cause})

    def _ended(self, attempt: int, cause: str) -> None:
        self.act(self.ladder.call(attempt, "ended", self.board.now(), cause))

    def on_incoming(self, number: str) -> None:
        """Somebody rings. The ladder always hears of it: an alarm that begins now answers a target of its own."""
        now = self.board.now()
        running = self.ladder.running
        self.act(self.ladder.incoming(number, now))
        if running or self.voice.state != "idle":
            return  # and a talk is not cut for whoever waits
        since = None if self.sos_ms is None else now - self.sos_ms
        what = callers.decide(number, self.config.allowed(), self.config.number("back") * 60_000, since)
        if what == "answer":
            self.orders.give(("answer", None))
        elif what == "ring":
            self.indicator.tone("ringing", now)
        else:
            self.orders.give(("hangup",))
            self.telemetry.event("call_refused")

    def on_missed(self) -> None:
        """The caller gave up, or could not be answered."""
        self.act(self.ladder.incoming_gone(self.board.now()))
        if self.orders.attempt is not None and self.voice.state == "idle":
            self.orders.end("no_carrier")
        elif not self.ladder.running:
            self.telemetry.event("call_missed")

    # What the cloud says; exp has been checked

    def receipted(self, ids: "list[str]") -> None:
        """A receipt. Of the last call's end: whatever the desk said during the call has come before it."""
        if self._closing in ids:
            self._closing = None
            self.act(self.ladder.heard(self.board.now()))

    def route(self, fields: "dict[str, object]") -> None:
        """A `route` message for the open press."""
        ver = fields["ver"]
        ignored = self.ladder.ignored
        orders = self.ladder.route(
            str(fields["ref"]),
            str(fields["case"]),
            ver if isinstance(ver, int) else 0,
            fields["plan"],
            self.board.now(),
        )
        taken = ignored == self.ladder.ignored
        self.board.note("route", {"ref": fields["ref"], "ver": ver, "source": "route" if taken else "ignored"})
        self.act(orders)

    def desk(self, fields: "dict[str, object]") -> None:
        """A `desk` message for the open press."""
        self.board.note("desk", {"ref": fields["ref"], "st": fields["st"]})
        self.act(self.ladder.desk(str(fields["ref"]), str(fields["st"]), self.board.now()))

    async def resume(self) -> None:
        """After a start: the alarm that a restart cut goes on where it was, with the call if it still stands."""
        dump = self.storage.read(FILE)
        self._left = dump if isinstance(dump, dict) else None
        begun = self.board.now()
        while not self.modem.ready and self.board.now() - begun < _RESUME_MS:  # noqa: ASYNC110 - a fact, not an event
            await asyncio.sleep(_LOOK_S)
        talking = await self.voice.adopt()
        if self._left is not None:
            self._take_up(talking)

    def _take_up(self, talking: bool) -> None:
        dump, self._left = self._left, None
        if dump is None:
            return
        orders = self.ladder.restore(dump, self.board.now(), talking)
        count = dump.get("count")
        if self.ladder.in_call and isinstance(count, int):
            self.orders.attempt = count  # the call of before the restart: its end belongs to this attempt
        self.act(orders)
