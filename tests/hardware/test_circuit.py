"""SKiDL's rule check passes, and would not if something were wrong; drawing leaves no file behind and no word."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.hardware.circuit import board as drawn
from tools.hardware.sheet import Sheet

ROOT = Path(__file__).resolve().parents[2]


def test_the_electrical_check_is_clean() -> None:
    assert drawn().erc() == []


def test_two_outputs_on_one_net_are_found() -> None:
    sheet = drawn()
    sheet.net("MODEM_RX").connect(next(p for p in sheet.circuit.parts if p.name == "USB_UART")["TXD"])
    assert any("OUTPUT" in line for line in sheet.erc())


def test_a_supply_that_nothing_feeds_is_found() -> None:
    sheet = Sheet()
    sheet.supplied("GND")
    sheet.part("LDO", {"IN": "SYS", "GND": "GND", "EN": "SYS", "OUT": "3V3"})
    assert any("SYS" in line for line in sheet.erc())


def test_a_forgotten_pin_is_refused() -> None:
    with pytest.raises(ValueError, match="EN"):
        Sheet().part("LDO", {"IN": "SYS", "GND": "GND", "OUT": "3V3"})


def test_a_merged_net_is_refused() -> None:
    """What the rules read is what SKiDL holds."""
    sheet = drawn()
    sheet.net("PWRKEY").connect(sheet.net("MODEM_PWRKEY"))
    with pytest.raises(ValueError, match="merged or lost"):
        sheet.netlist()


def test_it_is_the_same_circuit_each_time() -> None:
    assert drawn().netlist() == drawn().netlist()


def test_drawing_writes_no_log_and_says_nothing(tmp_path: Path) -> None:
    """SKiDL opens its logs where it is started and misses KiCad: neither reaches the technician."""
    program = "from tools.hardware.circuit import board; sheet = board(); sheet.erc(); sheet.netlist()"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.stdout, done.stderr, list(tmp_path.iterdir())) == ("", "", [])


def test_no_log_handler_of_skidl_holds_a_file() -> None:
    handlers = [*logging.getLogger("ERC_Logger").handlers, *logging.getLogger("skidl").handlers]
    assert handlers
    assert not [handler for handler in handlers if hasattr(handler, "baseFilename")]
