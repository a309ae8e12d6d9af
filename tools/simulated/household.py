"""How a simulated terminal and the people it calls behave: readings that wander, calls that are answered or not.

Seeded by the device id, so that a fleet behaves the same in every run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tools.simulated.dice import Dice

Rung = list[Any]  # [label, number, ring seconds, staffed 0/1] of the wire

# What happens on a rung: who talks, or the cause of the failure.
ANSWERED = "talk"
FAILURES = ("no_answer", "busy", "no_answer", "no_carrier")
ANSWERS_STAFFED = 0.9  # a desk nearly always answers
ANSWERS_FAMILY = 0.5

# Dialled where no route comes in time and no configuration has brought a plan. The label only: nothing is dialled here.
SHIPPED_PLAN: list[Rung] = [["坐席", "01055500001", 30, 1]]

FULL_MV, EMPTY_MV = 4150, 3500


@dataclass(frozen=True)
class Pace:
    """How long things take, in seconds."""

    route_wait: float = 3.0  # then the stored plan
    ring: float = 4.0
    talk: float = 20.0
    slow: float = 30.0  # between two rounds of an SOS that nobody has answered


class Household:
    """Readings of one home, and luck."""

    __slots__ = ("_battery", "_cell", "_csq", "dice", "mains")

    def __init__(self, *seed: str) -> None:
        self.dice = Dice(*seed)
        self._battery = self.dice.uniform(0.7, 1.0)
        self._csq = self.dice.randint(9, 28)
        self.mains = self.dice.random() < 0.97  # a fault takes it away and gives it back
        self._cell = f"{self.dice.randint(0x1000, 0x1FFF):04X}-{self.dice.randint(0, 0xFFFF):04X}"

    def readings(self) -> dict[str, Any]:
        """Battery, mains, signal and so on of this moment: each a small step from the last."""
        dice = self.dice
        self._battery = min(1.0, max(0.05, self._battery + (0.01 if self.mains else -0.005)))
        self._csq = min(31, max(3, self._csq + dice.randint(-2, 2)))
        return {
            "bat": int(EMPTY_MV + (FULL_MV - EMPTY_MV) * self._battery) + dice.randint(-8, 8),
            "pct": int(100 * self._battery),
            "mains": int(self.mains),
            "csq": self._csq,
            "reg": 1,
            "net": "gsm",
            "cell": self._cell,
            "temp": dice.randint(19, 31),
            "heap": dice.randint(60_000, 90_000),
            "rtt": dice.randint(400, 1500),
            "test": 0,
        }

    def outcome(self, rung: Rung) -> str:
        """ANSWERED, or why not."""
        if self.dice.random() < (ANSWERS_STAFFED if rung[3] else ANSWERS_FAMILY):
            return ANSWERED
        return self.dice.choice(FAILURES)
