"""The nouns of the calls room."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class Fact:
    """One thing that is known about a case."""

    kind: str
    at: datetime
    message_id: str | None = None
    ref: str | None = None
    happened_at: datetime | None = None
    actor: str | None = None
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """What the facts of a case add up to."""

    key: str | None
    urgency: str
    state: str
    late: bool
    presses: int
    pressed_at: datetime | None
    waiting_since: datetime | None
    escalation: int
    due_at: datetime | None
    accepted_at: datetime | None
    accepted_by: str | None
    cancelled_at: datetime | None
    on_the_way_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True)
class Case(Summary):
    """A case as it is stored: its identity and the summary of its facts."""

    case_id: UUID
    device_id: str
    home_id: UUID | None
    opened_at: datetime


@dataclass(frozen=True)
class Rung:
    """One target of a ladder, as the terminal dials it."""

    label: str
    number: str
    ring_s: int
    staffed: bool

    def on_the_wire(self) -> list[object]:
        """As the protocol's `plan` has it."""
        return [self.label, self.number, self.ring_s, int(self.staffed)]
