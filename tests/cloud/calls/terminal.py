"""A terminal's messages as the front door hands them on, and what they left in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cloud.calls import actions, store
from cloud.devices.models import Received
from cloud.sealed import Box
from cloud.settings import Settings
from protocol import messages

if TYPE_CHECKING:
    from cloud.calls.models import Case
    from cloud.db import Conn

KEY = "11" * 32
SETTINGS = Settings(database_url="unused", data_key=KEY, hotline_number="01055500001", hotline_label="区级坐席")
BOX = Box(SETTINGS.data_key_bytes)
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # Monday 12:00 in Shanghai
DEVICE = "OKC000001"
STRANGER = "OKC999999"


def received(
    kind: str, sequence: int, seconds: float = 0, late_s: float | None = 1.0, device: str = DEVICE, **body: Any
) -> Received:
    """A message as the front door hands it on: every field of its kind, absent ones None."""
    ident = f"0a0b0c0d.1.{sequence}"
    fields = {"id": ident, "t": None, "u": 0, "s": None, **body}
    at = NOON + timedelta(seconds=seconds)
    return Received(
        device_id=device,
        id=ident,
        kind=kind,
        body=messages.decode("up", kind, messages.encode("up", kind, fields)),
        happened_at=None if late_s is None else at - timedelta(seconds=late_s),
        dating="clock",
        day=at.date(),
        received_at=at,
        late_s=late_s,
    )


async def press(conn: Conn, sequence: int, seconds: float = 0, **more: Any) -> None:
    more = {"key": "sos", "hold": 1200, "how": "short", **more}
    await actions.on_press(conn, BOX, SETTINGS, received("press", sequence, seconds, **more))


async def step(conn: Conn, sequence: int, word: str, ref: int | None = 1, seconds: float = 5, **more: Any) -> None:
    more = {"step": word, "ref": None if ref is None else f"0a0b0c0d.1.{ref}", **more}
    await actions.on_call_progress(conn, received("call", sequence, seconds, **more))


async def cases(conn: Conn, device: str = DEVICE) -> list[Case]:
    return await store.open_of_device(conn, device)


async def down(conn: Conn, kind: str) -> list[dict[str, Any]]:
    cursor = await conn.execute("select body_sealed from down where kind = %s order by down_id", [kind])
    return [messages.decode("down", kind, BOX.open_bytes(row[0])) for row in await cursor.fetchall()]
