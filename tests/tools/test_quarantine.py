"""`onekey quarantine` as an operator uses it, from a list to a message that is taken."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from cloud import clock, db
from cloud.devices.actions import register
from cloud.ingest.models import Arrival
from cloud.ingest.take import take
from cloud.sealed import Box
from cloud.settings import Settings
from protocol import messages
from tests.flow.parts import scalar, until
from tools.quarantine import app

if TYPE_CHECKING:
    from pathlib import Path

KEY = "6b" * 32
DEVICE = "BJCY000001"
FIELDS: dict[str, Any] = {
    "id": "0badcafe.1.1",
    "t": None,
    "u": 60_000,
    "s": 60_000,
    "key": "sos",
    "hold": 1200,
    "how": "hold",
}
NAMED = b'{"v":1,"who":"XiaomingWang \x1b[2J"}'


@pytest.fixture
async def shelf(database: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A press of a terminal that was registered too late, and something that names a person."""
    for name, value in (("DATABASE_URL", database), ("DATA_KEY", KEY), ("HOTLINE_NUMBER", "01055500001")):
        monkeypatch.setenv(f"OKC_{name}", value)
    box, settings = Box(bytes.fromhex(KEY)), Settings(database_url=database, data_key=KEY, hotline_number="01055500001")
    async with await db.connect(database) as conn, conn.transaction():
        for kind, said in (("press", messages.encode("up", "press", FIELDS)), ("event", NAMED)):
            arrival = Arrival(topic=f"okc/v1/up/{kind}/{DEVICE}", payload=said, retained=False, received_at=clock.now())
            assert await take(conn, box, settings, arrival) == "quarantined"
        await register(conn, box, DEVICE, None, clock.now())
    return database


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def listed(*words: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run("list", "--json", *words).stdout)["messages"]
    return rows


def test_a_list_names_no_person_and_show_warns(shelf: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [(row["kind"], row["reason"]) for row in listed()] == [("press", "unknown_device"), ("event", "json")]
    assert "Xiaoming" not in run("list").output
    number = str(listed("--kind", "event")[0]["number"])
    for words in ((), ("--json",)):
        piped = run("show", number, *words)
        assert (piped.exit_code, "terminal only" in piped.stderr, "Xiaoming" in piped.output) == (2, True, False)
    monkeypatch.setattr("tools.quarantine._at_a_terminal", lambda: True)
    shown = run("show", number)
    assert "XiaomingWang" in shown.stdout
    assert "may name a person" in shown.stderr
    assert "\x1b" not in shown.output
    assert "\\x1b[2J" in shown.stdout


def test_what_can_be_taken_is_taken_and_the_rest_is_said(shelf: str) -> None:
    """Exit code 3: something stays."""
    done = run("replay", "--since", "2020-01-01", "--by", "after-sales 3", "--json")
    assert done.exit_code == 3
    assert json.loads(done.stdout)["replayed"] == {"stored": 1, "quarantined": 1}
    with psycopg.connect(shelf) as conn:
        assert conn.execute("select id from message").fetchall() == [("0badcafe.1.1",)]
    assert [row["kind"] for row in listed()] == ["event"]
    assert run("replay", "--by", "after-sales 3").exit_code == 2


def test_a_message_is_corrected_from_a_file_and_taken(shelf: str, tmp_path: Path) -> None:
    number, file = str(listed("--kind", "event")[0]["number"]), tmp_path / "said.json"
    assert run("show", number, "--out", str(file)).exit_code == 0
    assert file.read_bytes() == NAMED
    assert file.stat().st_mode & 0o777 == 0o600
    assert run("show", number, "--out", str(file)).exit_code == 2, "what is there already is not overwritten"
    refused = run("correct", number, str(file), "--by", "after-sales 3", "--why", "by hand")
    assert (refused.exit_code, refused.stderr.startswith("the correction would be refused too")) == (2, True)
    fields: dict[str, Any] = {"id": "0badcafe.1.2", "t": None, "u": 60_000, "s": 60_000, "ev": "mains_lost"}
    file.write_bytes(messages.encode("up", "event", fields) + b"\n")
    assert run("correct", number, str(file), "--by", "after-sales 3", "--why", "by hand").exit_code == 0
    done = run("replay", number, "--by", "after-sales 3")
    assert (done.exit_code, done.stdout.strip()) == (0, "1 stored")
    assert run("replay", number, "--by", "after-sales 3").exit_code == 2


def test_what_is_dropped_is_off_the_list(shelf: str) -> None:
    number = str(listed("--kind", "event")[0]["number"])
    assert run("drop", number, "--by", "after-sales 3", "--why", "a test on the bench").exit_code == 0
    assert [row["kind"] for row in listed()] == ["press"]
    assert {row["settled"] for row in listed("--all")} == {None, "dropped"}


async def test_a_replay_that_the_front_door_is_in_the_way_of_is_tried_again(shelf: str) -> None:
    """The same terminal and the same message, locked in the other order: one of the two must give way."""
    number = str((await asyncio.to_thread(listed, "--kind", "press"))[0]["number"])
    async with await psycopg.AsyncConnection.connect(shelf) as door:
        await door.execute("set deadlock_timeout = '60s'")  # it is the other one that finds out, and gives way
        await door.execute("select from device where device_id = %s for no key update", [DEVICE])
        done = asyncio.create_task(asyncio.to_thread(run, "replay", number, "--by", "after-sales 3"))

        async def it_waits() -> bool:
            return bool(await scalar(shelf, "select count(*) from pg_locks where not granted"))

        await until(it_waits, "the replay has its message, and waits for the terminal")
        await door.execute("update quarantine set times = times + 1")
        await door.commit()
        result = await done
    assert (result.exit_code, result.stdout.strip()) == (0, "1 stored")
