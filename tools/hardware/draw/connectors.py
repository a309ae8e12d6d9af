"""Every plug with its contacts, and the pads for measuring.

In: a netlist. Out: the text of connectors.svg.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.hardware.draw.picture import BLUE, GREY, INK, Picture
from tools.hardware.netlist import natural

if TYPE_CHECKING:
    from tools.hardware.netlist import Netlist

_KINDS = {
    "PACK": "cell", "KEYS": "keys", "MIC": "microphone", "SPEAKER": "loudspeaker", "ANTENNA": "antenna",
    "SIM": "nano SIM", "USB_C": "USB-C",
}  # fmt: skip
_COLUMN, _ROW = 330, 20


def draw(board: Netlist) -> str:
    """The text."""
    p = Picture(990, 700, "Plugs and test pads", "Contact, its name, the net that it is on.")
    places = iter(((30, 90), (30, 230), (30, 470), (30, 580), (360, 90), (360, 210), (360, 400)))
    for kind, (x, y) in zip(_KINDS, places, strict=True):
        _plug(p, board, kind, x, y)
    _pads(p, board, 700, 90)
    return p.svg()


def _plug(p: Picture, board: Netlist, kind: str, x: float, y: float) -> None:
    ref = board.the(kind)
    piece = board.pieces[ref]
    nets = {pin.number: net for net, pins in board.nets.items() for pin in pins if pin.ref == ref}
    rows: dict[tuple[str, str], list[str]] = {}
    for number, name, _ in piece.kind.pins:
        rows.setdefault((name, nets.get(number, "open")), []).append(number)
    p.box(x, y, _COLUMN - 20, 34 + _ROW * len(rows), (f"{ref} {_KINDS[kind]} · {piece.kind.mpn}",))
    for row, ((name, net), numbers) in enumerate(rows.items()):
        here = y + 46 + _ROW * row
        p.text(x + 12, here, " ".join(numbers), size=12)
        p.text(x + 118, here, name, size=12, bold=True)
        p.text(x + 190, here, net, size=12, ink=BLUE if net != "open" else GREY)


def _pads(p: Picture, board: Netlist, x: float, y: float) -> None:
    pads = sorted(
        ((pin.ref, net) for net, pins in board.nets.items() for pin in pins if pin.name == "PAD"),
        key=lambda pad: natural(pad[0]),
    )
    p.box(x, y, 250, 34 + _ROW * len(pads), ("Test pads, 1.5 mm",))
    for row, (ref, net) in enumerate(pads):
        p.text(x + 14, y + 46 + _ROW * row, ref, size=12, ink=INK, bold=True)
        p.text(x + 74, y + 46 + _ROW * row, net, size=12, ink=BLUE)
