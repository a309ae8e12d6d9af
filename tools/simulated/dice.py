"""Numbers drawn for one terminal: the same in every run, whatever else is drawn meanwhile, and 8 bytes of state.

Python's own generator keeps 2.5 KB for each; 50,000 terminals with four each would take half a gigabyte for it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

_MASK = (1 << 64) - 1


class Dice:
    """SplitMix64, seeded by words: `Dice("1", "SIM000001", "keys")`."""

    __slots__ = ("_state",)

    def __init__(self, *words: str) -> None:
        self._state = int.from_bytes(hashlib.blake2b("\n".join(words).encode(), digest_size=8).digest(), "big")

    def bits(self) -> int:
        """The next 64 bits."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return mixed ^ (mixed >> 31)

    def random(self) -> float:
        """0 up to, not including, 1."""
        return (self.bits() >> 11) / (1 << 53)

    def uniform(self, low: float, high: float) -> float:
        """Anything between."""
        return low + (high - low) * self.random()

    def randint(self, low: int, high: int) -> int:
        """Both included."""
        return low + self.bits() % (high - low + 1)

    def choice(self, among: Sequence[T]) -> T:
        """One of them."""
        return among[self.bits() % len(among)]

    def weighted(self, among: Sequence[T], weights: Sequence[int]) -> T:
        """One of them, by whole-number weights."""
        left = self.bits() % sum(weights)
        for each, weight in zip(among, weights, strict=True):
            if left < weight:
                return each
            left -= weight
        raise AssertionError("weights add up")
