"""What waits in the broker for a terminal out of reach: gone when it is stale, said again when the broker forgot it."""

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

if TYPE_CHECKING:
    import aiomqtt

    from tests.flow.conftest import Walk

BOX = Box(bytes.fromhex(DATA_KEY))
REF = "0badcafe.1.1"
STALE = timedelta(seconds=3)
BROKER_CLOCK_S = 2  # it counts whole seconds


async def tell(walk: Walk, kind: str, fields: dict[str, Any], valid: timedelta) -> None:
    """What a room does in its transaction."""
    now = clock.now()
    whole = {**fields, "exp": int((now + valid).timestamp())}
    async with await psycopg.AsyncConnection.connect(walk.database) as conn:
        await queue.send(conn, BOX, walk.device_id, kind, whole, now, now + valid, fields.get("cid", REF))


async def tell_all(walk: Walk, valid: timedelta) -> None:
    await tell(walk, "route", {"ref": REF, "case": "c", "ver": 1, "plan": [["坐席", "01055500001", 30, 1]]}, valid)
    await tell(walk, "desk", {"ref": REF, "st": "accepted"}, valid)
    await tell(walk, "cmd", {"cid": "c1", "do": "selftest"}, valid)


async def next_one(terminal: aiomqtt.Client) -> tuple[str, dict[str, Any]]:
    message = await asyncio.wait_for(anext(terminal.messages), 60)
    assert isinstance(message.payload, bytes)
    kind = str(message.topic).split("/")[3]
    return kind, dict(messages.decode("down", kind, message.payload))


async def test_no_stale_route_lamp_or_command_is_ever_delivered(walk: Walk) -> None:
    """Kept by the broker and expired there: the terminal that comes back hears what is of now, and nothing else."""
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        await terminal.subscribe(f"okc/v1/down/+/{walk.device_id}", qos=1)
    send = walk.service("send")
    await send.start()
    await tell_all(walk, STALE)

    async def over() -> bool:
        query = (
            "select count(*) = 3 and bool_and(sent_at is not null) and bool_and(clock_timestamp() > expires_at + %s *"
            " interval '1 second') and bool_and(kind = 'desk' or unanswered_at is not null) from down"
        )
        return bool(await scalar(walk.database, query, BROKER_CLOCK_S))

    await until(over, "the broker had all three, and they are stale")
    await tell(walk, "desk", {"ref": REF, "st": "closed"}, timedelta(minutes=5))
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        kind, told = await next_one(terminal)
    assert (kind, told["st"]) == ("desk", "closed")

    async def counted() -> bool:
        query = "select (counters->>'unanswered')::int = 2 from service_health where process = 'send'"
        return bool(await scalar(walk.database, query))

    await until(counted, "what nobody answered is counted")


async def test_what_is_of_now_does_wait_for_the_terminal(walk: Walk) -> None:
    """The other half of the proof: without an expiry that has passed all three are delivered."""
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        await terminal.subscribe(f"okc/v1/down/+/{walk.device_id}", qos=1)
    await walk.service("send").start()
    await tell_all(walk, timedelta(minutes=5))

    async def sent() -> bool:
        return bool(await scalar(walk.database, "select bool_and(sent_at is not null) from down"))

    await until(sent, "the broker has all three")
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        assert {(await next_one(terminal))[0] for _ in range(3)} == {"route", "desk", "cmd"}


async def test_a_route_that_the_broker_forgot_is_said_again(walk: Walk) -> None:
    """Killed after its acknowledgement; the terminal is there again before the alarm is over."""
    await walk.service("send").start()
    await tell(
        walk,
        "route",
        {"ref": REF, "case": "c", "ver": 1, "plan": [["坐席", "01055500001", 30, 1]]},
        timedelta(minutes=5),
    )

    async def sent() -> bool:
        return bool(await scalar(walk.database, "select bool_and(sent_at is not null) from down"))

    await until(sent, "the broker has it")
    walk.broker.kill()
    walk.broker.start()
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        await terminal.subscribe(f"okc/v1/down/+/{walk.device_id}", qos=1)
        kind, told = await next_one(terminal)
    assert (kind, told["ref"]) == ("route", REF)
