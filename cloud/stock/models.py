"""The nouns of this room: benches and what they signed, cards, what the registry knows about a board's parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Who may sign for boards."""

    bench: str
    public_key: bytes
    created_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A terminal of the registry as a board: None where nothing is known yet."""

    device_id: str
    status: str
    bench: str | None
    revoked_at: datetime | None
    serial: str | None
    mac: str | None
    imei: str | None
    iccid: str | None
    has_msisdn: bool
    unlock_round: int


@dataclass(frozen=True, kw_only=True)
class Card:
    """A SIM card. The number is never shown."""

    iccid: str
    msisdn: str = field(repr=False)
    plan: str
    pool: str
    expires_on: date


@dataclass(frozen=True, kw_only=True)
class StoredCard:
    """A SIM card as it is kept, and the terminal that has it."""

    iccid: str
    msisdn_sealed: bytes = field(repr=False)
    msisdn_hash: bytes = field(repr=False)
    plan: str
    pool: str
    expires_on: date
    device_id: str | None


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the registry holds about each thing that a record names; of a test only the terminal decides."""

    device: Unit | None
    by_mac: str | None = None  # device ids
    by_serial: str | None = None
    by_imei: str | None = None
    by_iccid: str | None = None
    card: StoredCard | None = None
    by_msisdn: str | None = None  # which terminal has the card's number


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A record as it is kept."""

    n: int
    line_hash: bytes
    refused: str | None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one line of a bench's file."""

    line: int  # counted from 1
    n: int | None  # the record's own number
    device_id: str | None
    result: str  # merged, known, refused
    reason: str = ""
