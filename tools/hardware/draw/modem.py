"""The lines between chip and modem, each with what stands between them; SIM and antenna.

In: a netlist. Out: the text of modem.svg.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.hardware.draw.picture import BLUE, Picture
from tools.hardware.draw.reading import contact, label, named

if TYPE_CHECKING:
    from tools.hardware.netlist import Netlist

_LEFT, _RIGHT = 250, 830


def draw(board: Netlist) -> str:
    """The text."""
    p = Picture(
        1_100, 1_130, "Chip to modem, SIM, antenna",
        "The module's logic is 2.8 V: what the chip sends is divided, what the module sends goes straight in.",
    )  # fmt: skip
    p.box(30, 90, 220, 680, (f"{named(board, 'ESP32')} ESP32-WROOM-32E", "3.3 V logic"))
    p.box(_RIGHT, 90, 240, 1_000, (f"{named(board, 'SIM800C')} SIM800C", "2.8 V logic, VBAT 3.4-4.4 V"))
    _divided(p, board, 170, "MODEM_TX")
    _straight(p, board, 270, "MODEM_RX", "")
    _divided(p, board, 350, "MODEM_DTR")
    _straight(p, board, 520, "MODEM_RI", "3V3")
    _straight(p, board, 580, "MODEM_STATUS", "GND")
    _pwrkey(p, board, 700)
    _sim(p, board, 840)
    _antenna(p, board, 1_030)
    return p.svg()


def _ends(p: Picture, board: Netlist, y: float, chip: str, module: str) -> None:
    p.text(_LEFT - 10, y + 4, contact(board, "ESP32", chip), size=12, at="end")
    p.text(_RIGHT + 10, y + 4, contact(board, "SIM800C", module), size=12)


def _divided(p: Picture, board: Netlist, y: float, net: str) -> None:
    low = f"{net}_2V8"
    _ends(p, board, y, net, low)
    p.line((_LEFT, y), (430, y))
    p.text(270, y - 8, net, size=12, ink=BLUE)
    p.resistor(460, y, label(board, net, low))
    p.line((490, y), (560, y))
    p.arrow((560, y), (_RIGHT, y))
    p.dot(560, y)
    p.resistor(560, y + 30, label(board, low, "GND"), upright=True)
    p.ground(560, y + 60)
    p.text(670, y - 8, low, size=12, ink=BLUE)


def _straight(p: Picture, board: Netlist, y: float, net: str, rests: str) -> None:
    _ends(p, board, y, net, net)
    p.arrow((_RIGHT, y), (_LEFT, y))
    p.text(270, y - 8, net, size=12, ink=BLUE)
    if rests:
        p.dot(560, y)
    if rests == "3V3":
        p.resistor(560, y - 30, label(board, rests, net), upright=True)
        p.rail(560, y - 60, rests)
    elif rests:
        p.resistor(560, y + 30, label(board, net, rests), upright=True)
        p.ground(560, y + 60)


def _pwrkey(p: Picture, board: Netlist, y: float) -> None:
    p.text(_LEFT - 10, y + 4, contact(board, "ESP32", "MODEM_PWRKEY"), size=12, at="end")
    p.text(_RIGHT + 10, y - 26, contact(board, "SIM800C", "PWRKEY"), size=12)
    p.line((_LEFT, y), (390, y))
    p.text(270, y - 8, "MODEM_PWRKEY", size=12, ink=BLUE)
    p.resistor(420, y, label(board, "MODEM_PWRKEY", "PWRKEY_BASE"))
    p.line((450, y), (620, y))
    p.dot(490, y)
    p.resistor(490, y + 30, label(board, "PWRKEY_BASE", "GND"), upright=True)
    p.ground(490, y + 60)
    transistor = next(q.ref for q in board.on("PWRKEY") if board.pieces[q.ref].kind.name == "NPN")
    p.npn(620, y, f"{transistor} {board.pieces[transistor].kind.mpn}")
    p.ground(650, y + 30)
    p.line((650, y - 30), (_RIGHT, y - 30))


def _sim(p: Picture, board: Netlist, y: float) -> None:
    p.box(30, y - 44, 220, 176, (f"{named(board, 'SIM')} nano SIM", "all contacts behind ESD"))
    for row, line in enumerate(("RST", "CLK", "DATA")):
        here = y + 16 + 44 * row
        p.text(_LEFT - 10, here + 4, contact(board, "SIM", f"CARD_{line}"), size=12, at="end")
        p.line((_LEFT, here), (530, here))
        p.resistor(560, here, label(board, f"SIM_{line}", f"CARD_{line}"))
        p.line((590, here), (_RIGHT, here))
        p.text(_RIGHT + 10, here + 4, contact(board, "SIM800C", f"SIM_{line}"), size=12)


def _antenna(p: Picture, board: Netlist, y: float) -> None:
    p.box(30, y - 26, 220, 52, (f"{named(board, 'ANTENNA')} U.FL", "50 ohm, antenna in the housing"))
    p.line((_LEFT, y), (530, y))
    p.resistor(560, y, label(board, "RF_MODULE", "RF_ANTENNA"))
    p.line((590, y), (_RIGHT, y))
    p.text(_RIGHT + 10, y + 4, contact(board, "SIM800C", "RF_MODULE"), size=12)
    for x, net in ((440, "RF_ANTENNA"), (690, "RF_MODULE")):
        spare = next(q.ref for q in board.nets[net] if not board.pieces[q.ref].fitted)
        p.dot(x, y)
        p.capacitor(x, y + 30, f"{spare} not fitted")
        p.ground(x, y + 60)
    coil = named(board, "RF_COIL")
    p.dot(330, y)
    p.line((330, y), (330, y + 14))
    p.box(300, y + 14, 60, 26, (coil,))
    p.text(292, y + 32, "68 nH", size=12, at="end")
    p.line((330, y + 40), (330, y + 60))
    p.ground(330, y + 60)
