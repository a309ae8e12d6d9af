"""When a message happened: the terminal's clock, else its uptime, else only the receipt."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.days import shanghai_day
from cloud.ingest.dating import AHEAD, EARLIEST, UPTIME_REACH, date_message
from protocol.fields import MS_MAX, SECONDS_MAX

# 23:50 in Shanghai.
AT = datetime(2026, 3, 31, 15, 50, 0, 500_000, UTC)
T = int(AT.timestamp())
HOUR_MS = 3_600_000

TABLE = [
    # what, t, u, s, dating, seconds ago, Shanghai day
    ("a set clock", T - 30, 1000, 31_000, "clock", 30.5, date(2026, 3, 31)),
    ("a set clock wins over uptime", T - 600, 1000, 1000, "clock", 600.5, date(2026, 3, 31)),
    ("a clock a little ahead: not after it was received", T + 100, 1000, 1000, "clock", 0.0, date(2026, 3, 31)),
    ("a clock ahead by exactly what is allowed", T + 120, 0, 0, "clock", 0.0, date(2026, 3, 31)),
    ("a clock too far ahead", T + 121, 1000, 6000, "uptime", 5.0, date(2026, 3, 31)),
    ("a clock that starts in 1970", 30, 1000, 6000, "uptime", 5.0, date(2026, 3, 31)),
    ("no clock, yesterday by uptime", None, 0, 24 * HOUR_MS, "uptime", 86_400.0, date(2026, 3, 30)),
    ("no clock, sent at once", None, 777, 777, "uptime", 0.0, date(2026, 3, 31)),
    ("no clock, an earlier boot", None, 777, None, "receipt", None, date(2026, 3, 31)),
    ("no clock, sent before it happened", None, 777, 776, "receipt", None, date(2026, 3, 31)),
    ("no clock, an uptime beyond reason", None, 0, MS_MAX, "receipt", None, date(2026, 3, 31)),
    ("a wrong clock, an earlier boot", T + 9999, 777, None, "receipt", None, date(2026, 3, 31)),
    ("a clock from days ago", T - 3 * 86_400, 1, None, "clock", 259_200.5, date(2026, 3, 28)),
]


@pytest.mark.parametrize(("what", "t", "u", "s", "dating", "ago", "day"), TABLE, ids=[row[0] for row in TABLE])
def test_each_way_of_dating(  # noqa: PLR0917 - a row of the table
    what: str, t: int | None, u: int, s: int | None, dating: str, ago: float | None, day: date
) -> None:
    """The order of trust, and where each source stops to be believed."""
    dated = date_message({"t": t, "u": u, "s": s}, AT)
    assert (dated.dating, dated.late_s, dated.day) == (dating, ago, day)
    assert dated.happened_at == (None if ago is None else AT - timedelta(seconds=ago))


def test_the_day_changes_at_midnight_in_shanghai() -> None:
    """Sixteen hours UTC is where a household's day ends."""
    midnight = datetime(2026, 3, 31, 16, 0, tzinfo=UTC)
    before = date_message({"t": int(midnight.timestamp()) - 1, "u": 0, "s": None}, midnight)
    at = date_message({"t": int(midnight.timestamp()), "u": 0, "s": None}, midnight)
    assert (before.day, at.day) == (date(2026, 3, 31), date(2026, 4, 1))


@given(
    t=st.none() | st.integers(0, SECONDS_MAX),
    u=st.integers(0, MS_MAX),
    s=st.none() | st.integers(0, MS_MAX),
    received_at=st.datetimes(datetime(2025, 1, 2), datetime(2099, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_any_message_can_be_dated(t: int | None, u: int, s: int | None, received_at: datetime) -> None:
    """Never raises, never after the receipt, and day and lateness agree with the date."""
    dated = date_message({"t": t, "u": u, "s": s}, received_at)
    assert dated.dating in {"clock", "uptime", "receipt"}
    assert (dated.happened_at is None) == (dated.dating == "receipt") == (dated.late_s is None)
    if dated.happened_at is None:
        assert dated.day == shanghai_day(received_at)
        assert t is None or not EARLIEST.timestamp() <= t <= (received_at + AHEAD).timestamp()
    else:
        assert min(EARLIEST, received_at - UPTIME_REACH) <= dated.happened_at <= received_at
        assert dated.day == shanghai_day(dated.happened_at)
        assert dated.late_s == (received_at - dated.happened_at).total_seconds()
