"""The nouns of this room: a card and a pool as told, one whole reading, a card as it is kept. Plain values, no I/O."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime

STATUSES = {
    "stock": "库存",
    "test": "测试期",
    "activated": "已激活",
    "suspended": "停机",
    "stopped": "停机保号",
    "terminated": "已销户",
}
WORKING = frozenset({"test", "activated"})  # a call is possible with these alone


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """An entry of a page of cards."""

    iccid: str
    status: str
    voice: bool
    data_used_bytes: int
    data_quota_bytes: int | None
    pool: str
    expires_on: date | None
    bound_imei: str | None
    changed_at: datetime
    told_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Pool:
    """An entry of the list of pools."""

    name: str
    quota_bytes: int
    used_bytes: int
    cards: int
    cycle_start: date
    cycle_end: date  # last day
    cut_off: bool
    told_at: datetime


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of cards, checked."""

    cards: list[Card]
    listed: set[str]  # ICCIDs that could be read, also of entries that were skipped
    skipped: Counter[str]
    next_cursor: str | None
    told_at: datetime


@dataclass(kw_only=True)
class Told:
    """One reading, whole or not. What was read before a fault counts all the same."""

    cards: dict[str, Card] = field(default_factory=dict)
    listed: set[str] = field(default_factory=set)
    pools: dict[str, Pool] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    fault: str | None = None  # why it is not whole
    told_at: datetime | None = None  # of its oldest page
    pools_told_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A card as it is kept: the last good word on it."""

    iccid: str
    status: str | None  # None: never listed
    voice: bool | None
    data_used_bytes: int | None
    data_quota_bytes: int | None
    pool: str
    expires_on: date | None
    bound_imei: str | None
    changed_at: datetime | None
    told_at: datetime
    missing_since: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PoolUse:
    """A pool at the end of one day, or now."""

    pool: str
    cycle_start: date
    cycle_end: date
    quota_bytes: int
    used_bytes: int
    cards: int
    cut_off: bool
    told_at: datetime
    missing_since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What became of one reading."""

    cards: int
    pools: int
    missing: int  # newly marked
    skipped: dict[str, int]
    fault: str | None
