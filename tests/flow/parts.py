"""What a fault test needs: processes of the cloud, what a terminal sends and writes down, conditions to wait for.

A terminal here is the wire only: it publishes what it is told to and keeps what it sent, by id.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiomqtt
import psycopg

from cloud.days import shanghai_day
from cloud.devices.actions import register
from cloud.sealed import Box
from protocol import messages, topics
from tests.fixtures.broker import CLOUD_PASSWORD, CLOUD_USER
from tools.embedded import children

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

DATA_KEY = "5e" * 32
HOTLINE = "01055500001"
WAIT_S = 30.0
START_S = 120.0  # of a process, on a machine that does much else


def environment(database: str, broker_port: int) -> dict[str, str]:
    """What a process of the cloud is given."""
    return {
        "PATH": os.environ["PATH"],
        "OKC_DATABASE_URL": database,
        "OKC_BROKER_PORT": str(broker_port),
        "OKC_BROKER_USER": CLOUD_USER,
        "OKC_BROKER_PASSWORD": CLOUD_PASSWORD,
        "OKC_DATA_KEY": DATA_KEY,
        "OKC_HOTLINE_NUMBER": HOTLINE,
        "OKC_METRICS_PORT": "0",
    }


class Service:
    """One process of the cloud. start() returns when it says `ready`."""

    def __init__(self, name: str, env: dict[str, str], *words: str) -> None:
        self.name = name
        self._words = words or ("serve", name)
        self.env = env
        self.process: subprocess.Popen[bytes] | None = None
        self._out = Path(tempfile.mkdtemp(prefix="okcsv"))

    async def start(self) -> None:
        with (self._out / "out").open("wb") as out, (self._out / "log").open("ab") as log:
            self.process = children.start(
                [sys.executable, "-m", "tools", *self._words], env=self.env, stdout=out, stderr=log
            )
        process = self.process

        async def ready_or_ended() -> bool:
            assert process.poll() is None, f"{self.name} ended"
            return self.is_ready()

        try:
            await until(ready_or_ended, f"{self.name} is ready", START_S)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.log()}") from error

    def is_ready(self) -> bool:
        return "ready" in (self._out / "out").read_text()

    def log(self) -> str:
        return (self._out / "log").read_text()

    def kill(self) -> None:
        assert self.process is not None
        children.stop(self.process, signal.SIGKILL)

    def signal(self, sig: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(sig)

    def end(self) -> None:
        """However the test went: no process and no file of it is left."""
        if self.process is not None:
            self.kill()
        shutil.rmtree(self._out, ignore_errors=True)

    def stop(self) -> int:
        assert self.process is not None
        children.stop(self.process)
        return self.process.returncode


async def until(condition: Callable[[], Awaitable[Any]], what: str, wait_s: float = WAIT_S) -> None:
    """Poll until the condition holds."""
    deadline = time.monotonic() + wait_s
    while not await condition():
        assert time.monotonic() < deadline, f"in vain: {what}"
        await asyncio.sleep(0.02)


async def add_terminal(database: str, device_id: str, now: datetime) -> str:
    """Register a terminal as the technician's command does; its password."""
    async with await psycopg.AsyncConnection.connect(database) as conn:
        return await register(conn, Box(bytes.fromhex(DATA_KEY)), device_id, None, now)


async def install(conn: psycopg.AsyncConnection[Any], device_id: str, now: datetime) -> None:
    """In a home of its own since a month."""
    home_id = uuid.uuid4()
    await conn.execute(
        "insert into home values (%s, '110102007', '示例社区', %s, false, %s)", [home_id, b"\x00" * 40, now]
    )
    await conn.execute("update device set status = 'installed' where device_id = %s", [device_id])
    first = shanghai_day(now) - timedelta(days=30)
    await conn.execute(
        "insert into installation values (%s, %s, %s, %s, null)", [uuid.uuid4(), device_id, home_id, first]
    )


async def scalar(database: str, query: str, *values: Any) -> Any:
    """The first value of a query."""
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as conn:
        row = await (await conn.execute(query.encode(), values)).fetchone()
        return row[0] if row else None


async def stored_presses(database: str) -> list[tuple[str, str, dict[str, Any]]]:
    """(device, id, content) of every press in the database."""
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as conn:
        rows = await (
            await conn.execute("select device_id, id, body from message where kind = 'press' order by received_at, id")
        ).fetchall()
        return [(row[0], row[1], row[2]) for row in rows]


def press(message_id: str, at: datetime, sent: dict[str, dict[str, Any]], **more: Any) -> bytes:
    """The payload of a press, written down before it is sent."""
    uptime = 60_000 + int(message_id.rsplit(".", 1)[1])
    fields = {"id": message_id, "t": int(at.timestamp()), "u": uptime, "s": uptime + 40, "key": "sos", "hold": 1200}
    fields |= {"how": "hold"} | more
    payload = messages.encode("up", "press", fields)
    sent[message_id] = messages.decode("up", "press", payload)
    return payload


def beat(message_id: str, at: datetime) -> bytes:
    """The payload of a heartbeat."""
    uptime = 60_000 + int(message_id.rsplit(".", 1)[1])
    fields = {"id": message_id, "t": int(at.timestamp()), "u": uptime, "s": uptime, "bat": 3900, "mains": 1, "csq": 20}
    more = {"reg": 1, "net": "gsm", "heap": 40_000, "box": 0, "drops": 0, "call": 0, "cfg": 0}
    return messages.encode("up", "hb", fields | more)


def without_send_time(content: dict[str, Any]) -> dict[str, Any]:
    """What identifies a content: everything but `s`, absent fields left out."""
    return {name: value for name, value in content.items() if name != "s" and value is not None}


def client(device_id: str, password: str, port: int, **more: Any) -> aiomqtt.Client:
    """A terminal's own connection."""
    return aiomqtt.Client(
        "127.0.0.1", port, username=device_id, password=password, identifier=device_id, clean_session=False, **more
    )


def up(kind: str, device_id: str) -> str:
    return topics.build("up", kind, device_id)
