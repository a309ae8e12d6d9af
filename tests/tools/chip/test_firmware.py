"""The firmware as a home has it, from power on, on the emulated board under the real MicroPython."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from firmware.core.lines import pack
from tools.chip import Chip
from tools.modem.network import Network, Plan

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
DESK = "01055500001"
LIMIT_S = 60.0
POWER, HARD, WATCHDOG = 1, 2, 3


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """What manifest.py freezes, as a folder."""
    folder = tmp_path / "image"
    folder.mkdir()
    for room in ("firmware", "protocol"):
        (folder / room).symlink_to(ROOT / room)
    for name in ("boot.py", "main.py"):
        shutil.copy(ROOT / "firmware" / "boot" / "image" / name, folder / name)
    return folder


@pytest.fixture
def home(tmp_path: Path, image: Path) -> Iterator[Chip]:
    """A board that knows whom to call."""
    network = Network(plans={DESK: Plan(after=0.5, talk=600)})
    board = Chip(tmp_path / "board", image=image, network=network, speed=20.0)
    board.set_nvs("sos", pack([["desk", DESK, 30, 1]]))
    with board:
        yield board


def has(chip: Chip, ev: str, **fields: object) -> bool:
    """The modem told it."""
    return chip.wait(
        lambda: any(one["ev"] == ev and all(one[k] == v for k, v in fields.items()) for one in chip.events), LIMIT_S
    )


def lit(chip: Chip) -> bool:
    """The terminal has begun: it shows something."""
    return chip.wait(lambda: chip.lamp.count() > 0, LIMIT_S)


def test_a_press_is_a_call_a_light_and_a_tone(home: Chip) -> None:
    """Key, modem, lamp, buzzer: every line of the board, by the firmware's own hal."""
    assert has(home, "ready")
    assert lit(home)
    heard, seen = len(home.buzzer.changes), len(home.lamp.changes)
    home.press("sos", 900)
    assert has(home, "dial", number=DESK)
    assert home.wait(lambda: home.buzzer.count(heard) > 0 and home.lamp.count(seen) > 0, LIMIT_S)
    assert has(home, "active", number=DESK)


def test_a_program_that_was_interrupted_is_bitten_by_the_watchdog(home: Chip) -> None:
    """Ctrl-C ends the firmware; the watchdog that it started nobody can stop."""
    assert lit(home)
    with Path(home.port).open("wb", buffering=0) as console:
        console.write(b"\x03")
    assert home.wait(lambda: b"\n>>> " in home.console, LIMIT_S)
    assert home.boots == [POWER]
    assert home.wait(lambda: home.boots[-1] == WATCHDOG, LIMIT_S)
    seen = len(home.lamp.changes)
    assert home.wait(lambda: home.lamp.count(seen) > 0, LIMIT_S)


def test_a_power_cut_in_a_call_is_a_new_call(home: Chip) -> None:
    """Key-value storage outlives it, and the firmware finds the modem off: PWRKEY and STATUS are wired."""
    assert has(home, "ready")
    home.press("sos", 900)
    assert has(home, "active", number=DESK)
    assert home.wait(lambda: home.nvs("alarm") is not None, LIMIT_S)
    before = len(home.events)
    home.reset(POWER)
    assert home.wait(lambda: any(one["ev"] == "dial" for one in home.events[before:]), LIMIT_S)
    assert {"ev": "power", "state": "on"} in home.events[before:]


def test_a_bench_has_the_program_as_files(tmp_path: Path) -> None:
    """On an official image main.py lies on the file system, and its outbox beside it."""
    board = Chip(tmp_path, speed=20.0)
    for room in ("firmware", "protocol"):
        shutil.copytree(ROOT / room, board.files / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "firmware" / "boot" / "image" / "main.py", board.files / "main.py")
    with board:
        assert lit(board)
        assert board.nvs("why") is None
        assert board.boots == [POWER]
