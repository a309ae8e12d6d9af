"""The ladder against a small model, under everything that user, modem, network and desk can do in any order.

The model knows the line (one call at most), the rules for ending an SOS and for short messages, how long the elder may
hear nothing, and nothing about how the ladder is built. Resets go through the chip's storage.
"""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from firmware.app.kept import Kept
from firmware.core import limits, sms
from firmware.core.indicator import Indicator
from firmware.core.ladder import Ladder
from firmware.hal.base import NVS_BLOB_MAX, Nvs
from protocol import codes, messages
from tests.firmware.core.bench import DAUGHTER, DESK, PLANS, SON, STATION

RUNG = st.sampled_from([DESK, SON, DAUGHTER, STATION, ("weak desk", DESK[1], 5, 0)])
CAUSES = st.sampled_from(["busy", "no_answer", "no_carrier", "modem_reset", "timeout", "no_registration", None])


SILENCE_MS = 5_000
TEXTED = [SON[1], "13800000003"]


class Chip(Nvs):
    """The storage of a chip that works."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    def get(self, name: str) -> bytes | None:
        return self.values.get(name)

    def set(self, name: str, data: bytes) -> bool:
        assert len(data) <= NVS_BLOB_MAX
        self.values[name] = data
        return True

    def remove(self, name: str) -> None:
        self.values.pop(name, None)


class Model:
    """What must be true: the line, the open alarm, and whether it may end."""

    def __init__(self) -> None:
        self.line: int | None = None  # attempt on the line
        self.hanging = False
        self.talk_at: int | None = None
        self.staffed = False
        self.may_end: set[str] = set()  # ways in which the running alarm may end now
        self.key: str | None = None
        self.talks: dict[int, int] = {}  # attempt: reports of talk
        self.closed: dict[int, int] = {}  # attempt: closing reports
        self.restarts = 0
        self.exhausted = False
        self.voice = True
        self.text: tuple[int, str, int] | None = None  # message under way: serial, number, wave
        self.text_at = 0
        self.tries: dict[tuple[str, int], int] = {}  # (number, wave): times it was sent out
        self.texted: set[tuple[str, int]] = set()  # those that must not go out again
        self.heard = 0  # last tone
        self.pressed: tuple[str, int] | None = None  # key and time of the latest press while an alarm ran

    def open(self, key: str) -> None:
        """A new alarm."""
        self.key, self.restarts, self.exhausted, self.pressed = key, 0, False, None
        self.may_end = {"exhausted"} if key != "sos" else set()
        self.text, self.tries, self.texted = None, {}, set()

    def shown(self, now: int) -> None:
        """Ten seconds of talk, as the modem shows it: the end of any alarm, of an SOS only with a staffed target."""
        if self.talk_at is not None and now - self.talk_at >= 10_000 and (self.staffed or self.key != "sos"):
            self.may_end.add("answered")


class LadderMachine(RuleBasedStateMachine):
    """Ladder and model side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.shower = Indicator()
        self.kept = Kept(Chip())
        self.beside = False
        self.em112 = False
        self.ladder = self.fresh()
        self.now = 1_000
        self.presses = 0
        self.pending: list[int] = []  # attempts in order of dialling, to match reports with them

    def fresh(self) -> Ladder:
        """As after a start."""
        ladder = Ladder(PLANS, 1)
        ladder.beside = self.beside
        ladder.last_resorts(TEXTED, self.em112)
        return ladder

    @initialize(beside=st.booleans(), em112=st.booleans())
    def district(self, beside: bool, em112: bool) -> None:
        self.beside, self.em112 = beside, em112
        self.ladder = self.fresh()
        self.do(self.ladder.voice(True, self.now))

    def listen(self) -> None:
        """The key loop's part: lamp and tones."""
        view = self.ladder.view(self.now)
        self.shower.facts(self.now, started=True, voice=self.model.voice, data=True, fault=False, ladder=view)
        if [action for action in self.shower.tick(self.now) if action[0] == "beep"]:
            self.model.heard = self.now
        if view["phase"] in ("idle", "talking"):
            self.model.heard = self.now
        assert self.now - self.model.heard <= SILENCE_MS, view

    def check_text(self, serial: int, number: str, about: dict[str, Any]) -> None:
        """One at a time, to whom it may go, no more often than it may, and never in the way of a call."""
        model = self.model
        assert model.text is None or self.now - model.text_at >= sms.FLIGHT_MS, "two messages at once"
        assert model.line is None or self.beside, "a message on the line"
        assert number in TEXTED
        one = (number, about["wave"])
        assert one not in model.texted, "the same message twice"
        model.tries[one] = model.tries.get(one, 0) + 1
        assert model.tries[one] <= sms._TRIES
        model.text, model.text_at = (serial, *one), self.now

    def do(self, actions: list[tuple[Any, ...]]) -> None:
        """Carry out and check every action."""
        model = self.model
        for action in actions:
            what = action[0]
            if what in ("dial", "answer"):
                assert model.line is None, "a second call"
                assert self.ladder.running
                assert what == "answer" or action[2] != "112" or (self.em112 and not model.voice)
                model.line, model.hanging, model.talk_at = action[1], False, None
                self.pending.append(action[1])
            elif what == "hangup":
                model.hanging = True
            elif what == "restart_modem":
                model.restarts += 1
                model.hanging = True  # it takes the call with it
                assert model.restarts <= 1, "the modem was restarted twice in one alarm"
            elif what == "exhausted":
                assert not model.exhausted, "told twice"
                model.exhausted = True
            elif what == "report":
                self.check_report(action[1], action[2])
            elif what == "done":
                assert action[1] in model.may_end, action[1]
                model.key = None
                again, model.pressed = model.pressed, None
                if action[1] == "answered" and again is not None and self.now - again[1] <= limits.LAST_WORD_MS:
                    model.open(again[0])
            elif what == "tone":
                assert action[1] in codes.BEEPS
                self.shower.tone(action[1], self.now)
            elif what == "text":
                self.check_text(action[1], action[2], action[3])

    def check_report(self, kind: str, fields: dict[str, Any]) -> None:
        """Valid on the wire; one `talk` per answered attempt, one closing report per attempt."""
        messages.encode("up", kind, {**fields, "id": "0123abcd.1.1", "t": None, "u": 0, "s": 0})
        if kind != "call":
            return
        attempt = self.pending[-1]
        if fields["step"] in ("dial", "ring"):
            self.model.staffed = fields["to"] in ("desk", "station", "weak desk")
        elif fields["step"] == "talk":
            self.model.talks[attempt] = self.model.talks.get(attempt, 0) + 1
        else:
            self.model.closed[attempt] = self.model.closed.get(attempt, 0) + 1
            assert (fields["step"] == "end") == (attempt in self.model.talks)

    def end_line(self, cause: str | None) -> None:
        """The call of the line is gone."""
        number, self.model.line = self.model.line, None
        self.model.talk_at = None
        if number is not None:
            self.do(self.ladder.call(number, "ended", self.now, cause))

    @rule(key=st.sampled_from(["sos", "sos", "k1", "k2"]), data=st.booleans())
    def fire(self, key: str, data: bool) -> None:
        self.presses += 1
        model = self.model
        new = model.key is None or (key == "sos" and model.key != "sos")
        preempts = not new and model.key not in ("sos", key) and model.talk_at is None
        if new or preempts:
            model.may_end = {"preempted"} if model.key is not None else set()
        else:
            model.pressed = (key, self.now)
        self.do(self.ladder.fire(key, f"0123abcd.1.{self.presses}", self.now, data))
        if new or preempts:
            model.open(key)

    @rule()
    def cancel(self) -> None:
        self.model.may_end.add("cancelled")
        self.do(self.ladder.cancel(self.now))
        self.model.may_end.discard("cancelled")
        assert not self.ladder.running

    @rule(ms=st.sampled_from([100, 1_000, 3_000, 10_000, 30_000, 61_000]))
    def wait(self, ms: int) -> None:
        for _ in range(0, ms, 500 if ms > 3_000 else 100):
            self.now += 500 if ms > 3_000 else 100
            if self.model.hanging:
                self.model.hanging = False
                self.end_line(None)
                self.do(self.ladder.line_clear(self.now))
            self.do(self.ladder.tick(self.now))
            self.listen()

    @precondition(lambda self: self.model.text is not None)
    @rule(sent=st.booleans())
    def texted(self, sent: bool) -> None:
        """What became of the message under way."""
        assert self.model.text is not None
        serial, number, wave = self.model.text
        self.model.text = None
        if sent:
            self.model.texted.add((number, wave))
        self.do(self.ladder.texted(serial, sent, self.now))

    @rule(present=st.booleans())
    def card(self, present: bool) -> None:
        self.ladder.card(present)

    @precondition(lambda self: self.model.line is not None)
    @rule(what=st.sampled_from(["dialling", "ringing", "active"]))
    def progress(self, what: str) -> None:
        # Of a call that a reset made forget the ladder hears nothing: it only clears the line.
        if what == "active" and self.model.talk_at is None and self.ladder.in_call:
            self.model.talk_at = self.now
        if what == "active":
            self.model.shown(self.now)
        assert self.model.line is not None
        if what == "ringing" and not self.model.hanging and self.model.talk_at is not None:
            self.model.talk_at = None  # it was none
            self.model.talks.pop(self.model.line, None)
        self.do(self.ladder.call(self.model.line, what, self.now))

    @precondition(lambda self: self.model.line is not None)
    @rule(cause=CAUSES)
    def ends(self, cause: str | None) -> None:
        self.model.hanging = False
        self.end_line(cause)

    @precondition(lambda self: self.model.line is not None)
    @rule(ms=st.sampled_from([9_000, 12_000]))
    def talks(self, ms: int) -> None:
        """A whole call, answered and hung up by the other side; the modem shows it all the time."""
        line = self.model.line
        for _ in range(ms // 1_000):
            if self.model.line == line:
                self.progress("active")
                self.wait(1_000)
        if self.model.line == line:
            self.progress("active")
            self.ends("remote_hangup")

    @precondition(lambda self: self.ladder.running and self.model.line is None and self.model.voice)
    @rule()
    def a_running_ladder_leads_on(self) -> None:
        """Whatever ended the last call, the next dial needs nobody's help; slow ones come within five minutes."""
        for _ in range(301):
            if self.model.line is None and self.ladder.running:
                self.wait(1_000)
        assert self.model.line is not None or not self.ladder.running

    @precondition(lambda self: self.ladder.running)
    @rule()
    def reset(self) -> None:
        """The terminal restarts in the middle; the alarm goes on. Only the end of a pre-empted call is lost."""
        assert self.kept.store(self.ladder.dump(), None)
        dump = self.kept.load()
        if self.model.line is not None and isinstance(dump, dict) and "call" not in dump:
            self.model.closed[self.model.line] = 1
            self.model.talk_at = None  # also where it was answered in the moment in which it was hung up
        if self.model.text is not None:
            self.model.texted.add(self.model.text[1:])
            self.model.text = None
        self.model.pressed = None
        self.ladder = self.fresh()
        self.do(self.ladder.voice(self.model.voice, self.now))
        self.do(self.ladder.restore(dump, self.now))

    @rule(plan=st.lists(RUNG, max_size=8), ver=st.integers(0, 5))
    def route(self, plan: list[tuple[str, str, int, int]], ver: int) -> None:
        self.do(self.ladder.route(f"0123abcd.1.{self.presses}", "case", ver, plan, self.now))

    @rule(state=st.sampled_from(["accepted", "on_the_way", "closed"]), mine=st.booleans())
    def desk(self, state: str, mine: bool) -> None:
        ref = self.ladder.refs[-1] if self.ladder.refs and mine else "0123abcd.9.9"
        if ref != "0123abcd.9.9" and (state != "closed" or self.model.exhausted):
            self.model.may_end.add("closed" if state == "closed" else "accepted")
        self.do(self.ladder.desk(ref, state, self.now))

    @precondition(lambda self: self.model.talk_at is not None)
    @rule(key=st.sampled_from("019#"))
    def dtmf(self, key: str) -> None:
        if key == "1":
            self.model.may_end.add("answered")
        self.do(self.ladder.dtmf(key, self.now))

    @rule(up=st.booleans())
    def voice(self, up: bool) -> None:
        self.model.voice = up
        self.do(self.ladder.voice(up, self.now))

    @rule(number=st.sampled_from(["+861055500001", "13800000009", ""]))
    def incoming(self, number: str) -> None:
        self.do(self.ladder.incoming(number, self.now))
        self.do(self.ladder.incoming_gone(self.now) if self.model.line is None else [])

    @invariant()
    def the_desk_stays_on_the_ladder(self) -> None:
        alarm = self.ladder._alarm
        if alarm is not None:
            assert [rung for rung in alarm.plan if rung[1] == DESK[1] and rung[3] and rung[2] >= DESK[2]]

    @invariant()
    def every_attempt_is_told_once(self) -> None:
        assert all(count == 1 for count in self.model.talks.values())
        assert all(count == 1 for count in self.model.closed.values())
        assert all(number in self.model.closed for number in self.pending if number != self.model.line)

    @invariant()
    def an_open_alarm_is_open_in_both(self) -> None:
        assert self.ladder.running == (self.model.key is not None)


LadderMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestLadder = LadderMachine.TestCase
