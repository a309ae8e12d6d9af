"""The wire of the heartbeat lane: however the bytes are cut, in order, bounded, acknowledged where it came from."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import aiomqtt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.ingest import subscriber
from cloud.ingest.subscriber import PAYLOAD_KEPT_BYTES, Message, SubscribeError, Subscriber
from tests.fixtures.broker import CLOUD_PASSWORD, CLOUD_USER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fixtures.broker import Mosquitto

DEVICE, PASSWORD = "BJCY000001", "of-one-test"
TOPIC = f"okc/v1/up/hb/{DEVICE}"
WAIT_S = 10.0


def fed(reader: Subscriber, data: bytes) -> None:
    """As asyncio does it."""
    while data:
        room = reader.get_buffer(-1)
        part, data = data[: len(room)], data[len(room) :]
        room[: len(part)] = part
        reader.buffer_updated(len(part))


class Recorded(asyncio.Transport):
    """A socket that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__({"socket": self})
        self.written = b""
        self.reading = True
        self.closing = False

    def setsockopt(self, *_option: int) -> None: ...

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True


def publish(topic: str, payload: bytes, mid: int, *, retained: bool = False, again: bool = False) -> bytes:
    """One PUBLISH as MQTT 3.1.1 section 3.3 has it; `mid` 0 is QoS 0."""
    name = topic.encode()
    body = len(name).to_bytes(2, "big") + name + (mid.to_bytes(2, "big") if mid else b"") + payload
    length, out = len(body), b""
    while True:
        length, low = length >> 7, length & 127
        out += bytes([low | (128 if length else 0)])
        if not length:
            return bytes([0x30 | again << 3 | (2 if mid else 0) | retained]) + out + body


SIZES = st.sampled_from([0, 1, 60, 117, 118, 400, 16_380, PAYLOAD_KEPT_BYTES, 2 * PAYLOAD_KEPT_BYTES + 1, 300_000])


@settings(deadline=None)  # a machine that others use too
@given(
    wanted=st.lists(st.tuples(SIZES, st.integers(0, 65_535), st.booleans(), st.booleans()), max_size=6),
    cuts=st.lists(st.integers(1, 70_000), min_size=1, max_size=20),
)
def test_however_the_bytes_are_cut_the_same_messages_come(
    wanted: list[tuple[int, int, bool, bool]], cuts: list[int]
) -> None:
    """One byte at a time or many packets at once; of a payload too long the beginning and its true size."""

    async def story() -> tuple[list[Message], bytes, int]:
        reader, wire = Subscriber(), Recorded()
        reader.connection_made(wire)
        data = b"".join(
            publish(TOPIC, bytes([place]) * size, mid, retained=kept, again=again)
            for place, (size, mid, kept, again) in enumerate(wanted)
        )
        number, least = 0, len(data) // 500
        while data:
            size = max(cuts[number % len(cuts)], least)  # a long one is not fed byte by byte
            fed(reader, data[:size])
            data, number = data[size:], number + 1
        assert not reader.closed.is_set()
        taken = reader.take(len(wanted) + 1)
        assert reader.ack(len(taken))
        return taken, wire.written, reader.redelivered

    taken, written, redelivered = asyncio.run(story())
    assert [(len(one.payload), one.size, one.mid, one.retained) for one in taken] == [
        (min(size, PAYLOAD_KEPT_BYTES), size, mid, kept) for size, mid, kept, _ in wanted
    ]
    assert all(set(one.payload) <= {place} and one.topic == TOPIC for place, one in enumerate(taken))
    assert written == b"".join(b"\x40\x02" + mid.to_bytes(2, "big") for _, mid, _, _ in wanted if mid)
    assert redelivered == sum(again for *_, again in wanted)


@given(rubbish=st.binary(min_size=1, max_size=400))
def test_what_is_no_mqtt_ends_the_connection_or_waits_for_more(rubbish: bytes) -> None:
    """Never an error in the loop's face."""

    async def story() -> None:
        reader = Subscriber()
        reader.connection_made(Recorded())
        fed(reader, rubbish)
        reader.connection_lost(None)
        assert not reader.ack(reader.unacked)

    asyncio.run(story())


@pytest.mark.parametrize("bound", ["messages", "bytes"])
async def test_reading_stops_at_the_bound_and_goes_on_when_half_is_free(
    monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    """Few long messages fill it as many short ones do."""
    if bound == "bytes":
        monkeypatch.setattr(subscriber, "HELD_MAX_BYTES", 4 * PAYLOAD_KEPT_BYTES)
    else:
        monkeypatch.setattr(subscriber, "UNACKED_MAX", 4)
        monkeypatch.setattr(subscriber, "RESUME_AT", 2)
    reader, wire = Subscriber(), Recorded()
    reader.connection_made(wire)
    for mid in range(1, 5):
        assert wire.reading
        fed(reader, publish(TOPIC, b"x" * PAYLOAD_KEPT_BYTES, mid))
    assert not wire.reading
    reader.ack(1)
    assert not wire.reading
    reader.ack(1)
    assert wire.reading


# Against a real broker.


@contextlib.asynccontextmanager
async def opened(broker: Mosquitto, password: str = CLOUD_PASSWORD) -> AsyncIterator[Subscriber]:
    reader = Subscriber()
    try:
        await reader.open(
            "127.0.0.1", broker.port, client_id="okc-beats", user=CLOUD_USER, password=password, filters=[TOPIC]
        )
        yield reader
    finally:
        reader.close()


async def send(broker: Mosquitto, numbers: range) -> None:
    async with aiomqtt.Client(
        "127.0.0.1", broker.port, username=DEVICE, password=PASSWORD, identifier=DEVICE
    ) as terminal:
        for number in numbers:
            await terminal.publish(TOPIC, str(number), qos=1)


async def take(reader: Subscriber, count: int) -> list[int]:
    """The next `count` messages."""
    taken: list[int] = []
    async with asyncio.timeout(WAIT_S):
        while len(taken) < count:
            await reader.arrived.wait()
            taken += [int(message.payload) for message in reader.take(count - len(taken))]
    return taken


@pytest.fixture
def with_terminal(broker: Mosquitto) -> Mosquitto:
    broker.add_user(DEVICE, PASSWORD)
    return broker


async def test_a_slow_reader_gets_everything_in_order(
    with_terminal: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker holds what is not read yet, and what is acknowledged makes room."""
    monkeypatch.setattr(subscriber, "UNACKED_MAX", 10)
    monkeypatch.setattr(subscriber, "RESUME_AT", 5)
    seen: list[int] = []
    async with opened(with_terminal) as reader:
        await send(with_terminal, range(200))
        for _ in range(40):
            seen += await take(reader, 5)
            assert reader.ack(5)
    assert seen == list(range(200))


async def test_what_was_not_acknowledged_comes_again_to_the_next_connection_and_only_that(
    with_terminal: Mosquitto,
) -> None:
    """A packet id of the old connection acknowledges nothing on the new one."""
    async with opened(with_terminal) as first:
        assert not first.session_present
        await send(with_terminal, range(5))
        assert await take(first, 5) == list(range(5))
        assert first.ack(2)
    assert not first.ack(1), "this connection is closed"
    async with opened(with_terminal) as second:
        assert second.session_present
        assert await take(second, 3) == [2, 3, 4]
        assert second.redelivered == 3
        assert second.ack(3)
        # A socket closed over unread bytes is reset, and what we said last is lost with it: so all is read first.
        await send(with_terminal, range(5, 6))
        assert await take(second, 1) == [5]
        assert second.ack(1)
    async with opened(with_terminal) as third:
        await send(with_terminal, range(9, 10))
        assert await take(third, 1) == [9]


async def test_a_broker_that_refuses_us_is_an_error_and_no_silence(with_terminal: Mosquitto) -> None:
    """And the error holds no secret."""
    with pytest.raises(SubscribeError) as error:
        async with opened(with_terminal, password="not-this-one"):
            pass
    assert "not-this-one" not in str(error.value)
