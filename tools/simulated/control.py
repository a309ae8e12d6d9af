"""What is asked of a fleet while it runs: lines of text, and what is planned for a second of the run.

In: `sos 1200`, `DEVICE k1 200`, `cut 0.3 60`, `storm 20 30`, `count`. Out: calls of the fleet. A line that is none of
these is said to be so and changes nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocol.codes import KEYS
from protocol.topics import is_device_id

if TYPE_CHECKING:
    from tools.simulated.fleet import Fleet

HOLD_MAX_MS = 600_000
_PLANNED = re.compile(r"(\d+(?:\.\d+)?)@(\d+(?:\.\d+)?)\+(\d+(?:\.\d+)?)")
WORDS = "a line is: [DEVICE] KEY [MILLISECONDS], cut SHARE SECONDS, storm PRESSES_PER_S SECONDS, or count"


@dataclass(frozen=True)
class Planned:
    """A cut or a storm at a second of the run."""

    word: str
    amount: float
    at_s: float
    for_s: float

    @property
    def line(self) -> str:
        """As it is asked for."""
        return f"{self.word} {self.amount} {self.for_s}"


def planned(word: str, text: str) -> Planned:
    """`SHARE@SECOND+SECONDS` or `PRESSES_PER_S@SECOND+SECONDS`. Raises ValueError."""
    found = _PLANNED.fullmatch(text)
    if found is None or (word == "cut" and float(found[1]) > 1):
        raise ValueError(f"--{word} {text}: wanted is AMOUNT@SECOND+SECONDS, for one 0.3@60+30")
    return Planned(word, *(float(each) for each in found.groups()))


def obey(fleet: Fleet, line: str, *, first: bool = True) -> bool:
    """Do what a line asks; False where it asks for nothing we know. `first`: whose a key without a device is."""
    words = line.split()
    if len(words) == 3 and words[0] in {"cut", "storm"}:
        return _weather(fleet, words)
    device_id = words.pop(0) if words and is_device_id(words[0]) else None
    if not words or words[0] not in KEYS or not all(word.isdecimal() for word in words[1:]):
        return False
    if device_id is None and not first:
        return True
    terminal = fleet.terminals.get(device_id or next(iter(fleet.terminals)))
    if terminal is None:
        return False
    terminal.press(words[0], min(int(words[1]), HOLD_MAX_MS) if words[1:] else 1200)
    return True


def _weather(fleet: Fleet, words: list[str]) -> bool:
    try:
        amount, for_s = float(words[1]), float(words[2])
    except ValueError:
        return False
    if words[0] == "cut":
        fleet.cut(amount, for_s)
    elif amount > 0:
        fleet.storm(amount, for_s)
    return True
