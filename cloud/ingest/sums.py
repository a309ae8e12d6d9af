"""Sums of heartbeats by hour and by Shanghai day, where PostgreSQL keeps none by itself.

In: hours that ingest noted with its rows. Out: rows of `heartbeat_hour` and `heartbeat_day`. The views
`heartbeat_hourly` and `heartbeat_daily` take what is noted from the raw rows, so that they are right at any moment;
making the sums only makes them quick. An hour to which something came late is noted again, and summed anew.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloud.db import Conn

# After the end of an hour or a day: by then a batch of it is committed, unless something is away.
SETTLED = timedelta(minutes=5)
# Two sweeps at once would sum the same hour: any number, but the same for ever.
_LOCK = 0x0CC0_0002

# The row is locked, so whoever adds to this hour has committed or will note it again behind us.
_DUE_HOUR = """
select at from heartbeat_due where step = 'hour' and at + interval '1 hour' <= %(until)s order by at limit 1 for update
"""
_DUE_DAY = """
select at from heartbeat_due d where step = 'day' and at + interval '1 day' <= %(until)s and not exists (
    select from heartbeat_due h where h.step = 'hour' and h.at >= d.at and h.at < d.at + interval '1 day')
order by at limit 1 for update
"""
_NOTE_DAY = (
    "insert into heartbeat_due (step, at) values ('day', date_trunc('day', %(at)s::timestamptz, 'Asia/Shanghai'))"
    " on conflict do nothing"
)
_SUM_HOUR = (
    "delete from heartbeat_hour where hour = %(at)s",
    "insert into heartbeat_hour select * from heartbeat_hourly where hour = %(at)s",
    _NOTE_DAY,
)
_SUM_DAY = (
    "delete from heartbeat_day where day = (%(at)s at time zone 'Asia/Shanghai')::date",
    "insert into heartbeat_day select * from heartbeat_daily where day = (%(at)s at time zone 'Asia/Shanghai')::date",
)


async def sum_up(conn: Conn, now: datetime) -> int:
    """The oldest hour that is due and over, or else such a day: a second's work. How many were summed, 0 or 1."""
    cursor = await conn.execute("select pg_try_advisory_xact_lock(%s)", [_LOCK])
    if await cursor.fetchone() != (True,):
        return 0
    for step, due, statements in (("hour", _DUE_HOUR, _SUM_HOUR), ("day", _DUE_DAY, _SUM_DAY)):
        row = await (await conn.execute(due, {"until": now - SETTLED})).fetchone()
        if row is None:
            continue
        at: datetime = row[0]
        if step == "day" or not await _is_dropped(conn, at):
            for statement in statements:
                await conn.execute(statement.encode(), {"at": at})
        await conn.execute("delete from heartbeat_due where step = %s and at = %s", [step, at])
        return 1
    return 0


async def forget_due(conn: Conn, now: datetime) -> int:
    """TimescaleDB sums by itself, and knows by itself what came late: nothing is due."""
    return (await conn.execute("delete from heartbeat_due where at < %s", [now - SETTLED])).rowcount


async def _is_dropped(conn: Conn, hour: datetime) -> bool:
    """Whether rows of this hour are gone: its sums are the better record then."""
    cursor = await conn.execute("select exists (select from raw_dropped where until_at > %s)", [hour])
    return await cursor.fetchone() == (True,)
