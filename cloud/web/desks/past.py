"""A terminal's past over one span: cells of days, hours or heartbeats, findings, proofs, our outages, pauses, messages.

In: an open transaction, a span, `now`. Out: plain data in words for the page, the drawing and machines. Nothing of any
person; what a limit leaves out is counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cloud.days import shanghai_day
from cloud.devices import store as devices
from cloud.devices.actions import INGEST_SILENCE_ALLOWED
from cloud.devices.aid import KEYS
from cloud.devices.aid import told as told_of_command
from cloud.devices.rules import HEARTBEAT_S
from cloud.errors import NotFound
from cloud.health import history
from cloud.health import words as health_words
from cloud.health.rules import BY_NAME
from cloud.web.desks import board, past_store, past_words
from cloud.web.desks import span as spans
from cloud.web.desks.span import Stretch

if TYPE_CHECKING:
    from cloud.db import Conn
    from cloud.devices.models import DeviceState
    from cloud.health.history import Past as PastFinding
    from cloud.web.desks.past_store import Beat, DayRecord, Duty, Message, Sums
    from cloud.web.desks.span import Span

FINDINGS_MAX = 100  # of one terminal in a year: more are a terminal to be replaced
BEATS_MAX = 2_000  # 26 h at the fastest rhythm of one a minute are 1,560
MARKS_MAX = 5_000  # boots and presses of 400 days: twelve a day
LINES_MAX = 300  # as many as anybody reads
COMMANDS_MAX = 50


@dataclass(kw_only=True)
class Cell:
    """A day, an hour or a heartbeat until the next one."""

    begin: datetime
    end: datetime
    beats: int = 0
    expected: float | None = None  # None: none was, or the step shows single ones
    off_mains: int = 0
    battery_pct_low: int | None = None
    battery_mv: int | None = None
    csq: float | None = None  # mean of the known readings
    csq_low: int | None = None
    registered_percent: float | None = None  # of the time with power, by the terminal's own record
    registration: int | None = None  # of one heartbeat
    temperature_high: int | None = None
    outbox: int | None = None
    in_call: bool = False
    presses: int = 0
    calls: int = 0  # attempts that reached talk
    boots: list[str] = field(default_factory=list)  # why, in words


@dataclass(frozen=True, kw_only=True)
class Found:
    """A finding as the history tells it."""

    finding_id: int
    title: str
    sentence: str
    next_step: str
    since: datetime
    closed_at: datetime | None
    ended: str | None  # how long it lasted, where it is over


@dataclass(frozen=True, kw_only=True)
class Proved:
    """A call that proved a key."""

    at: datetime
    key: str


@dataclass(frozen=True, kw_only=True)
class Past:
    """The whole page as data."""

    now: datetime
    device_id: str
    place: str | None
    step: str
    from_at: datetime
    until_at: datetime
    beat_s: int
    beats: int
    expected: float  # heartbeats, by the rhythm it has now; not while it was away or we were
    met: float  # of the expected ones; what came while none was expected makes up for none
    cells: list[Cell]
    findings: list[Found]
    findings_more: bool
    outages: list[Stretch]  # ours: nothing could be heard
    pauses: list[Stretch]
    proofs: list[Proved]
    marks: list[tuple[datetime, str, str]]  # single presses and boots (kind, words): not by days or hours
    lines: list[tuple[datetime, str]]  # messages and commands, the latest first; not by days
    lines_more: bool
    remarks: list[str]


async def read(conn: Conn, device_id: str, span: Span, now: datetime) -> Past:
    """As the database knows it. Raises NotFound."""
    view = await board.terminal(conn, device_id, now)
    if view is None:
        raise NotFound("没有这台设备")
    state = await devices.get_state(conn, device_id)
    beat_s = (state.heartbeat_s if state else None) or HEARTBEAT_S
    outages = await _outages(conn, span, now)
    pauses = [_stretch(each, now) for each in await past_store.pauses(conn, device_id)]
    duty = await _duty(conn, device_id, state, now)
    heard = spans.without(duty, [*outages, *pauses])
    marks = await past_store.messages(conn, device_id, span, ["boot", "press"], MARKS_MAX + 1)
    cells = await _cells(conn, device_id, span, marks[:MARKS_MAX])
    if span.step != "raw":
        _expect(cells, heard, beat_s)
    expected = spans.seconds_in([(span.from_at, span.until_at)], heard)[0] / beat_s
    found = await history.findings(conn, device_id, span.from_at, span.until_at, FINDINGS_MAX + 1)
    lines, more = ([], False) if span.step == "day" else await _lines(conn, device_id, span, now)
    return Past(
        now=now,
        device_id=device_id,
        place=view.place,
        step=span.step,
        from_at=span.from_at,
        until_at=span.until_at,
        beat_s=beat_s,
        beats=sum(each.beats for each in cells),
        expected=expected,
        met=_met(cells, expected, span),
        cells=cells,
        findings=[_found(each, now) for each in found[:FINDINGS_MAX]],
        findings_more=len(found) > FINDINGS_MAX,
        outages=_within(outages, span),
        pauses=_within(pauses, span),
        proofs=[
            Proved(at=each.at, key=KEYS.get(each.key, each.key))
            for each in await history.proofs(conn, device_id, span.from_at, span.until_at)
        ],
        marks=[(each.at, each.kind, past_words.said(each)) for each in marks[:MARKS_MAX]] if span.step == "raw" else [],
        lines=lines,
        lines_more=more,
        remarks=await _remarks(conn, device_id, span, cells, marks_more=len(marks) > MARKS_MAX),
    )


async def _outages(conn: Conn, span: Span, now: datetime) -> list[Stretch]:
    gaps = await devices.gaps(conn, span.from_at, now, INGEST_SILENCE_ALLOWED)
    return spans.merged((gap.from_at, gap.until_at) for gap in gaps)


async def _duty(conn: Conn, device_id: str, state: DeviceState | None, now: datetime) -> list[Stretch]:
    """When it was to be heard: in a home, until now; on its first day from its first word on."""
    found = []
    for each in await past_store.duties(conn, device_id):
        begin, end = _stretch(each, now)
        if state is not None and shanghai_day(state.first_seen_at) == each.from_day:
            begin = max(begin, state.first_seen_at)
        found.append((begin, min(end, now)))
    return spans.merged(found)


def _stretch(days: Duty, now: datetime) -> Stretch:
    """What has no end yet goes on for longer than any page shows."""
    until = spans.midnight(days.until_day) if days.until_day else now + timedelta(days=3_650)
    return spans.midnight(days.from_day), until


def _within(stretches: list[Stretch], span: Span) -> list[Stretch]:
    cut = [(max(begin, span.from_at), min(end, span.until_at)) for begin, end in stretches]
    return spans.merged(cut)


async def _cells(conn: Conn, device_id: str, span: Span, marks: list[Message]) -> list[Cell]:
    if span.step == "raw":
        return _single(await past_store.beats(conn, device_id, span, BEATS_MAX), span)
    cells = {begin: Cell(begin=begin, end=end) for begin, end in span.cells()}
    if span.step == "day":
        for day in await past_store.days(conn, device_id, span):
            _add_sums(cells[spans.midnight(day.day)], day)
        for record in await past_store.records(conn, device_id, span):
            _add_record(cells[spans.midnight(record.day)], record)
    else:
        for hour in await past_store.hours(conn, device_id, span):
            _add_sums(cells[hour.hour], hour)
    for mark in marks:
        cell = cells[span.from_at + (mark.at - span.from_at) // spans.CELL[span.step] * spans.CELL[span.step]]
        if mark.kind == "boot":
            cell.boots.append(past_words.boot(mark.body.get("cause")))
        elif span.step == "hour" and mark.body.get("key") != "cancel":
            cell.presses += 1
    return list(cells.values())


def _add_sums(cell: Cell, sums: Sums) -> None:
    cell.beats, cell.off_mains = sums.beats, sums.off_mains
    cell.battery_pct_low, cell.temperature_high = sums.battery_pct_low, sums.temperature_high
    if sums.csq_count and sums.csq_sum is not None:
        cell.csq, cell.csq_low = sums.csq_sum / sums.csq_count, sums.csq_low


def _add_record(cell: Cell, record: DayRecord) -> None:
    cell.presses, cell.calls = record.presses, record.calls
    if record.powered_min and record.registered_min is not None:
        cell.registered_percent = min(100.0, 100 * record.registered_min / record.powered_min)


def _single(beats: list[Beat], span: Span) -> list[Cell]:
    """Each lasts until the next one, or the end of what it says something about: ten minutes."""
    ends = [*(each.received_at for each in beats[1:]), span.until_at][: len(beats)]
    return [
        Cell(
            begin=beat.received_at,
            end=min(end, beat.received_at + timedelta(seconds=HEARTBEAT_S), span.until_at),
            beats=1,
            off_mains=int(beat.on_mains is False),
            battery_pct_low=beat.battery_pct,
            battery_mv=beat.battery_mv,
            csq=None if beat.csq == board.CSQ_UNKNOWN else beat.csq,
            csq_low=None if beat.csq == board.CSQ_UNKNOWN else beat.csq,
            registration=beat.registration,
            temperature_high=beat.temperature_c,
            outbox=beat.outbox,
            in_call=beat.in_call,
        )
        for beat, end in zip(beats, ends, strict=True)
    ]


def _expect(cells: list[Cell], heard: list[Stretch], beat_s: int) -> None:
    """How many heartbeats there had to be, by the rhythm it has now."""
    for cell, seconds in zip(cells, spans.seconds_in([(c.begin, c.end) for c in cells], heard), strict=True):
        cell.expected = seconds / beat_s if seconds else None


def _met(cells: list[Cell], expected: float, span: Span) -> float:
    if span.step == "raw":
        return min(float(len(cells)), expected)
    return sum(min(float(cell.beats), cell.expected or 0.0) for cell in cells)


def _found(past: PastFinding, now: datetime) -> Found:
    finding, rule = past.finding, BY_NAME.get(past.finding.rule)
    over = past.closed_at
    return Found(
        finding_id=past.finding_id,
        title=rule.title if rule else finding.rule,
        sentence=health_words.sentence(finding, over or now),
        next_step=rule.next_step if rule else "",
        since=finding.since,
        closed_at=over,
        ended=None if over is None else health_words.lasted(over - finding.since),
    )


async def _lines(conn: Conn, device_id: str, span: Span, now: datetime) -> tuple[list[tuple[datetime, str]], bool]:
    """Messages and commands in words, and whether there are more of them."""
    messages = await past_store.messages(conn, device_id, span, past_words.KINDS, LINES_MAX + 1)
    commands = await past_store.commands(conn, device_id, span, COMMANDS_MAX + 1)
    lines = [(each.at, past_words.said(each)) for each in messages[:LINES_MAX]]
    lines += [(each.asked_at, "远程" + "；".join(told_of_command(each, now))) for each in commands[:COMMANDS_MAX]]
    lines.sort(key=lambda line: line[0], reverse=True)
    return lines, len(messages) > LINES_MAX or len(commands) > COMMANDS_MAX


async def _remarks(conn: Conn, device_id: str, span: Span, cells: list[Cell], *, marks_more: bool) -> list[str]:
    """What the reader must know of what is not shown."""
    found = []
    if marks_more:
        found.append(f"按键与重启过多，只计入最近的 {MARKS_MAX:,} 条。")
    if span.step == "raw" and len(cells) >= BEATS_MAX:
        found.append(f"心跳过多，只显示最早的 {BEATS_MAX:,} 条。")
    if span.step == "day" or any(cell.beats for cell in cells):
        return found
    # Nothing is here: is it that nothing was heard, or that it was kept long enough?
    if span.step == "raw" and (whole := spans.inside(span, "hour")):
        if sum(each.beats for each in await past_store.hours(conn, device_id, whole)):
            found.append("这段时间的逐条心跳已过保存期限，请看按小时或按日的汇总。")
    elif span.step == "hour" and (whole := spans.inside(span, "day")):  # noqa: SIM102 - both branches read alike
        if sum(each.beats for each in await past_store.days(conn, device_id, whole)):
            found.append("这段时间按小时的汇总已过保存期限，请看按日的汇总。")
    return found
