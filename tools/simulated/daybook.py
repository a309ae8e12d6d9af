"""A simulated terminal's own record of each Shanghai day, and the rhythm of a day. Pure: the time comes in.

The minutes are those since the terminal started: it has no other life.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

SHANGHAI = timezone(timedelta(hours=8))
MINUTES = 1440
# Presses of an hour, in parts of 16: nights are quiet, mornings and evenings are not.
BY_HOUR = (3, 2, 2, 2, 3, 6, 10, 14, 16, 16, 15, 13, 12, 9, 9, 11, 13, 14, 16, 15, 12, 9, 6, 4)
BUSIEST = max(BY_HOUR)
MEAN = sum(BY_HOUR) / len(BY_HOUR)

COUNTED = ("beats", "presses", "answered", "stuck", "faults")


class DayBook:
    """Counts of the day; `over` gives the record of one that has ended."""

    __slots__ = ("_counts", "_day", "_since")

    def __init__(self, now: float) -> None:
        self._begin(now)

    def count(self, what: str) -> None:
        """One more of COUNTED."""
        self._counts[COUNTED.index(what)] += 1

    def over(self, now: float) -> dict[str, Any] | None:
        """The record of the day that has ended, once; None while it lasts."""
        if day_of(now) == self._day:
            return None
        # To the end of that day: what lies between it and now belongs to the next.
        begin = datetime.fromisoformat(self._day).replace(tzinfo=SHANGHAI)
        end = (begin + timedelta(days=1)).timestamp()
        minutes = min(MINUTES, max(0, int((end - self._since) / 60)))
        record = {"day": self._day, "on": minutes, "reg": minutes, **dict(zip(COUNTED, self._counts, strict=True))}
        self._begin(now)
        return record

    def _begin(self, now: float) -> None:
        self._day = day_of(now)
        self._since = now
        self._counts = [0] * len(COUNTED)


def day_of(now: float) -> str:
    """The Shanghai day of a moment."""
    return datetime.fromtimestamp(now, UTC).astimezone(SHANGHAI).date().isoformat()


def busy(now: float) -> float:
    """How much of the busiest hour's presses there are now, 0 to 1."""
    return BY_HOUR[datetime.fromtimestamp(now, UTC).astimezone(SHANGHAI).hour] / BUSIEST
