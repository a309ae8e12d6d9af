"""The rules by which a soak is judged, on facts made by hand: what counts as an end, and what must be found out."""

from __future__ import annotations

import pytest

from tools.bench.judge import Call, Episode, Finger, Kept, Noted, arrived, ended, judge, stored
from tools.bench.soak import together

DESK, SON, TAXI = "01055500001", "13800000001", "01055500021"
SOS = Noted(10.0, "a.1.1", "sos", "hold")
LADDER = [(DESK, 1), (SON, 0)]


def episode(*calls: Call, noted: tuple[Noted, ...] = (SOS,), **more: object) -> Episode:
    """One press of the red key at 10 s unless said otherwise; the finger came a second before."""
    fingers = [Finger(press.at - 1, press.key) for press in noted]
    made = Episode(fingers=fingers, noted=list(noted), calls=list(calls), up=[(0.0, 1_000.0)])
    made.ladders = {press.id: LADDER for press in noted}
    made.texts_due = {SOS.id: [SON]}
    for name, value in more.items():
        setattr(made, name, value)
    return made


def call(number: str, talked: float = 0.0, *, started: float = 12.0, human: bool = True, pressed: str = "") -> Call:
    return Call(number, started, started + 10 + talked, talked, human, pressed)


@pytest.mark.parametrize(
    ("made", "how"),
    [
        (episode(call(DESK, 12)), "human"),
        (episode(call(SON, 5, pressed="1")), "human"),
        (episode(call(DESK, 40, human=False)), None),  # a mailbox at the desk helps nobody
        (episode(call(SON, 60)), None),  # a talk with the family does not end an SOS
        (episode(call(DESK, 5)), None),
        (episode(accepted=[30.0]), "accepted"),
        (episode(accepted=[3.0]), None),  # of a press before
        (episode(call(DESK), call(SON)), None),  # everybody tried, and no message
        (episode(call(DESK), call(SON), texts=[(50.0, SON)]), "tried"),
        (episode(call(DESK), texts=[(50.0, SON)]), None),
        (episode(call(DESK, 12, started=-30.0)), None),  # over before the press
        (episode(call(DESK, 30, started=-5.0)), "human"),  # a press in a talk that goes on
        (episode(noted=(SOS, Noted(20.0, "a.1.2", "cancel", "short"))), "cancelled"),
        (episode(cuts=[10.2]), "cut"),
        (episode(cuts=[9.9, 11.0]), None),  # by then it was stored
        (episode(), None),
    ],
)
def test_how_a_press_of_the_red_key_ended(made: Episode, how: str | None) -> None:
    """Ten seconds with a staffed target, an accept, Cancel, or everything tried; nothing less."""
    assert ended(made, SOS) == how
    assert bool(judge(made)) == (how is None)


def test_an_accepted_alarm_stands_for_its_later_presses() -> None:
    """As long as it runs; another key is not served meanwhile. Its own alarm accepts nothing for the red key."""
    again, other = Noted(30.0, "a.1.2", "sos", "hold"), Noted(30.0, "a.1.2", "k2", "short")
    taxi = Noted(10.0, "a.1.1", "k2", "short")
    assert judge(episode(noted=(SOS, again), accepted=[20.0], runs=[(10.0, 40.0)])) == []
    assert len(judge(episode(noted=(SOS, again), accepted=[20.0], runs=[(10.0, 25.0), (30.0, 40.0)]))) == 1
    assert judge(episode(noted=(SOS, other), accepted=[20.0], runs=[(10.0, 40.0)])) == []
    assert len(judge(episode(noted=(taxi, again), accepted=[20.0], runs=[(10.0, 40.0)]))) == 1


def test_a_key_while_a_silent_modem_hides_the_end_of_the_alarms_talk() -> None:
    """The alarm still has the line, and had its human; a talk longer over, or of another alarm, stands for nothing."""
    taxi = Noted(46.0, "a.1.2", "k2", "short")
    one = (SOS, taxi)
    assert ended(episode(call(SON, 20, pressed="1"), noted=one, runs=[(10.0, 50.0)]), taxi) == "human"
    assert ended(episode(call(SON, 20), noted=one, runs=[(10.0, 50.0)]), taxi) is None
    assert ended(episode(call(SON, 2, pressed="1"), noted=one, runs=[(10.0, 50.0)]), taxi) is None  # long over
    assert ended(episode(call(SON, 20, pressed="1"), noted=one, runs=[(10.0, 40.0), (46.0, 50.0)]), taxi) is None
    assert ended(episode(call(SON, 20, pressed="1", started=5.0), noted=one, runs=[(10.0, 50.0)]), taxi) is None
    again = Noted(46.0, "a.1.2", "sos", "hold")
    assert ended(episode(call(SON, 20, pressed="1"), noted=(SOS, again), runs=[(10.0, 50.0)]), again) is None


def test_a_service_key_ends_with_whoever_talks() -> None:
    """It says so when that was a mailbox; an SOS after it is judged for itself."""
    taxi = Noted(10.0, "a.1.1", "k2", "short")
    assert ended(episode(call(TAXI, 20), noted=(taxi,)), taxi) == "human"
    assert ended(episode(call(TAXI, 20, human=False), noted=(taxi,)), taxi) == "mailbox"
    both = episode(call(DESK), noted=(taxi, Noted(20.0, "a.1.2", "sos", "hold")))
    assert ended(both, taxi) == "pre-empted"
    assert judge(both) == ["press a.1.2 (sos) at 20.0 ended with nobody"]


def test_a_finger_that_became_no_press_is_found_out() -> None:
    """Unless the terminal was dark, or had just started, or lost its power before the key could fire."""
    made = episode(call(DESK, 12))
    made.fingers.append(Finger(100.0, "k1"))
    assert judge(made) == ["finger on k1 at 100.0 became no press"]
    for up in ([(0.0, 99.0)], [(0.0, 50.0), (99.8, 500.0)], [(0.0, 101.0)]):
        made.up = up
        assert judge(made) == []


def test_a_press_without_a_finger_is_found_out() -> None:
    """A ghost that dials is a fault too."""
    made = episode(call(DESK, 12))
    made.fingers.clear()
    assert judge(made) == ["press a.1.1 of nobody's finger"]


def test_a_ladder_that_never_rests_is_found_out() -> None:
    """A deadlock, whatever else went well."""
    assert judge(episode(call(DESK, 12), settled=False)) == ["help was still being called when the limit came"]


def test_the_books_hold_every_press_once_with_its_content() -> None:
    """By id; a cut within half a second may have caught one, and is counted."""
    rows = [(SOS.id, "sos", "hold")]
    assert stored([SOS], rows, []) == ([], 0)
    assert stored([SOS], rows * 2, [])[0] == ["press a.1.1 at 10.0 is stored 2 times"]
    assert stored([SOS], [], [])[0] == ["press a.1.1 at 10.0 is stored 0 times"]
    assert stored([SOS], [], [10.2]) == ([], 1)
    assert stored([SOS], [], [11.0])[0] == ["press a.1.1 at 10.0 is stored 0 times"]
    assert stored([SOS], [(SOS.id, "k1", "hold")], [])[0] == ["press a.1.1 is stored as ('k1', 'hold')"]
    assert stored([], rows, [])[0] == ["stored press a.1.1 was never noted"]


BODY = {"id": "a.1.2", "t": None, "u": 500, "ev": "sim_absent"}
KEPT = Kept(100.0, "a.1.2", "event", BODY)


@pytest.mark.parametrize(
    ("rows", "dropped", "cuts", "broken", "caught"),
    [
        ([("a.1.2", "event", {**BODY, "v": 1, "s": 900})], set(), [], 0, 0),
        ([("a.1.2", "event", {**BODY, "u": 501})], set(), [], 1, 0),
        ([("a.1.2", "call", BODY)], set(), [], 1, 0),
        ([("a.1.2", "event", BODY)] * 2, set(), [], 1, 0),
        ([], set(), [], 1, 0),
        ([], {"a.1.2"}, [], 0, 0),
        ([], set(), [101.0], 0, 1),
        ([], set(), [103.0, 99.0], 1, 0),
        ([("a.1.2", "event", BODY), ("a.1.3", "event", BODY)], set(), [], 1, 0),
    ],
)
def test_every_message_is_stored_once_as_it_was(
    rows: list[tuple[str, str, dict[str, object]]], dropped: set[str], cuts: list[float], broken: int, caught: int
) -> None:
    """By id, kind and content; only a full outbox or a power cut right after it excuses one."""
    found, excused = arrived([KEPT], dropped, rows, cuts)
    assert (len(found), excused) == (broken, caught)


def test_the_homes_of_a_soak_are_added_up() -> None:
    """One broken home breaks the whole, and its seed stands before what it broke."""
    one = {"ok": True, "broken": [], "seed": 5, "fingers": 3, "cloud": {"stored": 2}, "wall_s": 9.0}
    two = {
        "ok": False,
        "broken": ["a press"],
        "seed": 4,
        "fingers": 2,
        "cloud": {"stored": 1, "down": 4},
        "wall_s": 8.0,
    }
    assert together([one, two], 10.0) == {
        "ok": False, "broken": ["seed 4: a press"], "seeds": [4, 5], "fingers": 5, "cloud": {"stored": 3, "down": 4},
        "wall_s": 10.0,
    }  # fmt: skip
