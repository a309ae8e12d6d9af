"""A stretch of the past: what may be asked for, whole cells, neighbours, and times cut out of times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.days import SHANGHAI
from cloud.errors import BadInput
from cloud.web.desks import span as spans
from cloud.web.desks.span import Span, Stretch

NOW = datetime(2026, 3, 31, 4, 20, tzinfo=UTC)  # 12:20 in Beijing


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def test_what_is_not_said_is_usual() -> None:
    """A year with today, today's hours, this hour."""
    assert spans.asked("day", "", "", NOW) == Span("day", at("2025-04-01"), at("2026-04-01"))
    assert spans.asked("hour", "2026-03-30", "", NOW) == Span("hour", at("2026-03-30"), at("2026-03-31"))
    assert spans.asked("raw", "2026-03-31T11:00", "", NOW) == Span(
        "raw", at("2026-03-31T11:00"), at("2026-03-31T12:00")
    )


def test_a_time_may_carry_its_own_zone() -> None:
    """As programs write it; without one it is Beijing's."""
    asked = spans.asked("hour", "2026-03-30T16:00:00+00:00", "", NOW)
    assert asked.from_at == at("2026-03-31")


@pytest.mark.parametrize(
    ("step", "begins", "ends", "told"),
    [
        ("week", "", "", "step 只能是"),
        ("day", "yesterday", "", "from 不是时间"),
        ("day", "2026-03-31" * 9, "", "from 不是时间"),
        ("day", "2026-02-30", "", "from 不是时间"),
        ("day", "0001-01-01", "", "2020 年"),
        ("day", "9999-12-31", "", "2099 年"),
        ("day", "2026-03-01", "2026-03-01", "结束时间须晚于"),
        ("day", "2026-04-02", "", "晚于现在"),
        ("day", "2025-01-01", "2026-03-01", "最多查看 400 天"),
        ("hour", "2026-03-01", "2026-03-16", "最多查看 14 天"),
        ("raw", "2026-03-01T00:00", "2026-03-02T02:01", "最多查看 26 小时"),
    ],
)
def test_what_cannot_be_shown_is_said_in_words(step: str, begins: str, ends: str, told: str) -> None:
    """A limit, a form, a time that has not come."""
    with pytest.raises(BadInput, match=told):
        spans.asked(step, begins, ends, NOW)


def test_months_are_of_the_calendar_and_lead_from_one_to_the_next() -> None:
    """28 to 31 days; the way up ends at the year."""
    february = spans.month(at("2026-02-14T23:59"))
    assert (february.title, february.length.days) == ("2026年2月", 28)
    after, before = spans.after(february, NOW), spans.before(february)
    assert after is not None
    assert before is not None
    assert (before.title, after.title) == ("2026年1月", "2026年3月")
    assert spans.after(after, NOW) is None
    assert [name for name, _ in spans.above(spans.hour(NOW), NOW)] == ["近一年", "2026年3月", "2026年3月31日（周二）"]
    assert spans.before(spans.month(spans.EARLIEST)) is None


TIMES = st.integers(0, 6 * 365 * 1440).map(lambda minutes: datetime(2020, 2, 1, tzinfo=UTC) + minutes * spans.MINUTE)


@given(st.sampled_from(sorted(spans.STEPS)), TIMES, st.integers(1, 400 * 1440))
def test_every_span_is_whole_cells_and_its_query_asks_for_it_again(step: str, first: datetime, minutes: int) -> None:
    """Whatever minute it begins at: links lead where they say."""
    length = min(timedelta(minutes=minutes), spans.LONGEST[step] - spans.CELL[step])
    asked = spans.asked(step, first.isoformat(), (first + length).isoformat(), NOW)
    cells = asked.cells()
    assert asked.from_at <= first < first + length <= asked.until_at
    assert (cells[0][0], cells[-1][1]) == (asked.from_at, asked.until_at)
    assert all(before[1] == after[0] for before, after in pairwise(cells))
    given_ = dict(each.split("=") for each in asked.query.split("&"))
    assert spans.asked(given_["step"], given_["from"], given_["until"], NOW) == asked


STRETCHES = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 60)), max_size=8)


def minutes_of(stretches: list[tuple[int, int]]) -> set[int]:
    return {minute for first, length in stretches for minute in range(first, first + length)}


def of_minutes(stretches: list[tuple[int, int]]) -> list[Stretch]:
    return [(NOW + n * spans.MINUTE, NOW + (n + length) * spans.MINUTE) for n, length in stretches]


@given(STRETCHES, STRETCHES)
def test_what_is_left_is_every_minute_that_no_hole_covers(
    stretches: list[tuple[int, int]], holes: list[tuple[int, int]]
) -> None:
    """As sets of minutes say it; and what each cell has of it is counted once."""
    left = spans.without(of_minutes(stretches), of_minutes(holes))
    wanted = minutes_of(stretches) - minutes_of(holes)
    lengths = [((a - NOW) // spans.MINUTE, (b - a) // spans.MINUTE) for a, b in left]
    assert minutes_of(lengths) == wanted
    assert all(before[1] < after[0] for before, after in pairwise(left))
    cells = of_minutes([(7 * n, 7) for n in range(60)])
    counts = [len(wanted & set(range(7 * n, 7 * n + 7))) for n in range(60)]
    assert [seconds / 60 for seconds in spans.seconds_in(cells, left)] == counts
