"""What the drawings write beside a symbol: references, values and pin numbers, read out of the netlist.

In: a netlist and nets. Out: words. Must never name a part that is not there: a missing one is a KeyError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.hardware.netlist import Netlist, Piece


def part(board: Netlist, one: str, other: str, kind: str = "R", value: str = "") -> Piece:
    """The part of a kind between two nets. KeyError if it is not one."""
    found = [piece for piece in board.between(one, other, kind) if value in ("", piece.value)]
    if len(found) != 1:
        raise KeyError(f"{len(found)} {kind} between {one} and {other}")
    return found[0]


def label(board: Netlist, one: str, other: str, kind: str = "R", value: str = "") -> str:
    """Reference and value of that part."""
    piece = part(board, one, other, kind, value)
    unit = "F" if kind == "C" else " ohm" if piece.value.isdigit() else ""
    return f"{piece.ref} {piece.value}{unit}"


def named(board: Netlist, kind: str) -> str:
    """Reference of the only part of a kind. KeyError if it is not one."""
    ref = board.the(kind)
    if not ref:
        raise KeyError(kind)
    return ref


def contact(board: Netlist, kind: str, net: str) -> str:
    """Name and number of the contact that a kind of part has on a net."""
    ref = named(board, kind)
    pins = [pin for pin in board.on(net) if pin.ref == ref]
    if not pins:
        raise KeyError(f"{kind} is not on {net}")
    return f"{pins[0].name} · pin {', '.join(pin.number for pin in pins)}"
