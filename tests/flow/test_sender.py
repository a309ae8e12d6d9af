"""The sender between the database and the broker: killed, cut off, late."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg

from cloud import clock
from cloud.down import queue
from cloud.sealed import Box
from protocol import messages
from tests.flow.parts import DATA_KEY, client, scalar, until
from tests.flow.proxy import proxy_to

if TYPE_CHECKING:
    import aiomqtt

    from tests.flow.conftest import Walk

BOX = Box(bytes.fromhex(DATA_KEY))
REF = "0badcafe.1.1"


async def queue_desk(walk: Walk, state: str, valid: timedelta) -> None:
    """What a room does when a person at the desk accepts."""
    now = clock.now()
    fields = {"ref": REF, "st": state, "exp": int((now + valid).timestamp())}
    async with await psycopg.AsyncConnection.connect(walk.database) as conn:
        await queue.send(conn, BOX, walk.device_id, "desk", fields, now, now + valid, REF)


async def next_of(terminal: aiomqtt.Client, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        async for message in terminal.messages:
            if str(message.topic).split("/")[3] == kind:
                assert isinstance(message.payload, bytes)
                return dict(messages.decode("down", kind, message.payload))
    raise AssertionError


async def test_a_message_whose_puback_is_lost_is_sent_again_by_the_next_sender(walk: Walk) -> None:
    """Marked sent only after the broker said so: killed before, the row is still due."""
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal, proxy_to(walk.broker.port) as proxy:
        await terminal.subscribe(f"okc/v1/down/+/{walk.device_id}", qos=1)
        send = walk.service("send", port=proxy.port)
        await send.start()
        proxy.down.clear()
        await queue_desk(walk, "accepted", timedelta(minutes=5))
        assert (await next_of(terminal, "desk"))["st"] == "accepted"
        send.kill()
        assert await scalar(walk.database, "select count(*) from down where sent_at is null") == 1
        again = walk.service("send")
        await again.start()
        assert (await next_of(terminal, "desk"))["st"] == "accepted"

        async def marked() -> bool:
            return bool(await scalar(walk.database, "select bool_and(sent_at is not null) from down"))

        await until(marked, "the row is marked")


async def test_what_expired_while_the_broker_was_away_is_dropped_and_counted(walk: Walk) -> None:
    """A lamp for an alarm of long ago must not light; what is still valid must arrive without a restart."""
    send = walk.service("send")
    await send.start()
    walk.broker.kill()
    await queue_desk(walk, "accepted", timedelta(seconds=-1))
    await queue_desk(walk, "on_the_way", timedelta(minutes=5))
    walk.broker.start()
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        await terminal.subscribe(f"okc/v1/down/+/{walk.device_id}", qos=1)

        async def settled() -> bool:
            return bool(
                await scalar(walk.database, "select bool_and(coalesce(sent_at, dropped_at) is not null) from down")
            )

        await until(settled, "nothing is due")
    assert await scalar(walk.database, "select count(*) from down where dropped_at is not null") == 1
    assert await scalar(walk.database, "select count(*) from down where sent_at is not null") == 1

    async def counted() -> bool:
        query = "select (counters->>'expired')::int = 1 from service_health where process = 'send'"
        return bool(await scalar(walk.database, query))

    await until(counted, "the drop is counted")


async def test_a_second_sender_waits_and_takes_over_when_the_first_is_killed(walk: Walk) -> None:
    """Two senders at once would send everything twice."""
    first, second = walk.service("send"), walk.service("send")
    await first.start()
    starting = asyncio.ensure_future(second.start())

    async def connected() -> bool:
        query = "select count(*) >= 3 from pg_stat_activity where datname = current_database()"
        return bool(await scalar(walk.database, query))

    await until(connected, "the second one is connected")
    assert not second.is_ready()
    first.kill()
    await starting
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        await terminal.subscribe(f"okc/v1/down/+/{walk.device_id}", qos=1)
        await queue_desk(walk, "accepted", timedelta(minutes=5))
        assert (await next_of(terminal, "desk"))["st"] == "accepted"
