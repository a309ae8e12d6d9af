"""The way of the current: plug, charger, cell, 3.3 V, the modem's switch, and what is measured of it.

In: a netlist. Out: the text of power.svg.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.hardware.draw.picture import BLUE, GREY, RED, Picture
from tools.hardware.draw.reading import label, named, part
from tools.hardware.pins import gpio
from tools.hardware.rules.supply import CHARGE_AOHM, INPUT_AOHM

if TYPE_CHECKING:
    from tools.hardware.netlist import Netlist

_Y = 170


def draw(board: Netlist) -> str:
    """The text."""
    p = Picture(
        1_240, 700, "Power path",
        "On mains the charger feeds SYS and helps itself from the cell in a burst; without mains the cell feeds SYS.",
    )  # fmt: skip
    _inlet(p, board)
    _cell(p, board)
    _sys(p, board)
    _measured(p, board)
    return p.svg()


def _inlet(p: Picture, board: Netlist) -> None:
    p.box(30, _Y - 40, 120, 80, (f"{named(board, 'USB_C')} USB-C", "5 V, 2 A", f"CC: 2 x {_cc(board)}"))
    p.arrow((150, _Y), (200, _Y))
    p.box(200, _Y - 40, 120, 80, (f"{named(board, 'PTC')} fuse", "2 A hold, resets", "1812L200/12"))
    p.line((320, _Y), (430, _Y))
    p.dot(350, _Y)
    p.line((350, _Y), (350, _Y + 70))
    p.box(305, _Y + 70, 90, 44, (named(board, "TVS"), "SMAJ5.0A"))
    p.line((350, _Y + 114), (350, _Y + 126))
    p.ground(350, _Y + 126)
    p.text(332, _Y - 10, "VBUS 4.4-5.5 V", size=12, ink=RED)
    p.arrow((430, _Y), (450, _Y))
    charge, limit = _ampere(board, "ICHG", CHARGE_AOHM), _ampere(board, "ILIM", INPUT_AOHM)
    p.box(450, _Y - 60, 200, 150, (
        f"{named(board, 'CHARGER')} BQ25616", "charger with power path",
        f"{label(board, 'ICHG', 'GND')}: {charge} to the cell", f"{label(board, 'ILIM', 'GND')}: {limit} from USB",
        f"{label(board, 'VSET', 'GND')}: 4.2 V", f"{label(board, 'REGN', 'NTC')}, {label(board, 'NTC', 'GND')}: NTC",
        f"{named(board, 'COIL')} 1 uH to SYS",
    ))  # fmt: skip


def _ampere(board: Netlist, net: str, ampere_ohm: float) -> str:
    return f"{ampere_ohm / part(board, net, 'GND').size:.2f} A"


def _cc(board: Netlist) -> str:
    return board.between("CC1", "GND", "R")[0].value


def _cell(p: Picture, board: Netlist) -> None:
    p.line((550, _Y + 90), (550, _Y + 140))
    p.text(560, _Y + 120, "CELL 3.0-4.2 V", size=12, ink=RED)
    p.box(490, _Y + 140, 120, 46, (f"{named(board, 'FUSE')} fuse", "4 A fast"))
    p.line((550, _Y + 186), (550, _Y + 220))
    p.text(560, _Y + 208, "PACK", size=12, ink=RED)
    p.box(470, _Y + 220, 160, 84, (
        f"{named(board, 'PACK')} plug, keyed", "18650, 3.35 Ah", "with protection and NTC", "1 PACK+  2 NTC  3 GND",
    ))  # fmt: skip


def _sys(p: Picture, board: Netlist) -> None:
    p.line((650, _Y), (740, _Y), wide=3, ink=RED)
    p.text(656, _Y - 10, "SYS 3.5-4.3 V", size=12, ink=RED)
    p.line((740, _Y), (740, _Y + 340), wide=3, ink=RED)
    p.arrow((740, _Y), (780, _Y))
    p.box(780, _Y - 40, 170, 80, (
        f"{named(board, 'SWITCH')} load switch", "TPS22965", f"CT {label(board, 'SWITCH_CT', 'GND', 'C')}: soft start",
    ))  # fmt: skip
    p.line((865, _Y + 40), (865, _Y + 66))
    p.text(875, _Y + 62, f"ON: {label(board, '3V3', 'MODEM_SUPPLY')} to 3V3", size=12, ink=BLUE)
    p.text(875, _Y + 80, f"GPIO{gpio(board, 'MODEM_SUPPLY')} low: off", size=12, ink=GREY)
    p.arrow((950, _Y), (1_060, _Y))
    p.text(955, _Y - 10, "VBAT_MODEM", size=12, ink=RED)
    p.box(1_060, _Y - 60, 150, 150, (
        f"{named(board, 'SIM800C')} SIM800C", "bursts of 2 A",
        *(label(board, "VBAT_MODEM", "GND", "C", value) for value in ("470u", "100u", "10u", "33p", "10p")),
        f"{named(board, 'ZENER')} 5.1 V",
    ))  # fmt: skip
    p.arrow((740, _Y + 170), (780, _Y + 170))
    p.box(780, _Y + 140, 170, 60, (f"{named(board, 'LDO')} regulator", "3.3 V, 1 A"))
    p.arrow((950, _Y + 170), (1_060, _Y + 170))
    p.text(975, _Y + 162, "3V3", size=12, ink=RED)
    p.box(1_060, _Y + 140, 150, 60, (f"{named(board, 'ESP32')} ESP32", f"and {named(board, 'USB_UART')} USB-UART"))
    p.arrow((740, _Y + 260), (780, _Y + 260))
    p.box(780, _Y + 230, 170, 60, (f"{named(board, 'LAMP')} lamp", "WS2812 kind"))
    p.arrow((740, _Y + 340), (780, _Y + 340))
    p.box(780, _Y + 310, 170, 60, (f"{named(board, 'BUZZER')} buzzer", f"through {named(board, 'NMOS')}"))


def _measured(p: Picture, board: Netlist) -> None:
    p.text(30, 430, "Measured", bold=True, size=15)
    for x, top, middle in ((80, "VBUS", "MAINS_SENSE"), (280, "CELL", "BATTERY_SENSE")):
        p.rail(x, 470, top)
        p.resistor(x, 500, label(board, top, middle), upright=True)
        p.dot(x, 530)
        p.resistor(x, 560, label(board, middle, "GND"), upright=True)
        p.ground(x, 590)
        p.line((x, 530), (x + 76, 530))
        p.text(x + 80, 534, f"GPIO{gpio(board, middle)}", size=12, ink=BLUE)
        p.text(x - 40, 624, f"{middle}: half of {top},", size=12, ink=GREY)
        p.text(x - 40, 640, f"{label(board, middle, 'GND', 'C')} at the pin", size=12, ink=GREY)
