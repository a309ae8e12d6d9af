"""The reader of the front door: bounded, in order, and never acknowledging on the wrong connection."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import aiomqtt
import pytest

from cloud.ingest import listen
from cloud.ingest.listen import Delivery, Listener
from cloud.settings import Settings
from tests.fixtures.broker import CLOUD_PASSWORD, CLOUD_USER
from tests.flow.parts import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fixtures.broker import Mosquitto

DEVICE, PASSWORD = "BJCY000001", "of-one-test"
WAIT_S = 10.0


@contextlib.asynccontextmanager
async def listening(broker: Mosquitto) -> AsyncIterator[Listener]:
    listener = Listener(
        Settings(
            database_url="unused", data_key="00" * 32, hotline_number="01055500001",
            broker_port=broker.port, broker_user=CLOUD_USER, broker_password=CLOUD_PASSWORD,
        )
    )  # fmt: skip
    task = asyncio.ensure_future(listener.run())
    try:
        await until_connected(listener, wanted=True)
        yield listener
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until_connected(listener: Listener, *, wanted: bool) -> None:
    async def as_wanted() -> bool:
        return listener.is_connected is wanted

    await until(as_wanted, "the connection is as it should be")


async def publish(broker: Mosquitto, numbers: range) -> None:
    async with aiomqtt.Client(
        "127.0.0.1", broker.port, username=DEVICE, password=PASSWORD, identifier=DEVICE
    ) as terminal:
        for number in numbers:
            await terminal.publish(f"okc/v1/up/press/{DEVICE}", str(number), qos=1)


async def take(listener: Listener, most: int) -> list[Delivery]:
    """What is delivered, until nothing more comes."""
    taken: list[Delivery] = []
    while len(taken) < most and (delivery := await listener.next(WAIT_S)) is not None:
        taken.append(delivery)
    return taken


def numbers_of(deliveries: list[Delivery]) -> list[int]:
    return [int(delivery.arrival.payload) for delivery in deliveries]


@pytest.fixture
def terminal_user(broker: Mosquitto) -> Mosquitto:
    broker.add_user(DEVICE, PASSWORD)
    return broker


async def test_the_reader_stops_at_its_bound_and_goes_on_when_half_is_done(
    terminal_user: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that sends without end cannot fill our memory; nothing is lost or out of order."""
    monkeypatch.setattr(listen, "UNACKED_MAX", 10)
    monkeypatch.setattr(listen, "RESUME_AT", 5)
    async with listening(terminal_user) as listener:
        await publish(terminal_user, range(60))
        first = await take(listener, 10)
        assert numbers_of(first) == list(range(10))
        assert await listener.next(0.2) is None, "the eleventh waits in the broker"
        for delivery in first:
            assert listener.done(delivery)
        rest = []
        for _ in range(50):
            (delivery,) = await take(listener, 1)
            rest.append(delivery)
            listener.done(delivery)
        assert numbers_of(rest) == list(range(10, 60))


async def test_a_delivery_of_a_lost_connection_is_not_acknowledged_on_the_next(terminal_user: Mosquitto) -> None:
    """Its packet id may mean another message there; it comes again instead."""
    async with listening(terminal_user) as listener:
        await publish(terminal_user, range(3))
        before = await take(listener, 3)
    async with listening(terminal_user) as listener:
        again = await take(listener, 3)
        assert numbers_of(again) == [0, 1, 2]
        assert not any(listener.done(delivery) for delivery in before)
        assert all(listener.done(delivery) for delivery in again)
    async with listening(terminal_user) as listener:
        await publish(terminal_user, range(3, 4))
        assert numbers_of(await take(listener, 1)) == [3], "what was acknowledged does not come again"


async def test_finishing_out_of_order_is_a_mistake_of_ours(terminal_user: Mosquitto) -> None:
    """The broker would take the wrong message for done after a crash."""
    async with listening(terminal_user) as listener:
        await publish(terminal_user, range(2))
        first, second = await take(listener, 2)
        with pytest.raises(RuntimeError, match="order"):
            listener.done(second)
        assert first.arrival.topic == second.arrival.topic


async def test_the_listener_comes_back_by_itself_when_the_broker_does(terminal_user: Mosquitto) -> None:
    """However often."""
    async with listening(terminal_user) as listener:
        for number in range(2):
            terminal_user.kill()
            await until_connected(listener, wanted=False)
            terminal_user.start()
            await until_connected(listener, wanted=True)
            await publish(terminal_user, range(number, number + 1))
            (delivery,) = await take(listener, 1)
            assert numbers_of([delivery]) == [number]
            assert listener.done(delivery)
