"""Every rule holds, and each part whose absence, value or wiring would hurt somebody is missed by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.hardware import rules
from tools.hardware.circuit import board as drawn

if TYPE_CHECKING:
    from tools.hardware.netlist import Netlist

BOARD = drawn().netlist()
FITTED = [ref for ref, piece in BOARD.pieces.items() if piece.fitted]
VALUED = [ref for ref in FITTED if BOARD.pieces[ref].kind.name in ("R", "C")]


def between(one: str, other: str, kind: str = "R", value: str = "") -> str:
    """The reference of the only such part."""
    found = [piece.ref for piece in BOARD.between(one, other, kind) if value in ("", piece.value)]
    assert len(found) == 1
    return found[0]


def told(board: Netlist, rule: str) -> bool:
    return any(line.startswith(rule) for line in rules.findings(board))


def test_the_board_breaks_no_rule(board: Netlist) -> None:
    assert rules.findings(board) == []


@pytest.mark.parametrize("ref", FITTED)
def test_every_part_is_missed_when_it_is_taken_out(ref: str) -> None:
    """Nothing stands on the board without a rule that wants it there."""
    assert rules.findings(BOARD.without(ref))


@pytest.mark.parametrize("ref", VALUED)
def test_every_value_is_missed_when_it_is_ten_times_too_large_or_too_small(ref: str) -> None:
    """A reel in the wrong feeder is found."""
    size = BOARD.pieces[ref].size or 100
    assert rules.findings(BOARD.valued(ref, repr(size * 10)))
    assert rules.findings(BOARD.valued(ref, repr(size / 10)))


@pytest.mark.parametrize("ref", [ref for ref in BOARD.pieces if not BOARD.pieces[ref].fitted])
def test_a_place_to_tune_the_antenna_is_missed_too(ref: str) -> None:
    assert told(BOARD.without(ref), "antenna: tuning")


@pytest.mark.parametrize(
    ("rule", "ref"),
    [
        ("MODEM_TX divider", between("MODEM_TX_2V8", "GND")),
        ("MODEM_DTR divider", between("MODEM_DTR_2V8", "GND")),
        ("modem bulk", between("VBAT_MODEM", "GND", "C", "470u")),
        ("modem bulk", between("VBAT_MODEM", "GND", "C", "100u")),
        ("pwrkey", next(p.ref for p in BOARD.on("PWRKEY") if BOARD.pieces[p.ref].kind.name == "NPN")),
        ("pwrkey", between("PWRKEY_BASE", "GND")),
        ("key SOS: pull-up", between("3V3", "CONTACT_SOS")),
        ("key SOS: series", between("CONTACT_SOS", "KEY_SOS")),
        ("key SOS: capacitor", between("KEY_SOS", "GND", "C")),
        ("modem supply defaults to on", between("3V3", "MODEM_SUPPLY")),
        ("modem supply: inrush", between("SWITCH_CT", "GND", "C")),
        ("antenna", between("RF_MODULE", "RF_ANTENNA")),
        ("antenna: static", BOARD.the("RF_COIL")),
        ("battery divider", between("BATTERY_SENSE", "GND")),
        ("mains divider", between("VBUS", "MAINS_SENSE")),
        ("reset", between("EN", "GND", "C")),
        ("strapping: run", between("3V3", "BOOT")),
        ("charger: full at 4.2 V", between("VSET", "GND")),
        ("charger: ILIM", between("ILIM", "GND")),
        ("inlet: fuse", BOARD.the("PTC")),
        ("inlet: clamp", BOARD.the("TVS")),
        ("buzzer: its coil's kick", BOARD.the("DIODE")),
        ("esd: CARD_DATA", next(p.ref for p in BOARD.on("CARD_DATA") if BOARD.pieces[p.ref].kind.name == "ESD5")),
    ],
)
def test_the_finding_names_what_is_missing(rule: str, ref: str) -> None:
    """A technician reads which duty is not done."""
    assert told(BOARD.without(ref), rule)


@pytest.mark.parametrize(
    ("rule", "ref", "value"),
    [
        ("MODEM_TX divider", between("MODEM_TX_2V8", "GND"), "22k"),  # 3.15 V into a 2.8 V input
        ("MODEM_TX divider", between("MODEM_TX", "MODEM_TX_2V8"), "4.7k"),  # 1.8 V: never a high
        ("battery divider", between("CELL", "BATTERY_SENSE"), "47k"),  # the firmware would believe a fuller cell
        ("mains divider", between("MAINS_SENSE", "GND"), "120k"),
        ("charger: full at 4.2 V", between("VSET", "GND"), "10k"),  # 4.4 V: a fire
        ("charger: ICHG", between("ICHG", "GND"), "470"),
        ("modem supply: off", between("VBAT_MODEM", "GND", "C", "470u"), "2000u"),
        ("modem supply: inrush", between("SWITCH_CT", "GND", "C"), "1n"),
        ("usb sense", between("VBUS", "UART_VBUS"), "10k"),
        ("key K3: capacitor", between("KEY_K3", "GND", "C"), "1u"),
        ("antenna", between("RF_MODULE", "RF_ANTENNA"), "22"),
    ],
)
def test_a_wrong_value_is_named(rule: str, ref: str, value: str) -> None:
    assert told(BOARD.valued(ref, value), rule)


@pytest.mark.parametrize(
    ("rule", "kind", "pin", "net"),
    [
        ("modem: ", "SIM800C", "UART1_RXD", "MODEM_TX"),  # 3.3 V straight in
        ("modem: ", "SIM800C", "UART1_TXD", "MODEM_TX_2V8"),  # output on output
        ("modem: ", "SIM800C", "VBAT", "SYS"),  # past the switch
        ("3.3 V", "LDO", "IN", "VBAT_MODEM"),  # the chip would die with the modem
        ("charger", "CHARGER", "OTG", "REGN"),  # it would feed the plug
        ("charger", "CHARGER", "CE", "REGN"),  # it would never charge
        ("lamp", "LAMP", "VDD", "VBUS"),  # dark on battery, and deaf to 3.3 V
        ("buzzer: its coil's kick", "DIODE", "K", "GND"),
        ("inlet: clamp", "TVS", "K", "VBUS_IN"),  # before the fuse
        ("pwrkey", "PAD", "PAD", "PWRKEY"),
        ("keys", "KEYS", "SOS", "CONTACT_K1"),
        ("firmware: key_sos", "ESP32", "IO33", "KEY_K1"),
        ("strapping: BOOT", "ESP32", "IO25", "BOOT"),
    ],
)
def test_a_wrong_wire_is_named(rule: str, kind: str, pin: str, net: str) -> None:
    ref = next(ref for ref, piece in BOARD.pieces.items() if piece.kind.name == kind)
    assert told(BOARD.moved(ref, pin, net), rule)


def test_a_resistor_that_nobody_asked_for_is_named() -> None:
    """A pull-up at PWRKEY or a second load at a strapping pin does not slip in."""
    ref = between("3V3", "EN")
    assert told(BOARD.moved(ref, "B", "PWRKEY"), "pwrkey")
    assert told(BOARD.moved(ref, "B", "STRAP_12"), "strapping: STRAP_12")
    assert told(BOARD.moved(ref, "B", "SYS"), f"unasked: {ref}")
