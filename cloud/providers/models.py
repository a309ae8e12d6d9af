"""The nouns of the providers room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

DESK, STATION, SERVICE, AMBULANCE = "desk", "station", "service", "ambulance"
ACTIVE, SUSPENDED = "active", "suspended"


@dataclass(frozen=True)
class Place:
    """Where a home is, as far as routing asks."""

    street_code: str
    community: str


@dataclass(frozen=True)
class Area:
    """Where a provider comes to. No street: the whole district; no community: the whole street."""

    street_code: str | None = None
    community: str | None = None


@dataclass(frozen=True)
class Span:
    """From a minute of a Shanghai weekday (0 is Monday) to another; past midnight is more than 1440."""

    weekday: int
    opens_minute: int
    closes_minute: int


@dataclass(frozen=True)
class Provider:
    """Somebody who can be called."""

    provider_id: UUID
    kind: str
    service: str | None
    label: str
    number: str
    ring_s: int
    staffed: bool
    status: str
    line_ok: bool
    around_the_clock: bool
    areas: tuple[Area, ...]
    hours: tuple[Span, ...]
