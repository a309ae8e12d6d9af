"""A terminal's week as a picture: whole, broken, empty, and never outside of its frame."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cloud.web.desks import picture
from cloud.web.desks.picture import Hour

NOW = datetime(2026, 3, 31, 4, 20, tzinfo=UTC)
THIS_HOUR = NOW.replace(minute=0)


def hour(ago: int, beats: int = 6, battery: int | None = 80, csq: int | None = 20) -> Hour:
    count = 0 if csq is None else beats
    return Hour(THIS_HOUR - timedelta(hours=ago), beats, battery, csq, None if csq is None else csq * beats, count)


def test_a_week_without_a_word_has_no_picture() -> None:
    """Also where it spoke before."""
    assert picture.week([], NOW, 600) is None
    assert picture.week([hour(picture.HOURS)], NOW, 600) is None


def test_a_line_breaks_where_nothing_was_heard() -> None:
    """Two stretches, one of them an hour long; and what the sentence says of them."""
    drawn = picture.week([hour(3), hour(2, battery=40, csq=9), hour(0, beats=3)], NOW, 600)
    assert drawn is not None
    last = picture.WIDTH - picture.STEP
    assert [line.split()[0].split(",")[0] for line in drawn.battery] == [str(last - 3 * picture.STEP), str(last)]
    assert [len(line.split()) for line in drawn.battery] == [2, 2]
    assert drawn.said == "近7天 168 小时中，3 小时收到心跳；电量最低 40%；信号平均 16，最低 9"
    full, half = drawn.bars[0][2], drawn.bars[-1][2]
    assert half == full / 2 == picture.BEATS[1] / 2


def test_what_a_terminal_never_measured_is_not_drawn() -> None:
    """Neither as nothing nor as zero."""
    drawn = picture.week([hour(1, battery=None, csq=None)], NOW, 600)
    assert drawn is not None
    assert (drawn.battery, drawn.signal) == ([], [])
    assert drawn.said == "近7天 168 小时中，1 小时收到心跳"


def test_days_begin_at_midnight_in_beijing() -> None:
    """Seven of them, a day apart; today's has no room for its date yet."""
    drawn = picture.week([hour(0)], NOW, 600)
    assert drawn is not None
    places = [x for x, _ in drawn.days]
    assert [text for _, text in drawn.days] == ["03-25", "03-26", "03-27", "03-28", "03-29", "03-30", ""]
    assert {after - before for before, after in pairwise(places)} == {24 * picture.STEP}


@given(
    st.lists(
        st.tuples(
            st.integers(0, 400), st.integers(1, 5_000), st.none() | st.integers(0, 100), st.none() | st.integers(0, 31)
        ),
        unique_by=lambda each: each[0],
    ),
    st.integers(10, 86_400),
)
def test_nothing_is_drawn_outside_of_the_frame(
    found: list[tuple[int, int, int | None, int | None]], beat_s: int
) -> None:
    """Whatever was measured, at whatever rhythm."""
    drawn = picture.week([hour(*each) for each in found], NOW, beat_s)
    if drawn is None:
        assert all(each[0] >= picture.HOURS for each in found)
        return
    points = [point.split(",") for line in drawn.battery + drawn.signal for point in line.split()]
    corners = [(float(x), float(y)) for x, y in points]
    corners += [(x, y + high) for x, y, high in drawn.bars] + [(x, y) for x, y, _ in drawn.bars]
    assert all(0 <= x < picture.WIDTH and 0 <= y <= picture.HEIGHT for x, y in corners)
    assert len(drawn.bars) == sum(each[0] < picture.HOURS for each in found)
