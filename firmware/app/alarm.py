"""From a pressed key to a voice: keys, ladder, lamp and calls tied together.

In: contact levels, steps of calls, routes, desk states. Out: presses and reports for the outbox, orders, lamp.
Must never wait in the key loop, and never need storage, network, clock or configuration to dial.
"""

import asyncio

from firmware.core import callers
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
_RESUME_S = 45.0  # an alarm of before a restart is taken up again within a minute of it, with or without a modem
_STEPS = {"dial": "dialling", "ring": "ringing", "talk": "active", "end": "ended", "fail": "ended"}


class Alarm:
    """Start `run` and `work` as tasks, `resume` once."""

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
        self.attempt: int | None = None  # the ladder's attempt that voice is busy with
        self.faults = 0  # reports that could not be made; the dial went on
        self.sos_ms: int | None = None  # last SOS, for the call-back window
        self.voice: "Voice"
        self.modem: "Sim800"
        self.link: "Link"
        self._orders: "list[tuple[object, ...]]" = []
        self._ordered = asyncio.Event()
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
        fields: dict[str, object] = {"key": key, "hold": hold, "how": how}
        if key == "cancel":
            fields["ref"] = self.ladder.ref
        try:
            ref = self.mail.post("press", fields, now)
            self.board.note("press", {"id": ref, "key": key, "how": how})
            self.telemetry.count("presses")
        except Exception:
            self.faults += 1
            ref = self.mail.ids.next()
        if key == "cancel":
            if not self.ladder.running and self.voice.in_call():
                self._order(("hangup",))
            self.act(self.ladder.cancel(now))
            return
        if key == "sos":
            self.sos_ms = now
        self._closing = None  # of an alarm that this one may pre-empt
        busy = self.voice.in_call() and not self.ladder.in_call
        self.act(self.ladder.fire(key, ref, now, self.data_up(), busy))

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
        """Carry out what the ladder decided."""
        now = self.board.now()
        for action in actions:
            what = action[0]
            if what in ("dial", "hangup", "answer", "restart_modem"):
                if what == "dial":
                    self._number = str(action[2])
                self._order(action)
            elif what == "tone":
                self.indicator.tone(str(action[1]), now)
            elif what == "report" and isinstance(action[2], dict):
                self._report(str(action[1]), action[2])
            elif what == "save":
                self._save()
            elif what in ("done", "exhausted"):
                self.board.note(str(what), {"why": action[1]} if what == "done" else {"ref": action[1]})

    def _report(self, kind: str, fields: "dict[str, object]") -> None:
        try:
            message_id = self.mail.post(kind, fields)
            if kind == "call":
                if fields.get("step") in ("end", "fail"):
                    self._closing = message_id
                self._note_call(fields)
        except Exception:
            self.faults += 1

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

    def _save(self) -> None:
        dump = self.ladder.dump()
        if dump is None:
            self.storage.remove(FILE)
        else:
            self.storage.write(FILE, dump)

    def _order(self, order: "tuple[object, ...]") -> None:
        self._orders.append(order)
        self._ordered.set()

    async def work(self) -> None:
        """Gives the ladder's orders to the modem one after the other, for ever."""
        while True:
            while not self._orders:
                self._ordered.clear()
                await self._ordered.wait()
            await self._obey(self._orders.pop(0))

    async def _obey(self, order: "tuple[object, ...]") -> None:
        what = order[0]
        if what == "dial":
            self.attempt = _attempt(order)
            await self.voice.dial(str(order[2]))
        elif what == "answer":
            self.attempt = _attempt(order)
            await self.voice.answer()
        elif what == "hangup":
            await self._hang_up()
        elif self.board.restart_modem is not None:
            await self.board.restart_modem()
        else:
            self.board.note("no_power_switch", {})

    async def _hang_up(self) -> None:
        ours = self.attempt is not None
        await self.voice.hang_up("local_hangup")
        await self.voice.refuse()
        if not ours:
            self.act(self.ladder.line_clear(self.board.now()))
        else:
            self._ended("local_hangup")  # nothing if the step of the call has told it already

    # What the modem says

    def on_step(self, step: str, cause: "str | None") -> None:
        """A step of the call in voice."""
        now = self.board.now()
        if self.attempt is not None:
            if step in ("end", "fail"):
                self._ended(cause)
            else:
                self.act(self.ladder.call(self.attempt, _STEPS[step], now))
        elif step == "talk":
            self._talk_ms = now
            self._report("call", {"dir": "in", "step": "talk"})
        elif step == "end":
            seconds = 0 if self._talk_ms is None else (now - self._talk_ms) // 1000
            self._report("call", {"dir": "in", "step": "end", "dur": seconds, "cause": cause})
            if self.ladder.running:
                self.act(self.ladder.line_clear(now))

    def _ended(self, cause: "str | None") -> None:
        attempt, self.attempt = self.attempt, None
        if attempt is not None:
            self.act(self.ladder.call(attempt, "ended", self.board.now(), cause))

    def on_incoming(self, number: str) -> None:
        """Somebody rings."""
        now = self.board.now()
        if self.ladder.running:
            self.act(self.ladder.incoming(number, now))
            return
        since = None if self.sos_ms is None else now - self.sos_ms
        what = callers.decide(number, self.config.allowed(), self.config.number("back") * 60_000, since)
        if what == "answer":
            self._order(("answer", None))
        elif what == "ring":
            self.indicator.tone("ringing", now)
        else:
            self.telemetry.event("call_refused")
            self._order(("hangup",))

    def on_missed(self) -> None:
        """The caller gave up, or could not be answered."""
        if self.attempt is not None and self.voice.state == "idle":
            self._ended("no_carrier")
        elif self.ladder.running:
            self.act(self.ladder.incoming_gone(self.board.now()))
        else:
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
        """An alarm that a restart of the terminal cut: go on where it was, with the call if it still stands."""
        dump = self.storage.read(FILE)
        if not isinstance(dump, dict):
            return
        try:
            await asyncio.wait_for(self.modem.identified.wait(), _RESUME_S)
        except asyncio.TimeoutError:
            pass
        if not self.ladder.running:
            talking = await self.voice.adopt()
            orders = self.ladder.restore(dump, self.board.now(), talking)
            count = dump.get("count")
            if self.ladder.in_call and isinstance(count, int):
                self.attempt = count  # the call of before the restart: its end belongs to this attempt
            self.act(orders)


def _attempt(order: "tuple[object, ...]") -> "int | None":
    return order[1] if isinstance(order[1], int) else None
