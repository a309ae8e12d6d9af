"""The database goes away in the middle of a stream of presses, in order or by a crash, and comes back."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from cloud import clock
from cloud.db import migrate
from tests.fixtures.postgres import running
from tests.flow.parts import (
    Service,
    add_terminal,
    client,
    environment,
    press,
    scalar,
    stored_presses,
    until,
    up,
    without_send_time,
)
from tools.embedded.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fixtures.broker import Mosquitto

DEVICE = "BJCY000002"
AWAY_S = 20


@pytest.fixture
def own_server() -> Iterator[Postgres]:
    """A server that keeps its promises on disk: it is killed in these tests."""
    with running(durable=True) as server:
        yield server


@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_presses_of_a_time_without_database_are_all_stored_afterwards(
    own_server: Postgres, broker: Mosquitto, how: str
) -> None:
    """Nothing is acknowledged while nothing can be committed, and ingest needs no restart to go on."""
    database = own_server.create_database("okc")
    migrate(database)
    password = await add_terminal(database, DEVICE, clock.now())
    broker.add_user(DEVICE, password)
    ingest, send = (Service(name, environment(database, broker.port)) for name in ("ingest", "send"))
    try:
        await ingest.start()
        await send.start()
        sent = await _stream_with_an_outage(own_server, broker, password, how)

        async def all_stored() -> bool:
            return len(await stored_presses(database)) >= len(sent)

        await until(all_stored, "all are stored")
        stored = await stored_presses(database)
        assert sorted(id_ for _, id_, _ in stored) == sorted(sent)
        assert {id_: without_send_time(body) for _, id_, body in stored} == {
            id_: without_send_time(body) for id_, body in sent.items()
        }
        assert await scalar(database, "select sum(presses) from device_day") == len(sent)

        async def all_told() -> bool:
            return bool(await scalar(database, "select bool_and(sent_at is not null) from down"))

        await until(all_told, "the sender went on by itself too")
        # And a process that waits for a database still ends when it is told to.
        own_server.stop()
        await until(_after_trying(ingest), "ingest waits for the database")
        assert ingest.stop() == 0
        assert send.stop() == 0
    finally:
        for service in (ingest, send):
            service.end()


def _after_trying(ingest: Service) -> Any:
    seen = ingest.log().count("no beat")

    async def tried() -> bool:
        return ingest.log().count("no beat") > seen

    return tried


async def _stream_with_an_outage(
    server: Postgres, broker: Mosquitto, password: str, how: str
) -> dict[str, dict[str, Any]]:
    """Presses before, through 20 s without a database, and after; returns what was sent."""
    sent: dict[str, dict[str, Any]] = {}
    async with client(DEVICE, password, broker.port) as terminal:

        async def presses(most: int) -> None:
            for _ in range(most):
                payload = press(f"0badcafe.1.{len(sent) + 1}", clock.now(), sent)
                await terminal.publish(up("press", DEVICE), payload, qos=1)

        await presses(30)
        (server.stop if how == "stopped" else server.kill)()
        back = time.monotonic() + AWAY_S
        while time.monotonic() < back:
            await presses(2)
            await asyncio.sleep(0.1)  # the pace of the stream
        server.start()
        await presses(30)
    return sent
