"""How urgent a terminal is for the people who rely on it. Pure: a person, what is open, `now`, weights in; a risk out.

Person × terminal, both between 0 and 1: a dead terminal matters by who is behind it, a frail person by how likely her
press is lost. What is not known counts in the middle, never as safe. Names of parts are bands: no date and no note.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING

from cloud.elders.models import CARE_LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from cloud.health.models import Limits

TITLES = ("当日联系老人", "当日恢复呼救", "两日内处理", "例行处理")
SCORE_STEP = 250  # of a level: whatever is at a graver level has the higher score
UNHEARD = timedelta(hours=24)  # by then something may have happened to the person, not only to the terminal
HEARD = timedelta(hours=24)  # a person who was heard of since then is said to be
THRESHOLDS = (
    "risk_base", "risk_alone", "risk_age", "risk_care", "risk_unheard", "risk_unheard_s", "risk_no_call", "risk_silent",
    "risk_silent_s", "risk_next", "risk_repair", "risk_level_0", "risk_level_1", "risk_level_2",
)  # fmt: skip

# With one of these a press does not become a call, or nobody would know.
NO_CALL = frozenset(
    {
        "silent", "never_seen", "modem_silent", "voice_lost", "sim_absent", "key_stuck", "battery_critical",
        "audio_fault", "sim_stopped", "sim_voice_off",
    }
)  # fmt: skip
# A call is still possible, and one more mishap ends that.
NEXT = frozenset(
    {
        "unsteady", "mains_lost", "battery_absent", "under_voltage", "battery_low", "brownouts", "weak_signal",
        "coverage", "selftest_failed", "sos_unproven", "reboots", "sim_changed", "card_differs", "sim_expiring",
        "link_flapping", "mains_minutes", "power_cycles", "battery_worn", "temperature_low", "repeat_repair",
        "sim_traffic", "sim_lock", "sim_unknown",
    }
)  # fmt: skip

_UNKNOWN = 0.5
_ALONE = {True: ("alone", 1.0), False: ("together", 0.0), None: ("alone_unknown", _UNKNOWN)}
_part_of, _points_of = itemgetter(1), itemgetter(1)
# From this age on, this part of its weight.
_AGES = ((90, 1.0), (80, 2 / 3), (70, 1 / 3), (0, 0.0))


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """The household behind a terminal; of several people the frailest counts. None: not known."""

    alone: bool | None = None
    ages: tuple[int | None, ...] = ()
    cares: tuple[int | None, ...] = ()  # places in CARE_LEVELS
    contact_at: datetime | None = None  # the latest press, talk or acceptance; None: none for long


@dataclass(frozen=True, slots=True)
class Risk:
    """A place in the order of the day's work."""

    score: int  # 0 to 999; higher is sooner
    level: int  # a place in TITLES; smaller is sooner
    parts: tuple[tuple[str, int], ...]  # the person's, then a part for each finding, the gravest first


def age_of(birth: str | None, today: date) -> int | None:
    """Years from YYYY or YYYY-MM-DD; of a year alone, what she reaches in this one."""
    if birth is None:
        return None
    try:
        if "-" not in birth:
            return max(today.year - int(birth), 0)
        year, month, day = (int(part) for part in birth.split("-"))
    except ValueError:
        return None
    return max(today.year - year - ((today.month, today.day) < (month, day)), 0)


def gravity(rule: str) -> int:
    """0: no call; 1: next; 2: a repair."""
    return 0 if rule in NO_CALL else 1 if rule in NEXT else 2


def score(person: Person, found: Mapping[str, datetime], now: datetime, limits: Limits) -> Risk:
    """Of one terminal; `found`: its open findings, rule to since."""
    part, parts = _person(person, now, limits)
    well, ill = 1.0, []
    for rule in sorted(found):  # always in the order of their names, so that rounding never turns an order round
        points = _finding(rule, found[rule], now, limits)
        well *= 1 - points / 100
        ill.append((rule, int(points + 0.5)))
    if len(ill) > 1:
        ill.sort(key=_points_of, reverse=True)
    product = part * (1 - well)
    level = _level(product, person, found, now, limits)
    within = min(int(SCORE_STEP * product), SCORE_STEP - 1)
    return Risk(SCORE_STEP * (3 - level) + within, level, (*parts, *ill))


def _level(product: float, person: Person, found: Mapping[str, datetime], now: datetime, limits: Limits) -> int:
    points = product * 100
    silent_for = now - found.get("silent", now)
    if silent_for >= UNHEARD and (person.alone or points >= limits["risk_level_0"]):
        return 0
    level = 1 if points >= limits["risk_level_1"] else 2 if points >= limits["risk_level_2"] else 3
    if not NO_CALL.isdisjoint(found):
        return min(level, 1)
    return level if NEXT.isdisjoint(found) else min(level, 2)


def _person(person: Person, now: datetime, limits: Limits) -> tuple[float, tuple[tuple[str, int], ...]]:
    """How much depends on the terminal, 0 to 1, and of what that is made."""
    base, most_unheard = limits["risk_base"], limits["risk_unheard"]
    alone, alone_part = _ALONE[person.alone]
    age, age_part = max((_age(each) for each in person.ages), key=_part_of) if person.ages else _age(None)
    care, care_part = max((_care(each) for each in person.cares), key=_part_of) if person.cares else _care(None)
    unheard, unheard_part = "unheard", 1.0
    if person.contact_at is not None:
        ago = now - person.contact_at
        unheard = "heard" if ago < HEARD else unheard
        unheard_part = min(max(ago.total_seconds() / limits["risk_unheard_s"], 0.0), 1.0)
    for_alone, for_age, for_care = limits["risk_alone"], limits["risk_age"], limits["risk_care"]
    by_alone, by_age, by_care = for_alone * alone_part, for_age * age_part, for_care * care_part
    by_unheard = most_unheard * unheard_part
    whole = base + for_alone + for_age + for_care + most_unheard
    return (
        min((base + by_alone + by_age + by_care + by_unheard) / whole, 1.0),
        (
            ("base", int(base + 0.5)), (alone, int(by_alone + 0.5)), (age, int(by_age + 0.5)),
            (care, int(by_care + 0.5)), (unheard, int(by_unheard + 0.5)),
        ),
    )  # fmt: skip


@cache
def _age(age: int | None) -> tuple[str, float]:
    if age is None:
        return "age_unknown", _UNKNOWN
    bound, part = next(each for each in _AGES if age >= each[0])
    return f"age_{bound}", part


@cache
def _care(place: int | None) -> tuple[str, float]:
    return ("care_unknown", _UNKNOWN) if place is None else (f"care_{place}", place / (len(CARE_LEVELS) - 1))


def _finding(rule: str, since: datetime, now: datetime, limits: Limits) -> float:
    """How likely a press is lost by this, in hundredths."""
    if rule not in NO_CALL:
        return limits["risk_next" if rule in NEXT else "risk_repair"]
    least = limits["risk_no_call"]
    if rule != "silent":
        return least
    part = min(max((now - since).total_seconds() / limits["risk_silent_s"], 0.0), 1.0)
    return least + (limits["risk_silent"] - least) * part
