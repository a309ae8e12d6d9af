"""People on the telephone: what each does, drawn from a mix or given, and what the tally tells a judge about it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.modem.bench import Bench
from tools.modem.network import Network, course
from tools.modem.people import BEHAVIOURS, DEFAULT_MIX, Human
from tools.modem.script import Script, ScriptError, load

if TYPE_CHECKING:
    from pathlib import Path

NUMBER = "13800000001"


def ring(bench: Bench, behaviour: str, seconds: float = 200) -> dict[str, object]:
    """One call to somebody who does that; its record when everything is over."""
    bench.modem.network.set_plan(NUMBER, Human(calls=(behaviour,)))
    bench.send(f"ATD{NUMBER};", seconds)
    record: dict[str, object] = bench.modem.network.tally()["calls"][-1]
    return record


@pytest.mark.parametrize(
    ("behaviour", "human", "end", "at_least", "at_most"),
    [
        ("answer", True, "NO CARRIER, other", 15, 120),
        ("accept", True, "NO CARRIER, other", 30, 120),
        ("brief", True, "NO CARRIER, other", 0.5, 9),
        ("drop", True, "dropped, network", 1, 40),
        ("voicemail", False, "NO CARRIER, other", 5, 60),
        ("no_answer", False, "NO ANSWER, network", 0, 0),
        ("busy", False, "BUSY, network", 0, 0),
        ("unreachable", False, "NO CARRIER, network", 0, 0),
    ],
)
def test_each_behaviour_ends_in_its_own_way(
    behaviour: str, human: bool, end: str, at_least: float, at_most: float
) -> None:
    """Pins what a judge reads: was it a person, how did it end, who ended it, how long was it."""
    record = ring(Bench(), behaviour)
    assert (record["human"], f"{record['cause']}, {record['by']}", record["behaviour"]) == (human, end, behaviour)
    assert at_least <= float(str(record["talked"])) <= at_most
    assert record["pressed"] == ("1" if behaviour == "accept" else "")


def test_somebody_who_calls_back_does_so_and_tries_again_when_the_line_is_busy() -> None:
    """Pins the call from outside after one that nobody answered, and its bounded patience."""
    bench = Bench()
    bench.modem.network.set_plan(NUMBER, Human(calls=("call_back",)))
    bench.send(f"ATD{NUMBER};", 20)
    bench.send("ATH", 1)
    bench.control("number 01055500001 answer after=1 talk=110")
    bench.send("ATD01055500001;", 300)
    calls = bench.modem.network.calls
    assert [(call.direction, call.cause) for call in calls[:3]] == [
        ("out", "hung up"),
        ("out", "NO CARRIER"),
        ("in", "busy"),
    ]
    back = [call for call in calls if call.direction == "in"]
    assert all(call.number == NUMBER and call.human for call in back)
    assert [call.cause for call in back].count("NO CARRIER") == 1
    assert len(back) <= 4


def test_who_answered_does_not_call_back() -> None:
    """Pins that only a missed call is returned."""
    bench = Bench()
    bench.control(f"number {NUMBER} answer after=1 talk=5 calls_back=10")
    bench.send(f"ATD{NUMBER};", 100)
    assert [call.direction for call in bench.modem.network.calls] == ["out"]


def test_the_second_call_in_a_row_may_reach_who_did_not_answer_the_first() -> None:
    """Pins the order of `calls`, and that a quarter of an hour later it begins anew."""
    bench = Bench()
    bench.modem.network.set_plan(NUMBER, Human(calls=("no_answer", "answer")))
    for _ in range(3):
        bench.send(f"ATD{NUMBER};", 200)
    bench.sleep(1000)
    bench.send(f"ATD{NUMBER};", 200)
    assert [call.human for call in bench.modem.network.calls] == [False, True, True, False]


def test_the_mix_and_the_seed_decide_and_everybody_occurs() -> None:
    """Pins that the same seed gives the same people, another seed others, and every behaviour its share."""

    def drawn(seed: int) -> list[str]:
        network = Network(seed=seed)
        network.set_plan("default", Human())
        return [network.answer(network.record("out", NUMBER, 1000.0 * n)).behaviour for n in range(600)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert set(Counter(drawn(1))) == set(BEHAVIOURS) == set(DEFAULT_MIX)


@given(st.sampled_from(sorted(BEHAVIOURS)), st.integers(), st.integers(0, 10_000))
def test_every_draw_is_a_course_that_ends(behaviour: str, seed: int, call: int) -> None:
    """Pins that nobody talks or rings for ever: a soak has to end."""
    plan = Human(calls=(behaviour,), key="5").plan(seed, NUMBER, call, 0)
    steps = course(plan)
    assert steps[-1][1] in {"BUSY", "NO ANSWER", "NO CARRIER", "dropped"}
    assert steps[-1][0] <= 300
    assert ("dtmf 5" in [what for _, what in steps]) == (behaviour == "accept")


def test_a_judge_takes_the_tally_after_every_press() -> None:
    """Pins that nothing is told twice, and that a call which stands is told when it has ended."""
    bench = Bench()
    bench.control("number 01055500001 answer after=1")
    bench.control("number 01055500002 busy")
    bench.send("ATD01055500002;", 10)
    bench.send("ATD01055500001;", 10)
    first = bench.modem.network.take()
    assert [(call["number"], call["cause"]) for call in first["calls"]] == [("01055500002", "BUSY")]
    bench.send("ATH", 1)
    second = bench.modem.network.take()
    assert [(call["number"], call["cause"]) for call in second["calls"]] == [("01055500001", "hung up")]
    assert bench.modem.network.take() == {"calls": [], "sms": [], "sms_failed": [], "forgotten": 0}


SCRIPT = """
seed = 7

[default]
kind = "human"

[numbers.13800000001]
kind = "human"
calls = ["no_answer", "accept"]
key = "5"

[numbers.01055500001]
kind = "human"
mix = { answer = 3, busy = 1.5 }

[[faults]]
kind = "silence"
at = 12.5
seconds = 20

[[faults]]
kind = "blocked"
on = "dial"
after = 1
times = 2
seconds = "forever"
command = "+CIICR"
"""


def test_a_script_names_people_and_faults(tmp_path: Path) -> None:
    """Pins the format that README shows."""
    path = tmp_path / "script.toml"
    path.write_text(SCRIPT, encoding="utf-8")
    script = load(path)
    assert script.plans == {
        "default": Human(),
        NUMBER: Human(calls=("no_answer", "accept"), key="5"),
        "01055500001": Human(mix=(("answer", 3.0), ("busy", 1.5))),
    }
    assert [(fault.kind, fault.at, fault.on, fault.after, fault.times) for fault in script.faults] == [
        ("silence", 12.5, None, 0.0, 1),
        ("blocked", None, "dial", 1.0, 2),
    ]
    assert script.faults[0].seconds == 20
    assert script.faults[1].seconds == float("inf")
    assert script.faults[1].options == {"command": "+CIICR"}
    assert script.network().seed == 7
    assert Script().network().humans == {}


@pytest.mark.parametrize(
    "text",
    [
        "seed = 'x'",
        "faults = 3",
        "[[faults]]\nkind = 'gremlin'\nat = 1",
        "[[faults]]\nkind = 'silence'",
        "[[faults]]\nkind = 'silence'\nat = 1\non = 'dial'",
        "[[faults]]\nkind = 'silence'\nat = -1",
        "[[faults]]\nkind = 'silence'\non = 'Dial up'",
        "[[faults]]\nkind = 'silence'\nat = 1\ndepth = 2",
        "[[faults]]\nkind = 'silence'\nat = 1\ntimes = 0",
        "[[faults]]\nkind = 'silence'\nat = 1\nseconds = 'long'",
        "[numbers.13800000001]\nkind = 'human'\ncalls = []",
        "[numbers.13800000001]\nkind = 'human'\ncalls = ['perhaps']",
        "[numbers.13800000001]\nkind = 'human'\ncalls = 3",
        "[numbers.13800000001]\nkind = 'human'\nmix = { perhaps = 1 }",
        "[numbers.13800000001]\nkind = 'human'\nmix = { answer = 0 }",
        "[numbers.13800000001]\nkind = 'human'\nmix = { answer = -1 }",
        "[numbers.13800000001]\nkind = 'human'\nmix = { answer = 'often' }",
        "[numbers.13800000001]\nkind = 'human'\nkey = '12'",
    ],
)
def test_a_script_with_a_mistake_is_refused(tmp_path: Path, text: str) -> None:
    """Pins that nothing of a bad script is taken."""
    path = tmp_path / "script.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScriptError, match=r"script\.toml"):
        load(path)


def test_people_come_in_over_the_control_socket_too() -> None:
    """Pins one line for a person."""
    bench = Bench()
    assert bench.control(f"number {NUMBER} human calls=busy/answer key=9") == "ok"
    assert bench.modem.network.humans[NUMBER] == Human(calls=("busy", "answer"), key="9")
    assert bench.control(f"number {NUMBER} busy") == "ok"
    assert NUMBER not in bench.modem.network.humans
    assert bench.control(f"number {NUMBER} human calls=never").startswith("error ")
