"""A terminal's past as a picture: bands under one time axis. Pure.

In: the data of the page. Out: places on a drawing, across in percent so that writing keeps its size at any width, down
in units. A line breaks where nothing was heard: nothing is drawn that nobody measured.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cloud.days import SHANGHAI
from cloud.web.desks import span as spans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from cloud.web.desks.past import Cell, Past
    from cloud.web.desks.span import Span, Stretch

ACROSS = 1000  # units of a line's own drawing, stretched to the width
AXIS = 26
NAME = 20  # room for a band's name above it
GAP = 8
TALL, FLAT, MARK, BAR = 40, 22, 16, 12
CSQ_MAX, CSQ_WEAK, BATTERY_LOW = 31, 10, 20
LANES_MAX = 12  # rows of findings; the list below the picture has all
NARROWEST = 0.15  # percent: what is shorter could not be seen


@dataclass(frozen=True)
class Box:
    """A rectangle; `kind` is its look."""

    x: float
    width: float
    y: float
    height: float
    kind: str
    href: str | None = None
    title: str = ""


@dataclass(frozen=True)
class Tick:
    """A line of the axis and what stands at it."""

    x: float
    text: str
    minor: bool  # left out where there is little room
    query: str | None = None


@dataclass(frozen=True)
class Band:
    """A strip with its name."""

    name: str
    y: float  # of its top, below the name
    height: float
    kind: str
    lines: list[str] = field(default_factory=list)  # polylines on ACROSS by its height
    limit: float | None = None  # y of a dashed line: below it is bad


@dataclass(frozen=True)
class Mark:
    """A sign at a moment."""

    x: float
    y: float
    sign: str
    kind: str
    title: str


@dataclass(frozen=True)
class Strip:
    """What is drawn."""

    height: float
    ticks: list[Tick]
    shades: list[Box]
    bands: list[Band]
    boxes: list[Box]
    marks: list[Mark]
    doors: list[Box]  # what is clicked on to see more of it


def draw(past: Past, span: Span) -> Strip:
    """The whole picture."""
    return _Drawing(past, span).strip()


class _Drawing:
    """Bands one under the other; `y` is where the next one begins."""

    def __init__(self, past: Past, span: Span) -> None:
        self._past, self._span = past, span
        self._y: float = AXIS
        self._bands: list[Band] = []
        self._boxes: list[Box] = []
        self._marks: list[Mark] = []

    def strip(self) -> Strip:
        self._beats()
        self._mains()
        self._line("电量最低（%）", "battery", lambda cell: cell.battery_pct_low, 100, BATTERY_LOW)
        self._line("信号（CSQ）", "signal", lambda cell: cell.csq, CSQ_MAX, CSQ_WEAK)
        self._registration()
        self._signs()
        self._findings()
        height = self._y + 4
        shades = [self._box(each, 0, height, "outage") for each in self._past.outages]
        shades += [self._box(each, 0, height, "pause") for each in self._past.pauses]
        return Strip(height, self._ticks(), shades, self._bands, self._boxes, self._marks, self._doors(height))

    def _band(
        self, name: str, kind: str, height: float, lines: list[str] | None = None, limit: float | None = None
    ) -> Band:
        top = self._y + NAME
        band = Band(name, top, height, kind, lines or [], None if limit is None else round(top + height - limit, 1))
        self._bands.append(band)
        self._y = top + height + GAP
        return band

    def _beats(self) -> None:
        single = self._span.step == "raw"
        band = self._band("心跳" if single else "心跳（收到／应有）", "beats", FLAT if single else TALL)
        for begin, end in _runs(
            (cell, bool(cell.expected and cell.expected >= 1 and not cell.beats)) for cell in self._past.cells
        ):
            self._boxes.append(self._box((begin, end), band.y, band.height, "silent"))
        for cell in self._past.cells:
            if not cell.beats:
                continue
            share = 1.0 if single or not cell.expected else min(cell.beats / cell.expected, 1.0)
            high = round(max(band.height * share, 1.0), 1)
            kind = "beat" if share >= 0.8 else "beat-few"
            box = self._box((cell.begin, cell.end), round(band.y + band.height - high, 1), high, kind)
            self._boxes.append(box)

    def _mains(self) -> None:
        if not any(cell.off_mains for cell in self._past.cells):
            return
        band = self._band("停电（电池供电）", "mains", FLAT)
        for cell in self._past.cells:
            if cell.off_mains:
                high = round(max(band.height * cell.off_mains / max(cell.beats, 1), 2.0), 1)
                y = round(band.y + band.height - high, 1)
                self._boxes.append(self._box((cell.begin, cell.end), y, high, "off-mains"))

    def _line(self, name: str, kind: str, value: Callable[[Cell], float | None], most: float, low: float) -> None:
        lines = self._lines(value, most, TALL)
        if lines:
            self._band(name, kind, TALL, lines, TALL * low / most)

    def _registration(self) -> None:
        if self._span.step == "raw":
            wrong = [cell for cell in self._past.cells if cell.registration not in {None, 1, 5}]
            if wrong:
                band = self._band("未注册电话网络", "registration", MARK)
                self._boxes += [self._box((each.begin, each.end), band.y, band.height, "off-mains") for each in wrong]
            return
        lines = self._lines(lambda cell: cell.registered_percent, 100, FLAT)
        if lines:
            self._band("电话网络注册（占通电时间 %）", "registration", FLAT, lines, FLAT * 0.9)

    def _lines(self, value: Callable[[Cell], float | None], most: float, height: float) -> list[str]:
        """One line for each stretch without a gap; a cell alone is a dash as long as itself."""
        found: list[list[tuple[float, float]]] = []
        last: datetime | None = None
        for cell in self._past.cells:
            at = value(cell)
            if at is None:
                continue
            y = round(height - height * min(max(at / most, 0.0), 1.0), 1)
            points = [(self._across(cell.begin) * ACROSS / 100, y), (self._across(cell.end) * ACROSS / 100, y)]
            if last == cell.begin:
                found[-1] += points
            else:
                found.append(points)
            last = cell.end
        return [" ".join(f"{x:.1f},{y}" for x, y in line) for line in found]

    def _signs(self) -> None:
        marks: list[tuple[str, str, str, list[tuple[datetime, str]]]] = [
            ("重启", "boot", "↻", self._signs_of("boot", lambda cell: "、".join(cell.boots))),
            ("按键", "press", "●", self._signs_of("press", lambda cell: f"{cell.presses} 次" if cell.presses else "")),
            ("证实可用的通话", "proof", "☎", [(each.at, each.key) for each in self._past.proofs]),
        ]
        for name, kind, sign, found in marks:
            if found:
                band = self._band(name, kind, MARK)
                y = band.y + band.height - 3
                self._marks += [Mark(self._across(at), y, sign, kind, f"{name}：{text}") for at, text in found]

    def _signs_of(self, kind: str, text: Callable[[Cell], str]) -> list[tuple[datetime, str]]:
        single = [(at, words) for at, what, words in self._past.marks if what == kind]
        return single or [(_middle(cell), text(cell)) for cell in self._past.cells if text(cell)]

    def _findings(self) -> None:
        """A row for each kind, those that are open first."""
        rows: dict[str, list[Box]] = {}
        for each in self._past.findings:
            if each.title not in rows and len(rows) == LANES_MAX:
                continue
            stretch = (each.since, each.closed_at or self._past.now)
            state = "open" if each.closed_at is None else "over"
            box = self._box(
                stretch, 0, BAR, f"finding-{state}", href=f"#finding-{each.finding_id}", title=each.sentence
            )
            rows.setdefault(each.title, []).append(box)
        for title, boxes in rows.items():
            is_open = any(box.kind == "finding-open" for box in boxes)
            band = self._band(
                ("▲ " if is_open else "") + title, "finding-name-open" if is_open else "finding-name", BAR
            )
            self._boxes += [Box(box.x, box.width, band.y, BAR, box.kind, box.href, box.title) for box in boxes]

    def _ticks(self) -> list[Tick]:
        span = self._span
        if span.length > spans.DAY * 62:
            months = _months(span)
            return [Tick(self._across(at), f"{at.month}月", False, spans.month(at).query) for at in months]
        if span.length > 2 * spans.DAY:
            days = [
                self._local(begin)
                for begin, _ in spans.Span("day", *_whole_days(span)).cells()
                if begin >= span.from_at
            ]
            few = len(days) <= 14
            return [
                Tick(self._across(at), f"{at.day}日", not few and at.day % 5 != 1, spans.day(at).query) for at in days
            ]
        if span.length > spans.HOUR * 3:
            hours = [self._local(begin) for begin, _ in spans.Span("hour", span.from_at, span.until_at).cells()]
            return [
                Tick(self._across(at), f"{at:%H}时", at.hour % 3 != 0, spans.hour(at).query)
                for at in hours
                if at.minute == 0
            ]
        step = spans.MINUTE * 10
        times = [span.from_at + n * step for n in range(span.length // step)]
        return [Tick(self._across(at), f"{self._local(at):%H:%M}", n % 2 == 1) for n, at in enumerate(times)]

    def _doors(self, height: float) -> list[Box]:
        if self._span.step == "raw":
            return []
        inner = spans.day if self._span.step == "day" else spans.hour
        doors = []
        for cell in self._past.cells:
            if cell.begin <= self._past.now:
                target = inner(cell.begin)
                doors.append(
                    self._box((cell.begin, cell.end), 0, height, "door", href=target.query, title=target.title)
                )
        return doors

    def _across(self, at: datetime) -> float:
        share = (at - self._span.from_at) / self._span.length
        return round(100 * min(max(share, 0.0), 1.0), 3)

    def _box(
        self, stretch: Stretch, y: float, height: float, kind: str, *, href: str | None = None, title: str = ""
    ) -> Box:
        x, right = self._across(stretch[0]), self._across(stretch[1])
        width = max(right - x, NARROWEST)
        return Box(round(min(x, 100 - width), 3), round(width, 3), y, height, kind, href, title)

    @staticmethod
    def _local(at: datetime) -> datetime:
        return at.astimezone(SHANGHAI)


def _runs(cells: Iterable[tuple[Cell, bool]]) -> list[Stretch]:
    """Stretches of cells that have it, neighbours together."""
    return spans.merged((cell.begin, cell.end) for cell, has in cells if has)


def _middle(cell: Cell) -> datetime:
    return cell.begin + (cell.end - cell.begin) / 2


def _months(span: Span) -> Sequence[datetime]:
    found = [span.from_at.astimezone(SHANGHAI)] if span.from_at == spans.month(span.from_at).from_at else []
    at = spans.month(span.from_at).until_at
    while at < span.until_at:
        found.append(at)
        at = spans.month(at).until_at
    return found


def _whole_days(span: Span) -> Stretch:
    return spans.day(span.from_at).from_at, span.until_at
