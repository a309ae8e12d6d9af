"""All SQL of billing: contracts, pauses, the facts of a day, the usage ledger. Models in, models out; no decisions."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from psycopg import errors
from psycopg.rows import class_row

from cloud.billing.models import STATUSES, Contract, DayFacts, Pause, Verdict
from cloud.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import date, datetime

    from psycopg import AsyncConnection

_CONTRACT = "number, starts_on, ends_on, unit_price_fen, cap_fen, prepaid_fen"


async def contracts(conn: AsyncConnection[Any]) -> list[Contract]:
    """Every contract, earliest term first."""
    async with conn.cursor(row_factory=class_row(Contract)) as cursor:
        await cursor.execute(f"select {_CONTRACT} from contract order by starts_on, number")
        return await cursor.fetchall()


async def contract(conn: AsyncConnection[Any], number: str) -> Contract | None:
    """One contract by its number."""
    async with conn.cursor(row_factory=class_row(Contract)) as cursor:
        await cursor.execute(f"select {_CONTRACT} from contract where number = %(number)s", {"number": number})
        return await cursor.fetchone()


async def add_contract(conn: AsyncConnection[Any], each: Contract, now: datetime) -> None:
    """Add one. Raises Conflict where its number or its term is taken: a day would be billed twice."""
    try:
        # A savepoint: the caller's transaction lives on after a refusal.
        async with conn.transaction():
            await conn.execute(
                """
                insert into contract (number, starts_on, ends_on, unit_price_fen, cap_fen, prepaid_fen, created_at)
                values (%(number)s, %(starts_on)s, %(ends_on)s, %(unit)s, %(cap)s, %(prepaid)s, %(now)s)
                """,
                {
                    "number": each.number,
                    "starts_on": each.starts_on,
                    "ends_on": each.ends_on,
                    "unit": each.unit_price_fen,
                    "cap": each.cap_fen,
                    "prepaid": each.prepaid_fen,
                    "now": now,
                },
            )
    except errors.UniqueViolation:
        raise Conflict("a contract of this number exists with other content") from None
    except errors.ExclusionViolation:
        raise Conflict("another contract covers days of this term") from None


async def add_pause(conn: AsyncConnection[Any], pause: Pause, now: datetime) -> None:
    """Record a pause, or correct the end and the reason of the one that begins on the same day."""
    await conn.execute(
        """
        insert into service_pause (device_id, starts_on, ends_on, reason, created_at)
        values (%(device_id)s, %(starts_on)s, %(ends_on)s, %(reason)s, %(now)s)
        on conflict (device_id, starts_on) do update set ends_on = excluded.ends_on, reason = excluded.reason
        """,
        {**asdict(pause), "now": now},
    )


async def end_pauses(conn: AsyncConnection[Any], device_id: str, on: date) -> None:
    """A terminal leaves its household: pauses end on that day, and later ones are empty."""
    await conn.execute(
        """
        update service_pause set ends_on = greatest(starts_on, %(on)s)
        where device_id = %(device_id)s and (ends_on is null or ends_on > greatest(starts_on, %(on)s))
        """,
        {"device_id": device_id, "on": on},
    )


async def hand_over_pauses(conn: AsyncConnection[Any], old: str, new: str, on: date, now: datetime) -> None:
    """A household's pauses go on with its next terminal from the day of the swap, and end for the one that left.

    Both are in the home on that day and both are paused on it: it is not paid because the terminal was changed.
    """
    await conn.execute(
        """
        insert into service_pause (device_id, starts_on, ends_on, reason, created_at)
        select %(new)s, greatest(starts_on, %(on)s), ends_on, reason, %(now)s from service_pause
        where device_id = %(old)s and (ends_on is null or ends_on > %(on)s) and (ends_on is null or ends_on > starts_on)
        on conflict (device_id, starts_on) do update set ends_on = excluded.ends_on, reason = excluded.reason
        """,
        {"old": old, "new": new, "on": on, "now": now},
    )
    await end_pauses(conn, old, on + timedelta(days=1))


async def follow_pauses(conn: AsyncConnection[Any], today: date) -> int:
    """Terminals in homes are `paused` on the days of a pause and `installed` on the others; how many changed."""
    cursor = await conn.execute(
        """
        update device set status = case status when 'installed' then 'paused' else 'installed' end
        where status in ('installed', 'paused') and (status = 'paused') <> exists (
            select from service_pause p where p.device_id = device.device_id
            and p.starts_on <= %(today)s and (p.ends_on is null or p.ends_on > %(today)s)
        )
        """,
        {"today": today},
    )
    return cursor.rowcount


async def knows_device(conn: AsyncConnection[Any], device_id: str) -> bool:
    """Whether the registry holds a terminal."""
    cursor = await conn.execute("select 1 from device where device_id = %(device_id)s", {"device_id": device_id})
    return await cursor.fetchone() is not None


async def lock_day(conn: AsyncConnection[Any], day: date) -> None:
    """Wait for anybody else who is closing this day; held to the end of the transaction."""
    await conn.execute(
        "select pg_advisory_xact_lock(hashtextextended('billing day ' || %(day)s, 0))", {"day": day.isoformat()}
    )


async def day_facts(conn: AsyncConnection[Any], day: date, outage: int) -> list[DayFacts]:
    """The facts of a day for every terminal that was installed, was heard, or has a verdict; a reserved id is none."""
    async with conn.cursor(row_factory=class_row(DayFacts)) as cursor:
        await cursor.execute(
            """
            with candidate as (
                select device_id from installation
                where installed_on <= %(day)s and (removed_on is null or removed_on > %(day)s)
                union select device_id from device_day where day = %(day)s
                union select device_id from usage_day where day = %(day)s
            ), place as (
                select distinct on (device_id) device_id, home_id, installed_on from installation
                where installed_on <= %(day)s and (removed_on is null or removed_on > %(day)s)
                order by device_id, installed_on desc, home_id
            ), pause as (
                select distinct device_id from service_pause
                where starts_on <= %(day)s and (ends_on is null or ends_on > %(day)s)
            )
            select c.device_id, p.home_id::text as home, p.installed_on, pause.device_id is not null as paused,
                   coalesce(d.beats, 0) as beats, coalesce(d.presses, 0) as presses, coalesce(d.calls, 0) as calls,
                   coalesce(d.messages, 0) as messages, coalesce(d.late, 0) as late, d.report,
                   d.first_at, d.last_at, %(outage)s::integer as outage_s
            from candidate c
            join (select device_id from device where status <> 'reserved') r using (device_id)
            left join place p using (device_id)
            left join pause using (device_id)
            left join device_day d on d.device_id = c.device_id and d.day = %(day)s
            """,
            {"day": day, "outage": outage},
        )
        return await cursor.fetchall()


async def save_verdicts(
    conn: AsyncConnection[Any], verdicts: Sequence[Verdict], now: datetime, *, provisional: bool
) -> tuple[int, int]:
    """Write what is new or differs; (rows written, frozen rows that differ and were left alone)."""
    columns: dict[str, Any] = {
        "devices": [each.device_id for each in verdicts],
        "days": [each.day for each in verdicts],
        "homes": [each.home for each in verdicts],
        "statuses": [each.status for each in verdicts],
        "bases": [each.basis for each in verdicts],
        "reasons": [each.reason for each in verdicts],
        "evidence": [json.dumps(each.evidence, sort_keys=True) for each in verdicts],
        "rules": [each.rule_version for each in verdicts],
        "provisional": provisional,
        "now": now,
    }
    cursor = await conn.execute(
        """
        with verdict as (
            select * from unnest(%(devices)s::text[], %(days)s::date[], %(homes)s::uuid[], %(statuses)s::text[],
                %(bases)s::text[], %(reasons)s::text[], %(evidence)s::jsonb[], %(rules)s::integer[])
                as v (device_id, day, home_id, status, basis, reason, evidence, rule_version)
        ), differing as (
            select v.* from verdict v left join usage_day u using (device_id, day)
            where u.device_id is null
               or (u.home_id, u.status, u.basis, u.reason, u.evidence, u.rule_version, u.provisional)
                  is distinct from
                  (v.home_id, v.status, v.basis, v.reason, v.evidence, v.rule_version, %(provisional)s::boolean)
        ), written as (
            insert into usage_day (device_id, day, home_id, status, basis, reason, evidence, rule_version,
                                   provisional, decided_at)
            select device_id, day, home_id, status, basis, reason, evidence, rule_version,
                   %(provisional)s::boolean, %(now)s::timestamptz
            from differing
            on conflict (device_id, day) do update set
                home_id = excluded.home_id, status = excluded.status, basis = excluded.basis,
                reason = excluded.reason, evidence = excluded.evidence, rule_version = excluded.rule_version,
                provisional = excluded.provisional, decided_at = excluded.decided_at
            where usage_day.frozen_at is null
            returning 1
        )
        select (select count(*) from written), (select count(*) from differing)
        """,
        columns,
    )
    row = await cursor.fetchone()
    written, differing = row or (0, 0)
    return int(written), int(differing - written)


async def normal_days(conn: AsyncConnection[Any], start: date, end: date) -> dict[str, int]:
    """Normal days of every terminal that has any verdict between two days, both included."""
    cursor = await conn.execute(
        """
        select device_id, count(*) filter (where status = 'normal') from usage_day
        where day between %(start)s and %(end)s group by device_id order by device_id
        """,
        {"start": start, "end": end},
    )
    return dict(await cursor.fetchall())


async def status_counts(conn: AsyncConnection[Any], start: date, end: date) -> dict[str, int]:
    """Device-days by status between two days, both included; statuses without any are 0."""
    cursor = await conn.execute(
        "select status, count(*) from usage_day where day between %(start)s and %(end)s group by status",
        {"start": start, "end": end},
    )
    found: dict[str, int] = dict(await cursor.fetchall())
    return {status: found.get(status, 0) for status in STATUSES}


async def rules_used(conn: AsyncConnection[Any], start: date, end: date) -> list[int]:
    """Versions of the day rule behind the verdicts between two days."""
    cursor = await conn.execute(
        "select distinct rule_version from usage_day where day between %(start)s and %(end)s order by 1",
        {"start": start, "end": end},
    )
    return [version for (version,) in await cursor.fetchall()]


async def unclosed_days(conn: AsyncConnection[Any], start: date, end: date) -> tuple[list[date], list[date]]:
    """Days between two days, both included: (without any verdict, with provisional ones)."""
    cursor = await conn.execute(
        """
        select every::date, u.day is null
        from generate_series(%(start)s::date, %(end)s::date, interval '1 day') as every
        left join (
            select day, bool_or(provisional) as provisional from usage_day
            where day between %(start)s and %(end)s group by day
        ) as u on u.day = every::date
        where u.day is null or u.provisional
        order by 1
        """,
        {"start": start, "end": end},
    )
    rows = await cursor.fetchall()
    return [day for day, missing in rows if missing], [day for day, missing in rows if not missing]


async def outdated_days(conn: AsyncConnection[Any], start: date, end: date) -> list[date]:
    """Days between two days, both included, of which more was told after they were closed, and that are not frozen."""
    cursor = await conn.execute(
        """
        select distinct d.day from device_day d left join usage_day u using (device_id, day)
        where d.day between %(start)s and %(end)s and u.frozen_at is null
          and (u.device_id is null or d.changed_at > u.decided_at)
          and exists (select from usage_day any_verdict where any_verdict.day = d.day)
        order by 1
        """,
        {"start": start, "end": end},
    )
    return [day for (day,) in await cursor.fetchall()]


async def ledger_csv(conn: AsyncConnection[Any], start: date, end: date, numeric_ids: str) -> AsyncIterator[bytes]:
    """The rows of the ledger as CSV, by terminal and day. Ids that match `numeric_ids` get a tab: a text mark."""
    async with conn.cursor() as cursor:
        await cursor.execute("set local datestyle to 'ISO'")
        copy = cursor.copy(
            r"""
            copy (
                select case when d.marked then u.device_id || E'\t' else u.device_id end, u.day, u.status, u.home_id
                from usage_day u
                join (select device_id, device_id ~ %(numeric_ids)s as marked from device) d using (device_id)
                where u.day between %(start)s and %(end)s order by u.device_id, u.day
            ) to stdout (format csv)
            """,
            {"start": start, "end": end, "numeric_ids": numeric_ids},
        )
        async with copy as rows:
            async for block in rows:
                yield bytes(block)
