"""A clock that only moves when told, and what is due on it.

In: `advance(now)` with seconds since 1970. Out: the due functions are called in order of their time.
It never reads the time itself, so that an hour of modem life is a millisecond of test.
"""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Timer:
    """One thing to do at one time; `cancel` may be called at any moment, also twice."""

    def __init__(self, at: float, do: Callable[[], object], *, lasting: bool = False) -> None:
        self.at = at
        self.do: Callable[[], object] | None = do
        self.lasting = lasting

    def cancel(self) -> None:
        """Forget it."""
        self.do = None


class Timers:
    """The present and everything that waits for a later moment."""

    def __init__(self, now: float) -> None:
        self.now = now
        self._order = itertools.count()
        self._heap: list[tuple[float, int, Timer]] = []

    def after(self, seconds: float, do: Callable[[], object], *, lasting: bool = False) -> Timer:
        """Call `do` once, `seconds` from now. `lasting`: it belongs to the world, and outlives the modem's power."""
        timer = Timer(self.now + max(0.0, seconds), do, lasting=lasting)
        heapq.heappush(self._heap, (timer.at, next(self._order), timer))
        return timer

    def clear(self) -> None:
        """Forget everything that waits, except what lasts."""
        for _, _, timer in self._heap:
            if not timer.lasting:
                timer.cancel()
        self._heap = [entry for entry in self._heap if entry[2].do is not None]
        heapq.heapify(self._heap)

    def next_at(self) -> float | None:
        """The time of the next thing to do, None if nothing waits."""
        while self._heap and self._heap[0][2].do is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def advance(self, now: float) -> None:
        """Move to `now`; each due function sees its own time as the present. Time never runs back."""
        while (due := self.next_at()) is not None and due <= now:
            timer = heapq.heappop(self._heap)[2]
            self.now = max(self.now, timer.at)
            do, timer.do = timer.do, None
            if do is not None:
                do()
        self.now = max(self.now, now)
