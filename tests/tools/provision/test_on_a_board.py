"""A board with a real MicroPython becomes a terminal, is cut short everywhere, is locked and opened again."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from cloud.stock import record, rules
from tests.cloud.stock.parts import iccid
from tools.accept.command import app as check
from tools.board.console import Console
from tools.board.texts import BenchError
from tools.chip import Chip
from tools.provision import records, reservation, unlock, work
from tools.provision.command import app

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 3, 31, 4, 0, tzinfo=UTC)
MAC = "24:6f:28:00:00:01"
IMAGE = {"name": "ESP32_GENERIC", "sha256": "ab" * 32, "kind": "trial"}
CODE = rules.unlock_code(b"k" * 32, "XC000001", 0)
KEY = Ed25519PrivateKey.from_private_bytes(b"\x22" * 32)
CONFIG = {"ver": 1, "hb": 600, "plan": {key: [["坐席", "01055500009", 40, 1]] for key in ("sos", "k1")}}
ROOT_DER = b"\x30\x82\x00\x80" + bytes(128)


def made(ids: range = range(1, 4), **other: Any) -> dict[str, Any]:
    """A file of the registry."""
    devices = [
        {
            "device_id": f"XC{number:06d}", "password": f"secret-of-{number}-which-is-long",
            "lock": rules.lock_hash(rules.unlock_code(b"k" * 32, f"XC{number:06d}", 0)).hex(),
        }
        for number in ids
    ]  # fmt: skip
    return {
        "v": 1, "bench": "B01", "made_at": "2024-03-31T04:00:00Z", "key": KEY.private_bytes_raw().hex(),
        "config": CONFIG, "proof_key": "00" * 32, "sims": {iccid(1): "aa", iccid(2): "bb"}, "devices": devices,
        "server": "broker.example:8883", "roots": [ROOT_DER.hex()], "board": "okb-a", **other,
    }  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    folder = tmp_path / "bench"
    folder.mkdir(mode=0o700)
    file = tmp_path / "reservation"
    file.write_text(json.dumps(made()))
    assert reservation.load(folder, file) == 3
    assert not file.exists()
    return folder


@pytest.fixture
def chip(tmp_path: Path) -> Iterator[Chip]:
    """With the firmware's sources as its files, at its prompt."""
    (tmp_path / "chip").mkdir()
    with Chip(tmp_path / "chip", mac=MAC, iccid=iccid(1)) as made_chip:
        for room in ("firmware", "protocol"):
            shutil.copytree(ROOT / room, made_chip.files / room, ignore=shutil.ignore_patterns("__pycache__", "*.md"))
        yield made_chip


class CutError(Exception):
    """The bench's power."""


def provision(chip: Chip, bench: Path, cut: str = "", **other: Any) -> work.Provisioned:
    def step(name: str) -> None:
        if name == cut:
            raise CutError

    with Console(chip.port) as console:
        return work.provision(console, bench, image=IMAGE, now=NOW, step=step, **other)


def lines(bench: Path) -> list[str]:
    path = bench / records.FILE
    return path.read_text().splitlines() if path.exists() else []


def test_a_board_becomes_a_terminal(chip: Chip, bench: Path) -> None:
    """Its storage holds what the firmware reads; the bench holds no password any more; one signed record says so."""
    done = provision(chip, bench, lock=False)
    assert (done.device_id, done.mac, done.iccid, done.imei) == ("XC000001", MAC, iccid(1), "860000000000017")
    assert chip.nvs("device") == b"XC000001"
    assert chip.nvs("password") == b"secret-of-1-which-is-long"
    assert chip.nvs("server") == b"broker.example:8883"
    assert chip.nvs("ca0") == ROOT_DER
    assert b"01055500009" in (chip.nvs("sos") or b"")
    assert chip.nvs("lock") is None
    text = (bench / reservation.FILE).read_text()
    assert "secret-of-1" not in text
    assert "secret-of-2" in text
    assert (bench / reservation.FILE).stat().st_mode & 0o777 == 0o600
    (line,) = lines(bench)
    fields = record.parse(line)
    record.verify(fields, KEY.public_key().public_bytes_raw())
    assert (fields["device"], fields["n"], fields["prev"]) == ("XC000001", 1, record.FIRST)
    assert "secret" not in line


@pytest.mark.parametrize("cut", work.STEPS[1:])
def test_cut_short_at_any_step_the_next_run_ends_in_the_same_terminal(chip: Chip, bench: Path, cut: str) -> None:
    """One identity, one record, whatever happened."""
    with pytest.raises(CutError):
        provision(chip, bench, cut)
    done = provision(chip, bench, lock=False)
    assert done.device_id == "XC000001"
    assert chip.nvs("password") == b"secret-of-1-which-is-long"
    assert len(lines(bench)) == 1
    assert reservation.free(bench) == 2
    assert "secret-of-1" not in (bench / reservation.FILE).read_text()


def test_the_same_board_again_is_the_same_terminal_and_its_password_stays(chip: Chip, bench: Path) -> None:
    """A repair: nothing is said twice, a changed serial is said."""
    provision(chip, bench, lock=False)
    provision(chip, bench, lock=False)
    assert len(lines(bench)) == 1
    provision(chip, bench, lock=False, serial="OKB-0007")
    assert [json.loads(line)["serial"] for line in lines(bench)] == [MAC.replace(":", "").upper(), "OKB-0007"]
    assert chip.nvs("password") == b"secret-of-1-which-is-long"


def test_locking_a_terminal_again_changes_nothing_of_what_it_is(chip: Chip, bench: Path) -> None:
    """After a look at its console: image, serial and board stay, so that its test and its label still hold."""
    provision(chip, bench, lock=False, serial="OKB-0007")
    done = CliRunner().invoke(app, ["--port", chip.port, "--bench", str(bench), "--keep-open"])
    assert done.exit_code == 0, done.stderr
    (line,) = lines(bench)
    assert (json.loads(line)["image"], json.loads(line)["serial"]) == (IMAGE, "OKB-0007")
    changed = CliRunner().invoke(app, ["--port", chip.port, "--bench", str(bench), "--keep-open", "--image", "other"])
    assert changed.exit_code == 0
    assert json.loads(lines(bench)[-1])["image"]["name"] == "other"


@pytest.mark.parametrize("words", [["--serial", "okb 7"], ["--kind", "gold"], ["--sha256", "12"], ["--image", "固件"]])
def test_what_no_record_could_hold_is_told_before_the_port_is_opened(bench: Path, words: list[str]) -> None:
    """Not after the board has an identity."""
    done = CliRunner().invoke(app, ["--port", "/dev/none", "--bench", str(bench), *words])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)


def test_a_board_that_lost_its_storage_is_not_given_a_second_identity(chip: Chip, bench: Path, tmp_path: Path) -> None:
    """The registry makes it another password, for the same id and the same board."""
    provision(chip, bench, lock=False)
    for path in (chip.files / ".nvs").iterdir():
        path.unlink()
    chip.reset()
    with pytest.raises(BenchError) as caught:
        provision(chip, bench, lock=False)
    assert caught.value.name == "lost_password"
    assert "onekey stock reissue XC000001" in caught.value.line
    again = made(range(1, 2), key=None)
    again["devices"][0] |= {"mac": MAC, "password": "another-secret-which-is-long", "lock": "77" * 32}
    file = tmp_path / "reissued"
    file.write_text(json.dumps(again))
    reservation.load(bench, file)
    assert provision(chip, bench, lock=False).device_id == "XC000001"
    assert chip.nvs("password") == b"another-secret-which-is-long"


def test_a_locked_console_is_deaf_until_its_own_code_comes(chip: Chip, bench: Path) -> None:
    """The firmware runs; Ctrl-C is a byte; the code makes it stop, and the next start is open."""
    shutil.copy(ROOT / "firmware" / "boot" / "image" / "main.py", chip.files / "main.py")
    assert provision(chip, bench).locked
    assert chip.nvs("lock") == rules.lock_hash(CODE)
    assert unlock.is_locked(chip.port, 60)
    with pytest.raises(BenchError) as caught, Console(chip.port, starts_s=3):
        pass
    assert caught.value.name == "silent"
    runner = CliRunner()
    words = ["--port", chip.port, "--bench", str(bench), "--unlock"]
    wrong = runner.invoke(app, [*words, rules.unlock_code(b"k" * 32, "XC000002", 0)])
    assert (wrong.exit_code, wrong.stderr.count("\n")) == (71, 1)
    assert runner.invoke(app, [*words, CODE.lower()]).exit_code == 0
    assert chip.nvs("lock") is None
    assert provision(chip, bench, lock=False).device_id == "XC000001"


@pytest.mark.parametrize(
    ("sims", "name"),
    [({}, "sim_not_in_stock"), ({iccid(2): "bb"}, "sim_not_in_stock")],
)
def test_a_card_that_is_not_in_stock_stops_it_before_anything_is_written(
    chip: Chip, bench: Path, tmp_path: Path, sims: dict[str, str], name: str
) -> None:
    """Without the card's number no press could be matched with its call."""
    file = tmp_path / "cards"
    file.write_text(json.dumps({"v": 1, "bench": "B01", "proof_key": "00" * 32, "sims": sims, "devices": []}))
    reservation.load(bench, file)
    with pytest.raises(BenchError) as caught:
        provision(chip, bench)
    assert caught.value.name == name
    assert iccid(1) not in caught.value.line
    assert chip.nvs("device") is None
    assert reservation.free(bench) == 3


def test_a_foreign_board_keeps_its_identity(chip: Chip, bench: Path) -> None:
    """It is another bench's; two ids on one board would be two terminals."""
    provision(chip, bench, lock=False)
    (chip.files / ".nvs" / "onekey.device").write_bytes(b"XD000009")
    with pytest.raises(BenchError) as caught:
        provision(chip, bench)
    assert caught.value.name == "other_identity"


def test_a_board_without_firmware_is_told_so(chip: Chip, bench: Path) -> None:
    """The step before was left out."""
    shutil.rmtree(chip.files / "firmware")
    result = CliRunner().invoke(app, ["--port", chip.port, "--bench", str(bench)])
    assert result.exit_code == 73
    assert "onekey flash" in result.stderr


def test_a_board_whose_program_nothing_starts_is_not_tested_for_a_label(chip: Chip, bench: Path) -> None:
    """Its flashing stopped before the end: a label would stand on a terminal that calls nobody."""
    provision(chip, bench, lock=False)
    (bench / "bench.json").write_text(json.dumps({"test_number": "13800000099"}))
    done = CliRunner().invoke(check, ["--port", chip.port, "--bench", str(bench)])
    assert (done.exit_code, done.stderr.count("\n")) == (89, 1), done.output
    assert "./flash.sh" in done.stderr
    assert len(lines(bench)) == 1
