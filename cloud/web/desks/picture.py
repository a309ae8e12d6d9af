"""A terminal's week as a picture: heartbeats, battery and signal by the hour. Pure.

In: the sums of its hours, the moment. Out: places on a drawing of WIDTH by HEIGHT, and the same in a sentence, for
whoever reads rather than looks. A line breaks where nothing was heard: nothing is drawn that nobody measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cloud.days import SHANGHAI

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HOURS = 7 * 24
STEP = 4  # of the drawing, for an hour
WIDTH = HOURS * STEP
# Three bands, one under the other: (top, height).
BEATS, BATTERY, SIGNAL = (18, 26), (60, 44), (120, 44)
HEIGHT = 192  # dates stand below the bands
CSQ_MAX = 31
DATE_ROOM = 60  # a date that begins later would be cut off
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Hour:
    """The sums of one hour in which something was heard."""

    hour: datetime
    beats: int
    battery_pct_low: int | None
    csq_low: int | None
    csq_sum: int | None
    csq_count: int


@dataclass(frozen=True)
class Picture:
    """What is drawn."""

    width: int
    height: int
    bars: list[tuple[int, float, float]]  # x, y, height: heartbeats of an hour, as many as are wanted reach the top
    battery: list[str]  # polylines
    signal: list[str]
    days: list[tuple[int, str]]  # x of midnight, the date
    said: str


def week(hours: Sequence[Hour], now: datetime, beat_s: int) -> Picture | None:
    """The seven days until now; None where nothing was heard in them."""
    begin = now.replace(minute=0, second=0, microsecond=0) - (HOURS - 1) * HOUR
    found = {(each.hour - begin) // HOUR: each for each in hours if each.hour >= begin}
    if not found:
        return None
    wanted = max(1.0, 3600 / beat_s)
    top, high = BEATS
    bars = []
    for place, each in sorted(found.items()):
        bar = high * min(each.beats / wanted, 1.0)
        bars.append((place * STEP, round(top + high - bar, 1), round(bar, 1)))
    return Picture(
        width=WIDTH,
        height=HEIGHT,
        bars=bars,
        battery=_lines(found, BATTERY, lambda each: each.battery_pct_low, 100),
        signal=_lines(found, SIGNAL, _csq, CSQ_MAX),
        days=_midnights(begin),
        said=_said(list(found.values())),
    )


def _csq(hour: Hour) -> float | None:
    return None if not hour.csq_count or hour.csq_sum is None else hour.csq_sum / hour.csq_count


def _lines(
    found: dict[int, Hour], band: tuple[int, int], value: Callable[[Hour], float | None], most: float
) -> list[str]:
    """One line for each stretch without a gap; an hour alone is a dash as long as itself."""
    (top, high), lines, line = band, [], []
    for place in range(HOURS + 1):
        at = value(found[place]) if place in found else None
        if at is not None:
            y = round(top + high - high * min(at / most, 1.0), 1)
            line.append(f"{place * STEP},{y}")
            continue
        if len(line) == 1:
            x, _, y_alone = line[0].partition(",")
            line.append(f"{int(x) + STEP - 1},{y_alone}")
        if line:
            lines.append(" ".join(line))
        line = []
    return lines


def _midnights(begin: datetime) -> list[tuple[int, str]]:
    """Beijing's midnights, each with its date."""
    first = begin.astimezone(SHANGHAI)
    places = [(place, first + place * HOUR) for place in range(HOURS)]
    midnights = [(place * STEP, at.strftime("%m-%d")) for place, at in places if at.hour == 0]
    return [(x, text if x <= WIDTH - DATE_ROOM else "") for x, text in midnights]


def _said(hours: Sequence[Hour]) -> str:
    words = [f"近7天 {HOURS} 小时中，{len(hours)} 小时收到心跳"]
    low = min((each.battery_pct_low for each in hours if each.battery_pct_low is not None), default=None)
    if low is not None:
        words.append(f"电量最低 {low}%")
    count = sum(each.csq_count for each in hours)
    if count:
        average = sum(each.csq_sum or 0 for each in hours) / count
        weakest = min(each.csq_low for each in hours if each.csq_low is not None)
        words.append(f"信号平均 {average:.0f}，最低 {weakest}")
    return "；".join(words)
