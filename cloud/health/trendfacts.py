"""What is known of how one terminal did lately: days, line, battery, program, repairs. Plain values, no I/O.

Only terminals at which something is remarkable have any of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

HOUR = timedelta(hours=1)
# A shorter run says more about the gauge than about the battery.
LONG_RUN = 3 * HOUR


@dataclass(frozen=True, kw_only=True, slots=True)
class DayFigures:
    """One whole day of heartbeats, from the daily sums."""

    day: date
    off_mains: int  # heartbeats
    heap_low: int | None
    temperature_low: int | None
    outbox_high: int | None
    drops_high: int | None
    rtt_count: int
    rtt_sum: int | None


@dataclass(frozen=True, slots=True)
class Behind:
    """It runs another program than is wanted for its board."""

    runs: str
    wanted: str
    set_at: datetime


@dataclass(frozen=True, slots=True)
class Repeat:
    """The finding that came back most often in thirty days."""

    title: str
    times: int
    first_at: datetime


@dataclass(frozen=True, slots=True)
class Run:
    """Hours wholly on battery that follow each other, and the last such run that was long."""

    from_hour: datetime
    until_hour: datetime
    from_pct: int
    until_pct: int
    long_from: datetime | None = None
    long_until: datetime | None = None
    long_drop: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Trends:
    """All of it."""

    days: tuple[DayFigures, ...] = ()  # of the last seven whole days, in order
    link: tuple[datetime, ...] = ()  # when its connection began or ended, of the last 24 h
    mains: tuple[datetime, ...] = ()  # when mains were lost, of the last seven days
    updates_failed: tuple[datetime, ...] = ()  # since one was accepted, of thirty days
    run: Run | None = None
    behind: Behind | None = None
    repeat: Repeat | None = None


NONE = Trends()


def extended(run: Run | None, hour: datetime, percent: int) -> Run:
    """The run after one more hour wholly on battery. An hour that is in it already changes nothing."""
    if run is not None and hour <= run.until_hour:
        return run
    if run is None or hour - run.until_hour > HOUR:
        long = (None, None, None) if run is None else (run.long_from, run.long_until, run.long_drop)
        return Run(hour, hour, percent, percent, *long)
    if hour - run.from_hour < LONG_RUN:
        return Run(run.from_hour, hour, run.from_pct, percent, run.long_from, run.long_until, run.long_drop)
    return Run(run.from_hour, hour, run.from_pct, percent, run.from_hour, hour, run.from_pct - percent)


def standby_h(run: Run) -> float | None:
    """Hours that a full battery would last at the pace of the last long run; None: it lost nothing."""
    if run.long_from is None or run.long_until is None or run.long_drop is None or run.long_drop <= 0:
        return None
    return 100 * ((run.long_until - run.long_from) / HOUR) / run.long_drop
