"""`/terminals/ID/config`: settings of one terminal changed from its page; and the same for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from cloud import clock, db
from cloud.devices import configs, tune
from cloud.errors import AppError
from cloud.html.render import render
from cloud.web.desks import tuned
from cloud.web.desks.live import ACTOR
from cloud.web.desks.terminal import whole
from cloud.web.desks.tuned import Tuned
from cloud.web.state import Parts, parts_of
from protocol import topics

if TYPE_CHECKING:
    from starlette.datastructures import FormData

router = APIRouter()
Site = Annotated[Parts, Depends(parts_of)]
DeviceId = Annotated[str, Path(min_length=topics.DEVICE_CHARS_MIN, max_length=topics.DEVICE_CHARS_MAX)]

FIELDS_MAX = 20  # of a form; ours has nine


async def _tuned(site: Parts, device_id: str) -> Tuned:
    async with db.transaction(site.pool) as conn:
        return await tuned.read(conn, site.box, device_id, clock.now())


@router.get("/terminals/{device_id}/config", response_class=HTMLResponse)
async def part(site: Site, device_id: DeviceId) -> HTMLResponse:
    """What the screen reads again every few seconds; the form beside it keeps what is being typed."""
    return HTMLResponse(render("tuned.html", tuned=await _tuned(site, device_id), notice=None))


@router.get("/api/terminals/{device_id}/config")
async def api(site: Site, device_id: DeviceId) -> Tuned:
    """The same as JSON."""
    return await _tuned(site, device_id)


@router.post("/terminals/{device_id}/config")
async def change(site: Site, request: Request, device_id: DeviceId) -> Response:
    """Asked, not waited for; the screen shows the answer when it comes."""
    form = await request.form(max_files=0, max_fields=FIELDS_MAX)
    notice, status = None, 200
    try:
        async with db.transaction(site.pool) as conn:
            if form.get("district"):
                await configs.back_to_district(conn, site.box, device_id, ACTOR, clock.now())
            else:
                await configs.ask(conn, site.box, device_id, _typed(form), ACTOR, clock.now())
    except AppError as error:
        notice, status = error.message, error.status
    if "hx-request" in request.headers:
        shown = await _tuned(site, device_id)
        return HTMLResponse(render("tuned.html", tuned=shown, notice=notice), status)
    if notice is None:
        return RedirectResponse(f"/terminals/{device_id}#config", 303)
    return await whole(site, device_id, notice, status)


def _typed(form: FormData) -> dict[str, str]:
    """What was filled in; an empty field is left as it is."""
    names = [*tune.BY_NAME, tune.CALLERS]
    return {name: text for name in names if isinstance(text := form.get(name), str) and text.strip()}
