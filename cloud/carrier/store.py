"""All SQL of this room, set by set. Takes a transaction, returns models."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from psycopg.rows import class_row

from cloud.carrier.models import WORKING, Account, PoolUse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import date, datetime

    from cloud.carrier.models import Card, Pool
    from cloud.db import Conn

AT_ONCE = 500  # rows: some milliseconds in which nothing else of the process runs
_LOCK = 0x0CC0_0025  # any number, but the same for ever
_ACCOUNT = (
    "a.iccid, a.status, a.voice, a.data_used_bytes, a.data_quota_bytes, a.pool, a.expires_on, a.bound_imei,"
    " a.changed_at, a.told_at, a.missing_since"
)
_POOL = "pool, cycle_start, cycle_end, quota_bytes, used_bytes, cards, cut_off, told_at, missing_since"


async def lock(conn: Conn) -> None:
    """One reading at a time is written, until the end of the transaction."""
    await conn.execute("select pg_advisory_xact_lock(%s)", [_LOCK])


async def save_cards(conn: Conn, cards: Iterable[Card], now: datetime) -> None:
    """The newer word on each card wins, whatever the order of readings. One that is listed again is missing no more."""
    async with conn.cursor() as cursor:
        await cursor.execute(
            "create temp table account_in (iccid text, status text, voice boolean, used bigint, quota bigint,"
            " pool text, expires_on date, imei text, changed_at timestamptz, told_at timestamptz) on commit drop"
        )
        async with cursor.copy("copy account_in from stdin") as copy:
            for place, each in enumerate(cards, 1):
                if place % AT_ONCE == 0:
                    await asyncio.sleep(0)
                await copy.write_row(
                    (
                        each.iccid, each.status, each.voice, each.data_used_bytes, each.data_quota_bytes, each.pool,
                        each.expires_on, each.bound_imei, each.changed_at, each.told_at,
                    )
                )  # fmt: skip
        await cursor.execute(
            """
            insert into sim_account as known (iccid, status, voice, data_used_bytes, data_quota_bytes, pool, expires_on,
                bound_imei, changed_at, told_at, read_at)
            select *, %(now)s from account_in
            on conflict (iccid) do update set status = excluded.status, voice = excluded.voice,
                data_used_bytes = excluded.data_used_bytes, data_quota_bytes = excluded.data_quota_bytes,
                pool = excluded.pool, expires_on = excluded.expires_on, bound_imei = excluded.bound_imei,
                changed_at = excluded.changed_at, told_at = excluded.told_at, read_at = excluded.read_at,
                missing_since = null
            where excluded.told_at >= known.told_at
            """,
            {"now": now},
        )
        await cursor.execute("drop table account_in")


async def present(conn: Conn) -> set[str]:
    """Cards that the platform listed when it was last heard of them."""
    cursor = await conn.execute("select iccid from sim_account where missing_since is null")
    return {row[0] for row in await cursor.fetchall()}


async def mark_missing(conn: Conn, listed: Collection[str], told_at: datetime, now: datetime) -> int:
    """A whole list lacks the others: cards that are known, and those in terminals in homes. How many are newly so."""
    cursor = await conn.execute(
        """
        with listed as (select unnest(%(listed)s::text[]) as iccid),
        marked as (
            update sim_account a set missing_since = coalesce(a.missing_since, %(told_at)s), told_at = %(told_at)s,
                read_at = %(now)s
            where a.told_at <= %(told_at)s and not exists (select from listed l where l.iccid = a.iccid)
            returning a.missing_since
        ), wanted as (
            insert into sim_account (iccid, told_at, read_at, missing_since)
            select distinct coalesce(s.iccid, d.iccid), %(told_at)s::timestamptz, %(now)s::timestamptz,
                %(told_at)s::timestamptz
            from device d left join device_state s using (device_id)
            where d.status = 'installed' and coalesce(s.iccid, d.iccid) ~ '^[0-9]{19,20}$'
                and not exists (select from listed l where l.iccid = coalesce(s.iccid, d.iccid))
            on conflict (iccid) do nothing returning missing_since
        )
        select count(*) from (select * from marked union all select * from wanted) each
        where missing_since = %(told_at)s
        """,
        {"listed": list(listed), "told_at": told_at, "now": now},
    )
    row = await cursor.fetchone()
    return row[0] if row else 0


async def save_pools(conn: Conn, pools: Iterable[Pool], day: date, now: datetime) -> None:
    """The last word of the day on each pool."""
    rows = list(pools)
    await conn.execute(
        """
        insert into sim_pool_use as known (pool, cycle_start, day, cycle_end, quota_bytes, used_bytes, cards, cut_off,
            told_at, read_at)
        select p.pool, p.cycle_start, %(day)s, p.cycle_end, p.quota, p.used, p.cards, p.cut_off, p.told_at, %(now)s
        from unnest(%(pool)s::text[], %(cycle_start)s::date[], %(cycle_end)s::date[], %(quota)s::bigint[],
            %(used)s::bigint[], %(cards)s::integer[], %(cut_off)s::boolean[], %(told_at)s::timestamptz[])
            as p (pool, cycle_start, cycle_end, quota, used, cards, cut_off, told_at)
        on conflict (pool, cycle_start, day) do update set cycle_end = excluded.cycle_end,
            quota_bytes = excluded.quota_bytes, used_bytes = excluded.used_bytes, cards = excluded.cards,
            cut_off = excluded.cut_off, told_at = excluded.told_at, read_at = excluded.read_at, missing_since = null
        where excluded.told_at >= known.told_at
        """,
        {
            "day": day, "now": now, "pool": [each.name for each in rows],
            "cycle_start": [each.cycle_start for each in rows], "cycle_end": [each.cycle_end for each in rows],
            "quota": [each.quota_bytes for each in rows], "used": [each.used_bytes for each in rows],
            "cards": [each.cards for each in rows], "cut_off": [each.cut_off for each in rows],
            "told_at": [each.told_at for each in rows],
        },
    )  # fmt: skip


async def mark_pools_missing(conn: Conn, listed: Collection[str], told_at: datetime, now: datetime) -> None:
    """A whole list of pools lacks the others; their last word stays."""
    await conn.execute(
        """
        update sim_pool_use u set missing_since = coalesce(u.missing_since, %(told_at)s), told_at = %(told_at)s,
            read_at = %(now)s
        from (select distinct on (pool) pool, cycle_start, day, told_at from sim_pool_use
            order by pool, sim_pool_use.told_at desc, day desc) l
        where l.pool = u.pool and l.cycle_start = u.cycle_start and l.day = u.day and u.told_at <= %(told_at)s
            and u.pool <> all(%(listed)s::text[])
        """,
        {"listed": list(listed), "told_at": told_at, "now": now},
    )


async def note_read(
    conn: Conn, *, begun_at: datetime, now: datetime, fault: str | None, counts: tuple[int, int],
    skipped: Mapping[str, int],
) -> None:  # fmt: skip
    """How a reading went: cards, pools."""
    await conn.execute(
        "insert into carrier_read (begun_at, ended_at, fault, cards, pools, skipped)"
        " values (%(begun_at)s, %(now)s, %(fault)s, %(cards)s, %(pools)s, %(skipped)s::jsonb)",
        {
            "begun_at": begun_at, "now": now, "fault": fault, "cards": counts[0], "pools": counts[1],
            "skipped": json.dumps(dict(skipped)),
        },
    )  # fmt: skip


async def last_reads(conn: Conn) -> tuple[tuple[datetime, str | None] | None, datetime | None]:
    """When the latest reading began and its fault; when the latest whole one ended."""
    cursor = await conn.execute("select begun_at, fault from carrier_read order by read_id desc limit 1")
    latest = await cursor.fetchone()
    cursor = await conn.execute("select max(ended_at) from carrier_read where fault is null")
    well = await cursor.fetchone()
    return (None if latest is None else (latest[0], latest[1])), (well[0] if well else None)


async def account(conn: Conn, iccid: str) -> Account | None:
    """One card as it is kept."""
    async with conn.cursor(row_factory=class_row(Account)) as cursor:
        await cursor.execute(f"select {_ACCOUNT} from sim_account a where iccid = %(iccid)s".encode(), {"iccid": iccid})
        return await cursor.fetchone()


async def of_terminals(conn: Conn, soon: date) -> dict[str, Account]:
    """By terminal in a home, the account of the card that it said it has, else of the registry's.

    Only where something may be the matter: of the others, nearly all, no rule has anything to say. `soon`: a last day
    up to then, of the platform or of the imported list, matters.
    """
    cursor = await conn.execute(
        f"""
        select d.device_id, {_ACCOUNT}
        from device d left join device_state s using (device_id)
        join sim_account a on a.iccid = coalesce(s.iccid, d.iccid) left join sim on sim.iccid = a.iccid
        where d.status = 'installed' and not (
            a.missing_since is null and a.status = any(%(working)s) and a.voice and a.data_quota_bytes is null
            and (a.bound_imei is null or a.bound_imei = coalesce(s.imei, d.imei))
            and coalesce(a.expires_on, 'infinity') > %(soon)s and coalesce(sim.expires_on, 'infinity') > %(soon)s)
        """.encode(),
        {"working": sorted(WORKING), "soon": soon},
    )
    names = (
        "iccid", "status", "voice", "data_used_bytes", "data_quota_bytes", "pool", "expires_on", "bound_imei",
        "changed_at", "told_at", "missing_since",
    )  # fmt: skip
    found = {}
    while some := await cursor.fetchmany(AT_ONCE):
        found.update({row[0]: Account(**dict(zip(names, row[1:], strict=True))) for row in some})
        await asyncio.sleep(0)
    return found


async def pool_days(conn: Conn, since: date) -> dict[str, list[PoolUse]]:
    """Each pool's days from then on, and its latest day however old; the latest last."""
    async with conn.cursor(row_factory=class_row(PoolUse)) as cursor:
        await cursor.execute(
            f"select {_POOL} from sim_pool_use u where day >= %(since)s or not exists (select from sim_pool_use l"
            " where l.pool = u.pool and (l.told_at, l.day) > (u.told_at, u.day)) order by pool, told_at, day".encode(),
            {"since": since},
        )
        found: dict[str, list[PoolUse]] = {}
        for row in await cursor.fetchall():
            found.setdefault(row.pool, []).append(row)
        return found
