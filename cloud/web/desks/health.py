"""`/health`: the after-sales team's list of the day, the most urgent first; and the same for machines. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse

from cloud import clock, db
from cloud.errors import BadInput
from cloud.health import actions, alarms, urgency, words, worklist
from cloud.health.models import GROUPS, OWNERS
from cloud.health.rules import BY_NAME
from cloud.html.render import render
from cloud.web.state import Parts, parts_of

router = APIRouter()
Site = Annotated[Parts, Depends(parts_of)]
Choice = Annotated[str, Query(max_length=40)]


@dataclass(frozen=True)
class Line:
    """One finding in words."""

    device_id: str
    level: int
    urgency: str
    alone: bool
    place: str
    title: str
    sentence: str
    next_step: str
    owner: str
    since: datetime


@dataclass(frozen=True)
class Shown:
    """The whole page."""

    now: datetime
    alarms: list[alarms.Line]
    frozen: bool  # terminals cannot be heard: nothing opens or closes
    lines: list[Line]
    total: int
    levels: list[tuple[int, str, int]]
    groups: list[tuple[str, str, int]]
    streets: list[str]
    street: str
    group: str


@router.get("/health", response_class=HTMLResponse)
async def page(site: Site, street: Choice = "", group: Choice = "") -> HTMLResponse:
    """The whole screen."""
    return HTMLResponse(render("health.html", shown=await _shown(site, street, group)))


@router.get("/health/list", response_class=HTMLResponse)
async def part(site: Site, street: Choice = "", group: Choice = "") -> HTMLResponse:
    """What the screen reads again every minute."""
    return HTMLResponse(render("worklist.html", shown=await _shown(site, street, group)))


@router.get("/api/health")
async def api(site: Site, street: Choice = "", group: Choice = "") -> Shown:
    """The same as JSON."""
    return await _shown(site, street, group)


async def _shown(site: Parts, street: str, group: str) -> Shown:
    if group and group not in GROUPS:
        raise BadInput("没有这一类")
    now = clock.now()
    async with db.transaction(site.pool) as conn:
        found = await worklist.read(conn, now, street=street or None, group=group or None)
        district = await alarms.lines(conn)
        frozen = not await actions.front_door_works(conn, now)
    return Shown(
        now=now,
        alarms=district,
        frozen=frozen,
        lines=[_line(each, now) for each in found.tasks],
        total=found.total,
        levels=[(place, title, found.levels.get(place, 0)) for place, title in enumerate(urgency.TITLES)],
        groups=[(name, title, found.groups.get(name, 0)) for name, title in GROUPS.items()],
        streets=found.streets,
        street=street,
        group=group,
    )


def _line(task: worklist.Task, now: datetime) -> Line:
    finding = task.finding
    rule = BY_NAME.get(finding.rule)
    return Line(
        device_id=finding.device_id,
        level=task.level,
        urgency=urgency.TITLES[task.level],
        alone=task.alone,
        place=" · ".join(each for each in (task.street, task.community) if each) or "未登记住户",
        title=rule.title if rule else finding.rule,
        sentence=words.sentence(finding, now),
        next_step=rule.next_step if rule else "",
        owner=OWNERS.get(finding.owner, finding.owner),
        since=finding.since,
    )
