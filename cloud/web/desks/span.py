"""A stretch of a terminal's past, by days, hours or single heartbeats: what may be asked for, and where to go from it.

In: words of a query, `now`. Out: a Span whose ends lie on whole cells, or BadInput in words. Pure; days and hours are
those of the homes, and Shanghai has had no summer time since 1991.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from cloud.days import SHANGHAI
from cloud.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable

STEPS = {"day": "按日", "hour": "按小时", "raw": "逐条"}
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
CELL = {"day": DAY, "hour": HOUR, "raw": MINUTE}
# What one page can show and one query should read.
LONGEST = {
    "day": 400 * DAY,  # a year beside the same month of the year before
    "hour": 14 * DAY,  # 336 columns: as many as can be told apart
    "raw": 26 * HOUR,  # a whole day and what came just before and after it
}
USUAL = {"day": 365 * DAY, "hour": DAY, "raw": HOUR}
EARLIEST = datetime(2020, 1, 1, tzinfo=SHANGHAI)  # before any terminal of ours
_WEEKDAYS = "一二三四五六日"
_SHAPES = {"day": "2026-03-31", "hour": "2026-03-31 或 2026-03-31T14", "raw": "2026-03-31T14:00"}
_CHARS_MAX = 32  # the longest time with an offset

Stretch = tuple[datetime, datetime]


@dataclass(frozen=True)
class Span:
    """From the first moment, included, to the last one, not included."""

    step: str
    from_at: datetime
    until_at: datetime

    @property
    def length(self) -> timedelta:
        """How much of the past it is."""
        return self.until_at - self.from_at

    @property
    def is_month(self) -> bool:
        """Whether it is a whole month of the calendar."""
        first = _local(self.from_at)
        return self.step == "day" and first.day == 1 and self.until_at == _month_after(first)

    @property
    def query(self) -> str:
        """What asks for it."""
        shape = "%Y-%m-%d" if self.step == "day" else "%Y-%m-%dT%H:%M"
        first, after_ = _local(self.from_at), _local(self.until_at)
        return f"step={self.step}&from={first.strftime(shape)}&until={after_.strftime(shape)}"

    @property
    def title(self) -> str:
        """As people say it."""
        first, after = _local(self.from_at), _local(self.until_at)
        if self.is_month:
            return f"{first.year}年{first.month}月"
        whole_days = first.time() == after.time() == time()
        if whole_days:
            last = after - DAY
            return said_day(first) if last.date() == first.date() else f"{said_day(first)}至{said_day(last)}"
        end = f"{after:%H:%M}" if after.date() == first.date() else f"{said_day(after)} {after:%H:%M}"
        return f"{said_day(first)} {first:%H:%M}至{end}"

    def cells(self) -> list[Stretch]:
        """Its days, hours or minutes."""
        cell = CELL[self.step]
        return [(self.from_at + n * cell, self.from_at + (n + 1) * cell) for n in range(self.length // cell)]


def asked(step: str, begins: str, ends: str, now: datetime) -> Span:
    """What a query means; "" is what is usual. Raises BadInput."""
    if step not in STEPS:
        raise BadInput("step 只能是 day（按日）、hour（按小时）或 raw（逐条）")
    cell, usual, longest = CELL[step], USUAL[step], LONGEST[step]
    until = _whole(_moment(step, ends, "until"), cell, up=True) if ends else None
    if begins:
        first = _whole(_moment(step, begins, "from"), cell)
        until = until or first + usual
    else:
        until = until or _whole(now, cell, up=True)
        first = until - usual
    if first >= until:
        raise BadInput("结束时间须晚于开始时间")
    if first > now:
        raise BadInput("开始时间晚于现在")
    if until - first > longest:
        raise BadInput(f"{STEPS[step]}最多查看 {_said(longest)}，请缩短时间段")
    return Span(step, first, until)


def year(now: datetime) -> Span:
    """The last 365 days, today with them."""
    return asked("day", "", "", now)


def month(at: datetime) -> Span:
    """The month of a moment, by days."""
    first = midnight(_local(at).date().replace(day=1))
    return Span("day", first, _month_after(first))


def day(at: datetime) -> Span:
    """The day of a moment, by hours."""
    first = midnight(_local(at).date())
    return Span("hour", first, first + DAY)


def hour(at: datetime) -> Span:
    """The hour of a moment, message by message."""
    first = _whole(at, HOUR)
    return Span("raw", first, first + HOUR)


def before(span: Span) -> Span | None:
    """The stretch just before; None where nothing of ours was yet."""
    found = month(span.from_at - DAY) if span.is_month else Span(span.step, span.from_at - span.length, span.from_at)
    return found if found.from_at >= EARLIEST else None


def after(span: Span, now: datetime) -> Span | None:
    """The stretch just after; None where it has not begun."""
    if span.until_at > now:
        return None
    return month(span.until_at) if span.is_month else Span(span.step, span.until_at, span.until_at + span.length)


def above(span: Span, now: datetime) -> list[tuple[str, Span]]:
    """The way back up, the widest first."""
    found = [("近一年", year(now))]
    if span.step != "day":
        found.append((month(span.from_at).title, month(span.from_at)))
    if span.step == "raw":
        found.append((said_day(_local(span.from_at)), day(span.from_at)))
    return found


def inside(span: Span, step: str) -> Span | None:
    """The whole cells of a coarser step that lie in it; None where none does."""
    first, until = _whole(span.from_at, CELL[step], up=True), _whole(span.until_at, CELL[step])
    return Span(step, first, until) if first < until else None


def midnight(on: date) -> datetime:
    """When a day of the homes begins."""
    return datetime.combine(on, time(), SHANGHAI)


def said_day(at: datetime) -> str:
    """A day with its weekday."""
    here = _local(at)
    return f"{here.year}年{here.month}月{here.day}日（周{_WEEKDAYS[here.weekday()]}）"


def without(stretches: Iterable[Stretch], holes: Iterable[Stretch]) -> list[Stretch]:
    """What is left of stretches, merged and in order, when the holes are cut out."""
    found, cut = merged(stretches), merged(holes)
    left: list[Stretch] = []
    for begin, end in found:
        at = begin
        for hole_begin, hole_end in cut:
            if hole_end <= at:
                continue
            if hole_begin >= end:
                break
            if hole_begin > at:
                left.append((at, hole_begin))
            at = max(at, hole_end)
        if at < end:
            left.append((at, end))
    return left


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """In order, those that touch as one, empty ones left out."""
    found: list[Stretch] = []
    for begin, end in sorted(each for each in stretches if each[0] < each[1]):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def seconds_in(cells: Sequence[Stretch], stretches: Sequence[Stretch]) -> list[float]:
    """How much of each cell lies in the stretches; both are in order and without overlaps. One walk over both."""
    found, place = [], 0
    for begin, end in cells:
        while place < len(stretches) and stretches[place][1] <= begin:
            place += 1
        total, at = 0.0, place
        while at < len(stretches) and stretches[at][0] < end:
            total += (min(end, stretches[at][1]) - max(begin, stretches[at][0])).total_seconds()
            at += 1
        found.append(total)
    return found


def _moment(step: str, text: str, name: str) -> datetime:
    try:
        at = datetime.fromisoformat(text) if len(text) <= _CHARS_MAX else None
        at = None if at is None else at.replace(tzinfo=SHANGHAI) if at.tzinfo is None else at.astimezone(SHANGHAI)
    except (ValueError, OverflowError):
        at = None
    if at is None:
        raise BadInput(f"{name} 不是时间，请写成 {_SHAPES[step]}（北京时间）")
    if not EARLIEST <= at <= EARLIEST.replace(year=2100):
        raise BadInput(f"{name} 须在 2020 年至 2099 年之间")
    return at


def _whole(at: datetime, cell: timedelta, *, up: bool = False) -> datetime:
    """The beginning of the cell of a moment, or the end of it where it has begun."""
    first = EARLIEST + (at - EARLIEST) // cell * cell
    return first + cell if up and first < at else first


def _local(at: datetime) -> datetime:
    return at.astimezone(SHANGHAI)


def _month_after(first: datetime) -> datetime:
    here = _local(first).date().replace(day=1)
    return midnight((here + timedelta(days=31)).replace(day=1))


def _said(length: timedelta) -> str:
    return f"{length.days} 天" if length % DAY == timedelta(0) else f"{length // HOUR} 小时"
