"""The committed files are what the code makes, and say the same as the firmware."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from firmware.board.okb_a import Board
from tools.hardware import bom, command, netlist, pins

if TYPE_CHECKING:
    from pathlib import Path

    from tools.hardware.netlist import Netlist


def test_no_file_is_stale(board: Netlist) -> None:
    """`onekey hardware write` mends it."""
    assert command.stale(board) == []


def test_netlist_pin_table_and_firmware_say_the_same(board: Netlist) -> None:
    rows = list(csv.DictReader(io.StringIO(pins.table(board))))
    assert {row["function"]: int(row["gpio"]) for row in rows} == pins.used(Board)


def test_every_part_and_every_contact_is_in_the_netlist(board: Netlist) -> None:
    text = netlist.text(board, "test")
    assert sorted(re.findall(r'\(comp \(ref "(\w+)"\)', text)) == sorted(board.pieces)
    assert len(re.findall(r"\(node ", text)) == sum(len(held) for held in board.nets.values())
    assert text.count("(") == text.count(")")


def test_the_bill_counts_every_part_once_and_offers_another(board: Netlist) -> None:
    """Only what no one else makes stands alone; what is not fitted is not bought."""
    rows = list(csv.DictReader(io.StringIO(bom.text(board))))
    listed = [ref for row in rows for ref in row["references"].split() if ref != "-"]
    assert sorted(listed) == sorted(ref for ref, piece in board.pieces.items() if piece.kind.name != "PAD")
    soldered = [row for row in rows if row["references"] != "-"]
    assert all(row["part_number"] and row["maker"] and row["package"] for row in soldered)
    assert {row["part_number"] for row in soldered if not row["alternates"]} == {"SIM800C"}
    assert {row["part_number"] for row in soldered if row["pins"] == "compared"} == {
        "SIM800C", "BQ25616RTWR", "CP2102N-A02-GQFN24R",
    }  # fmt: skip
    fitted = {ref for ref, piece in board.pieces.items() if piece.fitted and piece.kind.name != "PAD"}
    assert sum(int(row["quantity"]) for row in soldered) == len(fitted)


def test_check_says_that_all_is_well() -> None:
    told = CliRunner().invoke(command.app, ["check", "--json"])
    assert told.exit_code == 0
    facts = json.loads(told.output)
    assert facts["findings"] == facts["stale"] == []
    assert facts["parts"] > 100


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder like hardware/ with nothing in it but the page that holds the budget."""
    root = tmp_path / "hardware"
    (root / command.BOARD).mkdir(parents=True)
    (root / "power.md").write_text(f"# Power\n{command.MARK}{command.END}", encoding="utf-8")
    monkeypatch.setattr(command, "ROOT", root)
    for function in (command.generated, command.stale):
        monkeypatch.setattr(function, "__defaults__", (root,))
    return root


def test_check_names_a_stale_and_a_foreign_file_and_write_mends(copy: Path) -> None:
    run = CliRunner()
    assert run.invoke(command.app, ["check"]).exit_code == command.STALE
    assert run.invoke(command.app, ["write"]).exit_code == 0
    assert run.invoke(command.app, ["check"]).exit_code == 0
    (copy / command.BOARD / "bom.csv").write_text("old")
    (copy / command.BOARD / "old.svg").write_text("<svg/>")
    told = run.invoke(command.app, ["check"])
    assert told.exit_code == command.STALE
    assert re.findall(r"failed: stale, run it: (\S+)", told.output) == [
        "hardware/board-okb-a/bom.csv", "hardware/board-okb-a/old.svg",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("word", "names"),
    [("bom", ["bom.csv"]), ("netlist", ["okb-a.net"]), ("pins", ["pinout.csv"]), ("power", ["power.md"])],
)
def test_each_word_writes_its_own_file(copy: Path, word: str, names: list[str]) -> None:
    told = CliRunner().invoke(command.app, [word])
    assert re.findall(r"wrote \S*/(\S+)", told.output) == names


def test_a_broken_rule_ends_with_another_code_than_a_stale_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "judged", lambda _sheet: ["pwrkey: wants one NPN"])
    told = CliRunner().invoke(command.app, ["check"])
    assert told.exit_code == command.BROKEN
    assert "失败：电路 / failed: pwrkey: wants one NPN" in told.output
