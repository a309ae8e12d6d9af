"""A netlist as plain data: what hangs on which net. The rules, the drawings and the lists read this and nothing else.

In: pieces and their connections. Out: questions answered about them, copies with a piece taken out or changed, text.
Must never know how the circuit was drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tools.hardware.parts import number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.hardware.parts import Kind


@dataclass(frozen=True)
class Piece:
    """One part on the board."""

    ref: str
    kind: Kind
    value: str  # of a resistor or capacitor, as written; else the part number
    sheet: str
    fitted: bool  # False: a footprint kept for tuning

    @property
    def size(self) -> float:
        """Ohms or farads."""
        return number(self.value)


@dataclass(frozen=True)
class Pin:
    """One contact of a piece."""

    ref: str
    number: str
    name: str
    type: str


@dataclass(frozen=True)
class Netlist:
    """Pieces by reference and pins by net. Pins that are left open on purpose are on no net."""

    pieces: dict[str, Piece]
    nets: dict[str, tuple[Pin, ...]]

    def on(self, net: str) -> list[Pin]:
        """Contacts of fitted pieces on a net."""
        return [pin for pin in self.nets.get(net, ()) if self.pieces[pin.ref].fitted]

    def net_of(self, ref: str, pin: str) -> str:
        """The net of a pin by its name; "" if it is open or has no such pin."""
        return next((net for net, pins in self.nets.items() for p in pins if p.ref == ref and p.name == pin), "")

    def the(self, kind: str) -> str:
        """The reference of the only piece of a kind; "" if there is none or more than one."""
        found = [ref for ref, piece in self.pieces.items() if piece.kind.name == kind and piece.fitted]
        return found[0] if len(found) == 1 else ""

    def between(self, one: str, other: str, kind: str) -> list[Piece]:
        """Fitted pieces of a kind with one contact on each of two nets."""
        here = {pin.ref for pin in self.on(one)}
        there = {pin.ref for pin in self.on(other)}
        return [self.pieces[ref] for ref in sorted(here & there) if self.pieces[ref].kind.name == kind]

    def without(self, ref: str) -> Netlist:
        """The same board with one piece taken out."""
        nets = {net: tuple(pin for pin in pins if pin.ref != ref) for net, pins in self.nets.items()}
        return Netlist({name: piece for name, piece in self.pieces.items() if name != ref}, nets)

    def valued(self, ref: str, value: str) -> Netlist:
        """The same board with another value at one place."""
        return replace(self, pieces={**self.pieces, ref: replace(self.pieces[ref], value=value)})

    def moved(self, ref: str, pin: str, net: str) -> Netlist:
        """The same board with every contact of that name of one piece on another net."""
        taken = [p for pins in self.nets.values() for p in pins if p.ref == ref and p.name == pin]
        nets = {name: tuple(p for p in pins if p not in taken) for name, pins in self.nets.items()}
        nets[net] = (*nets.get(net, ()), *taken)
        return replace(self, nets=nets)


def natural(ref: str) -> tuple[str, int]:
    """R2 before R10."""
    letters = ref.rstrip("0123456789")
    return letters, int(ref[len(letters) :] or 0)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', "'") + '"'


def _component(piece: Piece) -> str:
    fields = {"mpn": piece.kind.mpn, "sheet": piece.sheet, "fitted": "yes" if piece.fitted else "no"}
    inner = " ".join(f"(field (name {_quoted(k)}) {_quoted(v)})" for k, v in fields.items())
    return (
        f"    (comp (ref {_quoted(piece.ref)}) (value {_quoted(piece.value)})"
        f" (footprint {_quoted(piece.kind.package)}) (fields {inner}))"
    )


def _net(code: int, name: str, pins: Iterable[Pin]) -> str:
    nodes = [
        f"      (node (ref {_quoted(pin.ref)}) (pin {_quoted(pin.number)}) (pinfunction {_quoted(pin.name)}))"
        for pin in sorted(pins, key=lambda pin: (natural(pin.ref), pin.number))
    ]
    return "\n".join([f"    (net (code {_quoted(str(code))}) (name {_quoted(name)})", *nodes, "    )"])


def text(board: Netlist, title: str) -> str:
    """The netlist in KiCad's form (s-expressions, version E), always in the same order."""
    pieces = [_component(board.pieces[ref]) for ref in sorted(board.pieces, key=natural)]
    nets = [_net(code, name, board.nets[name]) for code, name in enumerate(sorted(board.nets), 1)]
    return "\n".join(
        [
            '(export (version "E")',
            f"  (design (source {_quoted(title)}))",
            "  (components", *pieces, "  )",
            "  (nets", *nets, "  )",
            ")", "",
        ]
    )  # fmt: skip
