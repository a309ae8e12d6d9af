"""The nouns of the elders room, unsealed: made by store, shown only where a person may see them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Elder:
    """Who wears the pendant."""

    name: str
    phone: str | None


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
