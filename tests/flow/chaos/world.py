"""The world of a chaos run: durable server, broker that saves its sessions, two of ingest, sender, sweep, a fleet.

In: how many terminals, how long. Out: processes to be hurt, and afterwards what was sent and what is stored.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import psycopg

from cloud import clock
from cloud.billing.actions import close_day
from cloud.days import shanghai_day
from cloud.db import migrate
from cloud.devices.actions import register
from cloud.sealed import Box
from protocol import messages
from tests.fixtures.postgres import running
from tests.flow.chaos.judge import Said, read_sent, tried
from tests.flow.parts import DATA_KEY, Service, client, environment, install, scalar, until, up
from tests.flow.proxy import Proxy, proxy_to
from tools.bench.ingest import KEPT
from tools.embedded import children

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.fixtures.broker import Mosquitto
    from tools.embedded.postgres import Postgres

HEARTBEAT_S = 4.0
PRESS_EVERY_S = 40.0  # with their calls: a load that a machine which does much else can carry
PACE = 0.05  # of ringing and talking
SETTLE_S = 400.0  # the fleet's own end and the last of the queue
EPOCH = "c4a05000"  # of what the test says in the terminals' names


class World:
    """Made by `world_of`."""

    def __init__(self, server: Postgres, broker: Mosquitto, proxy: Proxy, folder: Path) -> None:
        self.server = server
        self.broker = broker
        self.proxy = proxy
        self.database = server.dsn("okc")
        self.passwords: dict[str, str] = {}
        through = f"host=127.0.0.1 port={proxy.port} user=postgres dbname=okc"
        env = environment(through, broker.port)
        self.ingests = [Service("ingest", env), Service("ingest", env)]
        self.send, self.sweep = Service("send", env), Service("sweep", env)
        self.sent_file = folder / "sent.jsonl"
        self._credentials = folder / "credentials.csv"
        self._fleet: subprocess.Popen[bytes] | None = None

    @property
    def services(self) -> list[Service]:
        """All of ours."""
        return [*self.ingests, self.send, self.sweep]

    async def start(self, terminals: int) -> None:
        """Terminals in homes, credentials, processes."""
        now = clock.now()
        async with await psycopg.AsyncConnection.connect(self.database) as conn:
            for number in range(1, terminals + 1):
                device_id = f"CH{number:06d}"
                self.passwords[device_id] = await register(conn, Box(bytes.fromhex(DATA_KEY)), device_id, None, now)
                await install(conn, device_id, now)
        self._credentials.write_text("".join(f"{name},{word}\n" for name, word in self.passwords.items()))
        self.broker.add_users(self.passwords)
        for service in self.services:
            await service.start()

    def start_fleet(self, seconds: float) -> None:
        """Load until then; it goes on until every message has its receipt."""
        words = ["simulate", "--broker", f"127.0.0.1:{self.broker.port}", "--terminals", str(len(self.passwords))]
        words += ["--credentials", str(self._credentials), "--sent", str(self.sent_file), "--sent-heartbeats"]
        words += ["--interval", str(HEARTBEAT_S), "--press-every", str(PRESS_EVERY_S), "--pace", str(PACE)]
        words += ["--duration", str(seconds), "--settle", str(SETTLE_S), "--json"]
        self._fleet = children.start([sys.executable, "-m", "tools", *words], stdout=subprocess.PIPE)

    async def fleet_ended(self) -> dict[str, Any]:
        """What it counted."""
        assert self._fleet is not None
        out, _ = await asyncio.wait_for(asyncio.to_thread(self._fleet.communicate), SETTLE_S + 3600)
        counted: dict[str, Any] = json.loads(out)
        return counted

    def sent(self) -> list[Said]:
        """What was written down before it was sent."""
        return read_sent(self.sent_file.read_text().splitlines())

    async def close_books(self) -> date:
        """Every terminal tells of its day; behind that, nothing is under way any more. The day."""
        today = shanghai_day(clock.now())
        counts = tried(self.sent(), day_of)
        for number, (device_id, password) in enumerate(self.passwords.items()):
            is_last = number == len(self.passwords) - 1
            payload = _day_record(today, counts[device_id, today] + is_last)
            async with client(device_id, password, self.broker.port) as terminal:
                await terminal.publish(up("day", device_id), payload, qos=1)
                if is_last:
                    await terminal.publish(up("hb", device_id), self._last_beat(), qos=1)

        async def all_there() -> bool:
            query = (
                "select (select count(*) from device_day where day = %s and report is not null) = %s"
                " and exists (select from heartbeat where id = %s)"
            )
            return bool(await scalar(self.database, query, today, len(self.passwords), f"{EPOCH}.1.2"))

        await until(all_there, "the last of the queues is stored", SETTLE_S)
        return today

    @staticmethod
    def _last_beat() -> bytes:
        at = int(clock.now().timestamp())
        figures = {"bat": 3900, "mains": 1, "csq": 20, "reg": 1, "net": "gsm", "heap": 40_000, "box": 0, "drops": 0}
        fields = {"id": f"{EPOCH}.1.2", "t": at, "u": 2, "s": 2, **figures, "call": 0, "cfg": 0}
        return messages.encode("up", "hb", fields)

    async def stored(self) -> list[Said]:
        """What the fleet said, by the tables."""
        columns = ", ".join(KEPT.values())
        async with await psycopg.AsyncConnection.connect(self.database) as conn:
            rows = await (await conn.execute("select device_id, id, kind, body from message")).fetchall()
            beats = await (await conn.execute(f"select device_id, id, {columns} from heartbeat".encode())).fetchall()
        kept = [Said(*row) for row in rows]
        kept += [Said(row[0], row[1], "hb", dict(zip(KEPT, row[2:], strict=True))) for row in beats]
        return [each for each in kept if not each.id.startswith(EPOCH)]

    async def verdicts(self, day: date) -> dict[str, int]:
        """How billing decides the day of each terminal."""
        async with await psycopg.AsyncConnection.connect(self.database) as conn:
            closed = await close_day(conn, day, clock.now(), provisional=True)
        return {status: count for status, count in closed.statuses.items() if count}

    def end(self) -> None:
        """However it went."""
        for service in self.services:
            service.end()
        if self._fleet is not None:
            children.stop(self._fleet)


@asynccontextmanager
async def world_of(broker: Mosquitto, folder: Path, terminals: int) -> AsyncIterator[World]:
    """Running; nothing of it is left afterwards."""
    broker.stop()
    broker.remember()
    broker.start()
    with running(durable=True) as server:
        migrate(server.create_database("okc"))
        async with proxy_to(str(server.folder / "s" / ".s.PGSQL.5432")) as proxy:
            world = World(server, broker, proxy, folder)
            try:
                await world.start(terminals)
                yield world
            finally:
                world.end()


def day_of(seconds: int) -> date:
    """The Shanghai day of a terminal's clock."""
    return shanghai_day(datetime.fromtimestamp(seconds, UTC))


def _day_record(day: date, beats: int) -> bytes:
    at = int(clock.now().timestamp())
    figures = {"on": 1440, "reg": 1440, "beats": beats, "presses": 0, "answered": 0, "stuck": 0, "faults": 0}
    fields = {"id": f"{EPOCH}.1.1", "t": at, "u": 1, "s": 1, "day": day.isoformat(), **figures}
    return messages.encode("up", "day", fields)
