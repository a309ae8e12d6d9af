"""All SQL of the calls room. Who adds a fact holds the lock of its case, so that the summary is of all of them."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import asdict
from typing import TYPE_CHECKING

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from cloud.calls.models import Case, Fact, Rung, Summary
from cloud.calls.rules import canonical
from cloud.sealed import SealBroken

if TYPE_CHECKING:
    from datetime import datetime

    from cloud.db import Conn
    from cloud.sealed import Box

CHANNEL = "live"
OPEN_CASES_MAX = 200  # on one page; a district that has more open at once needs another page first
DUE_MAX = 200  # per round of the sweep; the rest is due in the next


async def binding(conn: Conn, home_id: uuid.UUID | None, key: str) -> tuple[str, ...] | None:
    """What the key is bound to: the household's own binding, else the district's, else None."""
    cursor = await conn.execute(
        """
        select steps from key_binding
        where key = %(key)s and (home_id = %(home_id)s or home_id is null)
        order by home_id nulls last limit 1
        """,
        {"key": key, "home_id": home_id},
    )
    row = await cursor.fetchone()
    return tuple(row[0]) if row else None


async def bindings(conn: Conn, home_id: uuid.UUID | None) -> dict[str, tuple[str, ...]]:
    """Every bound key of a household, for its stored plan."""
    cursor = await conn.execute(
        """
        select distinct on (key) key, steps from key_binding
        where home_id = %(home_id)s or home_id is null
        order by key, home_id nulls last
        """,
        {"home_id": home_id},
    )
    return {key: tuple(steps) for key, steps in await cursor.fetchall()}


async def steps_of_cases(conn: Conn, case_ids: list[uuid.UUID]) -> dict[uuid.UUID, tuple[str, ...]]:
    """What the key of each case is bound to now."""
    cursor = await conn.execute(
        """
        select c.case_id, coalesce(own.steps, everyone.steps)
        from case_file c
        left join key_binding own on own.home_id = c.home_id and own.key = c.key
        left join key_binding everyone on everyone.home_id is null and everyone.key = c.key
        where c.case_id = any(%(case_ids)s) and coalesce(own.steps, everyone.steps) is not null
        """,
        {"case_ids": case_ids},
    )
    return {case_id: tuple(steps) for case_id, steps in await cursor.fetchall()}


async def bind(conn: Conn, home_id: uuid.UUID | None, key: str, steps: list[str]) -> None:
    """Bind a key of a household, or of the district."""
    await conn.execute(
        """
        insert into key_binding (home_id, key, steps) values (%(home_id)s, %(key)s, %(steps)s)
        on conflict (home_id, key) do update set steps = excluded.steps
        """,
        {"home_id": home_id, "key": key, "steps": steps},
    )


async def open_case(conn: Conn, device_id: str, home_id: uuid.UUID | None, now: datetime) -> uuid.UUID:
    """A new case without facts yet: the caller adds the first and settles it in the same transaction."""
    case_id = uuid.uuid4()
    await conn.execute(
        """
        insert into case_file (case_id, device_id, home_id, opened_at, urgency, state, late, presses, escalation)
        values (%(case_id)s, %(device_id)s, %(home_id)s, %(now)s, 'emergency', 'pressed', false, 0, 0)
        """,
        {"case_id": case_id, "device_id": device_id, "home_id": home_id, "now": now},
    )
    return case_id


async def add_fact(conn: Conn, case_id: uuid.UUID, device_id: str, fact: Fact, sealed: bytes | None = None) -> bool:
    """Add a fact; False where the case holds it already."""
    cursor = await conn.execute(
        """
        insert into case_fact (case_id, device_id, kind, message_id, ref, happened_at, at, actor, body, sealed,
                               fact_hash)
        values (%(case_id)s, %(device_id)s, %(kind)s, %(message_id)s, %(ref)s, %(happened_at)s, %(at)s, %(actor)s,
                %(body)s, %(sealed)s, %(fact_hash)s)
        on conflict (case_id, fact_hash) do nothing
        """,
        {
            **asdict(fact),
            "body": Jsonb(fact.body),
            "case_id": case_id,
            "device_id": device_id,
            "sealed": sealed,
            "fact_hash": _fact_hash(fact),
        },
    )
    return cursor.rowcount == 1


async def facts(conn: Conn, case_id: uuid.UUID) -> list[Fact]:
    """Every fact of a case, as they arrived."""
    found = await facts_of(conn, [case_id])
    return found.get(case_id, [])


async def facts_of(conn: Conn, case_ids: list[uuid.UUID]) -> dict[uuid.UUID, list[Fact]]:
    """The facts of several cases, as they arrived."""
    cursor = await conn.execute(
        """
        select case_id, kind, at, message_id, ref, happened_at, actor, body
        from case_fact where case_id = any(%(case_ids)s) order by fact_id
        """,
        {"case_ids": case_ids},
    )
    grouped: dict[uuid.UUID, list[Fact]] = {}
    for case_id, *columns in await cursor.fetchall():
        grouped.setdefault(case_id, []).append(Fact(*columns))
    return grouped


async def save(conn: Conn, case_id: uuid.UUID, summary: Summary) -> None:
    """Keep what the facts add up to, and tell the pages."""
    await conn.execute(
        """
        update case_file set
            key = %(key)s, urgency = %(urgency)s, state = %(state)s, late = %(late)s, presses = %(presses)s,
            pressed_at = %(pressed_at)s, waiting_since = %(waiting_since)s, escalation = %(escalation)s,
            due_at = %(due_at)s, accepted_at = %(accepted_at)s, accepted_by = %(accepted_by)s,
            cancelled_at = %(cancelled_at)s, on_the_way_at = %(on_the_way_at)s, closed_at = %(closed_at)s
        where case_id = %(case_id)s
        """,
        {**asdict(summary), "case_id": case_id},
    )
    await conn.execute(
        "select pg_notify(%(channel)s, %(payload)s)",
        {"channel": CHANNEL, "payload": json.dumps({"what": "case", "case": str(case_id)})},
    )


async def take(conn: Conn, case_id: uuid.UUID, actor: str, now: datetime) -> bool:
    """Accept a case that waits. Of two who try at once exactly one gets True."""
    cursor = await conn.execute(
        """
        update case_file set accepted_at = %(now)s, accepted_by = %(actor)s, waiting_since = null
        where case_id = %(case_id)s and closed_at is null and waiting_since is not null
        """,
        {"case_id": case_id, "actor": actor, "now": now},
    )
    return cursor.rowcount == 1


async def case(conn: Conn, case_id: uuid.UUID, *, lock: bool = False) -> Case | None:
    """One case; locked until the end of the transaction if facts are to be added."""
    if lock:
        await conn.execute("select from case_file where case_id = %(case_id)s for no key update", {"case_id": case_id})
    async with conn.cursor(row_factory=class_row(Case)) as cursor:
        await cursor.execute("select * from case_file where case_id = %(case_id)s", {"case_id": case_id})
        return await cursor.fetchone()


async def open_of_device(conn: Conn, device_id: str) -> list[Case]:
    """The open cases of a terminal, locked, newest first."""
    async with conn.cursor(row_factory=class_row(Case)) as cursor:
        await cursor.execute(
            """
            select * from case_file where device_id = %(device_id)s and closed_at is null
            order by opened_at desc, case_id limit %(most)s for no key update
            """,
            {"device_id": device_id, "most": OPEN_CASES_MAX},
        )
        return await cursor.fetchall()


async def of_ref(conn: Conn, device_id: str, ref: str) -> uuid.UUID | None:
    """The case to which a press of this terminal belongs, open or closed."""
    cursor = await conn.execute(
        """
        select case_id from case_fact where device_id = %(device_id)s and ref = %(ref)s
        order by fact_id desc limit 1
        """,
        {"device_id": device_id, "ref": ref},
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def has_press(conn: Conn, case_id: uuid.UUID, ref: str) -> bool:
    """Whether the case holds the press itself, not only what refers to it."""
    cursor = await conn.execute(
        "select exists (select from case_fact where case_id = %(case_id)s and ref = %(ref)s and kind = 'press')",
        {"case_id": case_id, "ref": ref},
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def due(conn: Conn, now: datetime, without: list[uuid.UUID]) -> list[Case]:
    """Cases whose next escalation is due, locked; those that somebody else holds are left to them."""
    async with conn.cursor(row_factory=class_row(Case)) as cursor:
        await cursor.execute(
            """
            select * from case_file where due_at <= %(now)s and not case_id = any(%(without)s)
            order by due_at limit %(most)s for no key update skip locked
            """,
            {"now": now, "without": without, "most": DUE_MAX},
        )
        return await cursor.fetchall()


async def open_cases(conn: Conn) -> list[Case]:
    """Open cases as the desk reads them: emergencies first, who waits before who is looked after, longest first.

    Where there are too many for one page, nobody who waits is left out for somebody who is looked after.
    """
    async with conn.cursor(row_factory=class_row(Case)) as cursor:
        await cursor.execute(
            """
            select * from (
                select * from case_file where closed_at is null
                order by waiting_since is null, array_position(array['emergency', 'service', 'test'], urgency),
                         waiting_since, opened_at desc, case_id
                limit %(most)s
            ) as shown
            order by array_position(array['emergency', 'service', 'test'], urgency), waiting_since nulls last,
                     opened_at desc, case_id
            """,
            {"most": OPEN_CASES_MAX},
        )
        return await cursor.fetchall()


async def count_open(conn: Conn) -> tuple[int, int, int]:
    """Open cases: emergencies that wait, others that wait, those that somebody looks after."""
    cursor = await conn.execute(
        """
        select count(*) filter (where waiting_since is not null and urgency = 'emergency'),
               count(*) filter (where waiting_since is not null and urgency <> 'emergency'),
               count(*) filter (where waiting_since is null)
        from case_file where closed_at is null
        """
    )
    alarms, waiting, attended = await cursor.fetchone() or (0, 0, 0)
    return alarms, waiting, attended


async def closed_cases(conn: Conn, most: int) -> list[Case]:
    """The cases that were closed last."""
    async with conn.cursor(row_factory=class_row(Case)) as cursor:
        await cursor.execute(
            "select * from case_file where closed_at is not null order by closed_at desc, case_id limit %(most)s",
            {"most": most},
        )
        return await cursor.fetchall()


async def routes_of(conn: Conn, box: Box, case_ids: list[uuid.UUID]) -> dict[uuid.UUID, list[Rung]]:
    """The ladder that was sent last in each case, with numbers; what cannot be unsealed is left out."""
    cursor = await conn.execute(
        """
        select distinct on (case_id) case_id, sealed from case_fact
        where case_id = any(%(case_ids)s) and kind = 'routed' and sealed is not null
        order by case_id, fact_id desc
        """,
        {"case_ids": case_ids},
    )
    routes = {}
    for case_id, sealed in await cursor.fetchall():
        try:
            plan = json.loads(box.open(sealed))
        except SealBroken:
            continue
        routes[case_id] = [Rung(label, number, ring_s, bool(staffed)) for label, number, ring_s, staffed in plan]
    return routes


def _fact_hash(fact: Fact) -> bytes:
    """Equal for the same fact, however often and whenever it is heard."""
    own_time = None if fact.message_id else fact.at.isoformat()
    parts = [fact.kind, fact.message_id, fact.ref, fact.actor, fact.body, own_time]
    return hashlib.sha256(canonical({"fact": parts}).encode()).digest()
