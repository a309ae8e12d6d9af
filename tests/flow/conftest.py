"""A terminal of the registry, the database and the broker it belongs to, and the processes of one test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from cloud import clock
from tests.flow.parts import Service, add_terminal, environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fixtures.broker import Mosquitto

DEVICE = "BJCY000001"


@dataclass
class Walk:
    """One small world: the database, the broker, a terminal that may log in, and processes that end with the test."""

    database: str
    broker: Mosquitto
    device_id: str
    password: str
    services: list[Service]

    def service(self, name: str, *, database: str | None = None, port: int | None = None) -> Service:
        """A process that is not started yet."""
        service = Service(name, environment(database or self.database, port or self.broker.port))
        self.services.append(service)
        return service


@pytest.fixture
async def walk(database: str, broker: Mosquitto) -> AsyncIterator[Walk]:
    """The world before anything runs in it."""
    password = await add_terminal(database, DEVICE, clock.now())
    broker.add_user(DEVICE, password)
    walk = Walk(database, broker, DEVICE, password, [])
    yield walk
    for service in walk.services:
        service.end()
