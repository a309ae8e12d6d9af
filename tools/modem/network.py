"""The telephone network behind the modem: what each number does when it is rung, and a tally of every call and SMS.

In: plans by number. Out: for one call the list of what happens when, as plain data. It rings nobody.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["answer", "busy", "no_answer", "unreachable", "voicemail"]
KINDS: tuple[Kind, ...] = ("answer", "busy", "no_answer", "unreachable", "voicemail")
MAX_TALLY = 1000  # records kept: a soak must not fill the memory; older ones are counted only
RING_LIMIT_S = 60.0  # a network gives up ringing after about a minute


@dataclass(frozen=True)
class Plan:
    """What one number does. Seconds count from its first ring, those of `talk` and `dtmf_after` from the answer."""

    kind: Kind = "answer"
    after: float = 3.0
    talk: float | None = None  # None: until the terminal hangs up
    ring: float = RING_LIMIT_S
    dtmf: str = ""
    dtmf_after: float = 1.0


@dataclass
class Record:
    """One call as the network saw it; times in seconds since 1970."""

    id: int
    direction: Literal["out", "in"]
    number: str
    started_at: float
    ringing_at: float | None = None
    active_at: float | None = None
    ended_at: float | None = None
    cause: str | None = None
    by: str | None = None
    dtmf: str = ""  # keys that the terminal sent


@dataclass
class Sms:
    """One message that the terminal sent; it goes no further than this."""

    number: str
    text: str
    at: float


@dataclass
class Network:
    """Plans and tally."""

    plans: dict[str, Plan] = field(default_factory=dict)
    default: Plan = field(default_factory=Plan)
    calls: list[Record] = field(default_factory=list)
    messages: list[Sms] = field(default_factory=list)
    forgotten: int = 0
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def plan(self, number: str) -> Plan:
        """What this number does; a number is the same with and without +86."""
        return self.plans.get(_plain(number), self.default)

    def set_plan(self, number: str, plan: Plan) -> None:
        """From the next call on the number does this; `default` is every other number."""
        if number == "default":
            self.default = plan
        else:
            self.plans[_plain(number)] = plan

    def record(self, direction: Literal["out", "in"], number: str, now: float) -> Record:
        """Open the record of a call."""
        record = Record(next(self._ids), direction, number, now)
        self.calls.append(record)
        self._trim()
        return record

    def keep_sms(self, number: str, text: str, now: float) -> None:
        """Put a sent message into the tally."""
        self.messages.append(Sms(number, text, now))
        self._trim()

    def tally(self) -> dict[str, Any]:
        """Everything so far, for JSON."""
        return {
            "calls": [asdict(record) for record in self.calls],
            "sms": [asdict(sms) for sms in self.messages],
            "forgotten": self.forgotten,
        }

    def _trim(self) -> None:
        for kept in (self.calls, self.messages):
            if len(kept) > MAX_TALLY:
                del kept[0]
                self.forgotten += 1


def course(plan: Plan) -> list[tuple[float, str]]:
    """What happens to a call once the network has found the number: (seconds, what) in order.

    What is ringing, answered, `dtmf <key>`, or an end: BUSY, NO ANSWER, NO CARRIER.
    """
    if plan.kind == "busy":
        return [(0.0, "BUSY")]
    if plan.kind == "unreachable":
        return [(0.0, "NO CARRIER")]
    if plan.kind == "no_answer":
        return [(0.0, "ringing"), (plan.ring, "NO ANSWER")]
    if plan.after >= plan.ring:
        return [(0.0, "ringing"), (plan.ring, "NO ANSWER")]
    steps = [(0.0, "ringing"), (plan.after, "answered")]
    steps += [(plan.after + plan.dtmf_after, f"dtmf {key}") for key in plan.dtmf]
    if plan.talk is not None:
        steps = [step for step in steps if step[0] <= plan.after + plan.talk]
        steps.append((plan.after + plan.talk, "NO CARRIER"))
    return steps


def _plain(number: str) -> str:
    return number.removeprefix("+86").removeprefix("+")
