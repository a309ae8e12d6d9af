"""What is to be done: open findings with where they are, the most urgent first. Reads only; nothing of any person.

In: an open transaction, `now`, a choice. Out: rows of the list, and counts over the whole choice.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloud.health import urgency
from cloud.health.models import Finding
from cloud.health.rules import BY_NAME

if TYPE_CHECKING:
    from datetime import datetime

    from cloud.db import Conn

SHOWN_MAX = 200  # a week's work of a team; the rest is counted


@dataclass(frozen=True, kw_only=True)
class Task:
    """One finding at its place in the list."""

    level: int
    alone: bool
    street: str | None
    community: str | None
    finding: Finding


@dataclass(frozen=True, kw_only=True)
class Worklist:
    """What is shown, and how many there are."""

    tasks: list[Task]
    levels: dict[int, int]
    groups: dict[str, int]  # over all levels
    streets: list[str]  # of the whole district, to choose from
    total: int


async def read(conn: Conn, now: datetime, *, street: str | None = None, group: str | None = None) -> Worklist:
    """The list of one street and group, or of all (None)."""
    cursor = await conn.execute(
        "select f.device_id, f.rule, f.rule_version, f.since, f.evidence, f.owner, coalesce(h.lives_alone, false),"
        "  s.name, h.community"
        " from finding f left join installation i on i.device_id = f.device_id and i.removed_on is null"
        " left join home h using (home_id) left join street s using (street_code)"
        " where f.closed_at is null and (%(street)s::text is null or s.name = %(street)s)",
        {"street": street},
    )
    tasks = []
    for device_id, rule, version, since, evidence, owner, alone, name, community in await cursor.fetchall():
        finding = Finding(
            device_id=device_id, rule=rule, rule_version=version, since=since, evidence=evidence, owner=owner
        )
        level = urgency.level(rule, since, now, alone=alone)
        tasks.append(Task(level=level, alone=alone, street=name, community=community, finding=finding))
    groups = Counter(group_of(each.finding) for each in tasks)
    chosen = [each for each in tasks if group is None or group_of(each.finding) == group]
    chosen.sort(key=lambda each: (each.level, not each.alone, each.finding.since, each.finding.device_id))
    streets = await conn.execute("select name from street order by name")
    return Worklist(
        tasks=chosen[:SHOWN_MAX],
        levels=dict(Counter(each.level for each in chosen)),
        groups=dict(groups),
        streets=[row[0] for row in await streets.fetchall()],
        total=len(chosen),
    )


def group_of(finding: Finding) -> str:
    """The group of its rule; "" where the program no longer knows it."""
    rule = BY_NAME.get(finding.rule)
    return "" if rule is None else rule.group
