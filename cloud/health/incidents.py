"""Many terminals that fall ill together are one incident, and their own findings wait. Pure.

In: open findings, what each terminal has in common with others, how many there are of each, open incidents, `now`. Out:
incidents that open, findings that join one, incidents that end. What is decided depends on these alone: the order of
looks, a restart and a look too many change nothing.

An outage is a moment T that lies in the span of many findings (`since` to `since` + slack + window). Of all groups with
enough of them, the one that explains best is the one whose terminals and those that are ill then are most nearly the
same set (Jaccard); its findings are taken out, and the next one is looked for among the rest. Nothing is decided before
everyone whom T hit has had the time to become a finding.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cloud.health.incident_models import FAMILIES, FAMILY, SCOPES, WIDE, Family, Ill, Incident, NewIncident, Step

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cloud.health.incident_models import Groups, Sizes
    from cloud.health.models import Limits

_ORDER = {scope: place for place, scope in enumerate(SCOPES)}
# With one of these a terminal is hit itself; a low battery alone is its own matter.
_OUTAGE = frozenset().union(*(family.rules for family in FAMILIES))
# A bad program shows over a day, as terminals meet what it cannot bear.
_SLOW = {"stability": timedelta(days=1)}

Key = tuple[str, str]  # scope, place


@dataclass(frozen=True)
class _Burst:
    """The most findings of one group that one moment explains."""

    key: Key
    at: datetime
    members: tuple[Ill, ...]  # one for each terminal


def step(  # noqa: PLR0917 - what is known, then how it is judged
    found: Sequence[Ill], groups: Groups, sizes: Sizes, open_now: Sequence[Incident], limits: Limits, now: datetime
) -> Step:
    """What changes now."""
    result = Step()
    open_ids = {each.incident_id for each in open_now}
    free = {(each.device_id, each.rule): each for each in found if each.incident_id is None}
    waiting = defaultdict(set)
    for each in found:
        if each.incident_id in open_ids:
            waiting[each.incident_id].add(each.device_id)
    for incident in sorted(open_now, key=lambda each: each.incident_id):
        joined = _joining(free.values(), groups, incident, limits)
        for key in joined:
            del free[key]
        if joined:
            result.joined[incident.incident_id] = joined
        ill = waiting[incident.incident_id] | {device for device, _ in joined}
        if _is_over(incident, len(ill), limits, now):
            result.closed.append(incident.incident_id)
    for family in FAMILIES:
        _open(family, free, groups, sizes, limits, now, result)
    return result


def crowded(found: Iterable[Ill], groups: Groups, limits: Limits) -> bool:
    """Whether any group holds enough of one family to be worth counting terminals for. Cheap, and never wrongly no."""
    counts: dict[tuple[str, Key], set[str]] = defaultdict(set)
    for each in found:
        if each.incident_id is not None:
            continue
        for family in FAMILIES:
            if each.rule in family.rules:
                for key in _keys(each, family, groups):
                    counts[family.name, key].add(each.device_id)
    return any(len(devices) >= limits["incident_members_open"] for devices in counts.values())


def _open(  # noqa: PLR0917
    family: Family, free: dict[tuple[str, str], Ill], groups: Groups, sizes: Sizes, limits: Limits, now: datetime,
    result: Step,
) -> None:  # fmt: skip
    while (burst := _best(family, free.values(), groups, sizes, limits, now)) is not None:
        scope, place = burst.key
        since = min(each.since for each in burst.members)
        draft = Incident(
            incident_id=0, family=family.name, scope=scope, place=place, since=since, members_high=len(burst.members)
        )
        taken = _joining(free.values(), groups, draft, limits)
        for key in taken:
            del free[key]
        result.opened.append(
            NewIncident(
                family=family.name, scope=scope, place=place, since=since,
                members=len({device for device, _ in taken}), group=sizes[burst.key], findings=tuple(taken),
            )
        )  # fmt: skip


def _best(  # noqa: PLR0917
    family: Family, free: Iterable[Ill], groups: Groups, sizes: Sizes, limits: Limits, now: datetime
) -> _Burst | None:
    """The group that explains best what is ill together, where there is one."""
    ill = [each for each in free if each.rule in family.rules]
    by_key: dict[Key, list[Ill]] = defaultdict(list)
    for each in ill:
        for key in _keys(each, family, groups):
            by_key[key].append(each)
    best: tuple[float, int, str, _Burst] | None = None
    for key, members in by_key.items():
        if len(members) < limits["incident_members_open"]:
            continue
        burst = _densest(key, members, family, limits)
        count, size = len(burst.members), max(sizes.get(key, 0), len(burst.members))
        share = limits["incident_share_wide_open" if key[0] in WIDE else "incident_share_open"]
        if count < limits["incident_members_open"] or count * 100 < size * share:
            continue
        around = len({each.device_id for each in ill if _near(each, burst.at, family, limits)})
        fit = count / (size + around - count)
        rank = (-fit, _ORDER[key[0]], key[1], burst)
        if best is None or rank[:3] < best[:3]:
            best = rank
    if best is None or not _gathered(best[3], family, limits, now):
        return None
    return best[3]


def _densest(key: Key, ill: list[Ill], family: Family, limits: Limits) -> _Burst:
    """The moment that most of them explain; of equal ones the earliest."""
    begins = sorted({each.since for each in ill})
    ends = sorted(each.since + _span(each, family, limits) for each in ill)
    starts = sorted(each.since for each in ill)
    best_at, best_count, passed, over = begins[0], 0, 0, 0
    for at in begins:
        while passed < len(starts) and starts[passed] <= at:
            passed += 1
        while over < len(ends) and ends[over] < at:
            over += 1
        if passed - over > best_count:
            best_at, best_count = at, passed - over
    first: dict[str, Ill] = {}
    for each in ill:
        if _holds(each, best_at, family, limits):
            known = first.get(each.device_id)
            first[each.device_id] = each if known is None or each.since < known.since else known
    return _Burst(key, best_at, tuple(first[device] for device in sorted(first)))


def _span(each: Ill, family: Family, limits: Limits) -> timedelta:
    return timedelta(seconds=each.slack_s + limits["incident_window_s"]) + _SLOW.get(family.name, timedelta(0))


def _holds(each: Ill, at: datetime, family: Family, limits: Limits) -> bool:
    return each.since <= at <= each.since + _span(each, family, limits)


def _near(each: Ill, at: datetime, family: Family, limits: Limits) -> bool:
    """Whether it may have begun with what began then: the first of a street must not be a whole of their own."""
    span = _span(each, family, limits)
    return at - span <= each.since <= at + span


def _gathered(burst: _Burst, family: Family, limits: Limits, now: datetime) -> bool:
    """Whether everyone whom this hit has had the time to become a finding."""
    if family.name in _SLOW:
        return True  # it comes to more and more, and those join
    # It hit before the first span is over, and not so long after the last word that one more would have come.
    over = min(each.since + _span(each, family, limits) for each in burst.members)
    quiet = burst.at + timedelta(seconds=max(*(each.slack_s for each in burst.members), limits["incident_window_s"]))
    return now >= min(over, quiet) + timedelta(seconds=max(each.limit_s for each in burst.members))


def _joining(free: Iterable[Ill], groups: Groups, incident: Incident, limits: Limits) -> list[tuple[str, str]]:
    """Findings of its group that began with the incident or after it: they wait for as long as it lasts."""
    family = FAMILY.get(incident.family)
    if family is None:
        return []  # of a later program; it ends when its members are well
    hit: set[str] = set()
    of_group = []
    for each in free:
        if each.rule not in family.rules and each.rule not in family.followers:
            continue
        if groups.get(each.device_id, {}).get(incident.scope) != incident.place:
            continue
        if each.since + _span(each, family, limits) >= incident.since:
            of_group.append(each)
            if each.rule in _OUTAGE:
                hit.add(each.device_id)
    return sorted((each.device_id, each.rule) for each in of_group if each.device_id in hit)


def _is_over(incident: Incident, ill: int, limits: Limits, now: datetime) -> bool:
    """All are well again; or few are left and nobody has come back for a while: those have a trouble of their own."""
    if ill == 0:
        return True
    few = ill < limits["incident_members_close"] or ill * 100 <= incident.members_high * limits["incident_left_close"]
    if not few or incident.last_left_at is None:
        return False
    return now - incident.last_left_at >= timedelta(seconds=limits["incident_settle_s"])


def _keys(each: Ill, family: Family, groups: Groups) -> list[Key]:
    known = groups.get(each.device_id, {})
    return [(scope, known[scope]) for scope in family.scopes if known.get(scope)]
