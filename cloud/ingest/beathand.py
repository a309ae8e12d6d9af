"""A batch of heartbeats to its commit, on a database connection of its own, however long that takes.

In: messages and their lines of beatline.py. Out: commits. A batch that the database refuses is halved until the row is
found that it refuses; that one, and what has no line, goes the careful way, one by one.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from cloud import clock, db
from cloud.devices import actions as devices
from cloud.errors import described
from cloud.ingest import beatstore
from cloud.ingest.careful import BACKOFF_FIRST_S, BACKOFF_MOST_S, IDLE_S, Careful
from cloud.ingest.listen import OTHER_KINDS
from cloud.ingest.models import Arrival

if TYPE_CHECKING:
    from datetime import datetime

    from cloud.db import Conn
    from cloud.ingest.subscriber import Message
    from cloud.sealed import Box
    from cloud.settings import Settings
    from cloud.tally import Tally

log = logging.getLogger(__name__)

_LEVELS, _KIND = 5, 3  # of a topic
_UNIQUE_HALVES = 1  # a batch of so many is not halved any more


class Hand:
    """One of those that commit side by side.

    `turn` is theirs together: a batch is not staged before the terminals of the last one are locked, so that figures
    of one terminal come in their order also from batches that commit at the same time.
    """

    def __init__(self, settings: Settings, box: Box, tally: Tally, turn: asyncio.Lock) -> None:
        self._settings = settings
        self._box = box
        self._counted = tally.counts
        self._series = tally.series
        self._turn = turn
        self._careful = Careful(settings, box, tally.counts)
        self._conn: Conn | None = None
        self._retries = False
        self.oldest: datetime | None = None  # when the first of what is being committed was received
        self.work: asyncio.Future[None] | None = None

    @property
    def waits(self) -> bool:
        """For the database, with something in hand."""
        return self._retries or self._careful.waits

    def begin(self, messages: list[Message], lines: list[str | None]) -> asyncio.Future[None]:
        """Ends when all are committed."""
        self.work = asyncio.ensure_future(self._commit(messages, lines))
        return self.work

    async def drop(self) -> None:
        """No connection any more."""
        await self._careful.drop()
        await self._drop()

    async def _commit(self, messages: list[Message], lines: list[str | None]) -> None:
        loop, series, oldest = asyncio.get_running_loop(), self._series, messages[0].received_at
        self.oldest, begun = oldest, loop.time()
        batch = [(message, text) for message, text in zip(messages, lines, strict=True) if text is not None]
        try:
            for message, text in zip(messages, lines, strict=True):
                if text is None and not _is_others(message.topic):
                    await self._careful.commit(_arrival(message))
            await self._commit_batch(batch)
        finally:
            self.oldest = None
            self._retries = self._careful.waits = False
        series["commit_s"].add(loop.time() - begun)
        series["lag_at_commit_s"].add((clock.now() - oldest).total_seconds())
        series["batch"].add(len(messages))

    async def _commit_batch(self, batch: list[tuple[Message, str]]) -> None:
        wait_s = BACKOFF_FIRST_S
        while batch:
            try:
                strangers = await self._store(batch)
            except db.MigrationError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a message does to us, the next one must be taken
                log.error("batch not committed: %s", described(error))  # noqa: TRY400 - its text may quote a row
                if not db.is_outage(error, self._conn):
                    return await self._halve(batch)
                self._counted["retries"] += 1
                self._retries = True
                await self._drop()
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, BACKOFF_MOST_S)
            else:
                for place in strangers:
                    await self._careful.commit(_arrival(batch[place][0]))
                return None
        return None

    async def _halve(self, batch: list[tuple[Message, str]]) -> None:
        """Find what the database refuses, and commit all the rest."""
        if len(batch) <= _UNIQUE_HALVES:
            for message, _ in batch:
                await self._careful.commit(_arrival(message))
            return
        middle = len(batch) // 2
        await self._commit_batch(batch[:middle])
        await self._commit_batch(batch[middle:])

    async def _store(self, batch: list[tuple[Message, str]]) -> list[int]:
        """One transaction; places of those that are nobody's, which are not stored."""
        conn = await self._connection()
        now = batch[-1][0].received_at
        async with db.in_time(conn):
            async with self._turn:
                await beatstore.stage(conn, [text for _, text in batch])
                seen = await beatstore.look(conn)
            done = await beatstore.finish(conn, seen)
            for device_id in done.configure:
                await devices.configure_if_wanted(conn, self._box, device_id, now)
            await devices.tell_live(conn, *done.show)
        self._counted.update(
            {
                "stored": done.stored - done.clashes,
                "id_clash": done.clashes,
                "duplicate": done.duplicates,
                "late": done.late,
                "batches": 1,
            }
        )
        return done.strangers

    async def _connection(self) -> Conn:
        if self._conn is None or self._conn.closed:
            self._conn = await db.connect(self._settings.database_url, idle_s=IDLE_S)
            await beatstore.prepare(self._conn)
        return self._conn

    async def _drop(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            await conn.close()


def _is_others(topic: str) -> bool:
    """Whether the other lane's filters match it."""
    parts = topic.split("/")
    return len(parts) == _LEVELS and parts[_KIND] in OTHER_KINDS


def _arrival(message: Message) -> Arrival:
    return Arrival(
        topic=message.topic, payload=message.payload, retained=message.retained, received_at=message.received_at
    )
