"""The nouns of the field: a job as it is handed in, the visit that it became, and what proves it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

INSTALL, SWAP, REMOVE, RETIRE = "install", "swap", "remove", "retire"
PHOTO, SIGNATURE = "photo", "signature"
NOT_MADE = "not_made"
CALL_RESULTS = ("connected", "busy", "no_answer", "failed", NOT_MADE)
REMOVE_REASONS = ("moved", "deceased", "declined", "fault", "other")


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a technician asks for. The same id always means the same job."""

    visit_id: UUID
    kind: str
    device_id: str
    home_id: UUID | None = None  # install only: swap and remove find it by the terminal
    old_device_id: str | None = None  # swap
    retire_old: bool = False  # swap, remove: the terminal that leaves is retired instead of going to stock
    on: date
    begun_at: datetime
    actor: str
    reason: str | None = None
    without_acceptance: str | None = None
    offline: bool = False


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A job that was applied: the row of field_visit."""

    visit_id: UUID
    kind: str
    device_id: str
    old_device_id: str | None
    home_id: UUID | None
    on_day: date
    begun_at: datetime
    job_hash: bytes = field(repr=False)
    applied_at: datetime
    press_id: str | None
    press_at: datetime | None
    finished_at: datetime | None
    bench: str | None  # that signed it


@dataclass(frozen=True)
class Picture:
    """A photo or a signature, as it was taken."""

    kind: str
    media: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Call120:
    """The call that proves the SIM, made by hand."""

    agreed_with: str = field(repr=False)
    called_at: datetime | None
    result: str
    note: str | None = None


@dataclass(frozen=True)
class Press:
    """An SOS of a terminal. `happened_at` None: it could not be dated."""

    id: str
    happened_at: datetime | None
    received_at: datetime


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """What decides whether a terminal may go into a home or leave one."""

    device_id: str
    status: str
    revoked: bool
    home_id: UUID | None  # in which it is now
    installed_on: date | None  # there
    left_on: date | None  # removed_on of the last home that it has left
    left_at: datetime | None  # when the visit that took it out was begun
    tested: bool  # there is an acceptance test that counts
    passed_at: datetime | None  # the latest one; None: it failed
    trial: bool | None  # on an image for benches and trials; None: nobody said on which


@dataclass(frozen=True)
class Applied:
    """What a job did, or had done before."""

    visit: Visit
    again: bool  # it had been applied before: nothing was changed now
    open_cases: int  # of the terminal that left: they stay with the home and the desk
    missing: tuple[str, ...]  # evidence that the visit still needs
    frozen: tuple[date, ...]  # days since the visit that are settled: finance corrects them by an adjustment
