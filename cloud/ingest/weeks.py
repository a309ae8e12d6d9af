"""Raw heartbeats and events, and the sums of hours, by weeks: made ahead and dropped when their time is over.

In: the clock and how long raw rows are kept. Out: partitions of PostgreSQL or, where the tables are hypertables of
TimescaleDB, its policies. Never drops what is not summed yet, and never moves or drops by any other time than that of
receipt. An insert never waits for us to have been here: what no week was made for lies in a default partition.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from psycopg import sql
from psycopg.errors import LockNotAvailable

if TYPE_CHECKING:
    from cloud.db import Conn

log = logging.getLogger(__name__)

TABLES = {"heartbeat": "received_at", "event": "received_at", "heartbeat_hour": "hour"}
WEEK = timedelta(weeks=1)  # an id that is looked up is looked for in each of them: 14 in 90 days
AHEAD = 8  # weeks: longer than a sweep is away unseen
HOURLY_KEPT = timedelta(days=400)  # this month beside that of a year ago; days are kept for good
LOCK_S = 1  # how long heartbeats may have to wait behind us; then we come again
# TimescaleDB: older weeks are compressed; few heartbeats come again after so long, and those are slow to be looked up.
SETTLED = timedelta(days=14)
REFRESHED = timedelta(minutes=30)  # until then what came late to an hour that is summed does not show

# Rows that had to be put elsewhere move in; meanwhile nobody adds to them.
_MOVE = (
    "with moved as (delete from {default} where {time} >= {from} and {time} < {to} returning *)"
    " insert into {week} select * from moved"
)
_ONE_WEEK = (
    "lock table {default} in access exclusive mode",
    "create table {week} (like {table} including defaults including constraints)",
    _MOVE,
    "alter table {table} attach partition {week} for values from ({from}) to ({to})",
)


async def is_hyper(conn: Conn) -> bool:
    """Whether this database is of the variant with TimescaleDB."""
    cursor = await conn.execute("select relkind from pg_class where oid = 'heartbeat'::regclass")
    return await cursor.fetchone() in {("r",), (b"r",)}


async def keep(conn: Conn, now: datetime, raw_kept: timedelta) -> bool:
    """Make what is needed ahead, drop what is over; False where somebody is in the way, to be tried again."""
    kept = {"heartbeat": raw_kept, "event": raw_kept, "heartbeat_hour": HOURLY_KEPT}
    if await is_hyper(conn):
        await _policies(conn, kept)
        return True
    try:
        async with conn.transaction():
            await conn.execute("select set_config('lock_timeout', %s, true)", [f"{LOCK_S}s"])
            for table, column in TABLES.items():
                await _make(conn, table, column, now)
                await _drop(conn, table, now - kept[table])
    except LockNotAvailable:
        log.warning("weeks are not made or dropped: somebody reads for long")
        return False
    return True


def week_of(at: datetime) -> datetime:
    """The Monday, midnight in UTC, at which its week begins."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=midnight.weekday())


async def _make(conn: Conn, table: str, column: str, now: datetime) -> None:
    """A partition for this week and those ahead, and for every week of which rows had to be put elsewhere."""
    wanted = {week_of(now) + each * WEEK for each in range(AHEAD + 1)}
    default, time = sql.Identifier(f"{table}_default"), sql.Identifier(column)
    cursor = await conn.execute(sql.SQL("select distinct date_trunc('week', {}, 'UTC') from {}").format(time, default))
    wanted |= {row[0] for row in await cursor.fetchall()}
    there = {begins for begins, _, _ in await _weeks(conn, table)}
    first = min((ends for begins, ends, _ in await _weeks(conn, table) if begins is None), default=None)
    for begins in sorted(wanted - there):
        if first is not None and begins < first:
            continue
        name = sql.Identifier(f"{table}_{begins:%Y%m%d}")
        values = {"week": name, "table": sql.Identifier(table), "default": default, "time": time,
                  "from": sql.Literal(begins), "to": sql.Literal(begins + WEEK)}  # fmt: skip
        for statement in _ONE_WEEK:
            await conn.execute(sql.SQL(statement).format(**values))


async def _drop(conn: Conn, table: str, before: datetime) -> None:
    """Weeks that ended before this and are summed."""
    for _, ends, name in await _weeks(conn, table):
        if ends > before or await _is_due(conn, table, ends):
            continue
        await conn.execute(sql.SQL("drop table {}").format(sql.Identifier(name)))
        if table == "heartbeat":
            await conn.execute("delete from raw_dropped where until_at <= %s", [ends])
            await conn.execute("insert into raw_dropped (until_at) values (%s)", [ends])


async def _is_due(conn: Conn, table: str, ends: datetime) -> bool:
    """Whether something of a week is still to be summed."""
    step = {"heartbeat": "hour", "heartbeat_hour": "day"}.get(table)
    cursor = await conn.execute("select exists (select from heartbeat_due where step = %s and at < %s)", [step, ends])
    return await cursor.fetchone() == (True,)


async def _weeks(conn: Conn, table: str) -> list[tuple[datetime | None, datetime, str]]:
    """(begins, ends, name) of each partition but the default; what was there before there were weeks begins never."""
    cursor = await conn.execute(
        "select substring(bound from 'FROM \\(''([^'']+)''')::timestamptz,"
        "  substring(bound from 'TO \\(''([^'']+)''')::timestamptz, relname"
        " from pg_inherits join pg_class on oid = inhrelid, pg_get_expr(relpartbound, oid) as bound"
        " where inhparent = %s::regclass and bound <> 'DEFAULT' order by 2",
        [table],
    )
    return await cursor.fetchall()


async def _policies(conn: Conn, kept: dict[str, timedelta]) -> None:
    """The same promises as policies of TimescaleDB, whose own jobs keep them."""
    for table, longest in kept.items():
        if await _policy(conn, table, "policy_retention") == longest:
            continue
        await conn.execute("select remove_retention_policy(%s::regclass, if_exists => true)", [table])
        await conn.execute("select add_retention_policy(%s::regclass, drop_after => %s)", [table, longest])
    for table in ("heartbeat", "event"):
        if await _policy(conn, table, "policy_compression") is None:
            await conn.execute("select add_compression_policy(%s::regclass, compress_after => %s)", [table, SETTLED])
    # Nothing that is dropped may be summed anew, or its sums would go too; all the rest may have got something late.
    begins = kept["heartbeat"] - timedelta(days=1)
    for table, ends in (("heartbeat_hour", timedelta(hours=1)), ("heartbeat_day", timedelta(days=1))):
        if await _policy(conn, table, "policy_refresh_continuous_aggregate") == begins:
            continue
        await conn.execute("select remove_continuous_aggregate_policy(%s::regclass, if_exists => true)", [table])
        await conn.execute(
            "select add_continuous_aggregate_policy(%s::regclass, start_offset => %s, end_offset => %s,"
            " schedule_interval => %s)",
            [table, begins, ends, REFRESHED],
        )


async def _policy(conn: Conn, table: str, name: str) -> timedelta | None:
    """The time that a policy is about; None where there is no such policy."""
    cursor = await conn.execute(
        "select coalesce(config->>'drop_after', config->>'compress_after', config->>'start_offset')::interval"
        " from timescaledb_information.jobs j where proc_name = %(name)s and (hypertable_name = %(table)s"
        "  or hypertable_name in (select materialization_hypertable_name"
        "   from timescaledb_information.continuous_aggregates where view_name = %(table)s))",
        {"name": name, "table": table},
    )
    row = await cursor.fetchone()
    return None if row is None else row[0]
