"""The letter of a day to the after-sales team. Pure: a summary in, a letter in plain text and HTML out.

Holds ids of terminals, streets and communities, never a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from cloud.days import SHANGHAI
from cloud.health.words import lasted
from cloud.html.render import render
from cloud.mail.models import Attachment, Letter

if TYPE_CHECKING:
    from collections.abc import Sequence

KIND = "health"
TASKS_MAX = 20  # a morning's work; the page has all
_WEEKDAYS = "一二三四五六日"


@dataclass(frozen=True)
class Moved:
    """A group of findings: what came, what went, what is there."""

    group: str
    opened: int
    closed: int
    still: int


@dataclass(frozen=True, kw_only=True)
class Line:
    """One finding in words."""

    device_id: str
    level: str
    place: str
    alone: bool
    title: str
    sentence: str
    next_step: str
    owner: str


@dataclass(frozen=True, kw_only=True)
class Summary:
    """All that a letter tells."""

    day: date
    at: datetime  # in Shanghai
    frozen: bool  # terminals cannot be heard now
    moved: list[Moved]
    levels: list[tuple[str, int]]
    total: int
    tasks: list[Line]
    silent: list[tuple[str, int]]
    notices: list[str]
    outages: list[tuple[datetime, datetime]]  # ours, of that day

    @property
    def opened(self) -> int:
        """Findings that opened on the day."""
        return sum(each.opened for each in self.moved)

    @property
    def closed(self) -> int:
        """Findings that closed on the day."""
        return sum(each.closed for each in self.moved)


def letter(summary: Summary, public_url: str = "", attachments: Sequence[Attachment] = ()) -> Letter:
    """The whole letter; `public_url`: where the pages are, "" where nobody said it."""
    url = public_url.rstrip("/")
    return Letter(
        kind=KIND,
        day=summary.day,
        subject=_subject(summary),
        text=_text(summary, url),
        html=render("bulletin.html", shown=summary, day=_day(summary.day), outages=_outages(summary), url=url),
        attachments=tuple(attachments),
    )


def _subject(summary: Summary) -> str:
    today = sum(number for title, number in summary.levels if title.startswith("当日"))
    counts = f"待处理 {summary.total:,}，当日须办 {today:,}，新增 {summary.opened:,}，恢复 {summary.closed:,}"
    return f"一键呼设备健康 {summary.day:%m月%d日}：{counts}"


def _text(summary: Summary, url: str) -> str:
    lines = [f"一键呼设备健康日报　{_day(summary.day)}", ""]
    if summary.frozen:
        lines += ["注意：接入服务目前无响应，终端状态暂停判定；以下是中断之前的情况。", ""]
    lines += ["一、按紧急程度", *(f"  {title}：{number:,} 条" for title, number in summary.levels), ""]
    lines += ["二、这一天的变化（新增／恢复／现有）"]
    lines += [f"  {each.group}：{each.opened:,}／{each.closed:,}／{each.still:,}" for each in summary.moved] or [
        "  没有发现。"
    ]
    lines += ["", "三、目前失联", *(f"  {words}：{number:,} 台" for words, number in summary.silent), ""]
    lines += [f"四、最紧急的 {len(summary.tasks)} 条（共 {summary.total:,} 条）"]
    for number, each in enumerate(summary.tasks, 1):
        alone = "，独居" if each.alone else ""
        lines += [f"  {number}. 【{each.level}】{each.title}　{each.device_id}（{each.place}{alone}）"]
        lines += [f"     {each.sentence}", f"     下一步（{each.owner}）：{each.next_step}"]
        if url:
            lines.append(f"     {url}/terminals/{each.device_id}")
    lines += ["" if summary.tasks else "  没有需要处理的发现。", "五、平台情况"]
    lines += [*(f"  {each}" for each in _outages(summary)), *(f"  {each}" for each in summary.notices)]
    lines += [
        "",
        f"数据截至 {summary.at:%Y-%m-%d %H:%M}（北京时间）。全部清单：{url}/health"
        if url
        else f"数据截至 {summary.at:%Y-%m-%d %H:%M}（北京时间）。全部清单见“设备健康”页面。",
    ]
    return "\n".join(lines) + "\n"


def _outages(summary: Summary) -> list[str]:
    if not summary.outages:
        return ["这一天平台没有中断。"]
    return [f"{_stretch(begin, end, summary.day)}；是我方原因，不算终端失联。" for begin, end in summary.outages]


def _stretch(begin: datetime, end: datetime, day: date) -> str:
    return f"平台中断 {begin.astimezone(SHANGHAI):%H:%M} 至 {_end(end, day)}，历时 {lasted(end - begin)}"


def _end(at: datetime, day: date) -> str:
    here = at.astimezone(SHANGHAI)
    return f"{here:%H:%M}" if here.date() == day else "24:00"


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日（周{_WEEKDAYS[day.weekday()]}）"
