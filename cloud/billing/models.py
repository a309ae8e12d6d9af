"""The nouns of billing: contract, amount, and the verdict on one terminal's day. Money is integer fen."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

# Statuses of one terminal on one Shanghai day, in the order of the columns of every report. Only `normal` is paid.
STATUSES = ("normal", "fault_ours", "fault_user", "paused", "not_installed", "disputed")
PAID_STATUS = "normal"
STATUS_NAMES = {
    "normal": "正常使用",
    "fault_ours": "我方故障",
    "fault_user": "用户侧原因",
    "paused": "暂停服务",
    "not_installed": "未安装",
    "disputed": "待双方确认",
}

# What a verdict stands on. live: heard on the day itself; late: told afterwards by the terminal; none: nothing heard.
BASES = ("live", "late", "none")

# Why a household wants no service for some days.
PAUSE_REASONS = ("travel", "hospital", "moved", "other")


@dataclass(frozen=True)
class Contract:
    """One procurement contract. Start and end are both billable days."""

    number: str
    starts_on: date
    ends_on: date
    unit_price_fen: int  # for one terminal over the whole term
    cap_fen: int
    prepaid_fen: int

    @property
    def term_days(self) -> int:
        """T of the formula."""
        return (self.ends_on - self.starts_on).days + 1


@dataclass(frozen=True)
class Pause:
    """Days on which a household wants no service."""

    device_id: str
    starts_on: date
    ends_on: date | None  # not included; None: still paused
    reason: str


@dataclass(frozen=True)
class Line:
    """One terminal's share of the uncapped total."""

    device_id: str
    days: int
    fen: int


@dataclass(frozen=True)
class Amount:
    """A priced ledger. The lines add up to `uncapped_fen`; the cap is a step of its own, never spread over lines."""

    term_days: int
    device_days: int
    uncapped_fen: int
    total_fen: int
    capped: bool
    prepaid_fen: int
    balance_fen: int  # positive: the bureau pays; negative: we pay back
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Problem:
    """What is wrong on one line of a file that people wrote."""

    line: int
    reason: str


class RefusedError(Exception):
    """A ledger or a contract breaks its rules; nothing was priced."""

    def __init__(self, problems: list[Problem], *, more: bool = False) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems
        self.more = more  # the file may hold further problems that were not looked for


@dataclass(frozen=True)
class DayFacts:
    """All that the day rule may look at: one terminal, one Shanghai day."""

    device_id: str
    home: str | None  # the household that it is installed in on this day; None: in none
    installed_on: date | None
    paused: bool
    beats: int = 0
    presses: int = 0
    calls: int = 0  # reached talk
    messages: int = 0  # receipted messages that happened on the day
    late: int = 0  # of these, arrived on a later day
    report: dict[str, Any] | None = None  # the terminal's own `day` record
    first_at: datetime | None = None
    last_at: datetime | None = None
    outage_s: int = 0  # how long our own ingest was down on this day


@dataclass(frozen=True)
class Verdict:
    """What a day is, on which basis, why, and the figures it stands on."""

    device_id: str
    day: date
    status: str
    basis: str
    reason: str
    home: str | None
    rule_version: int
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Closed:
    """What closing one day did."""

    day: date
    provisional: bool
    statuses: dict[str, int]
    written: int  # verdicts that are new or differ from the row before
    frozen_differ: int  # frozen days whose evidence now says otherwise: left as they are, for an adjustment
