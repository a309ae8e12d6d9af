"""The record of one Shanghai day: proof that the terminal was powered and could call, whatever the data link did.

In: a tick at least once a minute, and counts of what happened. Out: the fields of a `day` message when a day has ended.
Minutes and counts of a time when the clock was not set are kept by the hour of uptime and dated once it is; those of a
boot that never learned the time are given up and counted, never guessed onto a day.
"""

from firmware.core.clock import day_text, shanghai_midnight, shanghai_number

COUNTS = ("beats", "presses", "answered", "stuck", "faults")
COUNT_MAX = 99_999  # of the wire
MINUTES_MAX = 1_440
STEP_MS_MAX = 120_000  # a longer gap between two ticks is a terminal that hung: not proven to have been at work
HOUR_MS = 3_600_000
UNDATED_MAX = 48  # hours; more than two days without any network time: the oldest are given up

_MS = ("on_ms", "reg_ms")


def _empty() -> dict[str, int]:
    return {name: 0 for name in _MS + COUNTS}


def _add(total: dict[str, int], part: dict[str, int]) -> None:
    for name in total:
        total[name] += part[name]


class DayBook:
    """Counts of the running day. `dump` is stored now and then, so that a restart loses some minutes only."""

    def __init__(self) -> None:
        self._days: dict[int, dict[str, int]] = {}  # Shanghai day number: counts; one entry, two around midnight
        self._hours: list[
            tuple[int, dict[str, int]]
        ] = []  # of this boot while the clock is unset: (uptime at start, counts)
        self._last: int | None = None  # uptime of the last tick
        self._day: int | None = None  # today, while the clock is set
        self.lost_minutes = 0  # powered minutes that could not be dated

    def count(self, name: str, now: int) -> None:
        """One more of COUNTS at this uptime."""
        self._page(now)[name] += 1

    def _page(self, now: int) -> dict[str, int]:
        """The counts that are being added to."""
        if self._day is not None:
            return self._days.setdefault(self._day, _empty())
        start = now - now % HOUR_MS
        if not self._hours or self._hours[-1][0] != start:
            self._hours.append((start, _empty()))
            if len(self._hours) > UNDATED_MAX:
                self.lost_minutes += self._hours.pop(0)[1]["on_ms"] // 60_000
        return self._hours[-1][1]

    def tick(self, now: int, epoch: int | None, registered: bool) -> list[dict[str, object]]:
        """Let time pass. `epoch`: the clock at this uptime or None. Returns the days that ended, oldest first."""
        step = 0 if self._last is None else min(max(now - self._last, 0), STEP_MS_MAX)
        self._last = now
        if epoch is None:
            self._day = None
            self._spend(self._page(now), step, registered)
            return []
        self._date_hours(now, epoch)
        today = shanghai_number(epoch)
        into_today_ms = (epoch - shanghai_midnight(today)) * 1_000
        if step > into_today_ms:  # the step began yesterday
            self._spend(self._days.setdefault(today - 1, _empty()), step - into_today_ms, registered)
            step = into_today_ms
        self._day = today
        self._spend(self._days.setdefault(today, _empty()), step, registered)
        return self._ended(today)

    def _spend(self, page: dict[str, int], step: int, registered: bool) -> None:
        page["on_ms"] += step
        if registered:
            page["reg_ms"] += step

    def _date_hours(self, now: int, epoch: int) -> None:
        """Give the hours of an unset clock to their days, each by its middle."""
        for start, page in self._hours:
            middle = min(start + HOUR_MS // 2, now)
            number = shanghai_number(epoch - (now - middle) // 1_000)
            _add(self._days.setdefault(number, _empty()), page)
        self._hours = []

    def _ended(self, today: int) -> list[dict[str, object]]:
        out = []
        for number in sorted(self._days):
            # A day after today is a clock that was set back: it ends when it comes.
            if number < today:
                out.append(_fields(number, self._days.pop(number)))
        return out

    def dump(self) -> dict[str, object]:
        """What to store: the counts of days that have not ended."""
        undated = sum([page["on_ms"] for _, page in self._hours]) // 60_000
        return {"days": {str(number): self._days[number] for number in self._days}, "lost": self.lost_minutes + undated}

    def load(self, stored: object) -> None:
        """Take over what an earlier boot stored. Anything that is not a dump is ignored."""
        if not isinstance(stored, dict):
            return
        lost, days = stored.get("lost"), stored.get("days")
        if isinstance(lost, int):
            self.lost_minutes += lost
        if not isinstance(days, dict):
            return
        for text in days:
            page = days[text]
            if isinstance(page, dict) and text.isdigit():
                known = {name: page.get(name) for name in _MS + COUNTS}
                whole = {name: value for name, value in known.items() if isinstance(value, int) and value >= 0}
                if len(whole) == len(known):
                    _add(self._days.setdefault(int(text), _empty()), whole)


def _fields(number: int, page: dict[str, int]) -> dict[str, object]:
    """The fields of the `day` message."""
    out: dict[str, object] = {"day": day_text(number)}
    out["on"] = min(page["on_ms"] // 60_000, MINUTES_MAX)
    out["reg"] = min(page["reg_ms"] // 60_000, MINUTES_MAX)
    for name in COUNTS:
        out[name] = min(page[name], COUNT_MAX)
    return out
