"""The tally against a model, and against prometheus-client's own histogram."""

from __future__ import annotations

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from cloud.tally import RECENT, SECONDS, Series, Tally

NAMES = st.sampled_from(["stored", "duplicate", "late"])
TIMES = st.one_of(st.sampled_from(SECONDS), st.floats(0, 1000, allow_nan=False))


@given(st.lists(st.one_of(NAMES, st.booleans())))
def test_what_is_told_comes_to_what_was_counted_whichever_beats_fail(steps: list[str | bool]) -> None:
    """A name is one count; True a beat that reached the database, False one that did not."""
    tally, database = Tally("ingest", ["stored"]), Counter[str]()
    for step in steps:
        if isinstance(step, str):
            tally.counts[step] += 1
            continue
        told = tally.untold()
        tally.counts["stored"] += 1  # while the database was busy with the beat
        if step:
            database.update(told)
            tally.told(told)
    database.update(tally.untold())
    assert database == tally.counts


@given(st.lists(TIMES))
def test_buckets_are_those_that_prometheus_itself_would_fill(values: list[float]) -> None:
    """A figure on a bound belongs to that bound."""
    registry = CollectorRegistry()
    reference = Histogram("okc", "reference", buckets=SECONDS, registry=registry)
    series = Series()
    for value in values:
        series.add(value)
        reference.observe(value)
    total = 0
    for bound, count in zip([*map(str, SECONDS), "+Inf"], series.counts, strict=True):
        total += count
        assert total == registry.get_sample_value("okc_bucket", {"le": bound})
    assert math.isclose(series.sum, registry.get_sample_value("okc_sum") or 0.0)


@given(st.lists(TIMES, min_size=1, max_size=50), st.sampled_from([1, 50, 99, 100]))
def test_a_percentile_is_the_smallest_figure_that_so_many_do_not_exceed(values: list[float], percent: int) -> None:
    series = Series()
    for value in values:
        series.add(value)
    found = series.recent(percent)
    assert found in values
    enough = [value for value in values if sum(other <= value for other in values) * 100 >= percent * len(values)]
    assert found == min(enough)


def test_a_percentile_forgets_what_is_long_ago_and_times_are_never_negative() -> None:
    """The outage of yesterday is not today's percentile; a clock that was set back is no credit."""
    series = Series()
    assert series.recent(99) is None
    for value in [600.0] * 50 + [-3.0] * RECENT:
        series.add(value)
    assert (series.recent(99), series.sum) == (0.0, 30_000.0)


def test_the_present_is_what_somebody_who_works_sees() -> None:
    """Nobody at work: only the percentiles remain."""
    tally = Tally("ingest", (), {"commit_s": Series()})
    assert tally.present() == {}
    tally.series["commit_s"].add(0.25)
    tally.look = lambda: {"lag_s": 3.0}
    assert tally.present() == {"lag_s": 3.0, "commit_s_p50": 0.25, "commit_s_p99": 0.25}
    tally.look = None
    assert tally.present() == {"commit_s_p50": 0.25, "commit_s_p99": 0.25}
