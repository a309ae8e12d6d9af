"""One registered terminal, and a way to hand the front door a message in the test's own transaction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cloud.devices.actions import register
from cloud.ingest.models import Arrival
from cloud.ingest.take import take
from cloud.sealed import Box
from cloud.settings import Settings
from protocol import messages

if TYPE_CHECKING:
    from cloud.db import Conn

BOX = Box(b"k" * 32)
SETTINGS = Settings(database_url="unused", data_key="6b" * 32, hotline_number="01055500001")
DEVICE, NEIGHBOUR = "BJCY000001", "BJCY000002"
AT = datetime(2026, 3, 31, 4, 0, tzinfo=UTC)


class Door:
    """The front door for one connection; its clock stands at AT unless moved."""

    def __init__(self, conn: Conn) -> None:
        self.conn = conn
        self.now = AT

    async def take(self, topic: str, payload: bytes, *, retained: bool = False) -> str:
        arrival = Arrival(topic=topic, payload=payload, retained=retained, received_at=self.now)
        return await take(self.conn, BOX, SETTINGS, arrival)

    async def say(self, kind: str, fields: dict[str, Any], *, device: str = DEVICE, retained: bool = False) -> str:
        uptime = 60_000
        common = {"id": "0badcafe.1.1", "t": int(self.now.timestamp()), "u": uptime, "s": uptime}
        payload = messages.encode("up", kind, {**common, **fields})
        return await self.take(f"okc/v1/up/{kind}/{device}", payload, retained=retained)

    def later(self, **delta: int) -> None:
        self.now += timedelta(**delta)

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        return await (await self.conn.execute(query.encode())).fetchall()

    async def one(self, query: str) -> Any:
        rows = await self.rows(query)
        return rows[0][0] if rows else None


@pytest.fixture
async def door(conn: Conn) -> Door:
    """Two terminals are registered."""
    for device in (DEVICE, NEIGHBOUR):
        await register(conn, BOX, device, None, AT)
    return Door(conn)


PRESS = {"key": "sos", "hold": 1200, "how": "hold"}
BEAT = {
    "bat": 4100, "pct": 90, "mains": 1, "csq": 20, "reg": 1, "net": "gsm", "cell": "10f3-2a1b", "temp": 21,
    "heap": 60_000, "box": 0, "drops": 0, "call": 0, "cfg": 0, "rtt": 700, "test": 0, "missed": 0,
}  # fmt: skip
BOOT = {"board": "desk", "fw": "0.1.0", "cfg": 0, "cause": "power"}
