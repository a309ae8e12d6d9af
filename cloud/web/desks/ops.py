"""`/ops`: how the platform itself stands, for our own people; and the same for machines. Shows, and changes nothing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse

from cloud import clock, db
from cloud.html.render import render
from cloud.web.desks import condition
from cloud.web.desks.condition import Condition
from cloud.web.state import Parts, parts_of

router = APIRouter()
Site = Annotated[Parts, Depends(parts_of)]


async def _condition(site: Parts) -> Condition:
    async with db.transaction(site.pool) as conn:
        return await condition.read(conn, clock.now())


@router.get("/ops", response_class=HTMLResponse)
async def page(site: Site) -> HTMLResponse:
    """The whole screen."""
    return HTMLResponse(render("ops.html", shown=await _condition(site)))


@router.get("/ops/condition", response_class=HTMLResponse)
async def part(site: Site) -> HTMLResponse:
    """What the screen reads again every few seconds."""
    return HTMLResponse(render("condition.html", shown=await _condition(site)))


@router.get("/api/ops")
async def api(site: Site) -> Condition:
    """The same as JSON."""
    return await _condition(site)
