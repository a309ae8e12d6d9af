"""The nouns of the health report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """What is known of one terminal and of the home it is in, without names."""

    device_id: str
    status: str
    created_at: datetime
    revoked_at: datetime | None = None
    has_credential: bool = True
    last_seen_at: datetime | None = None
    in_call_until: datetime | None = None
    link: str | None = None
    link_at: datetime | None = None
    battery_pct: int | None = None
    on_mains: bool | None = None
    csq: int | None = None
    registration: int | None = None
    open_faults: list[str] | None = None
    lives_alone: bool | None = None  # None: in no home
    street: str | None = None
    community: str | None = None
    heartbeat_s: int | None = None  # as configured; None: shipped


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One terminal that somebody should look after, and the best guess why."""

    terminal: Terminal
    state: str  # devices.rules.CONTACTS
    cause: str  # stats.rules.CAUSES
    since: datetime  # last heard of; never seen: in the registry since
    silent_s: int
    risk: int  # smaller is more urgent


@dataclass(frozen=True, kw_only=True)
class Health:
    """The report of one moment."""

    at: datetime
    counts: dict[str, int]
    ingest_ok: bool | None  # None: it has never worked
    ingest_at: datetime | None
    findings: list[Finding]
    quarantined: dict[str, int]  # messages that could not be taken, by reason, ever
    presses_unseen: int  # of these, presses at which nobody has looked, however old
