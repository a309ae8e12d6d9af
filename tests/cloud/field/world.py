"""Homes with terminals, terminals in stock that passed their test, what they said. Invented ids, people and numbers."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cloud.days import shanghai_day
from cloud.devices import actions as devices
from cloud.elders import store as elders
from cloud.elders.models import Contact, Elder
from cloud.field import actions
from cloud.field.models import Applied, Call120, Job, Picture
from cloud.sealed import Box
from cloud.settings import Settings

if TYPE_CHECKING:
    from cloud.db import Conn

KEY = "5e" * 32
SETTINGS = Settings(database_url="unused", data_key=KEY, hotline_number="01055500001", hotline_label="区级坐席")
BOX = Box(SETTINGS.data_key_bytes)
NOW = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)  # Tuesday 14:00 in Shanghai
TODAY = shanghai_day(NOW)
OLD, NEW, SPARE = "OKC000001", "OKC000002", "OKC000003"
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(200)) + b"\xff\xd9"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200)) + b"IEND\xaeB`\x82"
CALL = Call120("急救中心调度科", NOW, "connected")
EVIDENCE = {"pictures": [Picture("photo", "image/jpeg", JPEG), Picture("signature", "image/png", PNG)], "call": CALL}


async def in_stock(conn: Conn, device_id: str, *, passed_at: datetime | None = NOW - timedelta(days=2)) -> str:
    """A terminal with our own image, in stock, whose acceptance passed (None: there was no test)."""
    number = "1390000" + device_id[-4:]
    await devices.register(conn, BOX, device_id, number, NOW - timedelta(days=30))
    await conn.execute(
        "update device set passed_at = %s, image_kind = 'home' where device_id = %s", [passed_at, device_id]
    )
    return device_id


async def a_home(conn: Conn, name: str = "王淑兰", *, community: str = "示例社区", tail: int = 1) -> uuid.UUID:
    """A home with an elder and a daughter."""
    home_id = uuid.uuid4()
    await elders.add_home(
        conn, BOX, home_id, street_code="110102007", community=community, address=f"{tail}号楼1单元101",
        lives_alone=True, now=NOW,
    )  # fmt: skip
    elder = Elder(name, f"137000000{tail:02d}")
    await elders.add_elder(conn, BOX, uuid.uuid4(), home_id=home_id, elder=elder, now=NOW)
    await elders.add_contact(conn, BOX, home_id, 1, Contact("女儿", f"138000000{tail:02d}"))
    return home_id


def job(kind: str = "install", device_id: str = NEW, **more: Any) -> Job:
    """A job begun now."""
    fields = {"visit_id": uuid.uuid4(), "on": TODAY, "begun_at": NOW, "actor": "li", **more}
    return Job(kind=kind, device_id=device_id, **fields)


async def do(conn: Conn, each: Job, now: datetime = NOW) -> Applied:
    return await actions.apply(conn, BOX, SETTINGS, each, now)


async def prove(conn: Conn, each: Job, now: datetime = NOW, **more: Any) -> Applied:
    return await actions.add_evidence(conn, BOX, each.visit_id, **{**EVIDENCE, **more}, now=now)


async def pressed(
    conn: Conn,
    device_id: str,
    happened_at: datetime | None,
    received_at: datetime,
    *,
    key: str = "sos",
    how: str = "short",
) -> None:
    """A press as ingest stores it."""
    await conn.execute(
        "insert into message (device_id, id, content_hash, kind, body, happened_at, dating, day, received_at)"
        " values (%s, %s, %s, 'press', %s, %s, 'clock', %s, %s)",
        [
            device_id, f"0a0b0c0d.1.{int(received_at.timestamp()) % 100_000}", uuid.uuid4().bytes,
            json.dumps({"key": key, "how": how}), happened_at, shanghai_day(received_at), received_at,
        ],
    )  # fmt: skip


async def heard(conn: Conn, device_id: str, day: date) -> None:
    """A heartbeat of a day, as ingest counts it."""
    await conn.execute(
        "insert into device_day (device_id, day, beats) values (%s, %s, 1)"
        " on conflict (device_id, day) do update set beats = device_day.beats + 1",
        [device_id, day],
    )


async def status(conn: Conn, device_id: str) -> str:
    row = await (await conn.execute("select status from device where device_id = %s", [device_id])).fetchone()
    assert row
    return str(row[0])


async def counts(conn: Conn) -> dict[str, int]:
    """Rows of everything that a job writes."""
    found = {}
    for table in ("field_visit", "field_file", "field_call_120", "installation", "device_config", "service_pause"):
        row = await (await conn.execute(f"select count(*) from {table}".encode())).fetchone()
        assert row
        found[table] = row[0]
    return found
