"""What one lane or one process counts, and how long things took: the only place of counting.

In: counts and figures as they happen, a way to look at the present. Out: what `service_health` was not told yet, and
what /metrics, /health and /ops show. No I/O, no clock, no library of anybody (decisions/0011).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

# Upper bounds in seconds: from a commit on a good disk to the ten minutes of an outage.
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0)
RECENT = 1_000  # figures behind a percentile: of the last thousand, ten lie above the 99th


class Series:
    """Figures of one kind: how many up to each bound, their sum, and the latest of them."""

    def __init__(self, bounds: Sequence[float] = SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)  # the last: above all bounds
        self.sum = 0.0
        self._recent: deque[float] = deque(maxlen=RECENT)

    def add(self, value: float) -> None:
        """One more. A clock that was set back makes no negative times."""
        value = max(value, 0.0)
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value
        self._recent.append(value)

    def recent(self, percent: int) -> float | None:
        """The percentile of the latest, by nearest rank; None while there are none."""
        found = sorted(self._recent)
        return found[-(-len(found) * percent // 100) - 1] if found else None


class Tally:
    """Of one lane or process, from its start on. `counts` only ever grow."""

    def __init__(self, name: str, counted: Iterable[str] = (), series: dict[str, Series] | None = None) -> None:
        """`counted`: names that are shown as 0 before the first one."""
        self.name = name
        self.counts: Counter[str] = Counter(dict.fromkeys(counted, 0))
        self.series = series or {}
        self.look: Callable[[], dict[str, float]] | None = None  # the present; None while nobody works
        self._told: Counter[str] = Counter()

    def untold(self) -> dict[str, int]:
        """What was counted and not `told` yet."""
        return {name: count - self._told[name] for name, count in self.counts.items() if count > self._told[name]}

    def told(self, counted: dict[str, int]) -> None:
        """The database has these; what was counted meanwhile stays untold."""
        self._told.update(counted)

    def present(self) -> dict[str, float]:
        """How things are now, and the percentiles of the latest; what is not known is left out."""
        now = self.look() if self.look is not None else {}
        for name, series in self.series.items():
            for percent in (50, 99):
                value = series.recent(percent)
                if value is not None:
                    now[f"{name}_p{percent}"] = value
        return now
