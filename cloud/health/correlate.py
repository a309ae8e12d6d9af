"""The step of a look after its findings are written: incidents open, grow and end.

In: the look's transaction and `now`. Out: rows of `incident` and its members. No commit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloud.health import incident_store, incidents

if TYPE_CHECKING:
    from datetime import datetime

    from cloud.db import Conn
    from cloud.health.models import Limits


@dataclass(frozen=True)
class Correlated:
    """What the step did."""

    opened: int = 0
    closed: int = 0


async def follow(conn: Conn, now: datetime, limits: Limits) -> Correlated:
    """Bring the incidents to what the open findings say."""
    await incident_store.who_is_well(conn, now)
    open_now = await incident_store.open_incidents(conn)
    found = await incident_store.ill(conn, limits)
    if not open_now and len(found) < limits["incident_members_open"]:
        return Correlated()
    groups = await incident_store.groups(conn, sorted({each.device_id for each in found if each.incident_id is None}))
    sizes = await incident_store.sizes(conn) if incidents.crowded(found, groups, limits) else {}
    step = incidents.step(found, groups, sizes, open_now, limits, now)
    for incident_id, joined in step.joined.items():
        await incident_store.join(conn, incident_id, joined, now)
    if step.closed:
        await incident_store.close(conn, step.closed, now)
    for new in step.opened:
        await incident_store.join(conn, await incident_store.open_(conn, new, now), new.findings, now)
    return Correlated(opened=len(step.opened), closed=len(step.closed))
