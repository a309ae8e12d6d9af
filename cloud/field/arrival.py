"""A technician's job arrives: whose it is, whether it is as it was signed, then all of it or nothing. No commit.

In: a parcel. Out: what it did. What is altered, forged or of a bench that does not count raises Refused with one of
SUSPECT before anything is changed; the caller then has it put aside in a transaction of its own.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from cloud.field import actions, parcel, store
from cloud.field.actions import Refused
from cloud.sealed import SealBroken
from cloud.stock import store as stock

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from cloud.db import Conn
    from cloud.field.models import Applied
    from cloud.field.parcel import Parcel
    from cloud.sealed import Box
    from cloud.settings import Settings
    from cloud.stock.models import Bench

log = logging.getLogger(__name__)

FORGED, UNKNOWN_BENCH, CLOSED, SEALED_ELSEWHERE = "forged", "unknown_bench", "bench_closed", "sealed_elsewhere"
SUSPECT = frozenset({FORGED, UNKNOWN_BENCH, CLOSED, SEALED_ELSEWHERE})


async def receive(conn: Conn, box: Box, settings: Settings, came: Parcel, now: datetime) -> Applied:
    """Apply a job that its bench signed, with its evidence; again and again if need be. Raises Refused."""
    bench = await _sender(conn, came.content)
    try:
        parcel.verify(came.content, bench.public_key)
        found = parcel.open_parcel(came, box)
    except parcel.ParcelError:
        raise Refused(FORGED, _named(came.content)) from None
    except SealBroken:
        raise Refused(SEALED_ELSEWHERE, _named(came.content)) from None
    visit = await store.visit(conn, found.job.visit_id)
    closed = bench.closed_at is not None
    if closed and (visit is None or found.pictures):
        raise Refused(CLOSED, bench.bench)  # whoever has the notebook now could have written it
    if visit is not None and visit.bench != bench.bench:
        raise Refused(FORGED, _named(came.content))  # one bench does not speak for another
    have = await store.picture_hashes(conn, found.job.visit_id)
    if not have.issuperset(found.not_sent):
        raise Refused("incomplete", found.job.device_id)
    applied = await actions.apply(conn, box, settings, found.job, now, bench=bench.bench)
    call = None if closed else found.call
    if not found.pictures and call is None and not applied.again:
        return applied
    return await actions.add_evidence(
        conn, box, found.job.visit_id, pictures=found.pictures, call=call, now=now, again=applied.again
    )


async def put_aside(conn: Conn, content: dict[str, Any], code: str, now: datetime) -> None:
    """Keep the content of a parcel that was refused as suspect: somebody will ask who sent it."""
    log.warning("a job was refused and put aside: %s", code)
    text = json.dumps(content, sort_keys=True)[: parcel.CONTENT_BYTES_MAX]
    await store.keep_refused(conn, text, code, now)


async def _sender(conn: Conn, content: dict[str, Any]) -> Bench:
    name = content.get("bench")
    bench = await stock.bench(conn, name) if isinstance(name, str) else None
    if bench is None:
        raise Refused(UNKNOWN_BENCH)
    return bench


def _named(content: dict[str, Any]) -> str:
    """Its terminal, as far as what was altered can be read."""
    try:
        return parcel.errand(content["job"]).device_id
    except (parcel.ParcelError, KeyError):
        return ""
