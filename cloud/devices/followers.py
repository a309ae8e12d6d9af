"""The brokers that follow the registry: what each of them works by. SQL of `onekey broker follow` and of a revocation.

In: a connection. Out: who may log in, and since when each broker knows. Times are the database's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from psycopg.rows import class_row

if TYPE_CHECKING:
    from datetime import datetime

    from cloud.db import Conn

CHANNEL = "credentials"
# A follower looks every few seconds; one that was not seen for so long is away, and its broker with an old list.
AWAY = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Follower:
    """One broker."""

    broker: str
    knows: bool  # it works by a list that was read after the time in question
    away: bool
    held_back: int


async def time(conn: Conn) -> datetime:
    """The database's clock."""
    row = await (await conn.execute("select clock_timestamp()")).fetchone()
    assert row is not None  # noqa: S101 - a select without a table
    at: datetime = row[0]
    return at


async def credentials(conn: Conn) -> list[tuple[str, str]]:
    """(device id, what its password is checked against) of every terminal that may log in, by id."""
    cursor = await conn.execute("select device_id, credential from device where credential is not null order by 1")
    return await cursor.fetchall()


async def works_by(conn: Conn, broker: str, read_at: datetime, count: int, held_back: int) -> None:
    """This broker works by the list that was read then; or, where terminals are held back, still by the one before."""
    await conn.execute(
        "insert into broker_follower as old (broker, read_at, credentials, seen_at, held_back)"
        " values (%(broker)s, %(read_at)s, %(count)s, clock_timestamp(), %(held_back)s)"
        " on conflict (broker) do update set seen_at = excluded.seen_at, held_back = excluded.held_back,"
        " read_at = case when excluded.held_back = 0 then excluded.read_at else old.read_at end,"
        " credentials = case when excluded.held_back = 0 then excluded.credentials else old.credentials end",
        {"broker": broker, "read_at": read_at, "count": count, "held_back": held_back},
    )


async def since(conn: Conn, at: datetime) -> list[Follower]:
    """Every broker, and whether it knows what was committed before `at`."""
    async with conn.cursor(row_factory=class_row(Follower)) as cursor:
        await cursor.execute(
            "select broker, read_at >= %(at)s as knows, seen_at < clock_timestamp() - %(away)s as away, held_back"
            " from broker_follower order by broker",
            {"at": at, "away": AWAY},
        )
        return await cursor.fetchall()
