"""Whoever holds one terminal's credential, or none: what our broker lets them hear, say and be.

Silence is proven by a message that comes after: the broker hands on in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest

from tests.fixtures.hardened import HOST, LOOPBACK
from tests.flow.parts import until
from tests.flow.siege import NEIGHBOUR, THIEF, connect, heard_until, siege, stay
from tools.broker import config

if TYPE_CHECKING:
    from pathlib import Path

    from tests.flow.siege import Siege

__all__ = ["siege"]

EVERYTHING = (
    "#",
    "+/#",
    "+/+/+/+/+",
    "okc/#",
    "okc/v1/up/#",
    "okc/v1/+/+/+",
    f"okc/v1/down/+/{NEIGHBOUR}",
    f"okc/v1/up/press/{NEIGHBOUR}",
    "$share/thieves/#",
    "$share/thieves/okc/v1/down/#",
    "$share/ours/okc/v1/up/#",
    "$SYS/#",
    "$CONTROL/#",
)
OTHERS = (
    f"okc/v1/up/press/{NEIGHBOUR}",
    f"okc/v1/up/state/{NEIGHBOUR}",
    f"okc/v1/down/route/{NEIGHBOUR}",
    f"okc/v1/down/cmd/{THIEF}",  # the cloud's word to oneself is the cloud's
    f"okc/v1/up/press/{THIEF}/more",
    f"okc/v1/up/press/x/{THIEF}",
    f"okc/v2/up/press/{THIEF}",
    "okc/nothing",
    "$SYS/broker/uptime",
    "$CONTROL/dynamic-security/v1",
)


async def test_the_broker_has_two_doors_and_no_other(siege: Siege) -> None:
    """Some settings, said in the wrong place, make Mosquitto open its own plain one beside them, on every address."""
    broker = siege.broker
    assert broker.listening() == {(LOOPBACK, broker.port), (LOOPBACK, broker.inside_port)}


@pytest.mark.parametrize("protocol", [aiomqtt.ProtocolVersion.V311, aiomqtt.ProtocolVersion.V5])
async def test_nobody_hears_what_is_for_or_from_another(siege: Siege, protocol: Any) -> None:
    """By any filter, shared or not; and the cloud misses nothing of it."""
    async with siege.cloud() as cloud, siege.terminal(NEIGHBOUR) as neighbour:
        clean = {"clean_session": None, "clean_start": True} if protocol == aiomqtt.ProtocolVersion.V5 else {}
        async with siege.terminal(THIEF, protocol=protocol, **clean) as thief:
            # Not shared: Mosquitto lets anybody join a group, and what it would have been given is lost.
            await cloud.subscribe("okc/v1/up/#", qos=1)
            for each in EVERYTHING:
                await thief.subscribe(each, qos=1)
            presses = [b"press %d" % number for number in range(20)]
            for payload in presses:
                await neighbour.publish(f"okc/v1/up/press/{NEIGHBOUR}", payload, qos=1)
                await cloud.publish(f"okc/v1/down/route/{NEIGHBOUR}", payload, qos=1)
            await cloud.publish(f"okc/v1/down/desk/{THIEF}", b"over", qos=1)
            assert await heard_until(thief, b"over") == []
            await neighbour.publish(f"okc/v1/up/press/{NEIGHBOUR}", b"over", qos=1)
            assert [payload for _, payload in await heard_until(cloud, b"over")] == presses


@pytest.mark.parametrize("retain", [False, True])
async def test_nobody_says_anything_in_anothers_name(siege: Siege, *, retain: bool) -> None:
    """Neither to the cloud, nor to another terminal, nor as the cloud to oneself; nor for those who come later."""
    async with siege.cloud() as cloud, siege.terminal(NEIGHBOUR) as neighbour, siege.terminal(THIEF) as thief:
        await cloud.subscribe("okc/v1/up/#", qos=1)
        for name, client in ((NEIGHBOUR, neighbour), (THIEF, thief)):
            await client.subscribe(f"okc/v1/down/+/{name}", qos=1)
        for topic in OTHERS:
            await thief.publish(topic, b"forged", qos=1, retain=retain)
        await thief.publish(f"okc/v1/up/press/{THIEF}", b"own", qos=1)
        assert await heard_until(cloud, b"own") == []
        for name, client in ((NEIGHBOUR, neighbour), (THIEF, thief)):
            await cloud.publish(f"okc/v1/down/desk/{name}", b"over", qos=1)
            assert await heard_until(client, b"over") == []
    async with siege.cloud(identifier="later") as later, siege.terminal(THIEF) as thief:
        await later.subscribe("okc/v1/up/#", qos=1)
        await thief.publish(f"okc/v1/up/press/{THIEF}", b"own", qos=1)
        assert await heard_until(later, b"own") == []


async def test_a_will_speaks_for_its_own_terminal_only(siege: Siege) -> None:
    """The last word of a line that breaks."""
    async with siege.cloud() as cloud:
        await cloud.subscribe("okc/v1/up/#", qos=1)
        for topic in (*OTHERS[:4], f"okc/v1/up/state/{THIEF}"):
            will = aiomqtt.Will(topic, topic.encode(), qos=1, retain=True)
            here, thief = asyncio.Event(), siege.terminal(THIEF, will=will)
            line = asyncio.ensure_future(stay(thief, here))
            await here.wait()
            break_off(thief)
            with pytest.raises(aiomqtt.MqttError):
                await line
        own = f"okc/v1/up/state/{THIEF}"
        assert await heard_until(cloud, own.encode()) == []


def break_off(client: aiomqtt.Client) -> None:
    """End the line without a goodbye."""
    sock = client._client.socket()
    assert isinstance(sock, socket.socket)
    sock.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("claimed", [NEIGHBOUR, "okc-ingest", "okc-send", ""])
async def test_a_thief_is_called_by_its_own_name_whatever_it_claims(siege: Siege, claimed: str) -> None:
    """So it takes nobody's session: the neighbour stays on the line, and what waits for another waits on."""
    async with siege.cloud(identifier="okc-ingest", clean_session=False) as ingest:
        await ingest.subscribe("okc/v1/up/#", qos=1)
    async with siege.terminal(NEIGHBOUR) as neighbour:
        await neighbour.subscribe(f"okc/v1/down/+/{NEIGHBOUR}", qos=1)
        await neighbour.publish(f"okc/v1/up/press/{NEIGHBOUR}", b"waits", qos=1)
        more = {"identifier": claimed} if claimed else {"identifier": "", "clean_session": True}
        async with siege.terminal(THIEF, **more) as thief, siege.cloud() as cloud:
            await thief.subscribe("#", qos=1)
            await cloud.publish(f"okc/v1/down/desk/{NEIGHBOUR}", b"over", qos=1)
            assert await heard_until(neighbour, b"over") == []  # on the same line as before
            await cloud.publish(f"okc/v1/down/desk/{THIEF}", b"over", qos=1)
            assert await heard_until(thief, b"over") == []
    async with (
        siege.cloud(identifier="okc-ingest", clean_session=False) as ingest,
        siege.terminal(NEIGHBOUR) as neighbour,
    ):
        await neighbour.publish(f"okc/v1/up/press/{NEIGHBOUR}", b"over", qos=1)
        assert [payload for _, payload in await heard_until(ingest, b"over")] == [b"waits"]


async def test_of_two_with_one_credential_the_last_has_the_line(siege: Siege) -> None:
    """A copied credential is seen as a terminal that comes and goes; what is for it is handed on once."""
    async with siege.cloud() as cloud, siege.terminal(THIEF) as second:
        await second.subscribe(f"okc/v1/down/+/{THIEF}", qos=1)
        async with siege.terminal(THIEF) as third:
            with pytest.raises(aiomqtt.MqttError):
                await asyncio.wait_for(anext(second.messages), 30)
            await cloud.publish(f"okc/v1/down/desk/{THIEF}", b"once", qos=1)
            await cloud.publish(f"okc/v1/down/desk/{THIEF}", b"over", qos=1)
            assert [payload for _, payload in await heard_until(third, b"over")] == [b"once"]


async def test_each_door_knows_its_own_people_only(siege: Siege) -> None:
    """The cloud's password opens nothing from outside, a terminal's nothing inside, and no password nothing at all."""
    cloud = siege.broker.password(config.CLOUD)
    siege.passwords |= {config.CLOUD: cloud, config.MONITOR: siege.broker.password(config.MONITOR), "": ""}
    assert not await siege.admits(config.CLOUD)
    assert not await siege.admits(config.MONITOR)
    assert not await siege.admits(THIEF, password="wrong")
    assert not await siege.admits(THIEF, password=siege.passwords[NEIGHBOUR])
    assert not await siege.admits(THIEF, username=None, password=None)
    for name in (THIEF, NEIGHBOUR):
        thief = aiomqtt.Client(
            "127.0.0.1", siege.broker.inside_port, username=name, password=siege.passwords[name],
            identifier="okc-ingest",
        )  # fmt: skip
        with pytest.raises(aiomqtt.MqttError):
            await stay(thief, asyncio.Event())
    assert await siege.admits(THIEF)


async def test_a_password_is_worth_nothing_after_its_revocation(siege: Siege) -> None:
    """Nor is the line that it opened."""
    here = asyncio.Event()
    line = asyncio.ensure_future(stay(siege.terminal(THIEF), here))
    await here.wait()
    siege.broker.dismiss(THIEF)
    with pytest.raises(aiomqtt.MqttError):
        await line

    async def refused() -> bool:
        return not await siege.admits(THIEF)

    await until(refused, "the broker has read its list")
    assert await siege.admits(NEIGHBOUR)


@pytest.mark.parametrize(
    ("version", "ciphers", "may"),
    [
        (ssl.TLSVersion.TLSv1_3, "DEFAULT", True),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-GCM-SHA256", True),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0", False),
        (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0", False),
        (ssl.TLSVersion.TLSv1, "ALL:@SECLEVEL=0", False),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
async def test_old_tls_is_refused(siege: Siege, version: ssl.TLSVersion, ciphers: str, *, may: bool) -> None:
    """Before a password is said; a client that could do no better has no line at all."""
    context = siege.broker.context()
    context.set_ciphers(ciphers)
    context.minimum_version = context.maximum_version = version
    answer = b""
    with (
        socket.create_connection(("127.0.0.1", siege.broker.port), timeout=30) as plain,
        contextlib.suppress(ssl.SSLError, ConnectionError),
        context.wrap_socket(plain, server_hostname=HOST) as line,
    ):
        line.sendall(connect(THIEF, THIEF, siege.passwords[THIEF]))
        answer = line.recv(4)
    assert (answer == b"\x20\x02\x00\x00") is may


async def test_a_broker_of_another_authority_is_not_spoken_to(siege: Siege, tmp_path: Path) -> None:
    """The password stays at home; in the clear nobody answers either."""
    from tests.firmware.net.authority import Authority

    context = ssl.create_default_context(cafile=str(Authority(tmp_path / "a").pem_roots()))
    with (
        socket.create_connection(("127.0.0.1", siege.broker.port), timeout=30) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        context.wrap_socket(plain, server_hostname=HOST)
    answer = b""
    with socket.create_connection(("127.0.0.1", siege.broker.port), timeout=30) as plain:
        plain.sendall(connect(THIEF, THIEF, siege.passwords[THIEF]))
        with contextlib.suppress(ConnectionError):
            answer = plain.recv(100)
    assert not answer.startswith(b"\x20")
