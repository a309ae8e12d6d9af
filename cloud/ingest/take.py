"""One message, one transaction. In: an open transaction and what arrived. Out: what became of it.

Never commits, never talks to the broker, and never raises for what is in a message.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from cloud import flow
from cloud.days import shanghai_day
from cloud.devices.models import Received
from cloud.ingest import store
from cloud.ingest.dating import AHEAD, EARLIEST, LATE_S, date_message
from cloud.ingest.decode import decode
from cloud.ingest.marks import raise_mark
from cloud.ingest.models import INTERNAL, REFUSED, Arrival, Checked, Dated, Quarantine

if TYPE_CHECKING:
    from collections import Counter
    from datetime import datetime

    from cloud.db import Conn
    from cloud.sealed import Box
    from cloud.settings import Settings

# What can become of a message; each is counted under its name.
OUTCOMES = ("stored", "duplicate", "id_clash", "quarantined", "link")


async def take(conn: Conn, box: Box, settings: Settings, arrival: Arrival, beside: Counter[str] | None = None) -> str:
    """Do everything that one message asks for; one of OUTCOMES. `beside` counts what is more, if it is committed."""
    found = decode(arrival.topic, arrival.payload)
    if isinstance(found, Checked):
        found = await _against_registry(conn, found, arrival.received_at)
    if isinstance(found, Quarantine):
        return await quarantine(conn, box, arrival, found)
    if found.kind == "state":
        at = arrival.received_at
        await flow.on_link(conn, found.device_id, found.id, found.body["st"], at, retained=arrival.retained)
        return "link"
    dated = date_message(found.body, arrival.received_at)
    outcome = await _store(conn, box, settings, found, dated, arrival.received_at)
    if beside is not None and outcome != "duplicate":
        beside["late"] += dated.late_s is None or dated.late_s > LATE_S
    return outcome


async def again(conn: Conn, box: Box, settings: Settings, arrival: Arrival, now: datetime) -> str | Quarantine:
    """As `take`, for a message that was in quarantine until now: one of OUTCOMES, or why it stays there."""
    found = decode(arrival.topic, arrival.payload)
    if isinstance(found, Checked):
        found = await _against_registry(conn, found, arrival.received_at)
    if isinstance(found, Quarantine):
        return found
    if found.kind == "state":
        # Of a connection that is long over: what it says of now is not true any more.
        return _refuse(found, REFUSED, None)
    dated = date_message(found.body, arrival.received_at)
    if found.kind == "press":
        at = dated.happened_at
        dated = replace(dated, late_s=None if at is None else (now - at).total_seconds())
    outcome = await _store(conn, box, settings, found, dated, arrival.received_at)
    days = [dated.day, date.fromisoformat(found.body["day"])] if found.kind == "day" else [dated.day]
    await flow.on_replayed(conn, found.device_id, found.kind, found.id, days=days, now=now)
    return outcome


async def quarantine(conn: Conn, box: Box, arrival: Arrival, found: Quarantine) -> str:
    """Keep a bad message with its reason; receipt it if its id can be read and the terminal is one of ours."""
    first_time = await keep(conn, box, arrival, found)
    retained_again = arrival.retained and not first_time
    registered = found.device_id is not None and await store.is_registered(conn, found.device_id)
    if found.device_id is not None and registered and not retained_again:
        message_id = None if found.reason == INTERNAL else found.message_id
        await flow.on_refused(conn, found.device_id, message_id, arrival.received_at)
    return "quarantined"


async def keep(conn: Conn, box: Box, arrival: Arrival, found: Quarantine) -> bool:
    """Only keep a bad message, and tell the desk of a press; False where it was there already."""
    first_time = await store.add_quarantine(conn, box, arrival, found)
    if store.is_press_topic(arrival.topic):
        await flow.on_refused_press(conn)
    return first_time


async def _against_registry(conn: Conn, checked: Checked, now: datetime) -> Checked | Quarantine:
    """The message, unless it is of nobody, refers to somebody else's press, or reports an impossible day."""
    if not await store.is_registered(conn, checked.device_id):
        return _refuse(checked, "unknown_device", None)
    ref = checked.body.get("ref")
    if ref is not None and await store.is_foreign(conn, checked.device_id, ref):
        return _refuse(checked, "foreign", "ref")
    case = checked.body.get("case")
    if case is not None and await flow.is_foreign_case(conn, checked.device_id, case):
        return _refuse(checked, "foreign", "case")
    if checked.kind == "day":
        first, last = shanghai_day(EARLIEST).isoformat(), shanghai_day(now + AHEAD).isoformat()
        if not first <= checked.body["day"] <= last:
            return _refuse(checked, "range", "day")
    return checked


def _refuse(checked: Checked, reason: str, field: str | None) -> Quarantine:
    return Quarantine(
        reason=reason,
        field=field,
        device_id=checked.device_id,
        message_id=checked.id,
        content_hash=checked.content_hash,
    )


async def _store(  # noqa: PLR0917 - in this order in every room
    conn: Conn, box: Box, settings: Settings, checked: Checked, dated: Dated, now: datetime
) -> str:
    add = store.add_heartbeat if checked.kind == "hb" else store.add_message
    stored = await add(conn, checked, dated, now)
    if not stored.new:
        await flow.on_duplicate(conn, checked.device_id, checked.kind, checked.id, now)
        return "duplicate"
    values: dict[str, Any] = {
        "device_id": checked.device_id,
        "id": checked.id,
        "kind": checked.kind,
        "body": checked.body,
        "received_at": now,
    }
    message = Received(**values, happened_at=dated.happened_at, dating=dated.dating, day=dated.day, late_s=dated.late_s)
    await flow.on_message(conn, box, settings, message)
    if checked.kind == "hb":
        await raise_mark(conn, checked.device_id, checked.id)
    elif checked.kind == "event":
        await store.add_event(conn, checked, dated, now)
    if stored.clash:
        await flow.on_id_clash(conn, checked.device_id)
        return "id_clash"
    return "stored"
