"""Resistors and capacitors, each between its two nets, with the bounds in which the circuit still does its duty.

In: a report. Out: findings. The bounds are those of the duty, not of the part's tolerance; why stands beside each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.hardware.rules.report import Report

_KEYS = ("SOS", "K1", "K2", "K3", "K4", "CANCEL")

# rule, kind, nets, least, most, how many
_BRIDGES: tuple[tuple[str, str, tuple[str, str], float, float, int], ...] = (
    # A USB-C source gives its 5 V only to who shows 5.1 k on both lines.
    ("usb-c sink", "R", ("CC1", "GND"), 4_600, 5_600, 1),
    ("usb-c sink", "R", ("CC2", "GND"), 4_600, 5_600, 1),
    # As the charger's data sheet has them.
    ("charger", "C", ("BTST", "SW"), 40e-9, 60e-9, 1),
    ("charger", "C", ("VBUS", "GND"), 0.9e-6, 5e-6, 1),  # USB allows a sink 10 uF at most
    ("charger", "C", ("PMID", "GND"), 8e-6, 12e-6, 1),
    ("charger", "C", ("REGN", "GND"), 4e-6, 6e-6, 1),
    ("charger", "C", ("CELL", "GND"), 8e-6, 22e-6, 1),
    ("charger and regulator", "C", ("SYS", "GND"), 8e-6, 22e-6, 3),
    ("charger: full at 4.2 V", "R", ("VSET", "GND"), 51e3, 500e3, 1),  # less than 50 k asks for 4.35 or 4.4 V
    ("charger: thermistor", "R", ("REGN", "NTC"), 5.0e3, 5.5e3, 1),
    ("charger: thermistor", "R", ("NTC", "GND"), 28e3, 32e3, 1),
    ("analogue inputs", "C", ("BATTERY_SENSE", "GND"), 47e-9, 220e-9, 1),
    ("analogue inputs", "C", ("MAINS_SENSE", "GND"), 47e-9, 220e-9, 1),
    # 2 A in bursts of 0.6 ms.
    ("modem bulk", "C", ("VBAT_MODEM", "GND"), 440e-6, 1e-3, 1),
    ("modem bulk", "C", ("VBAT_MODEM", "GND"), 90e-6, 220e-6, 1),
    ("modem bypass", "C", ("VBAT_MODEM", "GND"), 2e-6, 22e-6, 1),
    ("modem bypass", "C", ("VBAT_MODEM", "GND"), 30e-12, 36e-12, 1),
    ("modem bypass", "C", ("VBAT_MODEM", "GND"), 9e-12, 11e-12, 1),
    ("modem clock", "C", ("VRTC", "GND"), 1e-6, 22e-6, 1),
    # A module without supply reads as off, its ring line as at rest; both outputs must win over these.
    ("modem lines at rest", "R", ("MODEM_STATUS", "GND"), 47e3, 220e3, 1),
    ("modem lines at rest", "R", ("3V3", "MODEM_RI"), 47e3, 220e3, 1),
    # Enough to saturate it at 3.0 V, little enough for the pin; released when the pin floats in a restart.
    ("pwrkey", "R", ("MODEM_PWRKEY", "PWRKEY_BASE"), 2.2e3, 10e3, 1),
    ("pwrkey", "R", ("PWRKEY_BASE", "GND"), 22e3, 100e3, 1),
    # A restart of the chip leaves the pin floating: the module must stay supplied.
    ("modem supply defaults to on", "R", ("3V3", "MODEM_SUPPLY"), 22e3, 220e3, 1),
    ("sim", "R", ("SIM_RST", "CARD_RST"), 20, 51, 1),
    ("sim", "R", ("SIM_CLK", "CARD_CLK"), 20, 51, 1),
    ("sim", "R", ("SIM_DATA", "CARD_DATA"), 20, 51, 1),
    ("sim", "C", ("SIM_VDD", "GND"), 90e-9, 1e-6, 1),
    ("antenna", "R", ("RF_MODULE", "RF_ANTENNA"), 0, 0, 1),
    ("chip supply", "C", ("3V3", "GND"), 8e-6, 12e-6, 1),
    ("chip supply", "C", ("3V3", "GND"), 20e-6, 47e-6, 1),
    ("chip and usb bypass", "C", ("3V3", "GND"), 90e-9, 1e-6, 2),
    ("usb supply", "C", ("3V3", "GND"), 4e-6, 6e-6, 1),
    # Started when the supply stands, 10 ms later.
    ("reset", "R", ("3V3", "EN"), 9e3, 11e3, 1),
    ("reset", "C", ("EN", "GND"), 0.9e-6, 1.1e-6, 1),
    ("strapping: run", "R", ("3V3", "BOOT"), 4.7e3, 12e3, 1),
    ("strapping: flash at 3.3 V", "R", ("GND", "STRAP_12"), 4.7e3, 12e3, 1),
    ("strapping: flashing possible", "R", ("GND", "STRAP_2"), 4.7e3, 12e3, 1),
    ("strapping: as shipped", "R", ("3V3", "STRAP_5"), 4.7e3, 12e3, 1),
    ("strapping: tells of its boot", "R", ("3V3", "STRAP_15"), 4.7e3, 12e3, 1),
    ("usb reset", "R", ("3V3", "UART_RST"), 900, 4.7e3, 1),
    ("usb lines", "R", ("CHIP_TXD", "UART_RXD"), 100, 1e3, 1),
    ("usb lines", "R", ("UART_TXD", "CHIP_RXD"), 100, 1e3, 1),
    ("auto-reset", "R", ("DTR", "DTR_BASE"), 4.7e3, 12e3, 1),
    ("auto-reset", "R", ("RTS", "RTS_BASE"), 4.7e3, 12e3, 1),
    ("lamp", "R", ("LAMP", "LAMP_DATA"), 100, 510, 1),
    ("lamp", "C", ("SYS", "GND"), 90e-9, 1e-6, 1),
    ("buzzer", "R", ("BUZZER", "BUZZER_GATE"), 47, 470, 1),
    ("buzzer silent in a restart", "R", ("BUZZER_GATE", "GND"), 47e3, 220e3, 1),
)


def rows(report: Report) -> None:
    """Every row of the table."""
    for rule, kind, nets, least, most, count in _BRIDGES:
        report.bridge(rule, kind, nets, (least, most), count)


def keys(report: Report) -> None:
    """Pull-up on the contact's side, series resistor and capacitor to the pin: 1 ms, debounce is 30."""
    for key in _KEYS:
        contact, pin = f"CONTACT_{key}", f"KEY_{key}"
        report.bridge(f"key {key}: pull-up", "R", ("3V3", contact), (9e3, 11e3))
        report.bridge(f"key {key}: series", "R", (contact, pin), (900, 1_100))
        report.bridge(f"key {key}: capacitor", "C", (pin, "GND"), (90e-9, 110e-9))


def audio(report: Report) -> None:
    """33 pF and 10 pF across and to ground at both: or the home hears its own transmitter at 217 Hz."""
    for name, plus, minus in (("microphone", "MICP", "MICN"), ("loudspeaker", "SPKP", "SPKN")):
        for ends in ((plus, minus), (plus, "GND"), (minus, "GND")):
            report.bridge(f"{name}: 900 MHz", "C", ends, (30e-12, 36e-12))
            report.bridge(f"{name}: 1,800 MHz", "C", ends, (9e-12, 11e-12))


RULES: tuple[Callable[[Report], None], ...] = (rows, keys, audio)
