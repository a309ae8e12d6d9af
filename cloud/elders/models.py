"""The nouns of the elders room, unsealed: made by store, shown only where a person may see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

# The district's assessment of what an old person can do alone, from all to nothing.
CARE_LEVELS = ("完好", "轻度", "中度", "重度", "失能")


@dataclass(frozen=True)
class Elder:
    """Who wears the pendant."""

    name: str
    phone: str | None


@dataclass(frozen=True, kw_only=True)
class PersonFacts:
    """What makes a broken terminal more urgent for her; None: not known. The desk is not shown it."""

    birth: str | None = field(default=None, repr=False)  # YYYY or YYYY-MM-DD
    care_level: str | None = field(default=None, repr=False)  # of CARE_LEVELS
    care_notes: str | None = field(default=None, repr=False)  # health and care, in words


@dataclass(frozen=True)
class Contact:
    """Family or a neighbour, in the order in which they are called."""

    label: str
    number: str


@dataclass(frozen=True)
class Household:
    """A home with its people. `unreadable` counts what could not be unsealed and was left out."""

    home_id: UUID
    street_code: str
    street: str
    community: str
    address: str
    lives_alone: bool
    elders: tuple[Elder, ...]
    contacts: tuple[Contact, ...]
    unreadable: int = 0
