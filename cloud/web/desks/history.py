"""`/terminals/ID/history`: a terminal's past, from a year down to one hour; and the same for machines. Reads only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse

from cloud import clock, db
from cloud.errors import NotFound
from cloud.html.render import render
from cloud.web.desks import past, past_table, strip
from cloud.web.desks import span as spans
from cloud.web.desks.past import Past
from cloud.web.desks.past_table import Table
from cloud.web.desks.span import Span
from cloud.web.desks.strip import Strip
from cloud.web.state import Parts, parts_of
from protocol import topics

router = APIRouter()
Site = Annotated[Parts, Depends(parts_of)]
Words = Annotated[str, Query()]
Begins = Annotated[str, Query(alias="from")]


@dataclass(frozen=True)
class Shown:
    """The whole page."""

    past: Past
    title: str
    said: str
    strip: Strip
    tables: list[Table]
    above: list[tuple[str, Span]]
    before: Span | None
    after: Span | None
    away: list[str]


@router.get("/terminals/{device_id}/history", response_class=HTMLResponse)
async def page(site: Site, device_id: str, step: Words = "day", begins: Begins = "", until: Words = "") -> HTMLResponse:
    """The whole screen; a click inside swaps only what is under the bar."""
    known, span = await _read(site, device_id, step, begins, until)
    shown = Shown(
        past=known,
        title=span.title,
        said=past_table.summary(known),
        strip=strip.draw(known, span),
        tables=past_table.tables(known, span),
        above=[each for each in spans.above(span, known.now) if each[1] != span],
        before=spans.before(span),
        after=spans.after(span, known.now),
        away=past_table.away(known),
    )
    return HTMLResponse(render("history.html", shown=shown))


@router.get("/api/terminals/{device_id}/history")
async def api(site: Site, device_id: str, step: Words = "day", begins: Begins = "", until: Words = "") -> Past:
    """The same as JSON."""
    return (await _read(site, device_id, step, begins, until))[0]


async def _read(site: Parts, device_id: str, step: str, begins: str, until: str) -> tuple[Past, Span]:
    now = clock.now()
    span = spans.asked(step, begins, until, now)
    if not topics.DEVICE_CHARS_MIN <= len(device_id) <= topics.DEVICE_CHARS_MAX or "\0" in device_id:
        raise NotFound("没有这台设备")
    async with db.transaction(site.pool) as conn:
        return await past.read(conn, device_id, span, now), span
