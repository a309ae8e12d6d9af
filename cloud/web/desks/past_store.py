"""Reading a terminal's past: sums of days and hours, single heartbeats, messages, commands. Reads only.

Every query begins at the terminal: an index that leads with `device_id`, or by it and the day. What a limit leaves out
is said by whoever asks, who asks for one more than he shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from psycopg.rows import class_row

from cloud.days import shanghai_day
from cloud.devices.aid import Command

if TYPE_CHECKING:
    from cloud.db import Conn
    from cloud.web.desks.span import Span

_SUMS = "beats, off_mains, battery_pct_low, csq_low, csq_sum, csq_count, temperature_high"


@dataclass(frozen=True, kw_only=True)
class Sums:
    """The heartbeats of a day or an hour, summed."""

    beats: int
    off_mains: int
    battery_pct_low: int | None
    csq_low: int | None
    csq_sum: int | None
    csq_count: int
    temperature_high: int | None


@dataclass(frozen=True, kw_only=True)
class HourSums(Sums):
    """Of one hour."""

    hour: datetime


@dataclass(frozen=True, kw_only=True)
class DaySums(Sums):
    """Of one day."""

    day: date


@dataclass(frozen=True, kw_only=True)
class DayRecord:
    """What was counted on a day, and the minutes of the terminal's own record of it."""

    day: date
    presses: int
    calls: int
    powered_min: int | None
    registered_min: int | None


@dataclass(frozen=True, kw_only=True)
class Beat:
    """One heartbeat."""

    received_at: datetime
    battery_mv: int | None
    battery_pct: int | None
    on_mains: bool | None
    csq: int
    registration: int
    temperature_c: int | None
    outbox: int
    in_call: bool


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message that was receipted: `at` is when it happened, or was received where that is not known."""

    at: datetime
    dated: bool
    kind: str
    body: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Duty:
    """When it was to be in a home: days included, days not included any more."""

    from_day: date
    until_day: date | None


async def days(conn: Conn, device_id: str, span: Span) -> list[DaySums]:
    """Sums of the days of a span, right at any moment."""
    async with conn.cursor(row_factory=class_row(DaySums)) as cursor:
        await cursor.execute(
            f"select day, {_SUMS} from heartbeat_daily"
            " where device_id = %(device_id)s and day >= %(first)s and day < %(after)s",
            _days_of(device_id, span),
        )
        return await cursor.fetchall()


async def hours(conn: Conn, device_id: str, span: Span) -> list[HourSums]:
    """Sums of the hours of a span, right at any moment."""
    async with conn.cursor(row_factory=class_row(HourSums)) as cursor:
        await cursor.execute(
            f"select hour, {_SUMS} from heartbeat_hourly"
            " where device_id = %(device_id)s and hour >= %(from)s and hour < %(until)s",
            {"device_id": device_id, "from": span.from_at, "until": span.until_at},
        )
        return await cursor.fetchall()


async def records(conn: Conn, device_id: str, span: Span) -> list[DayRecord]:
    """What was counted on the days of a span."""
    async with conn.cursor(row_factory=class_row(DayRecord)) as cursor:
        await cursor.execute(
            "select day, presses, calls, (report->>'on')::integer as powered_min,"
            " (report->>'reg')::integer as registered_min from device_day"
            " where device_id = %(device_id)s and day >= %(first)s and day < %(after)s",
            _days_of(device_id, span),
        )
        return await cursor.fetchall()


async def beats(conn: Conn, device_id: str, span: Span, most: int) -> list[Beat]:
    """Single heartbeats by the time of receipt, the earliest first. They are kept for OKC_RAW_DAYS."""
    async with conn.cursor(row_factory=class_row(Beat)) as cursor:
        await cursor.execute(
            "select received_at, battery_mv, battery_pct, on_mains, csq, registration, temperature_c, outbox, in_call"
            " from heartbeat where device_id = %(device_id)s and received_at >= %(from)s and received_at < %(until)s"
            " order by received_at, id limit %(most)s",
            {"device_id": device_id, "from": span.from_at, "until": span.until_at, "most": most},
        )
        return await cursor.fetchall()


async def messages(conn: Conn, device_id: str, span: Span, kinds: list[str], most: int) -> list[Message]:
    """Receipted messages of these kinds, the latest first."""
    async with conn.cursor(row_factory=class_row(Message)) as cursor:
        await cursor.execute(
            "select coalesce(happened_at, received_at) as at, happened_at is not null as dated, kind, body from message"
            " where device_id = %(device_id)s and day >= %(first)s and day <= %(last)s and kind = any(%(kinds)s)"
            "  and coalesce(happened_at, received_at) >= %(from)s and coalesce(happened_at, received_at) < %(until)s"
            " order by 1 desc, id desc limit %(most)s",
            {
                "device_id": device_id, "first": shanghai_day(span.from_at), "last": shanghai_day(span.until_at),
                "kinds": kinds, "from": span.from_at, "until": span.until_at, "most": most,
            },
        )  # fmt: skip
        return await cursor.fetchall()


async def commands(conn: Conn, device_id: str, span: Span, most: int) -> list[Command]:
    """What it was asked from afar, the latest first."""
    async with conn.cursor(row_factory=class_row(Command)) as cursor:
        await cursor.execute(
            "select cid, device_id, do_what, asked_by, asked_at, expires_at, faults, answered_at, result, why, figures,"
            " '{}'::text[] as faults_now from device_command"
            " where device_id = %(device_id)s and asked_at >= %(from)s and asked_at < %(until)s"
            " order by asked_at desc, cid limit %(most)s",
            {"device_id": device_id, "from": span.from_at, "until": span.until_at, "most": most},
        )
        return await cursor.fetchall()


async def duties(conn: Conn, device_id: str) -> list[Duty]:
    """When it was in a home."""
    async with conn.cursor(row_factory=class_row(Duty)) as cursor:
        await cursor.execute(
            "select installed_on as from_day, removed_on as until_day from installation"
            " where device_id = %(device_id)s order by 1",
            {"device_id": device_id},
        )
        return await cursor.fetchall()


async def pauses(conn: Conn, device_id: str) -> list[Duty]:
    """When the household was away."""
    async with conn.cursor(row_factory=class_row(Duty)) as cursor:
        await cursor.execute(
            "select starts_on as from_day, ends_on as until_day from service_pause"
            " where device_id = %(device_id)s and (ends_on is null or ends_on > starts_on) order by 1",
            {"device_id": device_id},
        )
        return await cursor.fetchall()


def _days_of(device_id: str, span: Span) -> dict[str, object]:
    return {"device_id": device_id, "first": shanghai_day(span.from_at), "after": shanghai_day(span.until_at)}
