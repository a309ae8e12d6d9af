"""`/live`: the desk's screen, its parts, the stream that says which part is stale, and what the desk does to a case.

Every part answers as a fragment to htmx and as the whole page to a plain form. Nothing accepts by itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, HTTPException, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from cloud import clock, db
from cloud.calls import actions, codes
from cloud.devices import actions as devices
from cloud.errors import AppError
from cloud.html.render import render
from cloud.web.desks import board
from cloud.web.feed import Page, TooManyPages
from cloud.web.state import Parts, parts_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloud.db import Conn

# Until people log in every click is this machine's; the name is stored with the fact.
ACTOR = "本机坐席"

router = APIRouter()
Site = Annotated[Parts, Depends(parts_of)]


async def _open_page(site: Site) -> AsyncIterator[Page]:
    """A place in the feed for as long as the stream is open."""
    try:
        with site.feed.page() as open_page:
            yield open_page
    except TooManyPages:
        raise HTTPException(503) from None


@router.get("/live", response_class=HTMLResponse)
async def page(site: Site) -> HTMLResponse:
    """The whole screen."""
    return HTMLResponse(await _whole_page(site))


@router.get("/live/cases", response_class=HTMLResponse)
async def cases_part(site: Site) -> HTMLResponse:
    """Open cases and the latest closed ones."""
    return HTMLResponse(await _cases(site))


@router.get("/live/devices", response_class=HTMLResponse)
async def devices_part(site: Site) -> HTMLResponse:
    """Terminals and how many stand how."""
    async with db.transaction(site.pool) as conn:
        shown = await board.terminals(conn, clock.now())
    return HTMLResponse(render("devices.html", terminals=shown))


@router.get("/live/stream", response_class=EventSourceResponse)
async def stream(open_page: Annotated[Page, Depends(_open_page)]) -> AsyncIterator[ServerSentEvent]:
    """Names of parts that are stale, as they become so; everything once at the start."""
    while (part := await open_page.next()) is not None:
        yield ServerSentEvent(event=part, raw_data="")


@router.post("/live/cases/{case_id}/accept")
async def accept(site: Site, request: Request, case_id: UUID) -> Response:
    """接听受理: the lamp in the home lights."""
    return await _act(site, request, lambda conn: actions.accept(conn, site.box, case_id, ACTOR, clock.now()))


@router.post("/live/cases/{case_id}/on-the-way")
async def on_the_way(site: Site, request: Request, case_id: UUID) -> Response:
    """已出发."""
    return await _act(site, request, lambda conn: actions.on_the_way(conn, site.box, case_id, ACTOR, clock.now()))


@router.post("/live/cases/{case_id}/close")
async def close(
    site: Site,
    request: Request,
    case_id: UUID,
    disposition: Annotated[str, Form(max_length=20)] = "",
    outcome: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """结案, with what it was and what was done."""

    async def end(conn: Conn) -> None:
        await actions.close(conn, site.box, case_id, ACTOR, disposition, clock.now(), outcome)

    return await _act(site, request, end)


@router.post("/live/refused/{quarantine_id}/seen")
async def look_at_refused(
    site: Site, request: Request, quarantine_id: Annotated[int, Path(ge=1, lt=2**63)]
) -> Response:
    """已查看: a person has looked at a press that could not be taken."""
    return await _act(site, request, lambda conn: devices.look_at_refused(conn, quarantine_id, ACTOR, clock.now()))


async def _act(site: Parts, request: Request, act: Callable[[Conn], Awaitable[None]]) -> Response:
    """One action in one transaction, then the screen as it is after it; a refusal says why on that screen."""
    fragment = "hx-request" in request.headers
    notice, status = None, 200
    try:
        async with db.transaction(site.pool) as conn:
            await act(conn)
    except AppError as error:
        notice, status = error.message, error.status
    if fragment:
        return HTMLResponse(await _cases(site, notice), status)
    if notice is None:
        return RedirectResponse("/live", 303)
    return HTMLResponse(await _whole_page(site, notice), status)


async def _cases(site: Parts, notice: str | None = None) -> str:
    async with db.transaction(site.pool) as conn:
        shown = await board.cases(conn, site.box, clock.now())
    return render("cases.html", board=shown, notice=notice, **_CHOICES)


async def _whole_page(site: Parts, notice: str | None = None) -> str:
    now = clock.now()
    async with db.transaction(site.pool) as conn:
        shown = await board.cases(conn, site.box, now)
        terminals = await board.terminals(conn, now)
    return render("live.html", board=shown, terminals=terminals, notice=notice, **_CHOICES)


_CHOICES = {"dispositions": codes.DISPOSITIONS, "outcomes": codes.OUTCOMES}
