"""From a pressed key to a voice: keys, ladder, lamp and calls tied together.

In: contact levels, steps of calls, routes, desk states. Out: presses and reports for the outbox, orders, lamp.
Must never wait in the key loop, and never need storage, network, clock or configuration to dial.
"""

import asyncio

from firmware.app.before import Before
from firmware.app.callback import CallBack
from firmware.app.incoming import Incoming
from firmware.app.kept import Kept
from firmware.app.notes import Notes
from firmware.app.orders import KINDS, Orders
from firmware.app.presses import Presses
from firmware.app.sounds import FULL_VOLUME, Sounds
from firmware.core.debounce import Debouncer
from firmware.core.keys import Keys
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.app.config import Config
    from firmware.app.mail import Mail
    from firmware.app.telemetry import Telemetry
    from firmware.app.texts import Texts
    from firmware.core.indicator import Indicator
    from firmware.core.ladder import Ladder
    from firmware.hal.base import Board
    from firmware.modem.sim800 import Sim800
    from firmware.modem.tts import Tts
    from firmware.modem.voice import Voice
    from firmware.net.link import Link

_POLL_S = const(0.01)  # the debounce integrates samples of 10 ms
# Between two looks at contacts that rest: an edge that nobody told still gets its tone within 100 ms.
_IDLE_MS_MAX = const(50)
_LADDER_MS = const(100)
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
        config: "Config",
        telemetry: "Telemetry",
    ) -> None:
        self.board = board
        self.ladder = ladder
        self.sounds = Sounds(board, indicator, ladder)
        self.mail = mail
        self.kept = Kept(board.nvs)
        self.presses = Presses(mail)
        self.config = config
        self.telemetry = telemetry
        self.keys = Keys(config.times())
        self.debouncer = Debouncer(board.keys, board.now())
        self.faults = 0  # what could not be told or stored; the dial went on
        self.back = CallBack(board.nvs, mail.clock, config)
        self.incoming = Incoming(self)
        self.before = Before(self)
        self.notes = Notes(board, mail, telemetry)
        self.pressed: "list[Callable[[str], None]]" = []  # told of each fired key, when its dial is under way
        self.beat: "Callable[[], None]"  # told of each round of the key loop
        self.voice: "Voice"
        self.modem: "Sim800"
        self.link: "Link"
        self.texts: "Texts"
        self.orders: Orders
        self.unsaved = False
        self._well = True  # the last round of facts and ladder failed nowhere; else the watchdog is right to bite
        self._ladder_ms = 0
        self._voice_up: bool | None = None
        self._data_up: bool | None = None

    def attach(self, modem: "Sim800", voice: "Voice", link: "Link", tts: "Tts", texts: "Texts") -> None:
        """The parts that need us first."""
        self.modem = modem
        self.voice = voice
        self.link = link
        self.texts = texts
        voice.on_shown = self.on_shown
        self.sounds.attach(modem, voice, tts)
        self.orders = Orders(
            self.board,
            voice,
            talking=lambda: self.on_step("talk", None),
            ended=self._ended,
            clearing=lambda: self.act(self.ladder.incoming_gone(self.board.now())),
            clear=lambda: self.act(self.ladder.line_clear(self.board.now())),
        )

    def configure(self) -> None:
        """Take the configuration in force; its plans the ladder has taken already."""
        times, numbers = self.config.times(), self.config.fields["sms"]
        self.keys.configure(times)
        self.ladder.configure(times)
        listed = [str(one) for one in numbers] if isinstance(numbers, (list, tuple)) else None
        self.ladder.last_resorts(listed, self.config.number("em112") == 1)

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
            self.look(self.board.now())
            if self._well:
                self.beat()
            rests = self.debouncer.resting
            await (self.board.edge(min(self.board.idle_ms, _IDLE_MS_MAX)) if rests else asyncio.sleep(_POLL_S))

    def look(self, now: int) -> None:
        """One round of it."""
        edges = self.debouncer.poll(self.board.levels(), now)
        for action in self.keys.edges(edges, now) + self.keys.tick(now):
            self._try(self._on_key, action, now)
        if now - self._ladder_ms >= _LADDER_MS:
            self._ladder_ms = now
            before = self.faults
            self._try(self._facts, now)
            self._try(self._tick, now)
            self._well = self.faults == before
        self._try(self.sounds.show, now)

    def _try(self, part: "Callable[..., None]", *given: object) -> None:
        """One part of the round: whatever becomes of it, the others have their turn, a key that fired above all."""
        try:
            part(*given)
        except Exception:
            self.faults += 1

    def _tick(self, now: int) -> None:
        self.act(self.ladder.tick(now))
        self.presses.keep()

    def _on_key(self, action: "tuple[object, ...]", now: int) -> None:
        what, key = action[0], str(action[1])
        if what == "feedback":
            self.sounds.indicator.feedback(key, now)
            self.sounds.show(now)  # seen and heard before anything else is done about it
        elif what == "fire":
            self._fire(key, str(action[2]), action[3], now)
        elif what == "stuck":
            self.telemetry.stuck(key)
        elif what == "free":
            self.telemetry.free(key)

    def _fire(self, key: str, how: str, hold: object, now: int) -> None:
        if self.before.left is not None:
            self._try(self.before.take_up, False)  # a key means the alarm of before the restart too
        ref, opened = self.mail.ids.next(), self.ladder.ref
        # The order to dial first: what the cloud must know takes the chip longer to write than the modem to hear.
        actions = self._call(key, ref, now)
        self._order(actions)
        try:
            self._press(ref, key, how, hold, now, opened)
        except Exception:
            self.faults += 1
        self._tell_all(actions)

    def _press(  # noqa: PLR0917, what is known of it
        self, ref: str, key: str, how: str, hold: object, now: int, opened: "str | None"
    ) -> None:
        fields: "dict[str, object]" = {"key": key, "hold": hold, "how": how}
        if key == "cancel":
            fields["ref"] = opened
        self.presses.add(ref, now, fields)
        self.board.note("press", {"id": ref, "key": key, "how": how})
        self.telemetry.count("presses")
        for tell in self.pressed:
            tell(key)

    def _call(self, key: str, ref: str, now: int) -> "list[tuple[object, ...]]":
        """What a fired key does to the calls."""
        if key == "cancel":
            if not self.ladder.running and self.voice.in_call():
                return [("hangup",)]
            return self.ladder.cancel(now)
        if key == "sos":
            self.back.pressed(now)
        self.notes.closing = None  # of an alarm that this one may pre-empt
        # A caller of whom the ladder knows is its own business; any other call keeps the line from it.
        rings = self.voice.incoming and not self.ladder.knows_caller
        busy = (self.voice.state != "idle" or rings) and not self.ladder.in_call
        return self.ladder.fire(key, ref, now, self.data_up(), busy)

    def fresh(self, ref: str, now: int) -> bool:
        """Whether an answer to this press may count while no clock can judge it; the ladder knows what is not ours."""
        return self.presses.fresh(ref, now, self.ladder.refs)

    def data_up(self) -> bool:
        """Whether a message would leave now."""
        return self.link.client is not None and not self.held()

    def _line(self, now: int) -> None:
        """What the ladder must know of modem and data before it decides."""
        # A modem that has lost its power does not say so, and nobody has asked it since.
        voice = self.modem.registered() and self.voice.powered() is not False
        data = self.link.client is not None
        if voice != self._voice_up:
            self._voice_up = voice
            self.act(self.ladder.voice(voice, now))
        if data != self._data_up:
            self._data_up = data
            self.act(self.ladder.data(data, now))

    def _facts(self, now: int) -> None:
        self._line(now)
        self.ladder.card(self.modem.sim is not False)
        self.ladder.beside = self.texts.beside
        self.texts.look(now)
        loud = self.back.open(now) or self.ladder.running
        self.modem.volume = FULL_VOLUME if loud else self.config.number("vol")
        self.sounds.tts.volume = FULL_VOLUME if loud else self.config.number("ring")
        voice, data = bool(self._voice_up), bool(self._data_up)
        left = self.before.waits
        self.sounds.facts(now, voice=voice, data=data, fault=self.telemetry.has_fault(), left=left)

    # What the ladder wants

    def act(self, actions: "list[tuple[object, ...]]") -> None:
        """Carry out what the ladder decided. Orders first: nothing that fails on the way to the cloud stops a call."""
        self._order(actions)
        self._tell_all(actions)

    def _order(self, actions: "list[tuple[object, ...]]") -> None:
        for action in actions:
            if action[0] in KINDS:
                self.orders.give(action)

    def _tell_all(self, actions: "list[tuple[object, ...]]") -> None:
        now = self.board.now()
        for action in actions:
            try:
                self._tell(action, now)
            except Exception:
                self.faults += 1

    def _tell(self, action: "tuple[object, ...]", now: int) -> None:
        what = action[0]
        if what == "dial":
            self.notes.number = str(action[2])
        elif what == "tone":
            self.sounds.indicator.tone(str(action[1]), now)
        elif what == "text" and isinstance(action[1], int) and isinstance(action[3], dict):
            self._text(action[1], str(action[2]), action[3])
        elif what == "report" and isinstance(action[2], dict):
            self.notes.report(str(action[1]), action[2])
        elif what == "save":
            self.unsaved = True
            self.mail.kick()
        elif what in ("done", "exhausted"):
            if what == "done":
                self.sounds.speech.done(str(action[1]))
                if action[1] != "exhausted":
                    self.texts.withdraw()
            self.board.note(str(what), {"why": action[1]} if what == "done" else {"ref": action[1]})

    def _text(self, serial: int, number: str, about: "dict[str, object]") -> None:
        pressed = self.presses.at(about["ref"])
        self.texts.give(serial, number, about, None if pressed is None else self.mail.clock.epoch(pressed))

    def texted(self, serial: int, sent: bool) -> None:
        """What became of a short message."""
        self.act(self.ladder.texted(serial, sent, self.board.now()))

    def store(self) -> None:
        """Write the open alarm if it changed. After the outbox: its press must not be less lasting than it is."""
        now = self.board.now()
        if self.unsaved and self.before.left is None and not self.presses.waiting:
            self.unsaved = not self.kept.store(self.ladder.dump(), self.mail.clock.epoch(now))
        self.back.store(now)

    # What the modem says

    def on_step(self, step: str, cause: "str | None") -> None:
        """A step of the call in voice."""
        now = self.board.now()
        self._line(now)  # a modem that restarted takes no dial before it is registered
        if self.orders.attempt is None:
            self.incoming.step(step, cause, now)
        elif step in ("end", "fail"):
            self.orders.end(cause or "")
        else:
            self.act(self.ladder.call(self.orders.attempt, _STEPS[step], now))

    def on_shown(self) -> None:
        """The modem shows that the talk goes on."""
        now = self.board.now()
        if self.orders.attempt is None:
            self.incoming.shown(now)
        else:
            self.act(self.ladder.call(self.orders.attempt, "active", now))

    def _ended(self, attempt: int, cause: str) -> None:
        self.act(self.ladder.call(attempt, "ended", self.board.now(), cause))

    # What the cloud says; exp has been checked

    def receipted(self, ids: "list[str]") -> None:
        """A receipt. Of the last call's end: whatever the desk said during the call has come before it."""
        if self.notes.closing in ids:
            self.notes.closing = None
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
