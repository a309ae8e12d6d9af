"""`/api/live`: the desk's screen for machines: the same data, masked in the same places."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from cloud import clock, db
from cloud.web.desks import board
from cloud.web.state import Parts, parts_of

router = APIRouter()


@router.get("/api/live")
async def live(site: Annotated[Parts, Depends(parts_of)]) -> dict[str, Any]:
    """Open cases, the latest closed ones, terminals."""
    now = clock.now()
    async with db.transaction(site.pool) as conn:
        return {"cases": await board.cases(conn, site.box, now), "terminals": await board.terminals(conn, now)}
