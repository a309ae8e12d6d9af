"""What is to be done: terminals with open findings and where they are, the most urgent first. Reads only.

In: an open transaction, a choice. Out: a page of the list, and counts over the whole choice. Of the people behind a
terminal only what `terminal_risk` holds: bands and points.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cloud.health import risk
from cloud.health.models import Finding
from cloud.health.rules import BY_NAME, RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloud.db import Conn

PAGE_SIZE = 50  # what a team does in a day; all of it is reached page by page
PAGES_MAX = 10_000  # no fleet has more

# A terminal that no look has judged yet (just migrated) stands among those that must be restored today, not below.
UNJUDGED = 500, 1  # score and level, as below
_TASKS = """
with mine as (
    select f.device_id, f.rule, f.owner, f.since, coalesce(r.level, 1) as level, coalesce(r.score, 500) as score
    from finding f left join terminal_risk r using (device_id)
    left join incident i on i.incident_id = f.incident_id and i.closed_at is null
    where f.closed_at is null
      and (i.incident_id is null or r.level = 0)  -- the others wait; a person who must be seen today does not
      and (%(street)s::text is null or f.device_id in (
        select i.device_id from installation i join home h using (home_id) join street s using (street_code)
        where i.removed_on is null and s.name = %(street)s))
), task as (
    select device_id, level, score, min(since) as since from mine group by device_id, level, score
    having (%(rules)s::text[] is null or bool_or(rule = any(%(rules)s)))
        and (%(owner)s::text is null or bool_or(owner = %(owner)s))
)
"""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is to be seen; None: all of it."""

    street: str | None = None
    group: str | None = None
    owner: str | None = None
    level: int | None = None

    @property
    def rules(self) -> list[str] | None:
        """Of the group."""
        return None if self.group is None else [rule.name for rule in RULES if rule.group == self.group]

    def has_group(self, pairs: set[tuple[str, str]]) -> bool:
        """Whether a terminal with these (group, owner) is of the group."""
        return self.group is None or any(group == self.group for group, _ in pairs)

    def has_owner(self, pairs: set[tuple[str, str]]) -> bool:
        """Whether it is something for the owner."""
        return self.owner is None or any(owner == self.owner for _, owner in pairs)

    def fits(self, finding: Finding) -> bool:
        """Whether the finding is one of those for which its terminal is in the list."""
        return self.group in (None, group_of(finding.rule)) and self.owner in (None, finding.owner)


@dataclass(frozen=True, kw_only=True)
class Task:
    """One terminal at its place in the list; its findings: those that were asked for first, then the gravest first."""

    device_id: str
    level: int
    score: int
    parts: tuple[tuple[str, int], ...]
    street: str | None
    community: str | None
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Worklist:
    """What is shown, and how many terminals there are."""

    tasks: list[Task]
    levels: dict[int, int]  # of the street, group and owner
    groups: dict[str, int]  # of the street; a terminal may be in several
    owners: dict[str, int]
    streets: list[str]  # of the whole district, to choose from
    total: int
    page: int  # from 1; the last one where a later one was asked for
    pages: int


async def read(conn: Conn, choice: Choice, page: int = 1) -> Worklist:
    """One page of the list."""
    levels, groups, owners = await _counts(conn, choice)
    total = levels.total() if choice.level is None else levels[choice.level]
    pages = max(-(-total // PAGE_SIZE), 1)
    page = min(max(page, 1), pages)
    cursor = await conn.execute(
        _TASKS.encode() + b"select device_id from task where %(level)s::integer is null or level = %(level)s"
        b" order by score desc, since, device_id limit %(most)s offset %(before)s",
        {**_values(choice), "most": PAGE_SIZE, "before": (page - 1) * PAGE_SIZE},
    )
    tasks = await _tasks(conn, [row[0] for row in await cursor.fetchall()])
    for task in tasks:
        task.findings.sort(key=lambda each: not choice.fits(each))  # keeps the order among equals
    streets = await conn.execute("select name from street order by name")
    return Worklist(
        tasks=tasks, levels=dict(levels), groups=dict(groups), owners=dict(owners),
        streets=[row[0] for row in await streets.fetchall()], total=total, page=page, pages=pages,
    )  # fmt: skip


async def risks(conn: Conn) -> dict[str, tuple[int, int]]:
    """Score and level of every terminal that has one."""
    cursor = await conn.execute("select device_id, score, level from terminal_risk")
    return {row[0]: (row[1], row[2]) for row in await cursor.fetchall()}


def group_of(rule: str) -> str:
    """The group of a rule; "" where the program no longer knows it."""
    return BY_NAME[rule].group if rule in BY_NAME else ""


def _values(choice: Choice) -> dict[str, object]:
    return {"street": choice.street, "rules": choice.rules, "owner": choice.owner, "level": choice.level}


async def _counts(conn: Conn, choice: Choice) -> tuple[Counter[int], Counter[str], Counter[str]]:
    """Terminals by level, by group, by owner. Thousands have the same few things wrong: those are counted."""
    cursor = await conn.execute(
        _TASKS.encode()
        + b"""
        select level, kinds, count(*) from (
            select level, array_agg(array[rule, owner] order by rule) as kinds from mine group by device_id, level
        ) as each group by level, kinds
        """,
        _values(choice),
    )
    levels: Counter[int] = Counter()
    groups: Counter[str] = Counter()
    owners: Counter[str] = Counter()
    for level, kinds, number in await cursor.fetchall():
        pairs = {(group_of(rule), owner) for rule, owner in kinds}
        groups.update(dict.fromkeys({group for group, _ in pairs}, number))
        owners.update(dict.fromkeys({owner for _, owner in pairs}, number))
        if choice.has_group(pairs) and choice.has_owner(pairs):
            levels[level] += number
    return levels, groups, owners


async def _tasks(conn: Conn, device_ids: Sequence[str]) -> list[Task]:
    """These terminals in this order, with all that is open."""
    cursor = await conn.execute(
        "select w.device_id, coalesce(r.level, 1), coalesce(r.score, 500), coalesce(r.parts, '[]'), s.name, h.community"
        " from unnest(%(device_ids)s::text[]) with ordinality w (device_id, place)"
        " left join terminal_risk r using (device_id)"
        " left join installation i on i.device_id = w.device_id and i.removed_on is null"
        " left join home h using (home_id) left join street s using (street_code) order by w.place",
        {"device_ids": device_ids},
    )
    tasks = {
        row[0]: Task(
            device_id=row[0], level=row[1], score=row[2], parts=tuple((name, points) for name, points in row[3]),
            street=row[4], community=row[5],
        )
        for row in await cursor.fetchall()
    }  # fmt: skip
    cursor = await conn.execute(
        "select device_id, rule, rule_version, since, evidence, owner from finding"
        " where closed_at is null and device_id = any(%(device_ids)s) order by since, rule",
        {"device_ids": device_ids},
    )
    names = ("device_id", "rule", "rule_version", "since", "evidence", "owner")
    for row in await cursor.fetchall():
        tasks[row[0]].findings.append(Finding(**dict(zip(names, row, strict=True))))
    for task in tasks.values():
        places = {name: place for place, (name, _) in enumerate(task.parts)}
        task.findings.sort(key=lambda each: (places.get(each.rule, len(places)), risk.gravity(each.rule)))
    return list(tasks.values())
