"""The cloud's own line to a broker: encrypted, and with nobody else's certificate."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from cloud import clock
from protocol import messages
from tests.firmware.net.authority import HOST, Authority
from tests.flow.parts import beat, client, press, scalar, until, up

if TYPE_CHECKING:
    from pathlib import Path

    from tests.flow.conftest import Walk
    from tests.flow.parts import Service

# More than the first lane reads at once, so that it stops and goes on with bytes that TLS has opened already.
QUEUED = 1500


def secured(walk: Walk, authority: Authority) -> None:
    folder = authority.server()
    walk.broker.secure(folder / "server.crt", folder / "server.key")


def encrypted(walk: Walk, name: str, roots: Path, host: str = HOST) -> Service:
    service = walk.service(name, port=walk.broker.tls_port)
    service.env |= {"OKC_BROKER_HOST": host, "OKC_BROKER_CA": str(roots)}
    return service


async def test_what_waited_and_what_comes_is_taken_over_an_encrypted_line(walk: Walk, authority: Authority) -> None:
    """Every process of the cloud speaks TLS; a burst is read to its end."""
    secured(walk, authority)
    roots = authority.pem_roots()
    ingest, send = encrypted(walk, "ingest", roots), encrypted(walk, "send", roots)
    await ingest.start()  # its sessions exist from now on
    assert ingest.stop() == 0
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        await terminal.subscribe(f"okc/v1/down/+/{walk.device_id}", qos=1)
        for number in range(QUEUED):
            await terminal.publish(up("hb", walk.device_id), beat(f"0badcafe.1.{number}", clock.now()), qos=1)
            await terminal.publish(up("state", walk.device_id), b"none", qos=1)
        await terminal.publish(up("press", walk.device_id), press("0badcafe.2.1", clock.now(), {}), qos=1)
        await ingest.start()
        await send.start()
        async with asyncio.timeout(60):
            async for message in terminal.messages:
                assert isinstance(message.payload, bytes)
                if str(message.topic).split("/")[3] == "receipt":
                    break
        assert messages.decode("down", "receipt", message.payload)["of"] == ["0badcafe.2.1"]

    async def all_beats() -> bool:
        return bool(await scalar(walk.database, f"select count(*) = {QUEUED} from heartbeat"))

    await until(all_beats, "every heartbeat is stored")
    assert [ingest.stop(), send.stop()] == [0, 0]


@pytest.mark.parametrize("name", ["ingest", "send"])
async def test_a_broker_with_somebody_elses_certificate_is_told_nothing(
    walk: Walk, authority: Authority, tmp_path: Path, name: str
) -> None:
    """Neither another authority's, nor ours for another host."""
    secured(walk, authority)
    stranger = Authority(tmp_path / "stranger").pem_roots()
    for service in (
        encrypted(walk, name, stranger),
        encrypted(walk, name, authority.pem_roots(), host="127.0.0.1"),
    ):
        starting = asyncio.ensure_future(service.start())

        async def refused(service: Service = service) -> bool:
            words = ("SSLCertVerificationError", "CERTIFICATE_VERIFY_FAILED")
            return service.process is not None and any(word in service.log() for word in words)

        await until(refused, "the process says why it cannot connect")
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        service.kill()  # a second one would only stand by
    assert " as okc-" not in (walk.broker.folder / "mosquitto.log").read_text()
