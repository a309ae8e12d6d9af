"""A revoked terminal is off the line within seconds, from another machine than the broker's; nobody else notices."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiomqtt
import psycopg
import pytest
from typer.testing import CliRunner

from cloud import clock
from cloud.devices import followers
from tests.fixtures.hardened import HOST
from tests.flow.parts import DATA_KEY, Service, add_terminal, until
from tools.broker import files
from tools.broker.follow import GONE_MAX, apply, too_many
from tools.device import app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fixtures.hardened import Hardened

THIEF, NEIGHBOUR = "BJCY000001", "BJCY000002"


class Town:
    """A registry, a broker and what follows."""

    def __init__(self, database: str, broker: Hardened) -> None:
        self.database = database
        self.broker = broker
        self.follower = Service(
            "follow", {"PATH": "", "OKC_DATABASE_URL": database, "OKC_METRICS_PORT": "0"},
            "broker", "follow", "--out", str(broker.folder),
            "--name", "b1", "--inside-port", str(broker.inside_port),
        )  # fmt: skip

    def client(self, name: str, password: str) -> aiomqtt.Client:
        return aiomqtt.Client(
            HOST, self.broker.port, username=name, password=password, identifier=name,
            tls_context=self.broker.context(), clean_session=False,
        )  # fmt: skip

    async def admits(self, name: str, password: str) -> bool:
        try:
            async with self.client(name, password):
                return True
        except aiomqtt.MqttError:
            return False

    def revoke(self, *words: str) -> Any:
        return CliRunner().invoke(app, ["revoke", *words, "--json"])


async def stay(client: aiomqtt.Client, here: asyncio.Event) -> None:
    """On the line until the broker ends it."""
    async with client, asyncio.timeout(30):
        here.set()
        async for _ in client.messages:
            pass


@pytest.fixture
async def town(database: str, hardened: Hardened, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    monkeypatch.setenv("OKC_DATABASE_URL", database)
    monkeypatch.setenv("OKC_DATA_KEY", DATA_KEY)
    town = Town(database, hardened)
    yield town
    town.follower.end()


async def test_a_revoked_terminal_loses_its_line_and_its_password_and_others_lose_nothing(town: Town) -> None:
    """The command says so when the broker has been told."""
    await town.follower.start()
    stolen = await add_terminal(town.database, THIEF, clock.now())
    own = await add_terminal(town.database, NEIGHBOUR, clock.now())
    await until(lambda: town.admits(NEIGHBOUR, own), "new terminals are admitted without anybody's doing")
    async with town.client(NEIGHBOUR, own) as neighbour:
        here = asyncio.Event()
        line = asyncio.ensure_future(stay(town.client(THIEF, stolen), here))
        await here.wait()
        result = await asyncio.to_thread(town.revoke, THIEF)
        told = {"device_id": THIEF, "revoked": True, "cut_off_by": ["b1"], "not_by": []}
        assert json.loads(result.stdout) == told
        with pytest.raises(aiomqtt.MqttError):
            await line
        assert not await town.admits(THIEF, stolen)
        await neighbour.subscribe(f"okc/v1/down/+/{NEIGHBOUR}", qos=1)  # the same connection as before


async def test_a_broker_that_nobody_follows_for_is_named_and_cut_off_later(town: Town) -> None:
    """What was revoked while the follower was away is found when it is back."""
    await town.follower.start()
    stolen = await add_terminal(town.database, THIEF, clock.now())
    await until(lambda: town.admits(THIEF, stolen), "it is admitted")
    town.follower.kill()
    result = await asyncio.to_thread(town.revoke, THIEF, "--wait", "0")
    assert result.exit_code == 79
    assert json.loads(result.stdout)["not_by"] == ["b1"]
    assert await town.admits(THIEF, stolen)
    await town.follower.start()

    async def cut_off() -> bool:
        return not await town.admits(THIEF, stolen)

    await until(cut_off, "the list is followed again")


async def test_a_registry_that_lost_its_terminals_cuts_nobody_off(town: Town) -> None:
    """A wrong or half restored database must not silence a district; a person can say that it is meant."""
    hashed = [(f"BJCY{number:06}", "$7$1$c2FsdA==$aGFzaA==") for number in range(GONE_MAX + 2)]
    own = await add_terminal(town.database, NEIGHBOUR + "9", clock.now())
    assert apply(town.broker.folder, hashed).held_back == 0
    await town.follower.start()
    path = town.broker.folder / files.TERMINAL_USERS
    assert len(path.read_text().splitlines()) == len(hashed)
    async with await psycopg.AsyncConnection.connect(town.database) as conn:
        (told,) = await followers.since(conn, await followers.time(conn))
    assert (told.broker, told.held_back, told.knows) == ("b1", GONE_MAX + 2, False)
    town.broker.stop()
    async with await psycopg.AsyncConnection.connect(town.database) as conn:
        assert apply(town.broker.folder, await followers.credentials(conn), accept_loss=True).count == 1
    town.broker.start()
    assert await town.admits(NEIGHBOUR + "9", own)


@pytest.mark.parametrize(
    ("before", "gone", "believed"), [(10, 10, True), (100, 51, False), (50_000, 500, True), (50_000, 501, False)]
)
def test_how_many_may_be_missing_at_once(before: int, gone: int, believed: bool) -> None:
    """Fifty, or one in a hundred."""
    names = {str(number) for number in range(before)}
    assert (too_many(names, {each for each in names if int(each) >= gone}) == 0) is believed


def test_the_file_of_a_broker_that_is_gone_signals_nobody(tmp_path: Path) -> None:
    """Its number may be somebody else's by now."""
    (tmp_path / files.PID).write_text("1\n")
    assert not apply(tmp_path, []).reread


async def test_a_follower_needs_to_read_nothing_but_ids_and_credentials(conn: psycopg.AsyncConnection) -> None:
    """The rights that the README gives it are enough, and no phone number is among them."""
    readme = (Path(__file__).parents[2] / "tools/broker/README.md").read_text()
    statements = [line.strip() for line in readme.splitlines() if line.startswith(("    create role", "    grant "))]
    assert len(statements) == 3
    for statement in statements:
        await conn.execute(
            statement.replace("broker_follower login", "a_follower")
            .replace("to broker_follower", "to a_follower")
            .encode()
        )
    await conn.execute("set local role a_follower")
    assert await followers.credentials(conn) == []
    await followers.works_by(conn, "b1", await followers.time(conn), 0, 0)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await conn.execute("select msisdn_sealed from device")
