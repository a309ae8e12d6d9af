"""The sender. In: rows of `down` that are due, a NOTIFY when there are new ones. Out: QoS 1 messages to terminals.

A row is marked sent only after the broker's PUBACK, so a crash at any point sends again and never forgets; what a
terminal answers is sent again until it does (rules.py). It takes the same message twice in its stride. Routes, desk and
commands go before receipts. Never sends what expired.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import aiomqtt
import psycopg
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from cloud import clock, db
from cloud.down import queue, rules, store
from cloud.sealed import SealBroken
from cloud.tally import Series, Tally
from protocol import messages, topics
from protocol.errors import ProtocolError
from protocol.fields import RECEIPT_IDS_MAX

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from datetime import datetime

    from cloud.db import Conn
    from cloud.down.store import Row
    from cloud.sealed import Box
    from cloud.settings import Settings

    Beat = Callable[[Conn, datetime, dict[str, int], dict[str, float]], Awaitable[None]]

log = logging.getLogger(__name__)

CLIENT_ID = "okc-send"
# One sender works at a time, the next one waits for its end: two would send everything twice.
_SENDER_LOCK = 0x0CC0_0002
STANDBY_S = 1.0
BATCH = 200  # rows in flight at once: a route that is decided now waits for one batch of receipts, some 20 ms
IDLE_S = 1.0  # a NOTIFY wakes us; this is for rows that become due by time
BEAT_S = 5.0
ANSWER_S = 3.0  # the broker is near: no PUBACK by then means that the connection is no good
RECEIPT_EXPIRES = timedelta(hours=1)  # by then the terminal has sent again, and is receipted again
PUT_OFF = timedelta(minutes=10)  # for a row that cannot be read: a wrong key is mended by people
BACKOFF_FIRST_S, BACKOFF_MOST_S = 0.2, 2.0
QUIET_S = 15.0  # three beats
OUTBOX_S = 15.0  # 200 rows take 20 ms: what is due for longer is not being sent
_COUNTED = ("sent", "expired", "unreadable", "restarts")


@dataclass(frozen=True)
class Outgoing:
    """One message, and the rows that are done with when the broker has it."""

    topic: str
    payload: bytes = field(repr=False)
    expires_at: datetime
    down_ids: tuple[int, ...]
    again_at: datetime | None = None


class Sender:
    """Reads rows, publishes, marks. `run` until cancelled."""

    def __init__(self, settings: Settings, box: Box, beat: Beat) -> None:
        self._settings = settings
        self._box = box
        self._beat = beat
        self.tally = Tally("send", _COUNTED, {"round_s": Series()})
        self._counted = self.tally.counts
        self._outbox: tuple[float, int] | None = None
        self._beaten_at: float | None = None
        self._stood_by_at: float | None = None  # when another sender was last seen at work

    async def run(self, ready: Callable[[], None]) -> None:
        """Work, and begin anew with both connections whenever one of them fails. `ready` is called once."""
        wait_s, told = BACKOFF_FIRST_S, False
        while True:
            try:
                async with AsyncExitStack() as stack:
                    conn = await stack.enter_async_context(await db.connect(self._settings.database_url))
                    await db.check_schema(conn)
                    await self._become_the_sender(conn)
                    await conn.execute(f"listen {queue.CHANNEL}".encode())
                    client = await stack.enter_async_context(self._client())
                    wait_s = BACKOFF_FIRST_S
                    if not told:
                        told = True
                        ready()
                    await self._work(conn, client)
            except (psycopg.Error, aiomqtt.MqttError, OSError) as error:
                # A database's text may quote a row; the broker's says why it refuses us.
                why = str(error) if isinstance(error, aiomqtt.MqttError) else ""
                log.warning("begins anew: %s %s", type(error).__name__, why)
                self._counted["restarts"] += 1
            finally:
                self.tally.look = None
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, BACKOFF_MOST_S)

    def wrong(self, loop_now: float) -> list[str]:
        """What is not as it should be; nothing where it works, or stands by to follow."""
        if self.tally.look is None:
            stands_by = self._stood_by_at is not None and loop_now - self._stood_by_at <= QUIET_S
            return [] if stands_by else ["not connected to broker and database"]
        found = []
        if self._beaten_at is None or loop_now - self._beaten_at > QUIET_S:
            found.append("no beat was committed lately")
        if self._outbox is not None and self._outbox[0] > OUTBOX_S:
            found.append("messages to terminals are due and not sent")
        return found

    def _look(self) -> dict[str, float]:
        age_s, due = self._outbox or (0.0, 0)
        return {"connected": 1.0, "outbox_age_s": age_s, "outbox_due": float(due)}

    def _client(self) -> aiomqtt.Client:
        quiet = logging.getLogger("cloud.down.mqtt")
        quiet.setLevel(logging.ERROR)  # it warns of many publishes in flight: they are bounded by BATCH
        version = aiomqtt.ProtocolVersion.V5 if self._settings.broker_mqtt5 else aiomqtt.ProtocolVersion.V311
        return aiomqtt.Client(
            self._settings.broker_host,
            self._settings.broker_port,
            username=self._settings.broker_user,
            password=self._settings.broker_password,
            identifier=CLIENT_ID,
            protocol=version,
            tls_context=self._settings.broker_tls,
            timeout=ANSWER_S,
            max_inflight_messages=BATCH,
            logger=quiet,
            socket_options=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),  # a route does not wait for the next one
        )

    async def _become_the_sender(self, conn: Conn) -> None:
        """Return when no other sender works. The lock goes with the connection, however that ends."""
        while True:
            cursor = await conn.execute("select pg_try_advisory_lock(%(lock)s)", {"lock": _SENDER_LOCK})
            row = await cursor.fetchone()
            if row and row[0]:
                return
            self._stood_by_at = asyncio.get_running_loop().time()
            await asyncio.sleep(STANDBY_S)

    async def _work(self, conn: Conn, client: aiomqtt.Client) -> None:
        beat_due = 0.0
        self._stood_by_at, self._outbox, self._beaten_at = None, None, None
        self.tally.look = self._look
        while True:
            loop_now = asyncio.get_running_loop().time()
            if loop_now >= beat_due:
                self._outbox = await store.outbox(conn, clock.now())
                told = self.tally.untold()
                await self._beat(conn, clock.now(), told, self.tally.present())
                self.tally.told(told)
                self._beaten_at, beat_due = loop_now, loop_now + BEAT_S
            urgent = await self._round(conn, client, await store.due_urgent(conn, clock.now(), BATCH))
            await self._round(conn, client, await self._again(conn, clock.now()))
            receipts = await self._round(conn, client, await store.due_receipts(conn, clock.now(), BATCH))
            if not urgent and not receipts:
                async for _ in conn.notifies(timeout=IDLE_S, stop_after=1):
                    pass

    async def _again(self, conn: Conn, now: datetime) -> list[Row]:
        """What was sent before and is not answered; what never was is counted."""
        rows = await store.due_again(conn, now, 1)
        if not rows:
            return rows
        if unanswered := await store.settle_again(conn, now):
            self._counted["unanswered"] += unanswered
        rows = await store.due_again(conn, now, BATCH)
        self._counted["sent_again"] += len(rows)
        return rows

    async def _round(self, conn: Conn, client: aiomqtt.Client, rows: list[Row]) -> bool:
        """Publish what these rows say; True where there was anything to do."""
        if not rows:
            return False
        now = clock.now()
        expired = [row.down_id for row in rows if row.expires_at is not None and row.expires_at <= now]
        if expired:
            await store.mark_dropped(conn, expired, now)
            self._counted["expired"] += len(expired)
        alive = [row for row in rows if row.expires_at is None or row.expires_at > now]
        outgoing, unreadable = prepare(self._box, alive, now)
        for down_id in unreadable:
            await store.put_off(conn, down_id, now + PUT_OFF)
            self._counted["unreadable"] += 1
        await self._publish(conn, client, outgoing)
        return True

    async def _publish(self, conn: Conn, client: aiomqtt.Client, outgoing: Sequence[Outgoing]) -> None:
        loop, now = asyncio.get_running_loop(), clock.now()
        begun = loop.time()
        results = await asyncio.gather(*(self._one(client, each, now) for each in outgoing), return_exceptions=True)
        sent = [each for each, result in zip(outgoing, results, strict=True) if result is None]
        if sent:
            rows = [(down_id, each.again_at) for each in sent for down_id in each.down_ids]
            await store.mark_sent(conn, [row[0] for row in rows], clock.now(), [row[1] for row in rows])
            self._counted["sent"] += len(sent)
            self.tally.series["round_s"].add(loop.time() - begun)
        for result in results:
            if result is not None:
                raise result

    async def _one(self, client: aiomqtt.Client, message: Outgoing, now: datetime) -> None:
        properties = None
        if self._settings.broker_mqtt5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = max(1, int((message.expires_at - now).total_seconds()))
        await client.publish(message.topic, message.payload, qos=1, properties=properties)


def prepare(box: Box, rows: Sequence[Row], now: datetime) -> tuple[list[Outgoing], list[int]]:
    """Messages for these rows, in their order, receipts of one terminal together; and the rows that cannot be read."""
    outgoing: list[Outgoing] = []
    unreadable: list[int] = []
    for row in rows:
        if row.kind != "receipt":
            try:
                payload = box.open_bytes(row.body_sealed or b"")
                topic = topics.build("down", row.kind, row.device_id)
            except (SealBroken, ProtocolError):
                unreadable.append(row.down_id)
                continue
            again_at = rules.again_at(row.kind, row.tries, now, row.expires_at)
            outgoing.append(Outgoing(topic, payload, row.expires_at or now + RECEIPT_EXPIRES, (row.down_id,), again_at))
    outgoing.extend(_receipts([row for row in rows if row.kind == "receipt"], now))
    return outgoing, unreadable


def _receipts(rows: Sequence[Row], now: datetime) -> Iterator[Outgoing]:
    by_device: dict[str, list[Row]] = {}
    for row in rows:
        by_device.setdefault(row.device_id, []).append(row)
    for device_id, its_rows in by_device.items():
        for start in range(0, len(its_rows), RECEIPT_IDS_MAX):
            some = its_rows[start : start + RECEIPT_IDS_MAX]
            ids = list(dict.fromkeys(row.of_id for row in some if row.of_id))
            payload = messages.encode("down", "receipt", {"of": ids})
            topic = topics.build("down", "receipt", device_id)
            yield Outgoing(topic, payload, now + RECEIPT_EXPIRES, tuple(row.down_id for row in some))
