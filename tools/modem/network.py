"""The telephone network behind the modem: what each number does when it is rung, and a tally of every call and SMS.

In: plans and people by number. Out: for one call the list of what happens when, as plain data. It rings nobody.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from tools.modem.people import KINDS, RING_LIMIT_S, Human, Kind, Plan

__all__ = ["KINDS", "MAX_TALLY", "RING_LIMIT_S", "Human", "Kind", "Network", "Plan", "Record", "Sms", "course"]

MAX_TALLY = 1000  # records kept: a soak must not fill the memory; older ones are counted only
ROW_S = 900.0  # calls to a number with less than this between them are one row: the first time, the second time


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
    cause: str | None = None  # NO CARRIER, BUSY, NO ANSWER, hung up, dropped, aborted, network, power, …
    by: str | None = None  # terminal, other, network
    dtmf: str = ""  # keys that the terminal sent
    human: bool = False  # a person is at the other end, not a mailbox or nobody
    behaviour: str = ""  # what the person was drawn to do
    pressed: str = ""  # keys that the other side pressed

    @property
    def talked(self) -> float:
        """Seconds between the answer and the end; 0 without an answer."""
        if self.active_at is None or self.ended_at is None:
            return 0.0
        return round(self.ended_at - self.active_at, 3)


@dataclass
class Sms:
    """One message that the terminal sent, or tried to; it goes no further than this."""

    number: str
    text: str
    at: float
    error: int | None = None  # the code that it was refused with


@dataclass
class Network:
    """Plans, people and tally."""

    plans: dict[str, Plan] = field(default_factory=dict)
    default: Plan = field(default_factory=Plan)
    humans: dict[str, Human] = field(default_factory=dict)
    seed: int = 0
    calls: list[Record] = field(default_factory=list)
    messages: list[Sms] = field(default_factory=list)
    failed: list[Sms] = field(default_factory=list)
    forgotten: int = 0
    opened: int = 0  # calls so far, forgotten ones too
    _rows: dict[str, tuple[float, int]] = field(default_factory=dict)  # number: last call, calls in the row

    def plan(self, number: str) -> Plan:
        """What this number is known to do; a number is the same with and without +86."""
        return self.plans.get(_plain(number), self.default)

    def set_plan(self, number: str, plan: Plan | Human) -> None:
        """From the next call on the number does this, or the person; `default` is every number without its own."""
        known = _plain(number)
        if isinstance(plan, Human):
            self.humans[known] = plan
            return
        self.humans.pop(known, None)
        if number == "default":
            self.default = plan
        else:
            self.plans[known] = plan

    def answer(self, record: Record) -> Plan:
        """What the other end does with this call, noted in its record."""
        number = _plain(record.number)
        human = self.humans.get(number)
        if human is None and number not in self.plans:
            human = self.humans.get("default")
        if human is None:
            plan = self.plan(number)
        else:
            last, row = self._rows.get(number, (0.0, 0))
            row = row if record.started_at - last < ROW_S else 0
            self._rows[number] = (record.started_at, row + 1)
            plan = human.plan(self.seed, number, record.id, row)
        record.human, record.behaviour = plan.human, plan.behaviour
        return plan

    def record(self, direction: Literal["out", "in"], number: str, now: float) -> Record:
        """Open the record of a call."""
        self.opened += 1
        record = Record(self.opened, direction, number, now)
        self.calls.append(record)
        self._trim()
        return record

    def keep_sms(self, number: str, text: str, now: float, error: int | None = None) -> None:
        """Put a message into the tally: sent, or refused with this code."""
        (self.messages if error is None else self.failed).append(Sms(number, text, now, error))
        self._trim()

    def tally(self) -> dict[str, Any]:
        """Everything so far, for JSON."""
        return {
            "calls": [{**asdict(record), "talked": record.talked} for record in self.calls],
            "sms": [asdict(sms) for sms in self.messages],
            "sms_failed": [asdict(sms) for sms in self.failed],
            "forgotten": self.forgotten,
        }

    def take(self) -> dict[str, Any]:
        """The tally, and begin a new one: for a judge after every press. Calls that stand are kept for the next."""
        tally = self.tally()
        tally["calls"] = [call for call in tally["calls"] if call["ended_at"] is not None]
        self.calls[:] = [record for record in self.calls if record.ended_at is None]
        self.messages.clear()
        self.failed.clear()
        self.forgotten = 0
        return tally

    def _trim(self) -> None:
        for kept in (self.calls, self.messages, self.failed):
            if len(kept) > MAX_TALLY:
                del kept[0]
                self.forgotten += 1


def course(plan: Plan) -> list[tuple[float, str]]:
    """What happens to a call once the network has found the number: (seconds, what) in order.

    What is ringing, answered, `dtmf <key>`, or an end: BUSY, NO ANSWER, NO CARRIER, dropped.
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
        steps.append((plan.after + plan.talk, "dropped" if plan.drops else "NO CARRIER"))
    return steps


def _plain(number: str) -> str:
    return number.removeprefix("+86").removeprefix("+")
