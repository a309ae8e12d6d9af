"""`/health`: the after-sales team's list of the day, terminal by terminal, the most urgent first; and for machines.

Reads only. Of the people behind a terminal it says bands (独居, 80 岁以上), never a name, a date or a note.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse

from cloud import clock, db
from cloud.errors import BadInput
from cloud.health import actions, alarms, risk, words, worklist
from cloud.health.models import GROUPS, OWNERS, Finding
from cloud.health.rules import BY_NAME
from cloud.html.render import render
from cloud.web.state import Parts, parts_of

Text = Annotated[str, Query(max_length=40)]
LEVELS = {str(place): title for place, title in enumerate(risk.TITLES)}


@dataclass(frozen=True)
class Asked:
    """The choice as it stands in the address; empty: all."""

    street: str = ""
    group: str = ""
    owner: str = ""
    level: str = ""

    def query(self, page: int = 1) -> str:
        """The address of a page of it."""
        chosen = {name: value for name, value in vars(self).items() if value}
        return urlencode({**chosen, "page": page} if page > 1 else chosen)


def asked(street: Text = "", group: Text = "", owner: Text = "", level: Text = "") -> Asked:
    """Checked: a street that is none has nothing to do, a class that is none is a mistake."""
    for value, known in ((group, GROUPS), (owner, OWNERS), (level, LEVELS)):
        if value and value not in known:
            raise BadInput("没有这一类")
    return Asked(street, group, owner, level)


router = APIRouter()
Site = Annotated[Parts, Depends(parts_of)]
Choice = Annotated[Asked, Depends(asked)]
Page = Annotated[int, Query(ge=1, le=worklist.PAGES_MAX)]


@dataclass(frozen=True)
class Item:
    """One finding in words."""

    rule: str
    title: str
    sentence: str
    next_step: str
    owner: str
    since: datetime


@dataclass(frozen=True)
class Line:
    """One terminal in words."""

    device_id: str
    level: int
    urgency: str
    score: int
    alone: bool
    place: str
    why: str
    parts: list[tuple[str, int]]
    next_step: str  # of the first finding
    owner: str
    findings: list[Item]


@dataclass(frozen=True)
class Shown:
    """The whole page."""

    now: datetime
    alarms: list[alarms.Line]
    frozen: bool  # terminals cannot be heard: nothing opens or closes
    lines: list[Line]
    total: int
    page: int
    pages: int
    levels: list[tuple[int, str, int]]
    groups: list[tuple[str, str, int]]
    owners: list[tuple[str, str, int]]
    streets: list[str]
    asked: Asked


@router.get("/health", response_class=HTMLResponse)
async def page(site: Site, choice: Choice, page: Page = 1) -> HTMLResponse:
    """The whole screen."""
    return HTMLResponse(render("health.html", shown=await _shown(site, choice, page)))


@router.get("/health/list", response_class=HTMLResponse)
async def part(site: Site, choice: Choice, page: Page = 1) -> HTMLResponse:
    """What the screen reads again every minute."""
    return HTMLResponse(render("worklist.html", shown=await _shown(site, choice, page)))


@router.get("/api/health")
async def api(site: Site, choice: Choice, page: Page = 1) -> Shown:
    """The same as JSON."""
    return await _shown(site, choice, page)


async def _shown(site: Parts, choice: Asked, page: int) -> Shown:
    now = clock.now()
    wanted = worklist.Choice(
        street=choice.street or None, group=choice.group or None, owner=choice.owner or None,
        level=int(choice.level) if choice.level else None,
    )  # fmt: skip
    async with db.transaction(site.pool) as conn:
        found = await worklist.read(conn, wanted, page)
        district = await alarms.lines(conn)
        frozen = not await actions.front_door_works(conn, now)
    return Shown(
        now=now,
        alarms=district,
        frozen=frozen,
        lines=[_line(each, now) for each in found.tasks],
        total=found.total,
        page=found.page,
        pages=found.pages,
        levels=[(place, title, found.levels.get(place, 0)) for place, title in enumerate(risk.TITLES)],
        groups=[(name, title, found.groups.get(name, 0)) for name, title in GROUPS.items()],
        owners=[(name, title, found.owners.get(name, 0)) for name, title in OWNERS.items()],
        streets=found.streets,
        asked=choice,
    )


def _line(task: worklist.Task, now: datetime) -> Line:
    items = [_item(each, now) for each in task.findings]
    return Line(
        device_id=task.device_id,
        level=task.level,
        urgency=risk.TITLES[task.level],
        score=task.score,
        alone=("alone" in dict(task.parts)),
        place=" · ".join(each for each in (task.street, task.community) if each) or "未登记住户",
        why=words.why(task.parts, task.findings, now),
        parts=list(task.parts),
        next_step=items[0].next_step if items else "",
        owner=items[0].owner if items else "",
        findings=items,
    )


def _item(finding: Finding, now: datetime) -> Item:
    rule = BY_NAME.get(finding.rule)
    return Item(
        rule=finding.rule,
        title=rule.title if rule else finding.rule,
        sentence=words.sentence(finding, now),
        next_step=rule.next_step if rule else "",
        owner=OWNERS.get(finding.owner, finding.owner),
        since=finding.since,
    )
