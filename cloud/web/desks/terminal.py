"""`/terminals/ID`: one terminal for whoever looks after it, with first aid from afar; and the same for machines."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from cloud import clock, db
from cloud.devices import commands, tune
from cloud.errors import AppError
from cloud.html.render import render
from cloud.web.desks import told, tuned
from cloud.web.desks.live import ACTOR
from cloud.web.desks.told import Known
from cloud.web.state import Parts, parts_of
from protocol import topics

router = APIRouter()
Site = Annotated[Parts, Depends(parts_of)]
DeviceId = Annotated[str, Path(min_length=topics.DEVICE_CHARS_MIN, max_length=topics.DEVICE_CHARS_MAX)]


async def _known(site: Parts, device_id: str) -> Known:
    async with db.transaction(site.pool) as conn:
        return await told.read(conn, device_id, clock.now())


async def whole(site: Parts, device_id: str, notice: str | None, status: int) -> HTMLResponse:
    """The page, with something that could not be done."""
    async with db.transaction(site.pool) as conn:
        shown = await told.read(conn, device_id, clock.now())
        settings = await tuned.read(conn, site.box, device_id, clock.now())
    callers = tune.CALLER_CHOICES
    return HTMLResponse(render("terminal.html", shown=shown, tuned=settings, callers=callers, notice=notice), status)


@router.get("/terminals/{device_id}", response_class=HTMLResponse)
async def page(site: Site, device_id: DeviceId) -> HTMLResponse:
    """The whole screen."""
    return await whole(site, device_id, None, 200)


@router.get("/terminals/{device_id}/known", response_class=HTMLResponse)
async def part(site: Site, device_id: DeviceId) -> HTMLResponse:
    """What the screen reads again every few seconds."""
    return HTMLResponse(render("known.html", shown=await _known(site, device_id), notice=None))


@router.get("/api/terminals/{device_id}")
async def api(site: Site, device_id: DeviceId) -> Known:
    """The same as JSON."""
    return await _known(site, device_id)


@router.post("/terminals/{device_id}/aid")
async def first_aid(
    site: Site, request: Request, device_id: DeviceId, do: Annotated[str, Form(max_length=20)] = ""
) -> Response:
    """自检, 上报状态, 重启: asked, not waited for; the screen shows the answer when it comes."""
    notice, status = None, 200
    try:
        async with db.transaction(site.pool) as conn:
            await commands.ask(conn, site.box, device_id, do, ACTOR, clock.now())
    except AppError as error:
        notice, status = error.message, error.status
    shown = await _known(site, device_id)
    if "hx-request" in request.headers:
        return HTMLResponse(render("known.html", shown=shown, notice=notice), status)
    if notice is None:
        return RedirectResponse(f"/terminals/{device_id}", 303)
    return await whole(site, device_id, notice, status)
