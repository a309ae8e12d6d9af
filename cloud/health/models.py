"""The nouns of device health: the facts of one terminal, a rule, and what a rule finds. Plain values, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from cloud.health.trendfacts import NONE as NO_TRENDS
from cloud.health.trendfacts import Trends

if TYPE_CHECKING:
    from cloud.carrier.models import Account
    from cloud.health.elapsed import Clock

# Small numbers and words that a sentence can be built from. Nothing in it grows by itself with the time: it is written
# anew only when the terminal said something else.
Evidence = dict[str, int | float | str]
Limits = Mapping[str, float]

# Who acts on a finding.
OWNERS = {
    "after_sales": "售后维修",
    "care": "关怀回访",
    "sim": "SIM 卡管理",
    "operations": "平台运维",
}

# The groups of the report, in its order.
GROUPS = {
    "contact": "联系",
    "power": "电源",
    "radio": "信号与网络",
    "voice": "语音通路",
    "keys": "按键",
    "stability": "稳定性",
    "sim": "SIM 卡",
    "software": "软件与配置",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Terminal:
    """The registry's row, the latest state, and when it began to be expected to work."""

    device_id: str
    status: str
    created_at: datetime
    revoked_at: datetime | None = None
    image_kind: str | None = None
    registered_iccid: str | None = None
    registered_imei: str | None = None
    sim_expires_on: date | None = None  # last day of service
    installed_on: date | None = None
    resumed_on: date | None = None  # when its latest pause ended
    home_keys: list[str] | None = None  # bound for this home besides the district's own
    pressed_keys: list[str] | None = None  # since it came into this home
    sos_proved_at: datetime | None = None  # the latest call of the red key on which two people talked
    wanted_config: int = 0
    config_version: int | None = None  # reported
    last_seen_at: datetime | None = None
    last_beat_at: datetime | None = None
    in_call_until: datetime | None = None
    link: str | None = None
    link_at: datetime | None = None
    heartbeat_s: int | None = None  # of the configuration that it runs; None: shipped
    booted_at: datetime | None = None
    iccid: str | None = None
    imei: str | None = None
    battery_pct: int | None = None
    on_mains: bool | None = None
    csq: int | None = None
    clock_offset_ms: int | None = None
    open_faults: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """A condition that the terminal told of and has not taken back."""

    since: datetime  # when it began, as dated; else when it was told
    told_at: datetime  # received


@dataclass(frozen=True, kw_only=True, slots=True)
class Days:
    """The last seven whole days on which it was expected to work, summed."""

    days: int  # expected
    first_day: date
    beats: int
    first_poor: date | None  # the first of them with too few heartbeats
    powered_min: int  # of the terminal's own records
    registered_min: int
    presses: int  # most on one day of yesterday and today
    presses_on: date | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """Signal strength of the last seven whole days, from the daily sums; unknown readings (99) are not in it."""

    count: int
    total: int
    first_weak: date | None  # the first of them that was weak on its own


@dataclass(frozen=True, kw_only=True, slots=True)
class Boots:
    """Starts that nobody ordered, of the last seven days."""

    hour: int
    day: int
    day_first_at: datetime | None  # the first one of the last 24 h
    broken: int  # crash or watchdog, of seven days
    broken_first_at: datetime | None
    brownouts: int
    brownout_first_at: datetime | None


@dataclass(frozen=True, slots=True)
class ConfigTries:
    """How often the wanted configuration was sent in the last day without being taken."""

    tries: int
    first_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """All that the rules may know of one terminal."""

    terminal: Terminal
    faults: Mapping[str, Fault] = field(default_factory=dict)
    days: Days | None = None
    signal: Signal | None = None
    boots: Boots | None = None
    bound_keys: frozenset[str] = frozenset()
    config: ConfigTries | None = None
    trends: Trends = NO_TRENDS
    account: Account | None = None  # of its card, at the operator


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a finding holds now."""

    since: datetime  # the true time of the cause
    evidence: Evidence


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A row of `finding`, open or about to be."""

    device_id: str
    rule: str
    rule_version: int
    since: datetime
    evidence: Evidence
    owner: str


Judge = Callable[[Facts, Limits, "Clock", "Finding | None"], Cause | None]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One way in which a terminal can be ill. The last argument of `judge` is the finding that is open now."""

    name: str
    version: int
    group: str
    owner: str
    title: str
    sentence: str  # built from the evidence; {lasted} and {since} are added by whoever shows it
    next_step: str
    why: str
    thresholds: tuple[str, ...]
    judge: Judge
