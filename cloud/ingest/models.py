"""The nouns at the front door: what arrived, what it was found to be, and when it happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date, datetime

# Reasons of quarantine beyond protocol.errors.REASONS.
REFUSED = "refused"  # the database would not take it: the message's fault
INTERNAL = "internal"  # our own code broke on it: not receipted, so that the terminal keeps it until we are mended

# Bad messages of one terminal that are kept whole in one Shanghai day: enough to see what is wrong with it, and a
# terminal gone mad, or a stolen login, fills no disk. The rest is counted by reason.
QUARANTINED_WHOLE_A_DAY = 100


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One PUBLISH as the broker handed it over."""

    topic: str
    payload: bytes = field(repr=False)
    retained: bool  # kept by the broker from before our subscription
    received_at: datetime


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A message that follows the contract."""

    device_id: str
    id: str
    kind: str
    body: dict[str, Any] = field(repr=False)  # every field of the kind, absent ones None
    content_hash: bytes


@dataclass(frozen=True, kw_only=True)
class Quarantine:
    """Why a message cannot be taken, and what can still be read of it."""

    reason: str
    field: str | None = None
    device_id: str | None = None
    message_id: str | None = None
    content_hash: bytes | None = None  # of a message that can be read: each resend of it has other bytes


@dataclass(frozen=True, kw_only=True)
class Dated:
    """When a message happened, as well as can be known."""

    happened_at: datetime | None
    dating: str  # clock, uptime, receipt
    day: date
    late_s: float | None
