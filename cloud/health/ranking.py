"""Keeps `terminal_risk`: a row for each terminal with open findings, as urgent as it is now.

In: an open transaction in which a look has just written its findings, the box of personal data, `now`. Out: rows. No
commit. Sealed facts are opened only for terminals with findings, used, and forgotten; what is the same is not written.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from cloud.days import shanghai_day
from cloud.elders.models import CARE_LEVELS, PersonFacts
from cloud.elders.store import open_facts
from cloud.health import risk, store

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from cloud.db import Conn
    from cloud.health.models import Finding, Limits
    from cloud.health.risk import Person, Risk
    from cloud.sealed import Box

Found = dict[str, dict[str, "datetime"]]  # terminal, rule, since

# A case may be accepted so long after it was opened; and a day is enough for every clock that is wrong.
_ACCEPTED = timedelta(days=1)
AT_ONCE = 500  # terminals: some 10 ms in which nothing else of the process runs
_NOTHING = PersonFacts()


async def rank(conn: Conn, box: Box, now: datetime) -> int:
    """Bring all rows to what holds now; how many were written or removed."""
    limits = (await store.thresholds(conn)).values
    found = await _open(conn)
    wanted = await judged(conn, box, now, found, limits)
    was = await _rows(conn)
    gone = await conn.execute(
        "delete from terminal_risk r where not exists"
        " (select from finding f where f.device_id = r.device_id and f.closed_at is null)"
    )
    changed = {device_id: each for device_id, each in wanted.items() if was.get(device_id) != _row(each)}
    if changed:
        await _write(conn, changed, now)
    return len(changed) + gone.rowcount


async def judged(
    conn: Conn, box: Box | None, now: datetime, found: Mapping[str, Mapping[str, datetime]], limits: Limits
) -> dict[str, Risk]:
    """The risk of these terminals. Without the box, age and ability of the people are not known."""
    people = await _people(conn, box, list(found), now, limits)
    risks = {}
    for number, (device_id, rules) in enumerate(found.items(), 1):
        risks[device_id] = risk.score(people[device_id], rules, now, limits)
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)  # to whoever waits for an escalation
    return risks


def by_terminal(findings: Iterable[Finding]) -> Found:
    """Findings of a fleet, as `judged` takes them."""
    found: Found = defaultdict(dict)
    for each in findings:
        found[each.device_id][each.rule] = each.since
    return found


async def _open(conn: Conn) -> Found:
    found: Found = defaultdict(dict)
    cursor = await conn.execute("select device_id, rule, since from finding where closed_at is null")
    for device_id, rule, since in await cursor.fetchall():
        found[device_id][rule] = since
    return found


async def _people(
    conn: Conn, box: Box | None, device_ids: Sequence[str], now: datetime, limits: Limits
) -> dict[str, Person]:
    """Whoever relies on each of these terminals now; of a terminal in no home nothing is known.

    Somebody was heard of when a key was pressed, a talk was proven or the desk took a case; not by a heartbeat. What
    was before she had this terminal was somebody else's, unless the case says that it was her home.
    """
    since = now - timedelta(seconds=limits["risk_unheard_s"])
    cursor = await conn.execute(
        """
        with heard as (
            select device_id, max(greatest(pressed_at, proved_at)) as at from key_use
            where pressed_at > %(since)s or proved_at > %(since)s group by 1
        ), taken as (
            select home_id, max(accepted_at) as at from case_file
            where opened_at > %(opened)s and accepted_at > %(since)s group by 1
        )
        select w.device_id, h.lives_alone, greatest(taken.at, case
                when heard.at >= i.installed_on::timestamp at time zone 'Asia/Shanghai' then heard.at end),
            e.birth_sealed, e.care_sealed
        from unnest(%(device_ids)s::text[]) w (device_id)
        left join installation i on i.device_id = w.device_id and i.removed_on is null
        left join home h using (home_id)
        left join elder e using (home_id)
        left join heard on heard.device_id = w.device_id
        left join taken on taken.home_id = i.home_id
        """,
        {"device_ids": list(device_ids), "since": since, "opened": since - _ACCEPTED},
    )
    today = shanghai_day(now)
    people: dict[str, Person] = {}
    for number, (device_id, alone, contact_at, birth, care) in enumerate(await cursor.fetchall(), 1):
        facts = open_facts(box, birth, care) if box is not None else _NOTHING
        age = risk.age_of(facts.birth, today)
        place = CARE_LEVELS.index(facts.care_level) if facts.care_level else None
        with_her = people.get(device_id)
        people[device_id] = risk.Person(
            alone=alone,
            ages=(age,) if with_her is None else (*with_her.ages, age),
            cares=(place,) if with_her is None else (*with_her.cares, place),
            contact_at=contact_at,
        )
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)
    return people


async def _rows(conn: Conn) -> dict[str, tuple[int, int, str]]:
    cursor = await conn.execute("select device_id, score, level, parts::text from terminal_risk")
    return {row[0]: (row[1], row[2], row[3]) for row in await cursor.fetchall()}


def _row(each: Risk) -> tuple[int, int, str]:
    """As `_rows` reads it: JSON with the spaces that PostgreSQL puts there. Names of parts need no escape."""
    return each.score, each.level, "[" + ", ".join([f'["{name}", {points}]' for name, points in each.parts]) + "]"


async def _write(conn: Conn, changed: Mapping[str, Risk], now: datetime) -> None:
    rows = {device_id: _row(each) for device_id, each in changed.items()}
    await conn.execute(
        "insert into terminal_risk (device_id, score, level, parts, judged_at)"
        " select each.*, %(now)s from unnest(%(devices)s::text[], %(scores)s::smallint[], %(levels)s::smallint[],"
        "  %(parts)s::jsonb[]) as each"
        " on conflict (device_id) do update set score = excluded.score, level = excluded.level,"
        "  parts = excluded.parts, judged_at = excluded.judged_at",
        {
            "devices": list(rows),
            "scores": [row[0] for row in rows.values()],
            "levels": [row[1] for row in rows.values()],
            "parts": [row[2] for row in rows.values()],
            "now": now,
        },
    )
