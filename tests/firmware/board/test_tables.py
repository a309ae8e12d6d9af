"""What the firmware believes of a board is what its pin table says, and neither breaks a rule of the chip."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from firmware.board import lilygo_tcall_sim800l, okb_a
from firmware.board.table import Table
from protocol.codes import KEYS

HARDWARE = Path(__file__).resolve().parents[3] / "hardware"
BOARDS: list[type[Table]] = [okb_a.Board, lilygo_tcall_sim800l.Board]

STRAPPING = {0, 2, 5, 12, 15}
FLASH = set(range(6, 12))
CONSOLE = {1, 3}
INPUT_ONLY = {34, 35, 36, 39}
PULSED_AT_BOOT = {1, 3, 5, 14, 15}
ADC1 = {32, 33, 34, 35, 36, 39}
PINS = {*range(6), *range(12, 20), 21, 22, 23, 25, 26, 27, *range(32, 37), 39}
WROVER_RAM = {16, 17}

pytestmark = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)


def used(board: type[Table]) -> dict[str, int]:
    """{function as hardware/ names it: gpio}."""
    lines: dict[str, int | None] = {
        "modem_tx": board.modem_tx, "modem_rx": board.modem_rx, "modem_pwrkey": board.pwrkey,
        "modem_supply": board.supply, "modem_reset": board.reset, "modem_status": board.status,
        "modem_dtr": board.dtr, "modem_ri": board.ring, "lamp": board.lamp, "buzzer": board.buzzer,
        "battery_level": board.battery.pin if board.battery else None,
        "mains_level": board.mains.pin if board.mains else None,
    }  # fmt: skip
    if board.boost is not None:
        lines["boost_scl"], lines["boost_sda"] = board.boost[:2]
    lines.update({f"key_{key}": pin for key, pin in board.keys})
    return {name: pin for name, pin in lines.items() if pin is not None}


def documented(board: type[Table]) -> dict[str, dict[str, str]]:
    with (HARDWARE / f"board-{board.name}" / "pinout.csv").open() as file:
        return {row["function"]: row for row in csv.DictReader(file)}


def test_it_is_the_documented_board(board: type[Table]) -> None:
    """Function for function, pin for pin, and the direction is the one that the firmware uses."""
    rows = documented(board)
    assert {name: int(row["gpio"]) for name, row in rows.items()} == used(board)
    inputs = {"modem_rx", "modem_ri", "modem_status", "battery_level", "mains_level", *(f"key_{key}" for key in KEYS)}
    assert {name for name, row in rows.items() if row["direction"] == "in"} == inputs & set(rows)


def test_no_pin_has_two_duties(board: type[Table]) -> None:
    """And every one exists on the module and is nobody else's."""
    pins = list(used(board).values())
    assert len(set(pins)) == len(pins)
    assert set(pins) <= PINS - FLASH - CONSOLE - WROVER_RAM


def test_a_held_key_does_not_change_how_the_chip_boots(board: type[Table]) -> None:
    """Only a modem's reset, where the maker of the bench board put it, is on a strapping pin; it is never driven."""
    strapped = {name for name, pin in used(board).items() if pin in STRAPPING}
    assert strapped <= {"modem_reset"}


def test_what_drives_can_drive_and_what_pulses_does_no_harm(board: type[Table]) -> None:
    """PWRKEY toggles: a pulse at boot would switch a running modem off in the middle of a call."""
    rows = documented(board)
    assert not {int(row["gpio"]) for row in rows.values() if "out" in row["direction"]} & INPUT_ONLY
    assert board.pwrkey not in PULSED_AT_BOOT | STRAPPING
    assert board.supply not in PULSED_AT_BOOT | STRAPPING
    assert not {pin for _, pin in board.keys} & PULSED_AT_BOOT


def test_voltages_are_measured_where_the_radio_does_not_disturb(board: type[Table]) -> None:
    """ADC1; and what decides anything lies in the calibrated range."""
    for divider in (board.battery, board.mains):
        assert divider is None or divider.pin in ADC1
    if board.mains is not None:
        assert board.mains_mv * board.mains.times[1] // board.mains.times[0] <= 2_450
    if board.battery is not None:
        assert 4_300 * board.battery.times[1] // board.battery.times[0] <= 2_450


def test_it_has_the_keys_that_every_terminal_needs(board: type[Table]) -> None:
    """A red one and cancel, all known to the wire; a pull-up is asked only of pins that have one."""
    names = [key for key, _ in board.keys]
    assert {"sos", "cancel"} <= set(names) <= set(KEYS)
    assert set(board.pulled) <= {pin for _, pin in board.keys} - INPUT_ONLY
    level = {int(row["gpio"]): row["level"] for row in documented(board).values()}
    assert [pin for _, pin in board.keys if "10k pull-up" in level[pin] or "of the chip" in level[pin]] == [
        pin for _, pin in board.keys
    ]
    assert {pin for _, pin in board.keys if "of the chip" in level[pin]} == set(board.pulled)
