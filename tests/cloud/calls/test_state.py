"""What the facts of a case add up to, in whatever order and however often they arrive."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from cloud.calls import codes, rules
from cloud.calls.models import Case, Fact
from protocol.codes import CASE_STATES, STEPS

T0 = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def press(
    sequence: int, seconds: float, *, key: str = "sos", late: bool = False, urgency: str = codes.EMERGENCY
) -> Fact:
    ident = f"0a0b0c0d.1.{sequence}"
    body = {"key": key, "how": "short", "late": late, "urgency": urgency}
    return Fact(codes.PRESS, at(seconds), message_id=ident, ref=ident, happened_at=at(seconds - 1), body=body)


def routed(ref: int, seconds: float) -> Fact:
    return Fact(codes.ROUTED, at(seconds), ref=f"0a0b0c0d.1.{ref}", body={"ver": 1, "labels": ["坐席"]})


def step(sequence: int, seconds: float, word: str, ref: int = 1) -> Fact:
    ident = f"0a0b0c0d.1.{sequence}"
    return Fact(codes.STEP, at(seconds), message_id=ident, ref=f"0a0b0c0d.1.{ref}", body={"step": word, "to": "坐席"})


def desk(kind: str, seconds: float, **body: object) -> Fact:
    return Fact(kind, at(seconds), actor="测试坐席", body=body)


STORY = [
    press(1, 0),
    routed(1, 0),
    step(2, 2, "dial"),
    step(3, 4, "ring"),
    step(4, 30, "fail"),
    step(5, 31, "dial"),
    step(6, 33, "ring"),
    step(7, 40, "talk"),
    desk(codes.ACCEPTED, 41),
    step(8, 80, "end"),
    desk(codes.DISPOSED, 90, disposition="FALL", outcome="SENT"),
    desk(codes.CLOSED, 90),
]


def test_a_call_that_is_answered_at_the_second_rung_passes_every_state() -> None:
    # Pins the words and their order for the longest ordinary story.
    states = [state for _, state in rules.history(STORY)]
    assert states == [
        "pressed", "routed", "dialling", "ringing", "failed", "dialling", "ringing", "talking", "ended",
        "disposed", "closed",
    ]  # fmt: skip


def test_every_state_of_the_protocol_can_be_reached_and_no_other() -> None:
    # Pins that the table and the protocol's list name the same states, each with a Chinese word.
    reached = {state for row in rules.TRANSITIONS.values() for state in row.values()}
    assert reached == set(CASE_STATES) == set(codes.STATES)
    assert set(STEPS) <= set(rules.TRANSITIONS)


@st.composite
def any_facts(draw: st.DrawFn) -> list[Fact]:
    """Facts as a confused terminal and three people at a desk could leave them."""
    facts: list[Fact] = []
    for sequence in range(1, draw(st.integers(2, 14))):
        seconds = draw(st.integers(0, 900))
        ref = draw(st.integers(1, sequence))
        facts.append(
            draw(
                st.sampled_from(
                    [
                        press(sequence, seconds, late=draw(st.booleans()), key=draw(st.sampled_from(["sos", "k1"]))),
                        press(sequence, seconds, urgency=draw(st.sampled_from(list(codes.URGENCIES)))),
                        step(sequence, seconds, draw(st.sampled_from(STEPS)), ref),
                        routed(ref, seconds),
                        Fact(codes.CANCELLED, at(seconds), message_id=f"0a0b0c0d.1.{sequence}"),
                        Fact(codes.EXHAUSTED, at(seconds), message_id=f"ffffffff.1.{sequence}"),
                        desk(codes.ACCEPTED, seconds),
                        desk(codes.ESCALATED, seconds, level=draw(st.integers(1, 2))),
                        desk(codes.ON_THE_WAY, seconds),
                        desk(codes.DISPOSED, seconds, disposition="ACC", outcome=None),
                        desk(codes.CLOSED, seconds),
                    ]
                )
            )
        )
    return facts


@given(any_facts(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_and_repetition_change_nothing(facts: list[Fact], chance: random.Random) -> None:
    # Pins that the case is a function of the set of its facts.
    again = facts + chance.sample(facts, chance.randint(0, len(facts)))
    chance.shuffle(again)
    assert rules.summarise(again) == rules.summarise(facts)
    assert rules.history(again) == rules.history(facts)


@given(any_facts())
def test_a_case_is_always_in_a_state_of_the_list_and_knows_what_is_due(facts: list[Fact]) -> None:
    # Pins that nothing is due in a closed case, and that something always is in an emergency nobody has seen.
    summary = rules.summarise(facts)
    assert summary.state in CASE_STATES
    assert (summary.state == "closed") == (summary.closed_at is not None)
    if summary.closed_at:
        assert summary.waiting_since is None
    if summary.waiting_since is None:
        assert summary.due_at is None
    elif summary.urgency == codes.EMERGENCY and summary.escalation < max(rules.ESCALATE_AFTER_S) + 1:
        assert summary.due_at is not None
    if not any(fact.kind == codes.ACCEPTED for fact in facts) and not summary.closed_at:
        assert summary.waiting_since is not None


@given(any_facts(), st.integers(0, 13))
def test_nothing_that_a_terminal_says_reopens_a_closed_case(facts: list[Fact], sequence: int) -> None:
    # Pins that the desk's word is the last; a new press opens a new case (see test_actions).
    closed = [*facts, desk(codes.CLOSED, 1000)]
    assert rules.summarise([*closed, step(sequence, 2000, "talk")]).state == "closed"


def test_a_case_known_by_its_call_only_is_an_emergency_that_waits() -> None:
    # Pins "either alone is a case too": the press may never arrive.
    summary = rules.summarise([step(2, 5, "dial")])
    assert (summary.key, summary.urgency, summary.state) == (None, codes.EMERGENCY, "dialling")
    assert summary.waiting_since == at(5)
    assert rules.summarise([step(2, 5, "dial"), desk(codes.ACCEPTED, 6), step(3, 9, "end")]).waiting_since is None


def test_a_press_after_the_acceptance_waits_for_a_person_again() -> None:
    # Pins that an acceptance holds for what had reached the desk by then, and no longer.
    facts = [press(1, 0), desk(codes.ACCEPTED, 10), press(9, 300)]
    summary = rules.summarise(facts)
    assert summary.waiting_since == at(300)
    assert summary.due_at == at(315)
    assert rules.summarise([*facts, desk(codes.ACCEPTED, 320)]).waiting_since is None


def test_another_press_while_the_ladder_runs_changes_no_state_and_after_it_starts_again() -> None:
    # Pins that a repeat is only a tone in the home until the line is free.
    assert rules.summarise([press(1, 0), step(2, 1, "dial"), press(3, 2), routed(3, 2)]).state == "dialling"
    assert rules.summarise([press(1, 0), step(2, 1, "fail"), press(3, 2)]).state == "pressed"
    assert rules.summarise([press(1, 0), step(2, 1, "fail"), press(3, 2), routed(3, 2)]).state == "routed"


def test_escalation_goes_to_everyone_then_to_the_supervisor_and_ends_there() -> None:
    # Pins 15 s and 30 s, counted from the press and not from the sweep that noticed.
    facts = [press(1, 0)]
    assert rules.summarise(facts).due_at == at(15)
    facts.append(desk(codes.ESCALATED, 16, level=1))
    assert rules.summarise(facts).due_at == at(30)
    facts.append(desk(codes.ESCALATED, 31, level=2))
    assert (rules.summarise(facts).due_at, rules.summarise(facts).escalation) == (None, 2)


def test_a_cancelled_case_still_waits_and_a_new_press_takes_the_cancellation_back() -> None:
    # Pins that cancelling deletes nothing.
    facts = [press(1, 0), Fact(codes.CANCELLED, at(5), message_id="0a0b0c0d.1.2", ref="0a0b0c0d.1.1")]
    summary = rules.summarise(facts)
    assert (summary.state, summary.cancelled_at, summary.waiting_since) == ("ended", at(5), at(0))
    assert rules.summarise([*facts, press(3, 9)]).cancelled_at is None


def test_a_case_is_late_only_if_no_press_of_it_arrived_in_time() -> None:
    assert rules.summarise([press(1, 0, late=True)]).late
    assert not rules.summarise([press(1, 0, late=True), press(2, 9)]).late


def test_a_press_is_late_past_two_minutes_or_without_a_date() -> None:
    # Pins the bound itself: exactly 120 s is in time.
    assert [rules.is_late(late_s) for late_s in (0, -3, 120, 120.1, None)] == [False, False, False, True, True]


def test_a_test_is_never_an_emergency_and_a_key_to_the_ambulance_always_is() -> None:
    assert rules.urgency("sos", "test", ("ambulance",)) == codes.TEST
    assert rules.urgency("sos", "short", ()) == codes.EMERGENCY
    assert rules.urgency("k5", "short", ("ambulance", "desk")) == codes.EMERGENCY
    assert rules.urgency("k1", "short", ("station", "desk")) == codes.SERVICE


def test_lamps_are_lit_for_the_newest_presses_and_never_for_late_ones() -> None:
    facts = [press(1, 0), press(2, 5, late=True), press(3, 9)]
    assert rules.refs_to_tell(facts, 8) == ["0a0b0c0d.1.3", "0a0b0c0d.1.1"]
    assert rules.refs_to_tell(facts, 1) == ["0a0b0c0d.1.3"]


def test_a_wiped_terminal_that_counts_from_one_again_is_ordered_by_when_it_was_heard() -> None:
    old = press(90, 0)
    new = Fact(codes.STEP, at(60), message_id="bbbbbbbb.1.1", ref=None, body={"step": "talk"})
    assert rules.summarise([new, old]).state == "talking"


def test_a_press_joins_the_open_case_of_its_key_and_tests_keep_to_themselves() -> None:
    # Pins that repeats merge, another key opens its own, and a test never hides in an emergency.
    def case(key: str, urgency: str) -> Case:
        summary = rules.summarise([press(1, 0, key=key, urgency=urgency)])
        return Case(**vars(summary), case_id=uuid4(), device_id="OKC000001", home_id=None, opened_at=T0)

    sos, k1, test = case("sos", codes.EMERGENCY), case("k1", codes.SERVICE), case("sos", codes.TEST)
    assert rules.joins([sos, k1, test], "sos", codes.EMERGENCY) == sos
    assert rules.joins([sos, k1, test], "sos", codes.TEST) == test
    assert rules.joins([sos, k1], "k2", codes.SERVICE) is None
    assert rules.joins([test], "sos", codes.EMERGENCY) is None
