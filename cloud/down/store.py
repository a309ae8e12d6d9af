"""The SQL of the sender: what is due, what the broker has, what is not answered yet, what came too late."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from psycopg.rows import class_row

if TYPE_CHECKING:
    from datetime import datetime

    from cloud.db import Conn


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of `down` that is due."""

    down_id: int
    device_id: str
    kind: str
    of_id: str | None
    body_sealed: bytes | None = field(repr=False)
    expires_at: datetime | None
    tries: int  # so often sent, or tried to be


async def due_urgent(conn: Conn, now: datetime, most: int) -> list[Row]:
    """Everything but receipts, oldest first."""
    async with conn.cursor(row_factory=class_row(Row)) as cursor:
        await cursor.execute(
            "select down_id, device_id, kind, of_id, body_sealed, expires_at, tries from down"
            " where sent_at is null and dropped_at is null and kind <> 'receipt' and due_at <= %(now)s"
            " order by down_id limit %(most)s",
            {"now": now, "most": most},
        )
        return await cursor.fetchall()


async def due_receipts(conn: Conn, now: datetime, most: int) -> list[Row]:
    """Receipts, oldest first."""
    async with conn.cursor(row_factory=class_row(Row)) as cursor:
        await cursor.execute(
            "select down_id, device_id, kind, of_id, body_sealed, expires_at, tries from down"
            " where sent_at is null and dropped_at is null and kind = 'receipt' and due_at <= %(now)s"
            " order by due_at, down_id limit %(most)s",
            {"now": now, "most": most},
        )
        return await cursor.fetchall()


async def outbox(conn: Conn, now: datetime) -> tuple[float, int]:
    """(seconds for which the oldest row has been due, how many are due): what waits for the sender."""
    cursor = await conn.execute(
        "select min(due_at), count(*) from down where sent_at is null and dropped_at is null and due_at <= %(now)s",
        {"now": now},
    )
    ((oldest, due),) = await cursor.fetchall()
    return 0.0 if oldest is None else (now - oldest).total_seconds(), due


async def settle_again(conn: Conn, now: datetime) -> int:
    """Of what would be sent again now, end what needs it no longer; how many expired without an answer."""
    await conn.execute(
        "update down d set again_at = null, answered_at = %(now)s from device_state s where d.again_at <= %(now)s"
        " and d.kind = 'config' and s.device_id = d.device_id and s.config_version::text = d.of_id",
        {"now": now},
    )
    # A newer word on the same matter: the older one must not come after it.
    await conn.execute(
        "update down d set again_at = null where d.again_at <= %(now)s and exists (select from down n"
        " where n.device_id = d.device_id and n.kind = d.kind and n.kind <> 'receipt' and n.down_id > d.down_id"
        " and (n.kind = 'config' or n.of_id = d.of_id))",
        {"now": now},
    )
    await conn.execute(
        "update down set again_at = null where again_at <= %(now)s and expires_at <= %(now)s and kind = 'desk'",
        {"now": now},  # nobody answers these
    )
    cursor = await conn.execute(
        "update down set again_at = null, unanswered_at = %(now)s where again_at <= %(now)s and expires_at <= %(now)s",
        {"now": now},
    )
    return cursor.rowcount


async def due_again(conn: Conn, now: datetime, most: int) -> list[Row]:
    """Sent before, and to be sent once more."""
    async with conn.cursor(row_factory=class_row(Row)) as cursor:
        await cursor.execute(
            "select down_id, device_id, kind, of_id, body_sealed, expires_at, tries from down"
            " where again_at <= %(now)s order by again_at limit %(most)s",
            {"now": now, "most": most},
        )
        return await cursor.fetchall()


async def mark_sent(conn: Conn, down_ids: list[int], now: datetime, again: list[datetime | None] | None = None) -> None:
    """The broker has them. `again`: for each, when to send it once more."""
    await conn.execute(
        "update down set sent_at = coalesce(sent_at, %(now)s), tries = tries + 1,"
        " again_at = case when answered_at is null then sent.again_at end"
        " from unnest(%(ids)s::bigint[], %(again)s::timestamptz[]) as sent (id, again_at)"
        " where down_id = sent.id",
        {"now": now, "ids": down_ids, "again": again or [None] * len(down_ids)},
    )


async def mark_dropped(conn: Conn, down_ids: list[int], now: datetime) -> None:
    """They expired before the broker could have them."""
    await conn.execute(
        "update down set dropped_at = %(now)s where down_id = any(%(ids)s) and sent_at is null",
        {"now": now, "ids": down_ids},
    )


async def put_off(conn: Conn, down_id: int, until: datetime) -> None:
    """This row cannot be made into a message now: look again later, so that it does not stand in the way."""
    await conn.execute(
        "update down set tries = tries + 1, due_at = %(until)s,"
        " again_at = case when again_at is not null then %(until)s end where down_id = %(id)s",
        {"id": down_id, "until": until},
    )


async def retire(conn: Conn, before: datetime, most: int) -> int:
    """Delete rows that were done with and are older; how many."""
    cursor = await conn.execute(
        "delete from down where down_id in (select down_id from down"
        " where (sent_at is not null or dropped_at is not null) and again_at is null and created_at < %(before)s"
        " order by created_at limit %(most)s)",
        {"before": before, "most": most},
    )
    return cursor.rowcount
