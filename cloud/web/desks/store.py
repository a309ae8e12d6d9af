"""Reading for the home screens, over several rooms. Reads only; what it leaves out by a limit is counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from psycopg.rows import class_row

from cloud.devices.models import Contact
from cloud.web.desks.picture import Hour

if TYPE_CHECKING:
    from datetime import datetime

    from cloud.db import Conn

TERMINALS_MAX = 60  # on one page: those heard of the longest ago


@dataclass(frozen=True)
class Terminal(Contact):
    """A terminal as a list shows it."""

    battery_pct: int | None
    on_mains: bool | None
    csq: int | None
    open_faults: list[str] = field(default_factory=list)


async def terminals(conn: Conn, device_ids: list[str] | None = None) -> list[Terminal]:
    """The named terminals, or those that are in homes, whoever was heard of the longest ago first."""
    async with conn.cursor(row_factory=class_row(Terminal)) as cursor:
        await cursor.execute(
            """
            select d.device_id, d.status, s.last_seen_at, s.in_call_until, s.link, s.link_at, s.heartbeat_s,
                   s.battery_pct, s.on_mains, s.csq, coalesce(s.open_faults, '{}') as open_faults
            from device d left join device_state s using (device_id)
            where case when %(ids)s::text[] is null
                       then d.status in ('installed', 'paused') or s.device_id is not null and d.status <> 'reserved'
                       else d.device_id = any(%(ids)s) end
            order by s.last_seen_at nulls last, d.device_id
            limit %(most)s
            """,
            {"ids": device_ids, "most": TERMINALS_MAX if device_ids is None else len(device_ids)},
        )
        return await cursor.fetchall()


async def contact_counts(conn: Conn, now: datetime) -> list[tuple[Contact, int]]:
    """All terminals of the same list, those that beat alike and were heard of in the same minute together."""
    cursor = await conn.execute(
        """
        select d.status, date_trunc('minute', s.last_seen_at) + interval '59 seconds',
               max(s.in_call_until) filter (where s.in_call_until > %(now)s), s.heartbeat_s, count(*)
        from device d left join device_state s using (device_id)
        where d.status in ('installed', 'paused') or s.device_id is not null and d.status <> 'reserved'
        group by d.status, 2, s.heartbeat_s, coalesce(s.in_call_until > %(now)s, false)
        """,
        {"now": now},
    )
    return [
        (
            Contact(
                device_id="",
                status=status,
                last_seen_at=None if seen is None else min(seen, now),
                in_call_until=in_call,
                link=None,
                link_at=None,
                heartbeat_s=heartbeat_s,
            ),
            number,
        )
        for status, seen, in_call, heartbeat_s, number in await cursor.fetchall()
    ]


@dataclass(frozen=True)
class Beat:
    """When a process last said that it works, what it counted ever, and how it stood then."""

    process: str
    beat_at: datetime
    counters: dict[str, int]
    present: dict[str, float]


async def beats(conn: Conn) -> list[Beat]:
    """Of every process that ever worked."""
    async with conn.cursor(row_factory=class_row(Beat)) as cursor:
        await cursor.execute("select process, beat_at, counters, present from service_health")
        return await cursor.fetchall()


async def quarantined(conn: Conn, since: datetime) -> list[tuple[str, int, int, int]]:
    """(reason, messages kept, times they came, not settled by anybody), the most frequent first."""
    cursor = await conn.execute(
        "select reason, count(*), sum(times), count(*) filter (where settled is null)"
        " from quarantine where received_at > %(since)s group by 1 order by 3 desc, 1",
        {"since": since},
    )
    return [(reason, kept, int(times), left) for reason, kept, times, left in await cursor.fetchall()]


async def sessions_lost(conn: Conn, since: datetime, most: int) -> list[tuple[str, datetime, datetime]]:
    """(door, when it was last known to work, when the broker had forgotten it), the latest first."""
    cursor = await conn.execute(
        "select door, from_at, at from session_lost where at > %(since)s order by at desc limit %(most)s",
        {"since": since, "most": most},
    )
    return [(door, from_at, at) for door, from_at, at in await cursor.fetchall()]


@dataclass(frozen=True)
class Told:
    """One event: `at` is when it happened, or was received where that is not known."""

    at: datetime
    code: str


async def told(conn: Conn, device_id: str, since: datetime, most: int) -> list[Told]:
    """What a terminal told lately, the latest first."""
    async with conn.cursor(row_factory=class_row(Told)) as cursor:
        await cursor.execute(
            "select coalesce(happened_at, received_at) as at, code from event"
            " where device_id = %(device_id)s and received_at >= %(since)s order by 1 desc, id desc limit %(most)s",
            {"device_id": device_id, "since": since, "most": most},
        )
        return await cursor.fetchall()


async def last_told(conn: Conn, device_id: str, codes: list[str]) -> dict[str, datetime]:
    """When each of these events last happened, where it is known."""
    cursor = await conn.execute(
        "select code, max(coalesce(happened_at, received_at)) from event"
        " where device_id = %(device_id)s and code = any(%(codes)s) group by code",
        {"device_id": device_id, "codes": codes},
    )
    return dict(await cursor.fetchall())


async def hours(conn: Conn, device_id: str, since: datetime) -> list[Hour]:
    """The sums of a terminal's heartbeats by the hour, right at any moment."""
    async with conn.cursor(row_factory=class_row(Hour)) as cursor:
        await cursor.execute(
            "select hour, beats, battery_pct_low, csq_low, csq_sum, csq_count from heartbeat_hourly"
            " where device_id = %(device_id)s and hour >= %(since)s order by hour",
            {"device_id": device_id, "since": since},
        )
        return await cursor.fetchall()
