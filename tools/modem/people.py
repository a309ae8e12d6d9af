"""The people behind the numbers: what each does with a call, drawn from a mix with a seed, or in a given order.

In: a person, the seed, and how often they were called of late. Out: the plan of one call, the same for the same input.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

Kind = Literal["answer", "busy", "no_answer", "unreachable", "voicemail"]
KINDS: tuple[Kind, ...] = ("answer", "busy", "no_answer", "unreachable", "voicemail")
RING_LIMIT_S = 60.0  # a network gives up ringing after about a minute
RING_S = 5.0  # one ring and its pause
MAILBOX_S = 20.0  # of ringing at most, before a mailbox takes over


@dataclass(frozen=True)
class Plan:
    """What one number does. Seconds count from its first ring, those of `talk` and `dtmf_after` from the answer."""

    kind: Kind = "answer"
    after: float = 3.0
    talk: float | None = None  # None: until the terminal hangs up
    ring: float = RING_LIMIT_S
    dtmf: str = ""
    dtmf_after: float = 1.0
    drops: bool = False  # at the end of `talk` the line goes, not the person
    calls_back: float | None = None  # seconds after a call that was not answered; then they ring the terminal
    behaviour: str = ""  # the row of BEHAVIOURS that made it; empty for a plan that somebody wrote

    @property
    def human(self) -> bool:
        """Whether it is a person who answers; a mailbox answers too."""
        return self.kind == "answer"


Draw = random.Random

# What people do: name, and the plan that they make of it. `{key}` is the person's key to accept.
BEHAVIOURS: dict[str, Callable[[Draw], Plan]] = {
    "answer": lambda draw: Plan("answer", after=_rings(draw), talk=draw.uniform(15, 120)),
    "accept": lambda draw: Plan(
        "answer", after=_rings(draw), talk=draw.uniform(30, 120), dtmf="key", dtmf_after=draw.uniform(2, 12)
    ),
    "brief": lambda draw: Plan("answer", after=_rings(draw), talk=draw.uniform(0.5, 9)),
    "drop": lambda draw: Plan("answer", after=_rings(draw), talk=draw.uniform(1, 40), drops=True),
    "voicemail": lambda draw: Plan("voicemail", after=draw.uniform(0.5, MAILBOX_S), talk=draw.uniform(5, 60)),
    "no_answer": lambda draw: Plan("no_answer", ring=draw.uniform(30, RING_LIMIT_S)),
    "call_back": lambda draw: Plan("no_answer", ring=draw.uniform(30, RING_LIMIT_S), calls_back=draw.uniform(5, 90)),
    "busy": lambda _: Plan("busy"),
    "unreachable": lambda _: Plan("unreachable"),
}

# How people are when nobody says it: half of the calls reach somebody.
DEFAULT_MIX = {
    "answer": 6.0,
    "accept": 4.0,
    "brief": 1.0,
    "drop": 1.0,
    "voicemail": 2.0,
    "no_answer": 4.0,
    "call_back": 1.0,
    "busy": 2.0,
    "unreachable": 1.0,
}


def _rings(draw: Draw) -> float:
    """One to four rings, and a part of one."""
    return RING_S * draw.randint(0, 3) + draw.uniform(1, RING_S)


@dataclass(frozen=True)
class Human:
    """One person. `calls` is what they do with the first call, the second …, the last for good; else the mix draws."""

    mix: tuple[tuple[str, float], ...] = tuple(DEFAULT_MIX.items())
    calls: tuple[str, ...] = ()
    key: str = "1"  # accepts with it

    def plan(self, seed: object, number: str, call: int, attempt: int) -> Plan:
        """What they do with the network's call number `call`, the `attempt`-th (from 0) in a row to them."""
        draw = Draw(f"{seed}/{number}/{call}")  # not from one row of draws: who is called first must not matter
        if self.calls:
            name = self.calls[min(attempt, len(self.calls) - 1)]
        else:
            names, weights = zip(*self.mix, strict=True)
            name = draw.choices(names, weights)[0]
        plan = BEHAVIOURS[name](draw)
        return replace(plan, behaviour=name, dtmf=self.key if plan.dtmf else "")
