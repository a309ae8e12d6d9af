"""`onekey broker config`: what it writes, what it keeps, and that Mosquitto takes it."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import aiomqtt
from typer.testing import CliRunner

from tests.fixtures.hardened import HOST, Hardened
from tests.flow.parts import until
from tools.broker import app, config, files

if TYPE_CHECKING:
    from tests.firmware.net.authority import Authority

DEVICE, PASSWORD = "BJCY000001", "an invented password"


def write(out: Path, *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["config", "--out", str(out), *words])
    assert done.exit_code == code, done.output
    return done.output


def terminal(broker: Hardened, name: str = DEVICE, password: str = PASSWORD, **more: object) -> aiomqtt.Client:
    """A terminal's own connection, through the door of terminals."""
    wanted = {"identifier": name, "clean_session": False} | more
    return aiomqtt.Client(HOST, broker.port, username=name, password=password, tls_context=broker.context(), **wanted)  # type: ignore[arg-type]


def inside(broker: Hardened, user: str = config.CLOUD, **more: object) -> aiomqtt.Client:
    """A process of ours, through the inner door."""
    return aiomqtt.Client(
        "127.0.0.1",
        broker.inside_port,
        username=user,
        password=broker.password(user),
        **more,  # type: ignore[arg-type]
    )


def test_every_limit_stands_in_the_file_under_its_reason(tmp_path: Path) -> None:
    """Whoever finds a limit finds why."""
    door = config.Door(address="::1", port=1, users=tmp_path, rules=tmp_path, connections_max=1)
    lines = config.text(config.Plan(doors=(door,))).splitlines()
    for name, value, why in config.LIMITS:
        assert lines[lines.index(f"{name} {value}") - 1] == f"# {why}"


def test_secrets_are_for_their_owner_alone_and_kept_when_it_is_run_again(authority: Authority, tmp_path: Path) -> None:
    """A second run changes limits, not who may log in."""
    certificates = str(authority.server())
    write(tmp_path, "--certificates", certificates)
    (tmp_path / files.TERMINAL_USERS).write_text("BJCY000001:$7$1$c2FsdA==$aGFzaA==\n")
    before = {path.name: path.read_text() for path in tmp_path.glob("*.password*") if path.name != files.CLOUD_USERS}
    output = write(tmp_path, "--certificates", certificates, "--port", "9999")
    assert "listener 9999 0.0.0.0" in (tmp_path / files.CONFIG).read_text()
    for name, text in before.items():
        assert (tmp_path / name).read_text() == text
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == files.PRIVATE
    assert (tmp_path / "cloud.password").read_text().strip() not in output


def test_without_a_certificate_nothing_is_written(tmp_path: Path) -> None:
    """A door for terminals is never in the clear."""
    assert "onekey pki server" in write(tmp_path / "new", code=2)
    assert not (tmp_path / "new").exists()


def test_an_inner_door_that_others_can_reach_is_encrypted(authority: Authority, tmp_path: Path) -> None:
    """Where the cloud runs on another machine."""
    write(tmp_path, "--certificates", str(authority.server()), "--inside-address", "192.0.2.9")
    assert (tmp_path / files.CONFIG).read_text().count("tls_version tlsv1.2") == 2


async def test_what_is_for_a_terminal_waits_for_it_through_a_restart(hardened: Hardened) -> None:
    """Sessions and queues are kept, and the rules of its door still hold for who is away."""
    hardened.admit(DEVICE, PASSWORD)

    async def admitted() -> bool:
        try:
            async with terminal(hardened) as here:
                await here.subscribe(f"okc/v1/down/+/{DEVICE}", qos=1)
        except aiomqtt.MqttError:
            return False
        return True

    await until(admitted, "the broker has read its list")
    hardened.stop()
    hardened.start()
    async with inside(hardened) as cloud:
        await cloud.publish(f"okc/v1/down/desk/{DEVICE}", b"before", qos=1)
    hardened.stop()
    hardened.start()
    async with inside(hardened) as cloud, terminal(hardened) as back, asyncio.timeout(20):
        await cloud.publish(f"okc/v1/down/desk/{DEVICE}", b"after", qos=1)
        heard = [(await anext(back.messages)).payload for _ in range(2)]
    assert heard == [b"before", b"after"]


async def test_the_metrics_read_the_brokers_figures_and_nothing_else(hardened: Hardened) -> None:
    """And the cloud's own user does not need them."""
    async with inside(hardened, config.MONITOR) as monitor, inside(hardened) as cloud, asyncio.timeout(30):
        for client in (monitor, cloud):
            await client.subscribe("#", qos=1)
            await client.subscribe("$SYS/#", qos=1)
        await monitor.publish("okc/v1/up/press/BJCY000001", b"forged", qos=1)
        await cloud.publish("okc/v1/down/desk/BJCY000001", b"allowed", qos=1)
        topic = str((await anext(monitor.messages)).topic)
        while topic != "$SYS/broker/clients/connected":
            assert topic.startswith("$SYS/")
            topic = str((await anext(monitor.messages)).topic)
        assert not len(cloud.messages)
