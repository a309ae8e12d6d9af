"""What the rules write on: findings, and which parts a rule has asked for.

In: calls of the rules. Out: `found`. Must never judge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.hardware.netlist import natural

if TYPE_CHECKING:
    from tools.hardware.netlist import Netlist, Piece


class Report:
    """Findings about one board."""

    def __init__(self, board: Netlist) -> None:
        self.board = board
        self.found: list[str] = []
        self.asked: set[str] = set()

    def expect(self, good: bool, rule: str, why: str) -> None:
        """Note a finding unless `good`."""
        if not good:
            self.found.append(f"{rule}: {why}")

    def bridge(self, rule: str, kind: str, ends: tuple[str, str], size: tuple[float, float], count: int = 1) -> None:
        """At least `count` parts of a kind between two nets, their ohms or farads within bounds."""
        good = [piece for piece in self.board.between(*ends, kind) if size[0] <= piece.size <= size[1]]
        self.asked |= {piece.ref for piece in good}
        wanted = f"{count} {kind} of {size[0]:g} to {size[1]:g} between {ends[0]} and {ends[1]}"
        self.expect(len(good) == count, rule, f"wants {wanted}, has {len(good)}")

    def one(self, rule: str, kind: str, pins: dict[str, str]) -> str:
        """Exactly one part of a kind has its pins on these nets. Returns its reference, "" if it is not so."""
        board = self.board
        good = [
            ref for ref, piece in board.pieces.items()
            if piece.kind.name == kind and piece.fitted and all(board.net_of(ref, p) == net for p, net in pins.items())
        ]  # fmt: skip
        self.asked |= set(good)
        wiring = ", ".join(f"{pin} on {net or 'nothing'}" for pin, net in pins.items())
        self.expect(len(good) == 1, rule, f"wants one {kind} with {wiring}, has {len(good)}")
        return good[0] if len(good) == 1 else ""

    def size(self, one: str, other: str, kind: str = "R") -> float:
        """Ohms or farads of the only part of a kind between two nets; nan if there is none or more than one."""
        found: list[Piece] = self.board.between(one, other, kind)
        return found[0].size if len(found) == 1 else float("nan")

    def unasked(self) -> None:
        """A part that no rule wanted is either wrong or stands there for a reason that nobody wrote down."""
        for ref in sorted(self.board.pieces, key=natural):
            piece = self.board.pieces[ref]
            if piece.fitted and ref not in self.asked:
                self.found.append(f"unasked: {ref} ({piece.kind.name} {piece.value}) is wanted by no rule")
