"""A terminal's past for those who read: the same as the picture, as rows. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from cloud.days import SHANGHAI
from cloud.health.words import lasted
from cloud.web import words
from cloud.web.desks import span as spans

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cloud.web.desks.past import Cell, Past
    from cloud.web.desks.span import Span, Stretch

OUTAGES_MAX = 12  # more are summed up
POOR = 0.8  # of the expected heartbeats; below it the row is marked
NONE = "—"

SUMMED = ["心跳（收到／应有）", "停电占比", "电量最低", "信号平均／最低", "电话网络注册", "按键", "重启", "说明"]
SINGLE = ["供电", "电量", "信号", "电话网络", "温度", "待发记录", "说明"]


@dataclass(frozen=True)
class Row:
    """One line; `query` leads to what is inside."""

    name: str
    query: str | None
    cells: list[str]
    poor: bool


@dataclass(frozen=True)
class Table:
    """A table with its name."""

    name: str
    first: str
    headings: list[str]
    rows: list[Row]


def tables(past: Past, span: Span) -> list[Table]:
    """Days, hours or single heartbeats; for a long time months."""
    if span.step == "raw":
        return [Table("逐条心跳", "时间", SINGLE, [_single(cell) for cell in past.cells])]
    if span.length > spans.DAY * 62:  # each month leads to its days
        return [Table("每月", "月份", _headings(span), _months(past, span))]
    rows = [_row(past, cell, span) for cell in past.cells if cell.begin <= past.now]
    return [
        Table("每日", "日期", SUMMED, rows) if span.step == "day" else Table("每小时", "小时", _headings(span), rows)
    ]


def summary(past: Past) -> str:
    """The whole span in a sentence."""
    parts = [f"收到心跳 {past.beats:,} 次"]
    if past.expected >= 1:
        parts[0] += f"，应有 {past.expected:,.0f} 次，到齐 {int(100 * past.met / past.expected)}%"
    lows = [cell.battery_pct_low for cell in past.cells if cell.battery_pct_low is not None]
    if lows:
        parts.append(f"电量最低 {min(lows)}%")
    weakest = [cell.csq_low for cell in past.cells if cell.csq_low is not None]
    if weakest:
        parts.append(f"信号最低 {min(weakest)}")
    boots = Counter(cause for cell in past.cells for cause in cell.boots)
    if boots:
        parts.append(
            f"重启 {boots.total()} 次（{'、'.join(f'{cause} {times}' for cause, times in boots.most_common())}）"
        )
    still = sum(each.closed_at is None for each in past.findings)
    parts.append(f"发现 {len(past.findings)} 条，其中 {still} 条未恢复" if past.findings else "没有发现")
    return "；".join(parts) + "。"


def away(past: Past) -> list[str]:
    """The time in which nothing is held against the terminal, a sentence each."""
    found = [f"暂停服务：{_moment(begin)} 至 {_moment(end)}，不算故障，也不算正常使用。" for begin, end in past.pauses]
    if len(past.outages) > OUTAGES_MAX:
        total = sum((end - begin for begin, end in past.outages), timedelta())
        return [*found, f"平台中断 {len(past.outages)} 次，共 {lasted(total)}；是我方原因，不算终端失联。"]
    return found + [
        f"平台中断：{_moment(begin)} 至 {_moment(end)}，历时 {lasted(end - begin)}；是我方原因，不算终端失联。"
        for begin, end in past.outages
    ]


def _headings(span: Span) -> list[str]:
    return SUMMED if span.step == "day" else [each for each in SUMMED if each != "电话网络注册"]


def _months(past: Past, span: Span) -> list[Row]:
    by_month: dict[datetime, list[Cell]] = {}
    for cell in past.cells:
        if cell.begin <= past.now:
            by_month.setdefault(spans.month(cell.begin).from_at, []).append(cell)
    return [_row_of(past, cells, span, spans.month(first)) for first, cells in by_month.items()]


def _row(past: Past, cell: Cell, span: Span) -> Row:
    return _row_of(past, [cell], span, spans.day(cell.begin) if span.step == "day" else spans.hour(cell.begin))


def _row_of(past: Past, cells: Sequence[Cell], span: Span, inner: Span) -> Row:
    stretch = cells[0].begin, cells[-1].end
    beats = sum(cell.beats for cell in cells)
    expected = sum(cell.expected or 0 for cell in cells)
    shares = [cell.registered_percent for cell in cells if cell.registered_percent is not None]
    boots = Counter(cause for cell in cells for cause in cell.boots)
    shown = [
        f"{beats:,}／{expected:,.0f}" if expected >= 1 else f"{beats:,}" if beats else NONE,
        f"{sum(cell.off_mains for cell in cells) / beats:.0%}" if beats else NONE,
        _least([cell.battery_pct_low for cell in cells], "%"),
        _signal(cells),
        f"{sum(shares) / len(shares):.0f}%" if shares else NONE,
        _count(sum(cell.presses for cell in cells)),
        "、".join(f"{cause} {times}" for cause, times in boots.items()) or NONE,
        "、".join(_remarks(past, stretch)),
    ]
    if span.step != "day":
        del shown[4]
    return Row(_name(span, inner), inner.query, shown, poor=expected >= 1 and beats < POOR * expected)


def _single(cell: Cell) -> Row:
    battery = NONE if cell.battery_pct_low is None else f"{cell.battery_pct_low}%"
    if cell.battery_mv is not None:
        battery += f"（{cell.battery_mv / 1000:.2f} V）"
    registration = words.REGISTRATIONS.get(cell.registration if cell.registration is not None else 4, "未知")
    shown = [
        "电池" if cell.off_mains else "市电",
        battery,
        NONE if cell.csq is None else f"{cell.csq:.0f}",
        registration,
        NONE if cell.temperature_high is None else f"{cell.temperature_high} °C",
        _count(cell.outbox or 0),
        "通话中" if cell.in_call else "",
    ]
    return Row(f"{cell.begin.astimezone(SHANGHAI):%m-%d %H:%M:%S}", None, shown, bool(cell.off_mains))


def _name(span: Span, inner: Span) -> str:
    if inner.is_month:
        return inner.title
    here = inner.from_at.astimezone(SHANGHAI)
    return inner.title if span.step == "day" else f"{here:%m-%d} {here.hour:02d} 时"


def _remarks(past: Past, stretch: Stretch) -> list[str]:
    found = []
    for name, stretches in (("平台中断", past.outages), ("暂停服务", past.pauses)):
        if seconds := spans.seconds_in([stretch], stretches)[0]:
            found.append(f"{name} {_said(seconds)}")
    return found


def _said(seconds: float) -> str:
    if seconds >= 86_400:
        return f"{seconds / 86_400:.0f} 天"
    return f"{seconds / 3600:.0f} 小时" if seconds >= 5_400 else f"{max(seconds / 60, 1):.0f} 分钟"


def _signal(cells: Sequence[Cell]) -> str:
    known = [cell.csq for cell in cells if cell.csq is not None]
    return f"{sum(known) / len(known):.0f}／{_least([cell.csq_low for cell in cells], '')}" if known else NONE


def _moment(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def _least(values: Sequence[int | None], unit: str) -> str:
    known = [value for value in values if value is not None]
    return f"{min(known)}{unit}" if known else NONE


def _count(number: int) -> str:
    return f"{number:,}" if number else NONE
