"""The record of one Shanghai day: proof that the terminal was powered and could call, whatever the data link did.

In: a tick at least once a minute, and counts of what happened. Out: the fields of a `day` message when a day has ended.
Minutes and counts of a time when the clock was not set are kept by the hour of uptime and dated once it is; those of a
boot that never learned the time are given up and counted, never guessed onto a day.
"""

from firmware.core.clock import day_text, shanghai_midnight, shanghai_number
from protocol import const

_COUNTS = const(("beats", "presses", "answered", "stuck", "faults"))
_COUNT_MAX = const(99_999)  # of the wire
_MINUTES_MAX = const(1_440)
_STEP_MS_MAX = const(120_000)  # a longer gap between two ticks is a terminal that hung: not proven to have been at work
_HOUR_MS = const(3_600_000)
_NUMBER_DIGITS = const(6)  # of a day's running number: enough for two thousand years
_UNDATED_MAX = const(48)  # hours; more than two days without any network time: the oldest are given up

_MS = const(("on_ms", "reg_ms"))


def _empty() -> dict[str, int]:
    return {name: 0 for name in _MS + _COUNTS}


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
        self._told: "tuple[int, dict[str, int]] | None" = None  # the last day that ended, and what was told of it
        self.lost_minutes = 0  # powered minutes that could not be dated

    def count(self, name: str, now: int) -> None:
        """One more of COUNTS at this uptime."""
        self._page(now)[name] += 1

    def _page(self, now: int) -> dict[str, int]:
        """The counts that are being added to."""
        if self._day is not None:
            return self._of(self._day)
        start = now - now % _HOUR_MS
        if not self._hours or self._hours[-1][0] != start:
            self._hours.append((start, _empty()))
            if len(self._hours) > _UNDATED_MAX:
                self.lost_minutes += self._hours.pop(0)[1]["on_ms"] // 60_000
        return self._hours[-1][1]

    def _of(self, number: int) -> dict[str, int]:
        """The counts of a day. One that was told goes on where it was: whoever is told twice keeps the larger."""
        if number not in self._days:
            told = self._told
            self._days[number] = dict(told[1]) if told is not None and told[0] == number else _empty()
        return self._days[number]

    def tick(self, now: int, epoch: int | None, registered: bool) -> list[dict[str, object]]:
        """Let time pass. `epoch`: the clock at this uptime or None. Returns the days that ended, oldest first."""
        step = 0 if self._last is None else min(max(now - self._last, 0), _STEP_MS_MAX)
        self._last = now
        if epoch is None:
            self._day = None
            self._spend(self._page(now), step, registered)
            return []
        self._date_hours(now, epoch)
        today = shanghai_number(epoch)
        into_today_ms = (epoch - shanghai_midnight(today)) * 1_000
        if step > into_today_ms:  # the step began yesterday
            self._spend(self._of(today - 1), step - into_today_ms, registered)
            step = into_today_ms
        self._day = today
        self._spend(self._of(today), step, registered)
        return self._ended(today)

    def _spend(self, page: dict[str, int], step: int, registered: bool) -> None:
        page["on_ms"] += step
        if registered:
            page["reg_ms"] += step

    def _date_hours(self, now: int, epoch: int) -> None:
        """Give the hours of an unset clock to their days, each by its middle."""
        for start, page in self._hours:
            middle = min(start + _HOUR_MS // 2, now)
            number = shanghai_number(epoch - (now - middle) // 1_000)
            _add(self._of(number), page)
        self._hours = []

    def _ended(self, today: int) -> list[dict[str, object]]:
        out = []
        for number in sorted(self._days):
            # A day after today is a clock that was set back. Tomorrow ends when it comes: the clock was a little fast.
            # What is later will not come soon: those minutes were lived, and nobody knows of a better day than this.
            if number > today + 1:
                _add(self._of(today), self._days.pop(number))
            elif number < today:
                page = self._days.pop(number)
                out.append(_fields(number, page))
                self._told = (number, page)
        return out

    def dump(self) -> dict[str, object]:
        """What to store: the counts of days that have not ended."""
        undated = sum([page["on_ms"] for _, page in self._hours]) // 60_000
        told = None if self._told is None else [self._told[0], self._told[1]]
        days = {str(number): self._days[number] for number in self._days}
        return {"days": days, "lost": self.lost_minutes + undated, "told": told}

    def load(self, stored: object) -> None:
        """Take over what an earlier boot stored. Anything that is not a dump is ignored."""
        if not isinstance(stored, dict):
            return
        lost, days, told = stored.get("lost"), stored.get("days"), stored.get("told")
        if isinstance(lost, int):
            self.lost_minutes += lost
        if isinstance(told, list) and len(told) == 2 and isinstance(told[0], int):
            page = _page(told[1])
            self._told = None if page is None else (told[0], page)
        for text in days if isinstance(days, dict) else {}:
            page = _page(days[text])  # type: ignore[index] # it is a dict
            if page is not None and text.isdigit() and len(text) <= _NUMBER_DIGITS:
                self._days[int(text)] = page


def _page(raw: object) -> "dict[str, int] | None":
    """Counts as they were stored, or None if that is what they are not."""
    if not isinstance(raw, dict):
        return None
    known = {name: raw.get(name) for name in _MS + _COUNTS}
    whole = {name: value for name, value in known.items() if isinstance(value, int) and value >= 0}
    return whole if len(whole) == len(known) else None


def _fields(number: int, page: dict[str, int]) -> dict[str, object]:
    """The fields of the `day` message."""
    out: dict[str, object] = {"day": day_text(number)}
    out["on"] = min(page["on_ms"] // 60_000, _MINUTES_MAX)
    out["reg"] = min(page["reg_ms"] // 60_000, _MINUTES_MAX)
    for name in _COUNTS:
        out[name] = min(page[name], _COUNT_MAX)
    return out
