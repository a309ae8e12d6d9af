"""A running site over a seeded town: the real process main, a real database, a real port."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from cloud import clock, days
from cloud.calls import actions, store
from cloud.devices import actions as devices
from cloud.devices.models import Received
from cloud.ingest.models import Arrival
from cloud.ingest.take import take
from cloud.run import web
from cloud.sealed import Box
from cloud.settings import Settings
from protocol import messages
from tools.embedded.ports import free_port
from tools.seed import device_ids, seed

START_S = 10


@dataclass
class Site:
    """Where it is, and the town's own voice."""

    url: str
    settings: Settings
    box: Box
    client: httpx.AsyncClient
    sequence: int = 0

    async def say(self, kind: str, device: str = "OKC000001", late_s: float = 0.4, **body: Any) -> str:
        """A terminal's message, taken and committed as the front door does it; returns its id."""
        self.sequence += 1
        ident = f"0a0b0c0d.1.{self.sequence}"
        fields = {"id": ident, "t": None, "u": 0, "s": None, **body}
        now = clock.now()
        message = Received(
            device_id=device,
            id=ident,
            kind=kind,
            body=messages.decode("up", kind, messages.encode("up", kind, fields)),
            happened_at=now - timedelta(seconds=late_s),
            dating="clock",
            day=days.shanghai_day(now),
            received_at=now,
            late_s=late_s,
        )
        async with await psycopg.AsyncConnection.connect(self.settings.database_url) as conn:
            await devices.take(conn, self.box, message)
            if kind == "press":
                await actions.on_press(conn, self.box, self.settings, message)
            elif kind == "call":
                await actions.on_call_progress(conn, message)
        return ident

    async def press(self, key: str = "sos", how: str = "short", **more: Any) -> str:
        return await self.say("press", key=key, hold=1200, how=how, **more)

    async def spoil(self, payload: bytes, device: str = "OKC000001", kind: str = "press", **ago: int) -> None:
        """A bad message, taken and committed as the front door does it."""
        topic, at = f"okc/v1/up/{kind}/{device}", clock.now() - timedelta(**ago)
        arrival = Arrival(topic=topic, payload=payload, retained=False, received_at=at)
        async with await psycopg.AsyncConnection.connect(self.settings.database_url) as conn:
            assert await take(conn, self.box, self.settings, arrival) == "quarantined"

    async def heartbeat(self, device: str, **more: Any) -> str:
        body = {"bat": 4010, "pct": 92, "mains": 1, "csq": 21, "reg": 1, "net": "gsm", "heap": 90_000, "box": 0}
        return await self.say("hb", device, **{**body, "drops": 0, "call": 0, "cfg": 1, **more})

    async def case(self, device: str = "OKC000001") -> UUID:
        """The newest open case of a terminal."""
        async with await psycopg.AsyncConnection.connect(self.settings.database_url) as conn:
            return (await store.open_of_device(conn, device))[0].case_id

    async def rows(self, query: str) -> list[Any]:
        async with await psycopg.AsyncConnection.connect(self.settings.database_url) as conn:
            return await (await conn.execute(query.encode())).fetchall()


@pytest.fixture
async def site(database: str) -> AsyncIterator[Site]:
    port = free_port()
    settings = Settings(
        database_url=database,
        data_key="22" * 32,
        web_port=port,
        metrics_port=0,
        hotline_number="01055500001",
        hotline_label="区级坐席",
    )
    box = Box(settings.data_key_bytes)
    async with await psycopg.AsyncConnection.connect(database) as conn:
        await seed(conn, box, settings, device_ids(6), datetime.now(UTC))
        await conn.execute("insert into device (device_id, created_at) values ('OKC999999', now())")
    ready = asyncio.Event()
    serving = asyncio.ensure_future(web.main(settings, ready.set))
    waiting = asyncio.ensure_future(ready.wait())
    await asyncio.wait({serving, waiting}, timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    assert ready.is_set(), serving
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        yield Site(url, settings, box, client)
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
