"""Signals: modem lines and their levels, PWRKEY, SIM, antenna, strapping, flashing, people, and the firmware's pins.

In: a report. Out: findings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware.board.okb_a import Board
from tools.hardware.pins import used

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.hardware.rules.report import Report

CHIP_V = (3.2, 3.4)  # the regulator's, with load
MODEM_HIGH_V = (2.1, 3.1)  # SIM800C: taken as high from, and never above
PADS = (
    "GND", "VBUS", "SYS", "CELL", "3V3", "VBAT_MODEM", "VDD_EXT", "PWRKEY", "MODEM_STATUS", "MODEM_TX_2V8", "MODEM_RX",
    "EN", "BOOT", "CHIP_TXD", "CHIP_RXD", "CHG_STAT", "CHG_PG", "NETLIGHT", "MODEM_USB_VBUS", "MODEM_USB_DP",
    "MODEM_USB_DM",
)  # fmt: skip
_ESD = ("ESD5", "ESD2", "ESD_USB")
# Whatever a finger, a card or a cable can touch.
_TOUCHED = (
    "CARD_RST", "CARD_CLK", "CARD_DATA", "SIM_VDD", "USB_DP", "USB_DM", "MICP", "MICN", "SPKP", "SPKN",
    "CONTACT_SOS", "CONTACT_K1", "CONTACT_K2", "CONTACT_K3", "CONTACT_K4", "CONTACT_CANCEL",
)  # fmt: skip


def levels(r: Report) -> None:
    """3.3 V of the chip come to the module as 2.8; and the lines cross."""
    r.one("modem", "SIM800C", {
        "UART1_RXD": "MODEM_TX_2V8", "UART1_TXD": "MODEM_RX", "UART1_DTR": "MODEM_DTR_2V8", "UART1_RI": "MODEM_RI",
        "STATUS": "MODEM_STATUS", "PWRKEY": "PWRKEY", "VBAT": "VBAT_MODEM", "GND": "GND", "GSM_ANT": "RF_MODULE",
        "MICP": "MICP", "MICN": "MICN", "SPKP": "SPKP", "SPKN": "SPKN", "SIM_VDD": "SIM_VDD", "SIM_RST": "SIM_RST",
        "SIM_CLK": "SIM_CLK", "SIM_DATA": "SIM_DATA", "VRTC": "VRTC", "BT_ANT": "", "VDD_EXT": "VDD_EXT",
    })  # fmt: skip
    for line in ("MODEM_TX", "MODEM_DTR"):
        upper, lower = r.size(line, f"{line}_2V8"), r.size(f"{line}_2V8", "GND")
        # Stiff enough for 115,200 baud; weak enough that a module without supply is not fed through its input.
        r.bridge(f"{line} divider", "R", (line, f"{line}_2V8"), (680, 4_700))
        r.bridge(f"{line} divider", "R", (f"{line}_2V8", "GND"), (3_300, 27_000))
        low, high = (volt * lower / (upper + lower) for volt in CHIP_V)
        good = low >= MODEM_HIGH_V[0] and high <= MODEM_HIGH_V[1]
        r.expect(good, f"{line} divider", f"high is {low:.2f} to {high:.2f} V")


def pwrkey(r: Report) -> None:
    """Pulled down by a transistor, and touched by nothing that could push it up."""
    r.one("pwrkey", "NPN", {"B": "PWRKEY_BASE", "C": "PWRKEY", "E": "GND"})
    kinds = sorted(r.board.pieces[pin.ref].kind.name for pin in r.board.on("PWRKEY"))
    r.expect(kinds == ["NPN", "PAD", "SIM800C"], "pwrkey", f"touched by {kinds}")


def sim(r: Report) -> None:
    """Card contacts behind their resistors."""
    r.one("sim", "SIM", {"VCC": "SIM_VDD", "RST": "CARD_RST", "CLK": "CARD_CLK", "IO": "CARD_DATA", "GND": "GND"})


def antenna(r: Report) -> None:
    """Module, one link, plug; static charge to ground through a coil; room to tune; nothing else on the way."""
    r.one("antenna", "ANTENNA", {"RF": "RF_ANTENNA", "GND": "GND"})
    r.one("antenna: static", "RF_COIL", {"A": "RF_ANTENNA", "B": "GND"})
    for net, most in (("RF_MODULE", ["R", "SIM800C"]), ("RF_ANTENNA", ["ANTENNA", "R", "RF_COIL"])):
        kinds = sorted(r.board.pieces[pin.ref].kind.name for pin in r.board.on(net))
        r.expect(kinds == most, "antenna", f"{net} is touched by {kinds}")
        spare = [p for p in r.board.nets.get(net, ()) if not r.board.pieces[p.ref].fitted]
        r.expect(len(spare) == 1, "antenna: tuning", f"{len(spare)} unfitted places at {net}, one is wanted")


def touched(r: Report) -> None:
    """What can be touched has a protector at it, and a protector protects."""
    for net in _TOUCHED:
        guards = [pin.ref for pin in r.board.on(net) if r.board.pieces[pin.ref].kind.name in _ESD]
        r.asked |= {ref for ref in guards if r.board.net_of(ref, "GND") == "GND"}
        r.expect(len(set(guards)) == 1, "esd", f"{net} has {len(set(guards))} protectors")
    for ref, piece in r.board.pieces.items():
        if piece.kind.name in _ESD:
            r.expect(r.board.net_of(ref, "GND") == "GND", "esd", f"{ref} has no ground")


def flashing(r: Report) -> None:
    """USB-UART and the two transistors that put the chip into its loader: EN low while RTS, BOOT low while DTR."""
    r.one("usb", "USB_UART", {
        "D+": "USB_DP", "D-": "USB_DM", "VIO": "3V3", "VDD": "3V3", "REGIN": "3V3", "VBUS": "UART_VBUS", "GND": "GND",
        "RXD": "UART_RXD", "TXD": "UART_TXD", "RTS": "RTS", "DTR": "DTR", "RST": "UART_RST",
    })  # fmt: skip
    r.one("auto-reset", "NPN", {"B": "DTR_BASE", "E": "RTS", "C": "EN"})
    r.one("auto-reset", "NPN", {"B": "RTS_BASE", "E": "DTR", "C": "BOOT"})


def people(r: Report) -> None:
    """Plugs, lamp and buzzer."""
    contacts = {key: f"CONTACT_{key}" for key in ("SOS", "K1", "K2", "K3", "K4", "CANCEL")}
    r.one("keys", "KEYS", {**contacts, "GND": "GND"})
    r.one("microphone", "MIC", {"MICP": "MICP", "MICN": "MICN"})
    r.one("loudspeaker", "SPEAKER", {"SPKP": "SPKP", "SPKN": "SPKN"})
    # Below 4.7 V, so that 3.3 V are high for it.
    r.one("lamp", "LAMP", {"VDD": "SYS", "GND": "GND", "DIN": "LAMP_DATA"})
    r.one("buzzer", "BUZZER", {"A": "SYS", "B": "BUZZER_COIL"})
    r.one("buzzer", "NMOS", {"G": "BUZZER_GATE", "S": "GND", "D": "BUZZER_COIL"})
    r.one("buzzer: its coil's kick", "DIODE", {"K": "SYS", "A": "BUZZER_COIL"})


def chip(r: Report) -> None:
    """Every function of the firmware's board is on the pin that it drives or reads, and nothing else is on that pin."""
    ref = r.one("chip", "ESP32", {"3V3": "3V3", "GND": "GND", "EN": "EN", "IO1": "CHIP_TXD", "IO3": "CHIP_RXD",
                                  "IO0": "BOOT", "IO2": "STRAP_2", "IO5": "STRAP_5", "IO12": "STRAP_12",
                                  "IO15": "STRAP_15", "IO16": "", "IO17": ""})  # fmt: skip
    for function, gpio in used(Board).items():
        net = r.board.net_of(ref, f"IO{gpio}")
        wanted = {"battery_level": "BATTERY_SENSE", "mains_level": "MAINS_SENSE"}.get(function, function.upper())
        r.expect(net == wanted, "firmware", f"{function} is GPIO {gpio}, the netlist has {net or 'nothing'} there")
    for net, holders in (("STRAP_2", 2), ("STRAP_5", 2), ("STRAP_12", 2), ("STRAP_15", 2), ("BOOT", 4)):
        r.expect(len(r.board.on(net)) == holders, "strapping", f"{net} has {len(r.board.on(net))} contacts")


def pads(r: Report) -> None:
    """What a technician must be able to measure."""
    for net in PADS:
        r.one("test pad", "PAD", {"PAD": net})


RULES: tuple[Callable[[Report], None], ...] = (
    levels, pwrkey, sim, antenna, touched, flashing, people, chip, pads,
)  # fmt: skip
