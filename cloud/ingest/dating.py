"""When a message happened. In: its `t`, `u`, `s` and the moment it arrived. Out: a date, and what the date rests on.

Pure. First the terminal's clock, if it can be right; then its uptime at the event and at the send; else only the
moment of receipt is known, and `happened_at` is None. Nothing happens after it was received.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cloud.days import shanghai_day
from cloud.ingest.models import Dated

# A clock that is ahead by more than this is wrong: network time is good to a second, the rest is drift between syncs.
AHEAD = timedelta(seconds=120)
# A date before the first terminal was made is an unset clock.
EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)
# An uptime that reaches back further is a counter gone wrong: nothing stays up, or waits, that long.
UPTIME_REACH = timedelta(days=400)
# An arrival later than this is late: a press is then no longer routed.
LATE_S = 120.0


def date_message(body: dict[str, Any], received_at: datetime) -> Dated:
    """The date of one checked message."""
    by_clock = _by_clock(body["t"], received_at)
    if by_clock is not None:
        return _dated(by_clock, "clock", received_at)
    by_uptime = _by_uptime(body["u"], body["s"], received_at)
    if by_uptime is not None:
        return _dated(by_uptime, "uptime", received_at)
    return Dated(happened_at=None, dating="receipt", day=shanghai_day(received_at), late_s=None)


def _by_clock(t: int | None, received_at: datetime) -> datetime | None:
    if t is None:
        return None
    happened_at = datetime.fromtimestamp(t, UTC)
    if not EARLIEST <= happened_at <= received_at + AHEAD:
        return None
    return min(happened_at, received_at)


def _by_uptime(u: int, s: int | None, received_at: datetime) -> datetime | None:
    if s is None or not 0 <= s - u <= UPTIME_REACH // timedelta(milliseconds=1):
        return None
    return received_at - timedelta(milliseconds=s - u)


def _dated(happened_at: datetime, dating: str, received_at: datetime) -> Dated:
    return Dated(
        happened_at=happened_at,
        dating=dating,
        day=shanghai_day(happened_at),
        late_s=(received_at - happened_at).total_seconds(),
    )
