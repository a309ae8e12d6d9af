"""The judge of device health on cases made by hand: what it calls found, missed, false and double."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tools.bench.health.judge import Found, Incident, judge
from tools.bench.health.truth import FOREVER, Area, Expected, Truth, read, write

UNTIL = 100_000.0
ONE = Expected(
    fault="mains_lost 1", device="A", rule="mains_lost", required=True, open_from=1000, open_by=2000, close_from=5000,
    close_by=6000,
)  # fmt: skip
GOOD = Found(device="A", rule="mains_lost", opened=1500, closed=5500)
CUT = Area(
    fault="street 1", families=("mains",), places=(("street", "S"), ("cell", "C")), open_from=1000, open_by=2000,
    close_from=5000, close_by=6000, members=("A", "B"),
)  # fmt: skip
SEEN = Incident(family="mains", scope="street", place="S", opened=1500, closed=5500)


def test_what_opens_and_closes_in_its_time_is_found_and_nothing_is_false() -> None:
    """One planted, one found."""
    verdict = judge(Truth((ONE,)), [GOOD], None, UNTIL)
    assert (verdict.recall, verdict.false_rate) == (1.0, 0.0)
    assert verdict.by_rule == {"mains_lost": [1, 1]}
    assert verdict.incidents_found is None


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([], "never opened"),
        ([replace(GOOD, opened=2500)], "opened late"),
        ([replace(GOOD, closed=4000)], "closed early"),
        ([replace(GOOD, closed=7000)], "closed late"),
        ([replace(GOOD, closed=None)], "never closed"),
    ],
)
def test_a_miss_says_what_is_wrong_and_where(rows: list[Found], why: str) -> None:
    """With terminal, rule, fault and the times that were wanted."""
    verdict = judge(Truth((ONE,)), rows, None, UNTIL)
    assert verdict.recall == 0.0
    assert verdict.false == []
    (miss,) = verdict.missed
    assert (miss.why, miss.device, miss.what, miss.fault) == (why, "A", "mains_lost", "mains_lost 1")
    assert miss.wanted == (1000, 2000, 5000, 6000)


@pytest.mark.parametrize(
    "row",
    [
        replace(GOOD, device="B"),
        replace(GOOD, rule="silent"),
        replace(GOOD, opened=900),
        replace(GOOD, opened=7000, closed=None),
    ],
)
def test_what_no_truth_allows_is_false(row: Found) -> None:
    """Another terminal, another rule, before the fault or after it."""
    verdict = judge(Truth((ONE,)), [GOOD, row], None, UNTIL)
    assert (verdict.recall, verdict.false_rate) == (1.0, 0.5)
    assert verdict.false[0].why == "nothing was planted"


def test_a_second_finding_for_one_fault_is_false_and_an_early_close_is_a_miss() -> None:
    """A finding that flickers sends somebody twice."""
    rows = [replace(GOOD, closed=3000), replace(GOOD, opened=3100)]
    verdict = judge(Truth((ONE,)), rows, None, UNTIL)
    assert [each.why for each in verdict.missed] == ["closed early"]
    assert [each.why for each in verdict.false] == ["a second one for one fault"]


def test_an_allowed_finding_may_be_there_once_and_may_be_absent() -> None:
    """A consequence is neither asked for nor false; twice is once too often."""
    allowed = replace(ONE, rule="unsteady", required=False, open_by=6000)
    row = replace(GOOD, rule="unsteady", opened=4000)
    for rows, false in (([], 0), ([row], 0), ([row, replace(row, opened=5900, closed=None)], 1)):
        verdict = judge(Truth((allowed,)), rows, None, UNTIL)
        assert (verdict.planted, len(verdict.false)) == (0, false)


def test_what_could_open_only_after_the_last_look_is_not_asked_for() -> None:
    """And what is to close after it may be open still."""
    late = replace(ONE, open_by=UNTIL + 1)
    assert judge(Truth((late,)), [], None, UNTIL).recall is None
    assert judge(Truth((late,)), [GOOD], None, UNTIL).false == []
    still = replace(ONE, close_from=UNTIL, close_by=FOREVER)
    assert judge(Truth((still,)), [replace(GOOD, closed=None)], None, UNTIL).recall == 1.0
    assert judge(Truth((still,)), [GOOD], None, UNTIL).recall == 0.0


def test_an_outage_is_one_incident_with_its_family_and_one_of_its_places() -> None:
    """None, two, another family or another place: wrong, and named."""
    truth = Truth((), (CUT,))
    assert judge(truth, [], [SEEN], UNTIL).incidents_found == 1
    assert judge(truth, [], [replace(SEEN, scope="cell", place="C")], UNTIL).incidents_found == 1
    for rows, why in (
        ([], ["never opened"]),
        ([SEEN, replace(SEEN, opened=1600)], ["2 incidents"]),
        ([replace(SEEN, family="contact")], ["never opened", "nothing was planted"]),
        ([replace(SEEN, place="T")], ["never opened", "nothing was planted"]),
        ([replace(SEEN, closed=90_000)], ["closed late"]),
    ):
        verdict = judge(truth, [], rows, UNTIL)
        assert (verdict.incidents_planted, verdict.incidents_found) == (1, 0)
        assert [each.why for each in verdict.incidents_wrong] == why


def test_the_truth_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Every field of both kinds."""
    truth = Truth((ONE, replace(ONE, close_by=FOREVER, required=False)), (CUT,))
    write(truth, tmp_path / "truth.jsonl")
    assert read(tmp_path / "truth.jsonl") == truth
