"""Supply: the way of the current from plug and cell to chip and modem, and what its figures come to.

In: a report. Out: findings. The constants are those of the data sheets, at the typical value unless said otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware.board.okb_a import Board
from firmware.modem.power import CUT_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.hardware.rules.report import Report

CHARGE_AOHM = 677  # charger: amperes times ohms at ICHG
INPUT_AOHM = 478  # and at ILIM
CHARGE_A = (0.4, 0.8)  # a cell of 3 Ah in 8 h at the slowest, below 0.3 C at the fastest
INPUT_A = (1.2, 1.7)  # modem, chip and charge at once; below what a 2 A plug and the fuse give
SLEW_V_S_NF = 4.0 / 8.207e-3 * 4.7  # switch: 10 to 90 % of 5 V in 8.2 ms with 4.7 nF
DISCHARGE_OHM = 225  # switch, off
INRUSH_A = 0.5  # into the modem's empty capacitors; the chip must not feel it
DRAINED = 0.1  # of its supply: the module has surely lost its state
ADC_MV = 2_450  # calibrated up to here
CELL_MV = 4_300
PLUG_V = (4.4, 5.5)
UART_VBUS_V = (2.75, 3.9)  # CP2102N: seen as present; not above its own supply by more than it may


def inlet(r: Report) -> None:
    """Plug, fuse, clamp, in that order."""
    r.one("inlet", "USB_C", {
        "VBUS": "VBUS_IN", "GND": "GND", "CC1": "CC1", "CC2": "CC2", "D+": "USB_DP", "D-": "USB_DM",
    })  # fmt: skip
    r.one("inlet: fuse", "PTC", {"A": "VBUS_IN", "B": "VBUS"})
    r.one("inlet: clamp", "TVS", {"K": "VBUS", "A": "GND"})
    past = [pin.ref for pin in r.board.on("VBUS_IN") if r.board.pieces[pin.ref].kind.name not in ("USB_C", "PTC")]
    r.expect(not past, "inlet: fuse", f"{past} hang before it")


def charger(r: Report) -> None:
    """Power path, currents, cell."""
    r.one("charger", "CHARGER", {
        "VAC": "VBUS", "VBUS": "VBUS", "SYS": "SYS", "BAT": "CELL", "CE": "GND", "OTG": "GND", "GND": "GND",
        "TS": "NTC", "SW": "SW", "BTST": "BTST", "REGN": "REGN", "PMID": "PMID", "ILIM": "ILIM", "ICHG": "ICHG",
        "VSET": "VSET", "D+": "", "D-": "", "STAT": "CHG_STAT", "PG": "CHG_PG",
    })  # fmt: skip
    r.one("charger", "COIL", {"A": "SW", "B": "SYS"})
    r.one("cell", "PACK", {"PACK+": "PACK", "NTC": "NTC", "GND": "GND"})
    r.one("cell: fuse", "FUSE", {"A": "PACK", "B": "CELL"})
    for net, constant, (least, most) in (("ICHG", CHARGE_AOHM, CHARGE_A), ("ILIM", INPUT_AOHM, INPUT_A)):
        ohm = r.size(net, "GND")
        r.asked |= {piece.ref for piece in r.board.between(net, "GND", "R")}
        r.expect(ohm > 0 and least <= constant / ohm <= most, f"charger: {net}", f"{ohm:g} ohm is not {least}-{most} A")


def logic(r: Report) -> None:
    """3.3 V from the same node as the modem, not from the modem's switched side."""
    r.one("3.3 V", "LDO", {"IN": "SYS", "EN": "SYS", "GND": "GND", "OUT": "3V3"})


def modem_supply(r: Report) -> None:
    """The switch: soft on, drained when off, within the time that the firmware waits."""
    r.one("modem supply", "SWITCH", {
        "VIN": "SYS", "VBIAS": "SYS", "ON": "MODEM_SUPPLY", "VOUT": "VBAT_MODEM", "GND": "GND", "CT": "SWITCH_CT",
    })  # fmt: skip
    r.one("modem supply: clamp", "ZENER", {"K": "VBAT_MODEM", "A": "GND"})
    bulk = sum(piece.size for piece in r.board.between("VBAT_MODEM", "GND", "C"))
    slow = r.size("SWITCH_CT", "GND", "C")
    r.asked |= {piece.ref for piece in r.board.between("SWITCH_CT", "GND", "C")}
    inrush = bulk * SLEW_V_S_NF / (slow * 1e9)
    r.expect(0 < inrush <= INRUSH_A, "modem supply: inrush", f"{inrush:.2f} A, {INRUSH_A} A at most")
    r.expect(slow <= 22e-9, "modem supply: inrush", "starts too slowly for the module's own reset")
    drained_ms = 1_000 * DISCHARGE_OHM * bulk * 2.303  # to a tenth: ln 10 time constants
    r.expect(0 < drained_ms <= CUT_MS / 2, "modem supply: off", f"drains in {drained_ms:.0f} ms, firmware: {CUT_MS} ms")


def _divided(r: Report, top: str, middle: str, rule: str, within: tuple[float, float]) -> float:
    """The part of `top` that `middle` shows; a finding unless both resistors are there and of a size."""
    upper, lower = r.size(top, middle), r.size(middle, "GND")
    for ends in ((top, middle), (middle, "GND")):
        r.bridge(rule, "R", ends, within)
    return lower / (upper + lower)


def measured(r: Report) -> None:
    """Cell and mains as the firmware computes them back, in the calibrated range of the converter."""
    for rule, top, middle, divider, most in (
        ("battery divider", "CELL", "BATTERY_SENSE", Board.battery, CELL_MV),
        ("mains divider", "VBUS", "MAINS_SENSE", Board.mains, Board.mains_mv),
    ):
        # 100 k each: 21 uA out of the cell for ever; more would be noise to the converter.
        part = _divided(r, top, middle, rule, (47e3, 220e3))
        times = divider.times[0] / divider.times[1] if divider else 0
        r.expect(abs(part * times - 1) <= 0.01, rule, f"shows {part:.3f} of it, the firmware multiplies by {times:g}")
        r.expect(part * most <= ADC_MV, rule, f"{most} mV come out as {part * most:.0f} mV, above {ADC_MV}")


def usb_sense(r: Report) -> None:
    """The USB-UART is fed by the board: without its own supply it must not get 5 V at a pin."""
    part = _divided(r, "VBUS", "UART_VBUS", "usb sense", (10e3, 100e3))
    low, high = (part * volt for volt in PLUG_V)
    r.expect(low >= UART_VBUS_V[0] and high <= UART_VBUS_V[1], "usb sense", f"{low:.2f} to {high:.2f} V")


RULES: tuple[Callable[[Report], None], ...] = (inlet, charger, logic, modem_supply, measured, usb_sense)
