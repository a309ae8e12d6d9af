"""Rules over days: when each opens, stays and closes; what is never held against a terminal; the runs on battery."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.devices.models import Gap
from cloud.health.elapsed import Clock
from cloud.health.models import Facts
from cloud.health.rules import difference, findings
from cloud.health.thresholds import Thresholds
from cloud.health.trendfacts import Behind, DayFigures, Repeat, Run, Trends, extended, standby_h
from cloud.health.trends import RULES
from tests.cloud.health.test_rules import DAY, HEALTHY, HOUR, MINUTE, NOW, WELL, an_open, look

LIMITS = Thresholds().values
TODAY = date(2026, 3, 31)
WELL_DAY = DayFigures(
    day=TODAY, off_mains=0, heap_low=45_000, temperature_low=18, outbox_high=1, drops_high=3, rtt_count=140,
    rtt_sum=140 * 800,
)  # fmt: skip


def week(**columns: list[Any]) -> Facts:
    """Seven whole days; of each column the seven values, in order."""
    days = [
        replace(
            WELL_DAY, day=TODAY - timedelta(days=7 - place), **{name: values[place] for name, values in columns.items()}
        )
        for place in range(7)
    ]
    return trends(days=tuple(days))


def trends(**change: Any) -> Facts:
    return replace(HEALTHY, trends=Trends(**change))


def times(count: int, apart: timedelta = HOUR) -> tuple[Any, ...]:
    return tuple(NOW - place * apart for place in range(count, 0, -1))


def ran(drop: int, hours: int = 5) -> Facts:
    until = NOW - 2 * DAY
    return trends(run=Run(until - hours * HOUR, until, 90, 90 - drop, until - hours * HOUR, until, drop))


# facts that open a rule, facts that leave it as it is, facts that close it
CASES: dict[str, tuple[Facts, Facts | None, Facts]] = {
    "link_flapping": (trends(link=times(6)), trends(link=times(4)), trends(link=times(3))),
    "mains_minutes": (
        week(off_mains=[0, 100, 44, 0, 0, 0, 0]), week(off_mains=[0, 48, 0, 0, 0, 0, 0]),
        week(off_mains=[0, 47, 0, 0, 0, 0, 0]),
    ),
    "power_cycles": (trends(mains=times(7, DAY / 2)), trends(mains=times(4)), trends(mains=times(3))),
    "battery_worn": (ran(21), ran(20), ran(16)),
    "temperature_low": (
        week(temperature_low=[9, 9, 9, 9, 9, -1, 9]), week(temperature_low=[-9, -9, 9, 9, 9, 4, 9]),
        week(temperature_low=[-9, -9, 9, 9, 9, 5, 9]),
    ),
    "rtt_high": (week(rtt_sum=[140 * 6000] * 4 + [0] * 3), week(rtt_sum=[140 * 3000] * 4 + [0] * 3), HEALTHY),
    "heap_low": (
        week(heap_low=[45_000] * 5 + [24_000, 20_000]), week(heap_low=[45_000] * 5 + [31_000, 20_000]),
        week(heap_low=[20_000] * 6 + [32_000]),
    ),
    "drops_growing": (
        week(drops_high=[3, 3, 3, 8, 8, 8, 8]), week(drops_high=[3, 3, 3, 4, 4, 4, 4]), week(drops_high=[8] * 7)),
    "outbox_growing": (
        week(outbox_high=[1, 1, 1, 1, 10, 20, 30]), week(outbox_high=[30, 30, 30, 30, 30, 30, 6]),
        week(outbox_high=[0, 0, 0, 0, 10, 20, 5]),
    ),
    "update_failed": (trends(updates_failed=times(1)), None, HEALTHY),
    "firmware_old": (
        trends(behind=Behind("1.0.0", "1.1.0", NOW - 15 * DAY)),
        trends(behind=Behind("1.0.0", "1.1.0", NOW - 12 * DAY)), HEALTHY,
    ),
    "repeat_repair": (
        trends(repeat=Repeat("失联", 3, NOW - 20 * DAY)), trends(repeat=Repeat("失联", 2, NOW - 9 * DAY)),
        trends(repeat=Repeat("失联", 1, NOW - 9 * DAY)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_a_trend_opens_stays_between_its_thresholds_and_closes(rule: str) -> None:
    """Between the two a finding neither opens nor closes; on a healthy week it closes."""
    opens, between, closes = CASES[rule]
    found = look(opens)
    assert list(found) == [rule]
    if between is not None:
        assert look(between) == {}
        assert list(look(between, found[rule])) == [rule]
    assert look(closes, found[rule]) == {}
    assert look(week(), *(an_open(each.name) for each in RULES)) == {}


@pytest.mark.parametrize("rule", sorted(CASES))
def test_what_was_before_this_home_is_not_held_against_it(rule: str) -> None:
    """Neither days nor times; its battery, its program and how often it was mended come along with it."""
    facts = CASES[rule][0]
    new = replace(facts, terminal=replace(WELL, installed_on=TODAY + DAY))
    now = NOW.replace(hour=16) + MINUTE  # a minute into its first day here
    found = {each.rule for each in findings(new, LIMITS, Clock(now), {})}
    assert found == ({rule} & {"battery_worn", "repeat_repair"})


def test_without_remarkable_days_no_trend_holds_whatever_is_open() -> None:
    """What the look leaves out for speed would have found nothing: the same facts, not known to be none."""
    empty = replace(HEALTHY, trends=replace(HEALTHY.trends))
    assert empty.trends is not HEALTHY.trends
    for facts in (empty, HEALTHY):
        assert look(facts, *(an_open(each.name) for each in RULES)) == {}


def test_an_outage_of_ours_is_no_flapping() -> None:
    """Nor the minutes around it in which everybody comes back."""
    outage = Gap(from_at=NOW - 5 * HOUR, until_at=NOW - 4 * HOUR)
    facts = trends(link=tuple(NOW - 4 * HOUR - 30 * MINUTE + place * 5 * MINUTE for place in range(8)))
    assert look(facts, gaps=(outage,)) == {}
    assert list(look(facts)) == ["link_flapping"]


def test_a_count_of_drops_that_began_anew_is_not_growth() -> None:
    """Another storage, another count."""
    assert look(week(drops_high=[90, 90, 90, 0, 0, 0, 0])) == {}
    assert look(week(drops_high=[90, 90, 90, 0, 0, 2, 5]))["drops_growing"].evidence == {"count": 5}


moments = st.integers(0, 60 * 24 * 10).map(lambda minutes: NOW - minutes * MINUTE)
some_times = st.lists(moments, max_size=12).map(lambda each: tuple(sorted(each)))
any_day = st.builds(
    replace, st.just(WELL_DAY), off_mains=st.integers(0, 144), heap_low=st.none() | st.integers(10_000, 60_000),
    temperature_low=st.none() | st.integers(-20, 30), outbox_high=st.none() | st.integers(0, 60),
    drops_high=st.none() | st.integers(0, 20), rtt_count=st.integers(0, 144), rtt_sum=st.none() | st.integers(0, 10**6),
)  # fmt: skip
any_week = st.lists(st.none() | any_day, min_size=7, max_size=7).map(
    lambda days: tuple(replace(d, day=TODAY - timedelta(days=7 - place)) for place, d in enumerate(days) if d)
)
any_trends = st.builds(
    Trends, days=any_week, link=some_times, mains=some_times, updates_failed=some_times,
    run=st.none() | st.integers(-20, 60).map(lambda drop: Run(NOW, NOW, 90, 50, NOW - 5 * HOUR, NOW - HOUR, drop)),
    behind=st.none() | st.builds(Behind, st.just("1"), st.just("2"), moments),
    repeat=st.none() | st.builds(Repeat, st.just("失联"), st.integers(1, 5), moments),
)  # fmt: skip


@settings(max_examples=300)
@given(any_trends, st.sets(st.sampled_from([rule.name for rule in RULES])), st.integers(0, 12))
def test_looking_twice_changes_no_trend(some: Trends, already: set[str], installed_ago: int) -> None:
    """Whatever is open and whatever the facts are; and no sentence lacks a word."""
    facts = replace(HEALTHY, terminal=replace(WELL, installed_on=TODAY - timedelta(days=installed_ago)), trends=some)
    clock = Clock(NOW)
    once = findings(facts, LIMITS, clock, {name: an_open(name) for name in already})
    again = findings(facts, LIMITS, clock, {each.rule: each for each in once})
    step = difference(once, again)
    assert (step.opened, step.changed, step.closed, step.still) == ([], [], [], len(once))
    by_name = {rule.name: rule for rule in RULES}
    for each in once:
        assert each.since <= NOW
        if each.rule in by_name:
            assert by_name[each.rule].sentence.format(since="", lasted="", **each.evidence)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 100)), max_size=40), st.integers(0, 40))
def test_a_run_is_what_the_hours_say_however_often_they_are_folded(hours: list[tuple[int, int]], cut: int) -> None:
    """Folded in one go, or again from any hour on; against hours looked at one by one."""
    by_hour = dict(sorted(hours))
    start = NOW.replace(minute=0)
    run = None
    for hour in [*by_hour, *(hour for hour in by_hour if hour <= max(by_hour, default=0) and hour > cut)]:
        run = extended(run, start + hour * HOUR, by_hour[hour])
    last_long: tuple[int, int] | None = None
    for hour in by_hour:
        first = hour
        while first - 1 in by_hour:
            first -= 1
        if hour - first >= 3:
            last_long = (first, hour)
    if not by_hour:
        assert run is None
        return
    assert run is not None
    assert run.until_hour == start + max(by_hour) * HOUR
    if last_long is None:
        assert (run.long_from, standby_h(run)) == (None, None)
        return
    first, last = last_long
    drop = by_hour[first] - by_hour[last]
    assert (run.long_from, run.long_until, run.long_drop) == (start + first * HOUR, start + last * HOUR, drop)
    assert standby_h(run) == (100 * (last - first) / drop if drop > 0 else None)
