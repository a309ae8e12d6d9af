"""How long something has lasted by a clock that stands still while we could not hear anybody. Pure.

In: a moment. Out: seconds until now, less our own outages. A terminal's restore may wait behind an outage of ours, so
time in one says nothing about the terminal.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from cloud.days import SHANGHAI
from cloud.devices.models import Gap

if TYPE_CHECKING:
    from collections.abc import Sequence

# What is open closes below this part of the time that opened it: an outage that is written down only when it is over
# makes a clock go back, and must not make a finding flicker.
KEPT = 0.75


class Clock:
    """`now`, and the outages before it."""

    def __init__(self, now: datetime, gaps: Sequence[Gap] = ()) -> None:
        if now.tzinfo is None:
            raise ValueError("a time without a zone")
        self.now = now
        self.gaps = _merged(gaps, now)
        self._ends = [gap.until_at for gap in self.gaps]
        # _after[i]: seconds in gap i and all later ones
        self._after = [0.0] * (len(self.gaps) + 1)
        for i in range(len(self.gaps) - 1, -1, -1):
            length = (self.gaps[i].until_at - self.gaps[i].from_at).total_seconds()
            self._after[i] = self._after[i + 1] + length

    def later_gaps(self, since: datetime) -> Sequence[Gap]:
        """The outages that matter to what began then; mostly none."""
        return self.gaps[bisect_right(self._ends, since) :]

    def in_outage(self, at: datetime, drained: timedelta) -> bool:
        """Whether it lies in an outage, or so soon behind one that what was kept for us is still being read."""
        i = bisect_left(self._ends, at - drained)
        return i < len(self.gaps) and self.gaps[i].from_at <= at

    def elapsed_s(self, since: datetime) -> float:
        """Seconds since then, our outages left out; never negative."""
        i = bisect_right(self._ends, since)
        away = self._after[i]
        if i < len(self.gaps) and self.gaps[i].from_at < since:
            away -= (since - self.gaps[i].from_at).total_seconds()
        return max((self.now - since).total_seconds() - away, 0.0)

    def outage_s(self, since: datetime) -> float:
        """Seconds since then that we could not hear."""
        return max((self.now - since).total_seconds() - self.elapsed_s(since), 0.0)


def long_enough(elapsed_s: float, limit_s: float, *, is_open: bool) -> bool:
    """Whether a time that only a restore ends has lasted long enough to be, or stay, a finding."""
    return elapsed_s >= (limit_s * KEPT if is_open else limit_s)


@lru_cache(maxsize=10_000)  # the same few days for all terminals; 27 years of them
def midnight(day: date) -> datetime:
    """When a Shanghai day begins."""
    return datetime.combine(day, time(), SHANGHAI)


def _merged(gaps: Sequence[Gap], now: datetime) -> list[Gap]:
    found: list[Gap] = []
    for gap in sorted(gaps, key=lambda each: each.from_at):
        until = min(gap.until_at, now)
        if gap.from_at >= until:
            continue
        if found and gap.from_at <= found[-1].until_at:
            found[-1] = Gap(from_at=found[-1].from_at, until_at=max(found[-1].until_at, until))
        else:
            found.append(Gap(from_at=gap.from_at, until_at=until))
    return found
