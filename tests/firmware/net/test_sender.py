"""One message after the other: who is next, what a dead session costs, what a broker owes."""

from __future__ import annotations

import asyncio

import pytest

from firmware.core.ids import IdSource
from firmware.core.outbox import Outbox
from firmware.net import mqtt, packets
from firmware.net.sender import Sender

TOPIC = "okc/v1/up/event/DESK01"


class Slow(mqtt.Stream):
    """Takes a write when it is told to."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.written: list[bytes] = []

    async def read(self, most: int) -> bytes:
        await asyncio.Event().wait()
        return b""

    async def write(self, data: bytes) -> None:
        await self.free.wait()
        self.written.append(data)

    async def close(self) -> None:
        pass


class Rig:
    """A sender with an outbox whose storage counts its writes."""

    def __init__(self) -> None:
        self.ids = IdSource("0a0b0c0d", 1)
        self.outbox = Outbox(self.ids)
        self.stream = Slow()
        self.client: mqtt.Client | None = mqtt.Client(self.stream, lambda: 0, lambda *_: None, lambda: False)
        self.now = 0
        self.saves = 0
        self.sender = Sender(
            device="DESK01",
            outbox=self.outbox,
            now=lambda: self.now,
            session=lambda: self.client,
            held=lambda: False,
            save=self._save,
            then=lambda: None,
            on_refused=lambda *_: None,
        )

    def _save(self) -> bool:
        self.saves += 1
        self.outbox.dump_lines()
        return True

    def add(self, kind: str, **fields: object) -> str:
        message_id = self.ids.next()
        self.outbox.add(kind, {"id": message_id, "t": None, "u": 1, **fields}, self.now)
        self.sender.kick()
        return message_id

    def event(self) -> str:
        return self.add("event", ev="data_back", val=None, txt=None)

    def due(self) -> list[str]:
        return [one[0] for one in self.outbox.due(self.now)]


@pytest.fixture
async def rig() -> Rig:
    return Rig()


async def test_a_press_is_stored_while_another_message_cannot_leave_and_goes_next(rig: Rig) -> None:
    """A call may hold a write up for minutes."""
    running = asyncio.create_task(rig.sender.run())
    rig.event()
    rig.event()
    await asyncio.sleep(0.05)
    saves = rig.saves
    press = rig.add("press", key="sos", how="hold", hold=1_000)
    await asyncio.sleep(0.05)
    assert rig.saves == saves + 1
    rig.stream.free.set()
    await asyncio.sleep(0.05)
    assert [press.encode() in data for data in rig.stream.written] == [False, True, False]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_session_that_is_dead_and_has_not_been_told_is_tried_once(rig: Rig) -> None:
    """Again and again would leave no time to anybody, the keys included; and it counts as no try."""
    rig.event()
    rig.sender.store()
    assert rig.client is not None
    rig.client.fail("closed")
    await asyncio.wait_for(rig.sender._fly(rig.client), 1)
    assert [entry.tries for entry in rig.outbox._entries] == [0]
    assert len(rig.due()) == 1


async def test_what_a_session_did_not_acknowledge_is_due_again_after_it_and_was_no_try(rig: Rig) -> None:
    """It may never have left."""
    rig.stream.free.set()
    one, other = rig.event(), rig.event()
    running = asyncio.create_task(rig.sender.run())
    await asyncio.sleep(0.05)
    assert rig.client is not None
    assert list(rig.client.posted.values()) == [one, other]
    assert rig.due() == []
    await rig.client._handle(packets.PUBACK, 0, b"\x00\x01")
    rig.client = None
    rig.sender.kick()
    await asyncio.sleep(0.05)
    assert [entry.tries for entry in rig.outbox._entries] == [1, 0]
    assert rig.due() == [other]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_broker_that_acknowledges_nothing_for_twenty_seconds_is_none(rig: Rig) -> None:
    """Each PUBACK gives the next one as long; without anything on its way there is nothing to wait for."""
    client = rig.client
    assert client is not None
    rig.stream.free.set()
    client.age(100.0)
    for tag in ("a", "b"):
        await client.post(TOPIC, b"{}", tag)
    client.age(19.5)
    await client._handle(packets.PUBACK, 0, b"\x00\x01")
    client.age(19.5)
    assert (client.failed, client.posted) == ("", {2: "b"})
    client.age(0.5)
    assert client.failed == "ack"
    with pytest.raises(mqtt.MQTTError):
        await client.post(TOPIC, b"{}", "c")
