"""What the letter of a day tells of: read in one go from findings, days and our own outages. Nothing of any person.

In: an open transaction, a finished Shanghai day, `now`. Out: a Summary. What came and went is of that day; what is to
be done is as it stands now.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from cloud.days import SHANGHAI
from cloud.devices import store as devices
from cloud.devices.actions import INGEST_SILENCE_ALLOWED
from cloud.health import actions, risk, worklist
from cloud.health.bulletin import TASKS_MAX, Line, Moved, Summary
from cloud.health.contact import LEVELS
from cloud.health.elapsed import midnight
from cloud.health.models import GROUPS, OWNERS
from cloud.health.rules import BY_NAME
from cloud.health.words import sentence

if TYPE_CHECKING:
    from datetime import date, datetime

    from cloud.db import Conn
    from cloud.health.worklist import Task


async def read(conn: Conn, day: date, now: datetime) -> Summary:
    """As the database knows it at this moment."""
    begin, end = midnight(day), midnight(day + timedelta(days=1))
    found = await worklist.read(conn, worklist.Choice())
    gaps = await devices.gaps(conn, begin, now, INGEST_SILENCE_ALLOWED)
    cut = [(max(gap.from_at, begin), min(gap.until_at, end)) for gap in gaps]
    return Summary(
        day=day,
        at=now.astimezone(SHANGHAI),
        frozen=not await actions.front_door_works(conn, now),
        moved=await _moved(conn, begin, end),
        levels=[(title, found.levels.get(place, 0)) for place, title in enumerate(risk.TITLES)],
        total=found.total,
        tasks=[_line(each, now) for each in found.tasks[:TASKS_MAX]],
        silent=await _silent(conn),
        notices=await _notices(conn, begin, end),
        outages=[each for each in cut if each[0] < each[1]],
    )


async def _moved(conn: Conn, begin: datetime, end: datetime) -> list[Moved]:
    """What opened, closed and is open, by group."""
    cursor = await conn.execute(
        "select rule, sum(opened)::integer, sum(closed)::integer, sum(still)::integer from ("
        " select rule, 1 as opened, 0 as closed, 0 as still from finding"
        "  where opened_at >= %(begin)s and opened_at < %(end)s union all"
        " select rule, 0, 1, 0 from finding where closed_at >= %(begin)s and closed_at < %(end)s union all"
        " select rule, 0, 0, 1 from finding where closed_at is null) each group by rule",
        {"begin": begin, "end": end},
    )
    counts: dict[str, Counter[str]] = {}
    for rule, opened, closed, still in await cursor.fetchall():
        group = BY_NAME[rule].group if rule in BY_NAME else ""
        counts.setdefault(group, Counter()).update(opened=opened, closed=closed, still=still)
    names = {**GROUPS, "": "其他"}
    return [
        Moved(title, counts[group]["opened"], counts[group]["closed"], counts[group]["still"])
        for group, title in names.items()
        if group in counts
    ]


async def _silent(conn: Conn) -> list[tuple[str, int]]:
    """Terminals that are silent now, by how long."""
    cursor = await conn.execute(
        "select evidence->>'level', count(*) from finding where rule = 'silent' and closed_at is null group by 1"
    )
    found: dict[str, int] = dict(await cursor.fetchall())
    return [(words, found.get(words, 0)) for _, words in LEVELS]


async def _notices(conn: Conn, begin: datetime, end: datetime) -> list[str]:
    """What concerned many terminals at once that day, a sentence each: the place for whatever knows of more."""
    cursor = await conn.execute(
        "select door, from_at, at from session_lost where at >= %(begin)s and at < %(end)s order by at limit 20",
        {"begin": begin, "end": end},
    )
    return [_lost(from_at, at) for _, from_at, at in await cursor.fetchall()]


def _lost(from_at: datetime, at: datetime) -> str:
    begin, end = from_at.astimezone(SHANGHAI), at.astimezone(SHANGHAI)
    return f"{end:%H:%M} 消息代理丢失会话，自 {begin:%H:%M} 起的心跳可能缺失。"


def _line(task: Task, now: datetime) -> Line:
    finding = task.findings[0]  # the gravest; the page shows the others too
    rule = BY_NAME.get(finding.rule)
    return Line(
        device_id=task.device_id,
        level=risk.TITLES[task.level],
        place=" · ".join(each for each in (task.street, task.community) if each) or "未登记住户",
        alone="alone" in dict(task.parts),
        title=rule.title if rule else finding.rule,
        sentence=sentence(finding, now),
        next_step=rule.next_step if rule else "",
        owner=OWNERS.get(finding.owner, finding.owner),
    )
