"""The lane of heartbeats: in batches, each committed whole before the broker is told.

In: messages of a `Subscriber`. Out: commits, then acknowledgements in order of arrival. What beatline.py does not take
goes the careful way, one by one; a batch that the database refuses is halved until the row is found that it refuses.
A filter can't say "all but": this lane is handed everything, leaves the other lane's kinds to it, and sees to it that
a kind which nobody knows is quarantined and not dropped by the broker.
While one batch is being committed the next is being read. Never acknowledges what is not committed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

from cloud import clock, db
from cloud.devices import actions as devices
from cloud.errors import described
from cloud.ingest import beatstore
from cloud.ingest.beatline import line
from cloud.ingest.careful import BACKOFF_FIRST_S, BACKOFF_MOST_S, IDLE_S, Careful
from cloud.ingest.listen import OTHER_KINDS
from cloud.ingest.models import Arrival
from cloud.ingest.pulse import BEAT_S, Pulse
from cloud.ingest.subscriber import Subscriber
from protocol.topics import CLOUD_FILTER

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cloud.db import Conn
    from cloud.ingest.subscriber import Message
    from cloud.sealed import Box
    from cloud.settings import Settings

log = logging.getLogger(__name__)

DOOR = "beats"
CLIENT_ID = "okc-beats"  # fixed: the broker keeps this session, and what is in it, while we are away
_LEVELS, _KIND = 5, 3  # of a topic
# Enough that a commit's cost is spread, little enough that a message of the other lane does not wait for long.
BATCH_MAX = 2_000
LINGER_S = 0.05  # how long the first of a batch waits for company
_TURN = 50  # lines between two turns of the loop: about 0.6 ms
_TICK_S = 1.0
_UNIQUE_HALVES = 1  # a batch of so many is not halved any more


class Beats:
    """One worker on one broker session and one database connection."""

    def __init__(self, settings: Settings, box: Box) -> None:
        self._settings = settings
        self._box = box
        self._counted: Counter[str] = Counter()
        self._careful = Careful(settings, box, self._counted)
        self._new_at: datetime | None = None
        # On a connection of its own: it beats while a message is taken, and two transactions on one would be nested.
        beside = Careful(settings, box, self._counted)
        self._pulse = Pulse(DOOR, beside, self._counted, self._is_connected, lambda: self._new_at)
        self._subscriber: Subscriber | None = None
        self._conn: Conn | None = None

    async def run(self, ready: Callable[[], None]) -> None:
        """Work until cancelled; `ready` is called once, when broker and database both answer."""
        beating = asyncio.ensure_future(self._beat(ready))
        wait_s = BACKOFF_FIRST_S
        try:
            while True:
                subscriber = Subscriber()
                try:
                    await self._open(subscriber)
                    wait_s = BACKOFF_FIRST_S
                    await self._work(subscriber)
                except OSError as error:
                    log.warning("broker cannot be reached: %s", type(error).__name__)
                finally:
                    self._subscriber = None
                    subscriber.close()
                    self._counted["redelivered"] += subscriber.redelivered
                wait_s = min(wait_s * 2, BACKOFF_MOST_S)
                await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads reconnects
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            await self._pulse.goodbye()
            await self._careful.drop()
            await self._drop()

    async def _open(self, subscriber: Subscriber) -> None:
        await subscriber.open(
            self._settings.broker_host, self._settings.broker_port, client_id=CLIENT_ID,
            user=self._settings.broker_user, password=self._settings.broker_password, filters=[CLOUD_FILTER],
        )  # fmt: skip
        self._subscriber = subscriber
        if not subscriber.session_present:
            self._new_at = clock.now()
        self._counted["connected"] += 1

    async def _work(self, subscriber: Subscriber) -> None:
        """Until the connection is lost. One batch is committed while the next is being read."""
        tending = asyncio.ensure_future(_tend(subscriber))
        committing: asyncio.Future[None] | None = None
        under_way = 0
        try:
            while not subscriber.closed.is_set():
                messages, lines = await _gather(subscriber, committing)
                if committing is not None:
                    await committing
                done, under_way, committing = under_way, len(messages), None
                if messages:
                    committing = asyncio.ensure_future(self._commit(messages, lines))
                    await asyncio.sleep(0)  # the database has its work before the broker is told of the last one
                self._ack(subscriber, done)
        finally:
            tending.cancel()
            if committing is not None:
                committing.cancel()
                await asyncio.gather(committing, return_exceptions=True)

    def _ack(self, subscriber: Subscriber, count: int) -> None:
        if count and not subscriber.ack(count):
            self._counted["ack_too_late"] += count

    async def _commit(self, messages: list[Message], lines: list[str | None]) -> None:
        """Return when all are committed, however long that takes."""
        batch = [(message, text) for message, text in zip(messages, lines, strict=True) if text is not None]
        for message, text in zip(messages, lines, strict=True):
            if text is None and not _is_others(message.topic):
                await self._careful.commit(_arrival(message))
        await self._commit_batch(batch)

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
            await beatstore.stage(conn, [text for _, text in batch])
            done = await beatstore.add(conn)
            for device_id in done.configure:
                await devices.configure_if_wanted(conn, self._box, device_id, now)
            await devices.tell_live(conn, *done.show)
        self._counted.update(
            {"stored": done.stored - done.clashes, "id_clash": done.clashes, "duplicate": done.duplicates, "batches": 1}
        )
        return done.strangers

    async def _beat(self, ready: Callable[[], None]) -> None:
        told = False
        while True:
            beaten = await self._pulse.beat()
            if beaten and not told:
                told = True
                ready()
            await asyncio.sleep(BEAT_S if told else LINGER_S)

    def _is_connected(self) -> bool:
        return self._subscriber is not None and self._subscriber.subscribed

    async def _connection(self) -> Conn:
        if self._conn is None or self._conn.closed:
            self._conn = await db.connect(self._settings.database_url, idle_s=IDLE_S)
            await beatstore.prepare(self._conn)
        return self._conn

    async def _drop(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            await conn.close()


async def _gather(
    subscriber: Subscriber, committing: asyncio.Future[None] | None
) -> tuple[list[Message], list[str | None]]:
    """The next batch, and its lines: full, or all that came while another one was being committed, or for LINGER_S."""
    messages: list[Message] = []
    lines: list[str | None] = []
    loop = asyncio.get_running_loop()
    until = 0.0
    while len(messages) < BATCH_MAX and not subscriber.closed.is_set():
        more = subscriber.take(min(_TURN, BATCH_MAX - len(messages)))
        lines += [_line(message) for message in more]
        messages += more
        if more:
            await asyncio.sleep(0)
        elif committing is not None:
            await _either(subscriber.arrived, committing)
            if committing.done():
                break
        elif not messages:
            await subscriber.arrived.wait()
            until = loop.time() + LINGER_S
        elif loop.time() < until:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(subscriber.arrived.wait(), until - loop.time())
        else:
            break
    return messages, lines


async def _either(event: asyncio.Event, work: asyncio.Future[None]) -> None:
    """Until one of them is there; the work goes on, and its error is its own."""
    waiting = asyncio.ensure_future(event.wait())
    both: set[asyncio.Future[Any]] = {waiting, work}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


def _is_others(topic: str) -> bool:
    """Whether the other lane's filters match it."""
    parts = topic.split("/")
    return len(parts) == _LEVELS and parts[_KIND] in OTHER_KINDS


def _line(message: Message) -> str | None:
    return None if message.retained else line(message.topic, message.payload, message.received_at)


def _arrival(message: Message) -> Arrival:
    return Arrival(
        topic=message.topic, payload=message.payload, retained=message.retained, received_at=message.received_at
    )


async def _tend(subscriber: Subscriber) -> None:
    while True:
        await asyncio.sleep(_TICK_S)
        subscriber.tend()
