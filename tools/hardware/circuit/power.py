"""Supply: USB-C in, charger with power path, cell, 3.3 V, the modem's switched supply, what is measured of it.

SYS is the charger's output: 3.5 V at least on mains, a little above the cell when that is full (4.26 V), the cell
through 20 milliohm without mains. So the modem hangs on it without a regulator: 3.4 to 4.4 V is what it wants.
"""

from __future__ import annotations

from tools.hardware.sheet import Sheet


def draw(sheet: Sheet) -> None:
    """Put it on the sheet."""
    sheet.supplied("GND", "VBUS", "CELL")
    _inlet(sheet)
    _charger(sheet)
    _cell(sheet)
    _logic(sheet)
    _modem(sheet)


def _inlet(s: Sheet) -> None:
    s.part("USB_C", {
        "GND": "GND", "VBUS": "VBUS_IN", "CC1": "CC1", "CC2": "CC2", "D+": "USB_DP", "D-": "USB_DM",
        "SBU1": None, "SBU2": None, "SHIELD": "GND",
    })  # fmt: skip
    s.r("5.1k", "CC1", "GND")
    s.r("5.1k", "CC2", "GND")
    s.part("PTC", {"A": "VBUS_IN", "B": "VBUS"})
    s.part("TVS", {"K": "VBUS", "A": "GND"})
    s.r("100k", "VBUS", "MAINS_SENSE")
    s.r("100k", "MAINS_SENSE", "GND")
    s.c("100n", "MAINS_SENSE")


def _charger(s: Sheet) -> None:
    # D+ and D- stay open: then it is an unknown source, and ILIM alone says how much may be taken.
    s.part("CHARGER", {
        "VAC": "VBUS", "ACDRV": None, "D+": None, "D-": None, "STAT": "CHG_STAT", "OTG": "GND", "PG": "CHG_PG",
        "ILIM": "ILIM", "CE": "GND", "ICHG": "ICHG", "TS": "NTC", "VSET": "VSET", "BAT": "CELL", "SYS": "SYS",
        "GND": "GND", "SW": "SW", "BTST": "BTST", "REGN": "REGN", "PMID": "PMID", "VBUS": "VBUS",
    })  # fmt: skip
    s.r("330", "ILIM", "GND")
    s.r("1k", "ICHG", "GND")
    s.r("100k", "VSET", "GND")
    s.r("5.23k", "REGN", "NTC")
    s.r("30.1k", "NTC", "GND")
    s.part("COIL", {"A": "SW", "B": "SYS"})
    s.c("47n", "BTST", "SW")
    s.c("1u", "VBUS")
    s.c("10u", "PMID")
    s.c("4.7u", "REGN")
    s.c("10u", "SYS")
    s.c("10u", "SYS")
    s.c("10u", "CELL")


def _cell(s: Sheet) -> None:
    s.part("PACK", {"PACK+": "PACK", "NTC": "NTC", "GND": "GND"})
    s.part("FUSE", {"A": "PACK", "B": "CELL"})
    s.r("100k", "CELL", "BATTERY_SENSE")
    s.r("100k", "BATTERY_SENSE", "GND")
    s.c("100n", "BATTERY_SENSE")


def _logic(s: Sheet) -> None:
    s.part("LDO", {"IN": "SYS", "GND": "GND", "EN": "SYS", "OUT": "3V3"})
    s.c("10u", "SYS")
    s.c("10u", "3V3")


def _modem(s: Sheet) -> None:
    s.part("SWITCH", {
        "VIN": "SYS", "ON": "MODEM_SUPPLY", "VBIAS": "SYS", "GND": "GND", "CT": "SWITCH_CT", "VOUT": "VBAT_MODEM",
    })  # fmt: skip
    s.r("100k", "3V3", "MODEM_SUPPLY")
    s.c("4.7n", "SWITCH_CT")
