"""The nouns of this room: a message that was taken, a terminal of the registry, what is known of its contact."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date, datetime

# Who hears terminals: while one of them does not work, silence is nobody's fault but ours.
DOORS = ("ingest", "beats")


@dataclass(frozen=True, kw_only=True)
class Received:
    """One new message: checked, dated, stored. What the corridor hands from room to room."""

    device_id: str
    id: str
    kind: str
    body: dict[str, Any]  # every field of the kind, absent ones None
    happened_at: datetime | None  # None: could not be dated
    dating: str  # clock, uptime or receipt: what the date rests on
    day: date  # the Shanghai day it counts for
    received_at: datetime
    late_s: float | None  # received minus happened; None: could not be dated


@dataclass(frozen=True, kw_only=True)
class Device:
    """A terminal of the registry."""

    device_id: str
    status: str
    credential: str | None = field(repr=False)  # None: cannot log in
    revoked_at: datetime | None
    msisdn_sealed: bytes | None = field(repr=False)
    config_version: int
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class DeviceState:
    """The latest that is known of a terminal: the row of device_state."""

    device_id: str
    first_seen_at: datetime
    last_seen_at: datetime  # received
    last_beat_at: datetime | None = None
    boot_epoch: str | None = None
    boot_count: int | None = None
    booted_at: datetime | None = None
    reset_cause: str | None = None
    firmware: str | None = None
    board: str | None = None
    imei: str | None = None
    iccid: str | None = None
    config_version: int = 0  # reported
    link: str = "unknown"
    link_at: datetime | None = None
    link_id: str | None = None
    in_call_until: datetime | None = None  # presumed
    battery_mv: int | None = None
    battery_pct: int | None = None
    on_mains: bool | None = None
    csq: int | None = None
    registration: int | None = None
    cell: str | None = None
    drops: int = 0
    clock_offset_ms: int | None = None
    open_faults: list[str] = field(default_factory=list)
    duplicates: int = 0
    id_clashes: int = 0
    late: int = 0
    quarantined: int = 0
    heartbeat_s: int | None = None  # of the configuration that it runs; None: shipped


@dataclass(frozen=True, kw_only=True)
class DayCount:
    """What one message adds to its Shanghai day."""

    beats: int = 0
    presses: int = 0
    calls: int = 0
    messages: int = 0
    late: int = 0
    undated: int = 0


@dataclass(frozen=True, kw_only=True)
class Contact:
    """What is known about when a terminal was last heard of."""

    device_id: str
    status: str
    last_seen_at: datetime | None
    in_call_until: datetime | None
    link: str | None
    link_at: datetime | None
    heartbeat_s: int | None = None  # as configured; None: shipped


@dataclass(frozen=True, kw_only=True)
class RefusedPress:
    """A press that went to quarantine: perhaps a call for help that nothing else tells of."""

    quarantine_id: int
    device_id: str
    first_at: datetime  # received
    last_at: datetime  # received, the latest time
    times: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A stretch in which our own front door was not healthy."""

    from_at: datetime
    until_at: datetime
