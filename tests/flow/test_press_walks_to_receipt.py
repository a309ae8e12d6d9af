"""One press from the wire to its receipt and its route, through the real processes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from cloud import clock
from protocol import messages
from tests.flow.parts import HOTLINE, client, press, scalar, stored_presses, until, up

if TYPE_CHECKING:
    from tests.flow.conftest import Walk


@pytest.mark.parametrize("processes", [("ingest", "send", "sweep")])
async def test_a_press_is_stored_routed_and_receipted(walk: Walk, processes: tuple[str, ...]) -> None:
    """Receipt and route reach the terminal only through rows that were committed."""
    services = [walk.service(name) for name in processes]
    for service in services:
        await service.start()
    sent: dict[str, dict[str, Any]] = {}
    heard: dict[str, dict[str, Any]] = {}
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        await terminal.subscribe(f"okc/v1/down/+/{walk.device_id}", qos=1)
        await terminal.publish(up("press", walk.device_id), press("0badcafe.1.1", clock.now(), sent), qos=1)
        async with asyncio.timeout(20):
            async for message in terminal.messages:
                kind = str(message.topic).split("/")[3]
                assert isinstance(message.payload, bytes)
                heard[kind] = messages.decode("down", kind, message.payload)
                if {"receipt", "route"} <= heard.keys():
                    break
    assert heard["receipt"]["of"] == ["0badcafe.1.1"]
    assert heard["route"]["ref"] == "0badcafe.1.1"
    assert heard["route"]["plan"][-1][1] == HOTLINE
    assert [(device, id_) for device, id_, _ in await stored_presses(walk.database)] == [
        (walk.device_id, "0badcafe.1.1")
    ]
    await until(lambda: _all_sent(walk.database), "every row is marked sent")
    assert [service.stop() for service in services] == [0, 0, 0]


async def _all_sent(database: str) -> bool:
    return bool(await scalar(database, "select bool_and(sent_at is not null) from down"))
