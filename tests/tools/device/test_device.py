"""`onekey device` and `onekey db` as a technician calls them."""

from __future__ import annotations

import asyncio
import csv
import json
import signal
import uuid
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest
from typer.testing import CliRunner

from tests.flow.parts import until
from tools.db import app as db_app
from tools.device import app

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from tests.fixtures.broker import Mosquitto
    from tools.embedded.postgres import Postgres

DEVICE = "BJCY000001"


@pytest.fixture
def environment(database: str, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("OKC_DATABASE_URL", database)
    monkeypatch.setenv("OKC_DATA_KEY", "5e" * 32)
    return monkeypatch


def onekey(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def answer(*words: str) -> dict[str, Any]:
    result = onekey(*words, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_terminal_is_added_listed_and_shown(environment: pytest.MonkeyPatch) -> None:
    """The password is said once and nowhere again; the number never."""
    added = answer("add", DEVICE, "--msisdn", "13800000001")
    assert added["device_id"] == DEVICE
    assert len(added["password"]) >= 24
    listed = answer("list")
    assert listed == {
        "devices": [{"device_id": DEVICE, "status": "stock", "contact": "never_seen", "last_seen_at": None}]
    }
    shown = onekey("show", DEVICE)
    assert "can_log_in       True" in shown.stdout
    assert "13800000001" not in shown.stdout + json.dumps(listed)
    assert added["password"] not in shown.stdout


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("add", "short"), "a device id is 6 to 20 capitals and digits"),
        (("add", DEVICE, "--msisdn", "none"), "a phone number is 5 to 15 digits"),
        (("show", "BJCY999999"), "BJCY999999: unknown"),
        (("revoke", "BJCY999999"), "BJCY999999: unknown"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(
    environment: pytest.MonkeyPatch, words: tuple[str, ...], text: str
) -> None:
    """No traceback for a typing mistake."""
    result = onekey(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(text)
    assert result.stderr.count("\n") == 1


def test_a_database_that_cannot_be_reached_is_said_without_its_password(environment: pytest.MonkeyPatch) -> None:
    """The connection string stays out of the terminal's scroll-back."""
    environment.setenv("OKC_DATABASE_URL", "host=/nowhere password=hidden dbname=x")
    for result in (onekey("list"), CliRunner().invoke(db_app, ["migrate"])):
        assert result.exit_code == 2
        assert "cannot be reached" in result.stderr
        assert "hidden" not in result.output


def test_an_empty_database_is_told_to_be_migrated_and_is(environment: pytest.MonkeyPatch, postgres: Postgres) -> None:
    """The message names the command that helps."""
    environment.setenv("OKC_DATABASE_URL", postgres.create_database("m" + uuid.uuid4().hex[:12]))
    assert "onekey db migrate" in onekey("list").stderr
    first = CliRunner().invoke(db_app, ["migrate", "--json"])
    assert "0001_devices.sql" in json.loads(first.stdout)["applied"]
    assert CliRunner().invoke(db_app, ["migrate"]).stdout == "nothing to apply\n"
    assert answer("list") == {"devices": []}


def test_a_file_of_terminals_is_imported_whole(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As a spreadsheet writes it: with a mark at the start and Windows line ends."""
    (tmp_path / "in.csv").write_bytes(b"\xef\xbb\xbfdevice_id,msisdn\r\nBJCY000001,13800000001\r\nBJCY000002,\r\n\r\n")
    out = tmp_path / "out.csv"
    assert answer("import", str(tmp_path / "in.csv"), "--passwords", str(out)) == {"registered": 2}
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["device_id"] for row in rows] == ["BJCY000001", "BJCY000002"]
    assert len({row["password"] for row in rows}) == 2
    assert out.stat().st_mode & 0o777 == 0o600
    assert len(answer("list")["devices"]) == 2


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("device,number\n", "in.csv:1: "),
        ("device_id,msisdn\nBJCY000001,\nshort,\n", "in.csv:3: "),
        ("device_id,msisdn\nBJCY000001,\nBJCY000001,\n", "in.csv:3: "),
        ("device_id,msisdn\nBJCY000001,13800000001\nBJCY000002,13800000001\n", "in.csv:3: "),
        ("device_id,msisdn\nBJCY000001\n", "in.csv:2: "),
    ],
)
def test_one_bad_line_and_nothing_is_imported(
    environment: pytest.MonkeyPatch, tmp_path: Path, text: str, place: str
) -> None:
    """File and line are named; no half of a lorry is registered, no file of passwords is left."""
    (tmp_path / "in.csv").write_text(text)
    result = onekey("import", str(tmp_path / "in.csv"), "--passwords", str(tmp_path / "out.csv"))
    assert result.exit_code == 2
    assert place in result.stderr
    assert not (tmp_path / "out.csv").exists()
    assert answer("list") == {"devices": []}


def test_passwords_of_an_earlier_import_are_never_overwritten(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """They exist nowhere else."""
    (tmp_path / "in.csv").write_text("device_id\nBJCY000001\n")
    (tmp_path / "out.csv").write_text("precious")
    assert onekey("import", str(tmp_path / "in.csv"), "--passwords", str(tmp_path / "out.csv")).exit_code == 2
    assert (tmp_path / "out.csv").read_text() == "precious"
    assert answer("list") == {"devices": []}


async def log_in(broker: Mosquitto, password: str) -> bool:
    client = aiomqtt.Client("127.0.0.1", broker.port, username=DEVICE, password=password, identifier=DEVICE)
    try:
        async with client:
            return True
    except aiomqtt.MqttError:
        return False


async def test_a_real_broker_takes_the_credential_and_no_longer_after_it_was_revoked(
    environment: pytest.MonkeyPatch, broker: Mosquitto
) -> None:
    """What the registry keeps is what Mosquitto checks."""
    password = (await asyncio.to_thread(answer, "add", DEVICE))["password"]
    users = broker.folder / "passwords"
    for command, may in (("list", True), ("revoke", False)):
        await asyncio.to_thread(onekey, command, *([DEVICE] if command == "revoke" else []))
        assert (await asyncio.to_thread(onekey, "credentials", str(users))).exit_code == 0
        assert broker.process is not None
        broker.process.send_signal(signal.SIGHUP)

        async def as_it_should(*, may: bool = may) -> bool:
            return await log_in(broker, password) is may

        await until(as_it_should, "the broker has read the new list")
        assert not await log_in(broker, "wrong" + password)
