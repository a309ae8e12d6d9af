"""Rows for billing tests: terminals in homes, what was heard of them. Invented ids only."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime
from typing import Any

from psycopg import AsyncConnection

from cloud.billing.models import Contract

CONTRACT = Contract("T-2025-001", date(2025, 7, 24), date(2026, 7, 23), 3990, 199_500_000, 99_750_000)
DAY = date(2025, 7, 25)
NOW = datetime(2025, 7, 26, 1, 0, tzinfo=UTC)  # nine in the morning of the day after, in Shanghai


async def home(conn: AsyncConnection[Any]) -> uuid.UUID:
    """A household without people: billing looks at none."""
    home_id = uuid.uuid4()
    await conn.execute(
        "insert into home values (%s, '110102007', '示例社区', %s, false, %s)", [home_id, b"\x00" * 40, NOW]
    )
    return home_id


async def device(conn: AsyncConnection[Any], device_id: str) -> None:
    """A terminal of the registry."""
    await conn.execute(
        "insert into device (device_id, status, created_at) values (%s, 'installed', %s)", [device_id, NOW]
    )


async def install(
    conn: AsyncConnection[Any], device_id: str, home_id: uuid.UUID, first: date, removed: date | None = None
) -> None:
    """It is in that home from a day until a day."""
    await conn.execute(
        "insert into installation values (%s, %s, %s, %s, %s)", [uuid.uuid4(), device_id, home_id, first, removed]
    )


async def heard(
    conn: AsyncConnection[Any], device_id: str, day: date, *, beats: int = 0, report: dict[str, Any] | None = None
) -> None:
    """What ingest wrote about a day."""
    await conn.execute(
        "insert into device_day (device_id, day, beats, report) values (%s, %s, %s, %s::jsonb)",
        [device_id, day, beats, json.dumps(report) if report else None],
    )


async def installed(conn: AsyncConnection[Any], device_id: str, first: date = CONTRACT.starts_on) -> uuid.UUID:
    """A terminal in a home of its own."""
    home_id = await home(conn)
    await device(conn, device_id)
    await install(conn, device_id, home_id, first)
    return home_id
