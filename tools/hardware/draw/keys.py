"""How the six keys are wired, from the plug to the chip's pin.

In: a netlist. Out: the text of keys.svg.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.hardware.draw.picture import BLUE, GREY, Picture
from tools.hardware.draw.reading import contact, label, named

if TYPE_CHECKING:
    from tools.hardware.netlist import Netlist

_ROW = 132
_LEGEND = {
    "SOS": "red, SOS", "K1": "family 1", "K2": "family 2", "K3": "family 3", "K4": "community", "CANCEL": "cancel",
}  # fmt: skip


def draw(board: Netlist) -> str:
    """The text."""
    picture = Picture(
        1_060, 110 + _ROW * len(_LEGEND),
        "Keys", "Open: 3.3 V at the pin. Closed to ground: below 0.1 V. Rise 1.1 ms, fall 0.1 ms; debounce is 30 ms.",
    )  # fmt: skip
    for row, (key, legend) in enumerate(_LEGEND.items()):
        _key(picture, board, 150 + _ROW * row, key, legend)
    return picture.svg()


def _key(p: Picture, board: Netlist, y: float, key: str, legend: str) -> None:
    touched, pin = f"CONTACT_{key}", f"KEY_{key}"
    guard = next(q.ref for q in board.on(touched) if board.pieces[q.ref].kind.name == "ESD5")
    p.text(30, y - 8, key, bold=True, size=16)
    p.text(30, y + 12, legend, size=12, ink=GREY)
    p.line((130, y + 24), (130, y), (146, y))
    p.ground(130, y + 24)
    p.switch(150, y)
    p.line((204, y), (470, y))
    p.text(262, y - 8, f"{named(board, 'KEYS')} {contact(board, 'KEYS', touched)}", size=12, ink=BLUE, at="middle")
    p.dot(370, y)
    p.line((370, y), (370, y + 26))
    p.box(340, y + 26, 60, 26, (guard,))
    p.line((370, y + 52), (370, y + 60))
    p.ground(370, y + 60)
    p.dot(450, y)
    p.resistor(450, y - 30, label(board, "3V3", touched), upright=True)
    p.rail(450, y - 60, "3V3")
    p.line((470, y), (530, y))
    p.resistor(560, y, label(board, touched, pin))
    p.line((590, y), (790, y))
    p.dot(650, y)
    p.capacitor(650, y + 30, label(board, pin, "GND", "C"))
    p.ground(650, y + 60)
    p.text(720, y - 8, pin, size=12, ink=BLUE, at="middle")
    p.box(790, y - 26, 230, 52, (f"{named(board, 'ESP32')} ESP32", contact(board, "ESP32", pin)))
