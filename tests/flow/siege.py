"""A hardened broker, a thief with a valid credential of its own, a neighbour, the cloud, and what each hears."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest

from cloud import clock
from tests.fixtures.hardened import HOST, Hardened
from tests.flow.parts import Service, add_terminal, environment, until
from tools.broker import config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

THIEF, NEIGHBOUR = "BJCY000001", "BJCY000002"
WAIT_S = 30.0


@dataclass
class Siege:
    """One small world under attack."""

    database: str
    broker: Hardened
    passwords: dict[str, str]
    services: list[Service] = field(default_factory=list)

    def terminal(self, name: str, **more: Any) -> aiomqtt.Client:
        """Its own credential, whatever else it claims."""
        wanted: dict[str, Any] = {
            "username": name, "password": self.passwords[name], "identifier": name, "clean_session": False,
            "tls_context": self.broker.context(),
        }  # fmt: skip
        return aiomqtt.Client(HOST, self.broker.port, **wanted | more)

    def cloud(self, **more: Any) -> aiomqtt.Client:
        """Somebody with the cloud's own password, through the cloud's door."""
        password = self.broker.password(config.CLOUD)
        return aiomqtt.Client("127.0.0.1", self.broker.inside_port, username=config.CLOUD, password=password, **more)

    async def serve(self, *names: str) -> list[Service]:
        """Processes of the cloud, working."""
        env = environment(self.database, self.broker.inside_port)
        env["OKC_BROKER_PASSWORD"] = self.broker.password(config.CLOUD)
        started = [Service(name, env) for name in names]
        self.services += started
        for service in started:
            await service.start()
        return started

    async def admits(self, name: str, **more: Any) -> bool:
        """Whether the broker lets it in."""
        try:
            async with self.terminal(name, **more):
                return True
        except (aiomqtt.MqttError, ssl.SSLError):
            return False

    @contextlib.contextmanager
    def line(self, name: str = "") -> Iterator[ssl.SSLSocket]:
        """Bare bytes to the terminals' door, encrypted; with a name after a CONNECT that is accepted."""
        with (
            socket.create_connection(("127.0.0.1", self.broker.port), timeout=WAIT_S) as plain,
            self.broker.context().wrap_socket(plain, server_hostname=HOST) as tls,
        ):
            if name:
                tls.sendall(connect(name, name, self.passwords[name]))
                assert tls.recv(4)[3] == 0
            yield tls


def connect(client_id: str, user: str, password: str, keepalive: int = 300) -> bytes:
    """A CONNECT of MQTT 3.1.1."""
    words = b"".join(len(each).to_bytes(2, "big") + each.encode() for each in (client_id, user, password))
    body = b"\x00\x04MQTT\x04\xc2" + keepalive.to_bytes(2, "big") + words
    return bytes((0x10, len(body))) + body


async def stay(client: aiomqtt.Client, here: asyncio.Event) -> None:
    """On the line until the broker, or somebody else, ends it."""
    async with client, asyncio.timeout(WAIT_S):
        here.set()
        async for _ in client.messages:
            pass


async def heard_until(client: aiomqtt.Client, last: bytes) -> list[tuple[str, bytes]]:
    """What this client was handed on before the message that says that there is no more."""
    heard: list[tuple[str, bytes]] = []
    async with asyncio.timeout(WAIT_S):
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            if message.payload == last:
                return heard
            heard.append((str(message.topic), message.payload))
    raise AssertionError


@pytest.fixture
async def siege(database: str, hardened: Hardened) -> AsyncIterator[Siege]:
    """Before anybody has done anything."""
    siege = Siege(database, hardened, {})
    for name in (THIEF, NEIGHBOUR):
        siege.passwords[name] = await add_terminal(database, name, clock.now())
        hardened.admit(name, siege.passwords[name])
    await until(lambda: siege.admits(NEIGHBOUR), "the broker has read its list")
    yield siege
    for service in siege.services:
        service.end()
