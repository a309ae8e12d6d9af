"""The scripted network: plans, their files, and the control lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.modem.bench import Bench
from tools.modem.network import MAX_TALLY, Network, Plan, course
from tools.modem.script import ScriptError, load

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
[default]
kind = "no_answer"
ring = 20

[numbers.01055500001]
kind = "answer"
after = 3
talk = 8
dtmf = "5"

[numbers.13800000001]
kind = "voicemail"
"""


def test_a_script_file_gives_every_number_its_plan(tmp_path: Path) -> None:
    """Pins the format that README shows."""
    path = tmp_path / "script.toml"
    path.write_text(SCRIPT, encoding="utf-8")
    assert load(path).plans == {
        "01055500001": Plan("answer", after=3, talk=8, dtmf="5"),
        "13800000001": Plan("voicemail", after=5, talk=20),
        "default": Plan("no_answer", ring=20),
    }


@pytest.mark.parametrize(
    "text",
    [
        "[numbers.01055500001]\nkind = 'maybe'",
        "[numbers.01055500001]\nafter = 'soon'",
        "[numbers.01055500001]\nafter = -1",
        "[numbers.01055500001]\nafter = nan",
        "[numbers.01055500001]\ndtmf = 'x'",
        "[numbers.01055500001]\nlater = 3",
        "[numbers.home]\nkind = 'busy'",
        "[nombres.01055500001]\nkind = 'busy'",
        "numbers = 3",
        "[numbers]\n01055500001 = 3",
        "[default",
    ],
)
def test_a_script_with_a_mistake_is_refused_and_named(tmp_path: Path, text: str) -> None:
    """Pins that nothing of a bad script is taken."""
    path = tmp_path / "script.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScriptError, match=r"script\.toml"):
        load(path)


def test_a_number_is_the_same_with_and_without_its_country() -> None:
    """Pins that a driver may dial +86."""
    network = Network()
    network.set_plan("+8613800000001", Plan("busy"))
    assert network.plan("13800000001").kind == "busy"
    assert network.plan("13800000002") == network.default


@given(
    st.builds(
        Plan, talk=st.none() | st.floats(0, 100), after=st.floats(0, 100), dtmf=st.text("0123456789*#", max_size=3)
    )
)
def test_the_course_of_a_call_is_in_order_and_ends_at_most_once(plan: Plan) -> None:
    """Pins what the voice room relies on."""
    steps = course(plan)
    assert [step[0] for step in steps] == sorted(step[0] for step in steps)
    assert steps[0] == (0.0, "ringing")
    ends = [step for step in steps if step[1] in {"NO CARRIER", "NO ANSWER", "BUSY"}]
    assert len(ends) <= 1
    assert steps[-1] in ends or not ends


def test_the_tally_is_bounded() -> None:
    """Pins that a soak does not fill the memory, and that what is forgotten is counted."""
    network = Network()
    for _ in range(MAX_TALLY + 5):
        network.record("out", "01055500001", 0.0)
    assert (len(network.calls), network.forgotten, network.calls[-1].id) == (MAX_TALLY, 5, MAX_TALLY + 5)


def test_the_tally_and_the_status_are_json() -> None:
    """Pins the fields that tests and the demo read."""
    bench = Bench()
    bench.control("number 01055500001 answer after=2 talk=3")
    bench.send("ATD01055500001;", 60)
    tally = json.loads(bench.control("calls").removeprefix("ok "))
    call = tally["calls"][0]
    assert (call["direction"], call["number"], call["cause"], call["by"]) == (
        "out",
        "01055500001",
        "NO CARRIER",
        "other",
    )
    assert call["started_at"] < call["ringing_at"] < call["active_at"] < call["ended_at"]
    status = json.loads(bench.control("status").removeprefix("ok "))
    assert (status["registered"], status["state"], status["call"]) == (True, "IP INITIAL", None)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "nonsense",
        "number",
        "number 01055500001",
        "number 01055500001 perhaps",
        "number 01055500001 answer soon",
        "number x busy",
        "call",
        "call x",
        "call 13800000001 seconds=soon",
        "hangup",
        "dtmf",
        "dtmf 55",
        "registration maybe",
        "data",
        "power up",
        "sim",
        "silence",
        "csq 32",
        "csq x",
        "battery 4000",
        "battery full 9",
        "block +CIICR",
        "block +CIICR long",
        "nitz",
        'sms 13800000001 "unclosed',
    ],
)
def test_a_control_line_that_makes_no_sense_is_an_error_and_changes_nothing(line: str) -> None:
    """Pins one line out for one line in, whatever comes."""
    bench = Bench()
    before = bench.control("status")
    answer = bench.control(line)
    assert answer.startswith("error ")
    assert "\n" not in answer
    assert bench.control("status") == before
    assert bench.out() == b""


def test_the_other_side_can_be_played_by_hand() -> None:
    """Pins answer, dtmf and hangup at the control socket."""
    bench = Bench()
    bench.send("AT+DDET=1")
    bench.control("number default no_answer")
    bench.send("ATD01055500001;", 5)
    assert [bench.control(line) for line in ("answer", "dtmf 1", "hangup")] == ["ok", "ok", "ok"]
    assert bench.out() == b"\r\n+DTMF: 1\r\n\r\nNO CARRIER\r\n"
