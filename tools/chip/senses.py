"""What a person at the emulated board sees and hears: blinks of the lamp, tones of the buzzer.

In: changes with their times. Out: counts. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Sense:
    """(seconds, value) of each change; a value that is not 0 is light or sound."""

    changes: list[tuple[float, int]] = field(default_factory=list)

    def change(self, at: float, value: int) -> None:
        """From then on."""
        if not self.changes or self.changes[-1][1] != value:
            self.changes.append((at, value))

    @property
    def now(self) -> int:
        """As it is."""
        return self.changes[-1][1] if self.changes else 0

    def count(self, since: int = 0) -> int:
        """Times it began, after the first `since` changes."""
        return sum(1 for _, value in self.changes[since:] if value)


def colour(grb: list[int]) -> int:
    """A lamp's three bytes as one number, red first; 0 is dark."""
    green, red, blue = (*grb, 0, 0, 0)[:3]
    return red << 16 | green << 8 | blue
