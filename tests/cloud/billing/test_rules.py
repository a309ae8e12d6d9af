"""The day rule: each case of its table, and what may never happen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.billing.models import BASES, STATUSES, DayFacts
from cloud.billing.rules import REASONS, decide, decide_all, may_close

DAY = date(2025, 8, 1)
SILENT = DayFacts("OKC00001", "h1", date(2025, 7, 24), paused=False)
REPORT = {"on": 1440, "reg": 1440}


@pytest.mark.parametrize(
    ("change", "status", "basis", "reason"),
    [
        ({"beats": 1}, "normal", "live", "heard"),
        ({"messages": 1, "presses": 1}, "normal", "live", "heard"),
        ({"messages": 2, "late": 2}, "normal", "late", "told_late"),
        ({"report": REPORT}, "normal", "late", "told_late"),
        ({"messages": 3, "late": 2}, "normal", "live", "heard"),
        ({}, "disputed", "none", "silent"),
        ({"outage_s": 600}, "disputed", "none", "silent_outage"),
        ({"beats": 144, "outage_s": 600}, "normal", "live", "heard"),
        ({"beats": 144, "paused": True}, "paused", "live", "paused"),
        ({"paused": True}, "paused", "none", "paused"),
        ({"beats": 144, "home": None}, "not_installed", "live", "no_home"),
        ({"home": None, "paused": True}, "not_installed", "none", "no_home"),
        ({"report": {"on": 0, "reg": 0}}, "fault_user", "late", "unpowered"),
        ({"report": {"on": 1440, "reg": 0}}, "fault_ours", "late", "no_voice"),
        ({"beats": 9, "report": {"on": 1440, "reg": 0}}, "fault_ours", "live", "no_voice"),
        ({"calls": 1, "messages": 1, "report": {"on": 1440, "reg": 0}}, "normal", "live", "heard"),
        ({"report": {"on": 59, "reg": 0}}, "normal", "late", "told_late"),
    ],
)
def test_each_case_of_the_rule(change: dict[str, Any], status: str, basis: str, reason: str) -> None:
    """One row per case, as both parties will read it."""
    verdict = decide(replace(SILENT, **change), DAY)
    assert (verdict.status, verdict.basis, verdict.reason) == (status, basis, reason)


def test_a_silent_day_is_never_decided_by_us() -> None:
    """Not normal, not a fault of the household: disputed."""
    assert decide(SILENT, DAY).status == "disputed"


def test_a_swap_counts_once_for_the_household() -> None:
    """Of two terminals heard in one home the one installed last is paid; another home is not touched."""
    old = replace(SILENT, beats=5)
    new = replace(SILENT, device_id="OKC00000", installed_on=DAY, beats=5)
    other = replace(SILENT, device_id="OKC00009", home="h2", beats=5)
    statuses = {each.device_id: each.status for each in decide_all([old, new, other], DAY)}
    assert statuses == {"OKC00000": "normal", "OKC00001": "not_installed", "OKC00009": "normal"}


def test_an_old_terminal_is_paid_while_the_new_one_is_silent() -> None:
    """The household had one that worked."""
    new = replace(SILENT, device_id="OKC00002", installed_on=DAY)
    assert [each.status for each in decide_all([replace(SILENT, beats=5), new], DAY)] == ["normal", "disputed"]


@pytest.mark.parametrize(
    ("day", "provisional", "may"),
    [(31, False, True), (31, True, True), (1, False, False), (1, True, True), (2, False, False), (2, True, False)],
)
def test_a_day_is_closed_when_it_is_over(day: int, provisional: bool, may: bool) -> None:
    """Today only provisionally, tomorrow never."""
    wanted = date(2025, 7, 31) if day == 31 else date(2025, 8, day)
    assert may_close(wanted, DAY, provisional=provisional) is may


_counts = st.integers(0, 3)
_facts = st.builds(
    DayFacts,
    device_id=st.sampled_from([f"OKC0000{number}" for number in range(6)]),
    home=st.sampled_from([None, "h1", "h2"]),
    installed_on=st.dates(date(2025, 7, 1), DAY),
    paused=st.booleans(),
    beats=_counts,
    presses=_counts,
    calls=_counts,
    messages=_counts,
    late=st.just(0),
    report=st.none() | st.fixed_dictionaries({"on": st.sampled_from([0, 1, 1440]), "reg": st.sampled_from([0, 7])}),
    outage_s=_counts,
)


@given(fleet=st.lists(_facts, unique_by=lambda each: each.device_id), dice=st.randoms())
def test_no_home_is_paid_twice_and_order_means_nothing(fleet: list[DayFacts], dice: Any) -> None:
    """Every terminal gets one verdict, paid only with something heard, in a home, and once per home."""
    verdicts = decide_all(fleet, DAY)
    assert [each.device_id for each in verdicts] == sorted(each.device_id for each in fleet)
    paid = [each for each in verdicts if each.status == "normal"]
    assert len({each.home for each in paid}) == len(paid)
    assert all(each.home and each.basis != "none" for each in paid)
    assert all(each.status in STATUSES and each.basis in BASES and each.reason in REASONS for each in verdicts)
    dice.shuffle(fleet)
    assert decide_all(fleet, DAY) == verdicts
