"""What is asked of the reports: how the fleet is right now. Reads only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cloud.devices.actions import INGEST_SILENCE_ALLOWED
from cloud.devices.store import count_refused_presses, gaps, last_beat
from cloud.stats import rules, store
from cloud.stats.models import Health

if TYPE_CHECKING:
    from psycopg import AsyncConnection

EVER = datetime(2000, 1, 1, tzinfo=UTC)


async def health(conn: AsyncConnection[Any], now: datetime) -> Health:
    """The health report of this moment."""
    terminals = await store.terminals(conn)
    # Gaps matter from the earliest moment that any terminal was last heard of.
    since = min((each.last_seen_at for each in terminals if each.last_seen_at is not None), default=now)
    outages = await gaps(conn, since, now, INGEST_SILENCE_ALLOWED)
    counts, found = rules.findings(terminals, now, outages)
    ingest_at = await last_beat(conn, "ingest")
    return Health(
        at=now,
        counts=counts,
        ingest_ok=None if ingest_at is None else now - ingest_at <= INGEST_SILENCE_ALLOWED,
        ingest_at=ingest_at,
        findings=found,
        quarantined=await store.quarantined(conn),
        presses_unseen=await count_refused_presses(conn, EVER),
    )
