"""The nouns of the desk's screen: what a page and the JSON show, in words, masked already."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class TerminalView:
    """One terminal as a list shows it."""

    device_id: str
    place: str | None
    contact: str
    contact_name: str
    sign: str
    last_seen_at: datetime | None
    battery_pct: int | None
    on_mains: bool | None
    csq: int | None
    warnings: list[str]


@dataclass(frozen=True)
class RungView:
    """One target of the ladder; `now` where the terminal is at it."""

    label: str
    number: str
    now: bool


@dataclass(frozen=True)
class PersonView:
    """Who lives there."""

    name: str
    phone: str | None


@dataclass(frozen=True)
class CaseView:
    """One case as the desk reads it."""

    case_id: UUID
    device_id: str
    urgency: str
    urgency_name: str
    key: str | None
    key_name: str
    state: str
    state_name: str
    late: bool
    presses: int
    opened_at: datetime
    pressed_at: datetime | None
    waiting_since: datetime | None
    escalation: int
    escalation_name: str
    due_at: datetime | None
    due_name: str | None  # who is told then
    accepted_at: datetime | None
    accepted_by: str | None
    cancelled_at: datetime | None
    on_the_way_at: datetime | None
    closed_at: datetime | None
    disposition: str | None
    place: str | None
    address: str | None
    lives_alone: bool
    people: list[PersonView]
    contacts: list[PersonView]
    route: list[RungView]
    story: list[tuple[datetime, str]]
    terminal: TerminalView | None
    masked: bool


@dataclass(frozen=True)
class RefusedView:
    """A press that could not be taken. It may be an emergency: the people of the home are shown until it is seen."""

    quarantine_id: int
    device_id: str
    at: datetime
    times: int
    last_at: datetime
    reason: str
    reason_name: str
    place: str | None
    address: str | None
    people: list[PersonView]


@dataclass(frozen=True)
class Board:
    """The whole screen."""

    now: datetime
    refused: list[RefusedView]
    refused_total: int
    cases: list[CaseView]
    closed: list[CaseView]
    alarms: int  # emergencies that wait for a person
    waiting: int  # other cases that do
    attended: int
    hidden: int  # open cases that are not in `cases`


@dataclass(frozen=True)
class TerminalBoard:
    """The terminals' part of the screen."""

    now: datetime
    terminals: list[TerminalView]
    counts: list[tuple[str, str, int]]
    total: int
    ingest_silent_since: datetime | None
