"""The real cloud behind one simulated terminal: its ingest, its cases and its queue of messages, in a real PostgreSQL.

In: what the broker takes from the terminal, at world time. Out: rows, and the due messages down, back through the
broker. Only time and the broker are simulated; a message is committed before its receipt is made, as in the product.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg

from cloud.calls import actions as calls
from cloud.calls import store as cases
from cloud.db import migrate
from cloud.down import store as down
from cloud.down.send import prepare
from cloud.errors import Conflict
from cloud.ingest.models import Arrival
from cloud.ingest.take import take
from cloud.sealed import Box
from cloud.settings import Settings
from tools.seed import seed

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from tools.virtual.broker import Broker, Message
    from tools.virtual.world import World

COMMIT_S = 0.03  # from the broker's hand to the commit
BATCH = 200
DATA_KEY = "5e" * 32
HOTLINE = "01055500001"


class Ledger:
    """Everything of the cloud that one terminal meets. `close` when done."""

    def __init__(self, dsn: str, device: str, epoch: float) -> None:
        migrate(dsn)
        self.settings = Settings(
            database_url=dsn, data_key=DATA_KEY, hotline_number=HOTLINE, hotline_label="区级坐席"
        )  # fmt: skip
        self.box = Box(self.settings.data_key_bytes)
        self.device = device
        self.counts: Counter[str] = Counter()  # outcomes of take, messages sent down
        self.routes: dict[str, list[list[Any]]] = {}  # press: the ladder that it was told
        self.plans: dict[str, list[list[Any]]] = {}  # of the configuration sent last
        self.waiting: int | None = None  # messages that the terminal still held, as its last heartbeat said
        self.staffed: set[str] = set()  # numbers where people sit, as it has told
        self._runner = asyncio.Runner()
        self._conn = self._run(self._open(dsn, datetime.fromtimestamp(epoch, UTC)))

    def attach(self, world: World, broker: Broker) -> None:
        """From now on it hears this broker and lives in this world's time."""
        self.world, self.broker = world, broker
        broker.on_message = self._heard

    def close(self) -> None:
        """End the connection."""
        self._run(self._conn.close())
        self._runner.close()

    def accept(self) -> str | None:
        """Somebody at the desk takes the newest open case of the terminal; its id, None if there is none to take."""
        taken: str | None = self._run(self._accept())
        return taken

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """For a judge."""
        found: list[tuple[Any, ...]] = self._run(self._rows(query))
        return found

    # Inside.

    def _run(self, what: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(what)

    @property
    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.world.timers.now, UTC)

    async def _open(self, dsn: str, now: datetime) -> psycopg.AsyncConnection[Any]:
        conn = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
        async with conn.transaction():
            await seed(conn, self.box, self.settings, [self.device], now)
        return conn

    def _heard(self, client: str, message: Message) -> None:
        del client
        if message.topic.split("/")[3] == "hb":
            self.waiting = json.loads(message.payload)["box"]
        arrived = self._now
        arrival = Arrival(
            topic=message.topic, payload=message.payload, retained=False, received_at=arrived
        )  # fmt: skip
        self.world.timers.after(COMMIT_S, lambda: self._commit(arrival))

    def _commit(self, arrival: Arrival) -> None:
        self.counts[self._run(self._take(arrival))] += 1
        self.pump()

    async def _take(self, arrival: Arrival) -> str:
        async with self._conn.transaction():
            return await take(self._conn, self.box, self.settings, arrival)

    def pump(self) -> None:
        """Whatever is due for the terminal leaves."""
        for topic, payload in self._run(self._due()):
            self._note(topic, payload)
            self.broker.publish(topic, payload)
            self.counts["down"] += 1

    async def _due(self) -> list[tuple[str, bytes]]:
        out: list[tuple[str, bytes]] = []
        async with self._conn.transaction():
            now = self._now
            rows = [
                *await down.due_urgent(self._conn, now, BATCH),
                *await down.due_receipts(self._conn, now, BATCH),
            ]
            dead = [row.down_id for row in rows if row.expires_at is not None and row.expires_at <= now]
            if dead:
                await down.mark_dropped(self._conn, dead, now)
            alive = [row for row in rows if row.down_id not in dead]
            outgoing, unreadable = prepare(self.box, alive, now)
            self.counts["unreadable"] += len(unreadable)
            for one in outgoing:
                out.append((one.topic, one.payload))
                await down.mark_sent(self._conn, list(one.down_ids), now)
        return out

    def _note(self, topic: str, payload: bytes) -> None:
        kind = topic.split("/")[3]
        if kind == "route":
            body = json.loads(payload)
            self.routes[body["ref"]] = body["plan"]
            ladders = [body["plan"]]
        elif kind == "config":
            self.plans = json.loads(payload)["plan"]
            ladders = list(self.plans.values())
        else:
            return
        for ladder in ladders:
            self.staffed |= {str(rung[1]) for rung in ladder if rung[3]}

    async def _accept(self) -> str | None:
        async with self._conn.transaction():
            open_ = await cases.open_of_device(self._conn, self.device)
            if not open_:
                return None
            try:
                await calls.accept(self._conn, self.box, open_[0].case_id, "坐席甲", self._now)
            except Conflict:
                return None
        return str(open_[0].case_id)

    async def _rows(self, query: str) -> list[tuple[Any, ...]]:
        cursor = await self._conn.execute(query.encode())
        return list(await cursor.fetchall())
