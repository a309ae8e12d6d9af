"""The MQTT client against a real Mosquitto, over CPython's own streams."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import aiomqtt
import pytest

from firmware.net import mqtt, packets
from tests.fixtures.broker import CLOUD_PASSWORD, CLOUD_USER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fixtures.broker import Mosquitto

DEVICE = "DESK01"
PASSWORD = "desk-password"
DOWN, UP, STATE = f"okc/v1/down/config/{DEVICE}", f"okc/v1/up/press/{DEVICE}", f"okc/v1/up/state/{DEVICE}"


class Tcp(mqtt.Stream):
    """A plain connection as the client wants it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def read(self, most: int) -> bytes:
        return await self.reader.read(most)

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def close(self) -> None:
        self.writer.close()


class Session:
    """A connected client with its reader, and what arrived."""

    def __init__(self, client: mqtt.Client, stream: Tcp, arrived: list[tuple[str, bytes]]) -> None:
        self.client = client
        self.stream = stream
        self.arrived = arrived
        self.reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        with suppress(OSError):
            await self.client.read_forever()

    async def end(self) -> None:
        await self.stream.close()
        self.reader.cancel()
        await asyncio.gather(self.reader, return_exceptions=True)


async def begin(broker: Mosquitto, password: str = PASSWORD) -> Session:
    arrived: list[tuple[str, bytes]] = []
    stream = Tcp(*await asyncio.open_connection("127.0.0.1", broker.port))
    loop = asyncio.get_running_loop()
    client = mqtt.Client(
        stream, lambda: int(loop.time() * 1000), lambda topic, data: arrived.append((topic, data)), lambda: False
    )
    try:
        await client.connect(DEVICE, password.encode(), will_topic=STATE, will=b"offline")
    except OSError:
        await stream.close()
        await stream.writer.wait_closed()
        raise
    return Session(client, stream, arrived)


@asynccontextmanager
async def cloud(broker: Mosquitto) -> AsyncIterator[aiomqtt.Client]:
    async with aiomqtt.Client("127.0.0.1", broker.port, username=CLOUD_USER, password=CLOUD_PASSWORD) as client:
        await client.subscribe("okc/v1/up/#", 1)
        yield client


async def first(client: aiomqtt.Client) -> tuple[str, bytes, bool]:
    async with asyncio.timeout(10):
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            return str(message.topic), message.payload, bool(message.retain)
    raise AssertionError


async def until(arrived: list[tuple[str, bytes]], count: int) -> None:
    async with asyncio.timeout(10):
        while len(arrived) < count:  # noqa: ASYNC110 - the client's handler is no coroutine
            await asyncio.sleep(0.01)


async def test_publishes_arrive_and_are_acknowledged(broker: Mosquitto) -> None:
    """QoS 1 returns when the broker has it, QoS 0 at once."""
    broker.add_user(DEVICE, PASSWORD)
    async with cloud(broker) as other:
        session = await begin(broker)
        await session.client.publish(UP, b"one")
        assert await first(other) == (UP, b"one", False)
        await session.client.publish(UP, b"two", 0)
        assert await first(other) == (UP, b"two", False)
        await session.client.ping()
        assert session.client.rtt_ms is not None
        await session.end()


async def test_a_lost_connection_publishes_the_will(broker: Mosquitto) -> None:
    """Retained, so that a late reader knows."""
    broker.add_user(DEVICE, PASSWORD)
    session = await begin(broker)
    await session.client.publish(STATE, b"online", 1, True)
    async with cloud(broker) as other:
        assert await first(other) == (STATE, b"online", True)
        await session.end()
        assert await first(other) == (STATE, b"offline", False)


async def test_the_session_is_resumed_and_brings_what_was_missed(broker: Mosquitto) -> None:
    """Clean session false: subscription and queued QoS 1 messages survive a cut."""
    broker.add_user(DEVICE, PASSWORD)
    session = await begin(broker)
    assert not session.client.present
    await session.client.subscribe(f"okc/v1/down/+/{DEVICE}")
    await session.end()
    async with cloud(broker) as other:
        for number in range(5):
            await other.publish(DOWN, b"%d" % number, 1)
        session = await begin(broker)
        assert session.client.present
        await until(session.arrived, 5)
        assert session.arrived == [(DOWN, b"%d" % number) for number in range(5)]
        await session.client.ping()  # the broker has our acknowledgements
        await session.end()
        session = await begin(broker)
        await session.client.ping()
        assert session.arrived == []
        await session.end()


async def test_a_wrong_password_is_a_refusal_with_its_code(broker: Mosquitto) -> None:
    """5 is "not authorised"; the link then waits longer."""
    broker.add_user(DEVICE, PASSWORD)
    with pytest.raises(mqtt.MQTTError, match="refused"):
        await begin(broker, "wrong")


async def test_a_dead_broker_ends_every_wait(broker: Mosquitto) -> None:
    """Publishes fail, they do not hang."""
    broker.add_user(DEVICE, PASSWORD)
    session = await begin(broker)
    broker.kill()
    await session.reader
    with pytest.raises(OSError, match="closed"):
        await session.client.publish(UP, b"x")
    assert session.client.failed
    await session.end()


class Silent(mqtt.Stream):
    """A path that swallows everything, as a suspended data link does."""

    async def read(self, most: int) -> bytes:
        await asyncio.Event().wait()
        return b""

    async def write(self, data: bytes) -> None:
        pass


async def test_a_ping_without_an_answer_ends_the_session_but_a_call_stops_its_clock() -> None:
    """Only time without a call counts."""
    calling = True
    client = mqtt.Client(Silent(), lambda: 0, lambda topic, data: None, lambda: calling)
    ping = asyncio.create_task(client.ping(0.5))
    await asyncio.sleep(1.2)
    assert not ping.done()
    calling = False
    with pytest.raises(mqtt.MQTTError):
        await ping
    assert client.failed == "ping"


class Fed(mqtt.Stream):
    """Says what it was given, then waits for ever; remembers what was written."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)
        self.written: list[bytes] = []

    async def read(self, most: int) -> bytes:
        if not self.pieces:
            await asyncio.Event().wait()
        return self.pieces.pop(0)

    async def write(self, data: bytes) -> None:
        self.written.append(data)


async def test_a_message_on_which_we_fail_is_acknowledged_and_the_next_one_read() -> None:
    """Else the broker would bring it again after every connect, and no receipt would ever get past it."""
    seen: list[bytes] = []

    def take(topic: str, payload: bytes) -> None:
        seen.append(payload)
        if payload == b"bad":
            raise MemoryError

    stream = Fed(packets.publish(DOWN, b"bad", 7), packets.publish(DOWN, b"good", 8))
    client = mqtt.Client(stream, lambda: 0, take, lambda: False)
    reader = asyncio.create_task(client.read_forever())
    async with asyncio.timeout(5):
        while len(stream.written) < 2:  # noqa: ASYNC110 - the stream is no event
            await asyncio.sleep(0.01)
    assert seen == [b"bad", b"good"]
    assert stream.written == [packets.puback(7), packets.puback(8)]
    assert client.faults == 1
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    assert client.failed  # whatever ended the reader ends the session


async def test_a_message_that_is_too_large_is_acknowledged_counted_and_told() -> None:
    """Else the broker would bring it after every connect and nothing behind it would ever arrive."""
    told: list[bool] = []
    stream = Fed(packets.publish(DOWN, bytes(3000), 7), packets.publish(DOWN, b"good", 8))
    seen: list[bytes] = []
    client = mqtt.Client(
        stream, lambda: 0, lambda _topic, data: seen.append(data), lambda: False, lambda: told.append(True)
    )
    reader = asyncio.create_task(client.read_forever())
    async with asyncio.timeout(5):
        while len(stream.written) < 2:  # noqa: ASYNC110 - the stream is no event
            await asyncio.sleep(0.01)
    assert seen == [b"good"]
    assert stream.written == [packets.puback(7), packets.puback(8)]
    assert (client.skipped, told) == (1, [True])
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)


async def test_a_call_between_connect_and_its_answer_costs_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only time without a call counts; without one the wait ends."""
    monkeypatch.setattr(mqtt, "_CONNECT_LIMIT_S", 0.1)
    monkeypatch.setattr(mqtt, "_STEP_S", 0.02)
    calling = True
    stream = Later()
    client = mqtt.Client(stream, lambda: 0, lambda *_: None, lambda: calling)
    connecting = asyncio.create_task(client.connect("D", b"", will_topic="w", will=b""))
    await asyncio.sleep(0.3)
    assert not connecting.done()
    stream.pieces.put_nowait(packets.frame(packets.CONNACK, 0, b"\x01\x00"))
    await connecting
    assert client.present
    calling = False
    with pytest.raises(mqtt.MQTTError, match="ack"):
        await mqtt.Client(Silent(), lambda: 0, lambda *_: None, lambda: calling).connect(
            "D", b"", will_topic="w", will=b""
        )


class Later(mqtt.Stream):
    """Says what it is given later."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(self, most: int) -> bytes:
        return await self.pieces.get()

    async def write(self, data: bytes) -> None:
        pass


async def test_a_refused_subscription_ends_the_session() -> None:
    """A terminal that hears nothing would believe that all is well."""
    client = mqtt.Client(Fed(bytes([packets.SUBACK << 4, 3, 0, 1, 0x80])), lambda: 0, lambda *_: None, lambda: False)
    reader = asyncio.create_task(client.read_forever())
    with pytest.raises(mqtt.MQTTError, match="subscribe"):
        await client.subscribe(DOWN)
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)


async def test_a_packet_id_that_waits_is_not_given_again() -> None:
    """Its acknowledgement would be taken for another message's."""
    client = mqtt.Client(Fed(), lambda: 0, lambda *_: None, lambda: False)
    client._next_id = 65_534
    assert [client._expect()[0] for _ in range(3)] == [65_535, 1, 2]
    client._next_id = 65_534
    assert client._expect()[0] == 3
