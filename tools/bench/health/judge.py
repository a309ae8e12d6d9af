"""What was found against what was planted. Pure: truth and rows in, counts and every difference by name out.

A finding counts once: a second one for the same fault is false, for somebody would have been sent twice.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tools.bench.health.truth import Area, Expected, Truth


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A row of `finding`, in seconds since the history began."""

    device: str
    rule: str
    opened: float
    closed: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """A row of `incident`."""

    family: str
    scope: str
    place: str
    opened: float
    closed: float | None = None
    members: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Wrong:
    """One difference, with what is needed to look for its cause."""

    why: str
    what: str  # rule, or family and place
    device: str
    opened: float | None
    closed: float | None
    fault: str = ""
    wanted: tuple[float, float, float, float] | None = None  # open from, by; close from, by


@dataclass
class Verdict:
    """Counts, and every difference."""

    planted: int = 0
    found: int = 0
    opened: int = 0
    missed: list[Wrong] = field(default_factory=list)
    false: list[Wrong] = field(default_factory=list)
    by_rule: dict[str, list[int]] = field(default_factory=dict)  # planted, found
    incidents_planted: int = 0
    incidents_found: int | None = None  # None: this program knows no incidents
    incidents_wrong: list[Wrong] = field(default_factory=list)

    @property
    def recall(self) -> float | None:
        """Of the planted ones that could be found before the end; None: none could."""
        return self.found / self.planted if self.planted else None

    @property
    def false_rate(self) -> float | None:
        """Of all that were opened; None: none was."""
        return len(self.false) / self.opened if self.opened else None


def judge(truth: Truth, found: Iterable[Found], incidents: Sequence[Incident] | None, until: float) -> Verdict:
    """`until`: the last look. What could open only after it is not asked for."""
    rows: dict[tuple[str, str], list[Found]] = defaultdict(list)
    verdict = Verdict()
    for row in found:
        rows[row.device, row.rule].append(row)
        verdict.opened += 1
    wanted: dict[tuple[str, str], list[Expected]] = defaultdict(list)
    for each in truth.expected:
        wanted[each.device, each.rule].append(each)
    for key in sorted(rows.keys() | wanted.keys()):
        _terminal(verdict, wanted[key], sorted(rows[key], key=lambda row: row.opened), until)
    due = [area for area in truth.areas if area.open_by <= until]
    verdict.incidents_planted = len(due)
    if incidents is not None:
        _areas(verdict, truth.areas, incidents, until)
    return verdict


def _terminal(verdict: Verdict, wanted: list[Expected], rows: list[Found], until: float) -> None:
    """One rule of one terminal: each expected finding takes one row, the rest is false."""
    left = list(rows)
    for each in sorted(wanted, key=lambda one: (not one.required, one.open_from)):
        own = next((row for row in left if each.open_from <= row.opened <= max(each.open_by, each.close_by)), None)
        if own is not None:
            left.remove(own)
        if not each.required or each.open_by > until:
            continue
        verdict.planted += 1
        count = verdict.by_rule.setdefault(each.rule, [0, 0])
        count[0] += 1
        why = _why(each, own, until)
        if why is None:
            verdict.found += 1
            count[1] += 1
            continue
        window = (each.open_from, each.open_by, each.close_from, each.close_by)
        opened, closed = (None, None) if own is None else (own.opened, own.closed)
        verdict.missed.append(Wrong(why, each.rule, each.device, opened, closed, each.fault, window))
    for row in left:
        again = any(each.open_from <= row.opened <= max(each.open_by, each.close_by) for each in wanted)
        why = "a second one for one fault" if again else "nothing was planted"
        verdict.false.append(Wrong(why, row.rule, row.device, row.opened, row.closed))


def _why(each: Expected | Area, own: Found | Incident | None, until: float) -> str | None:
    """What is wrong about this row for that fault; None where all is well."""
    if own is None:
        return "never opened"
    if own.opened > each.open_by:
        return "opened late"
    if own.closed is None:
        return "never closed" if each.close_by < until else None
    if own.closed < each.close_from:
        return "closed early"
    return "closed late" if own.closed > each.close_by else None


def _areas(verdict: Verdict, areas: Sequence[Area], incidents: Sequence[Incident], until: float) -> None:
    verdict.incidents_found = 0
    left = sorted(incidents, key=lambda each: each.opened)
    for area in areas:
        own = [row for row in left if _is_of(area, row)]
        left = [row for row in left if row not in own]
        if area.open_by > until:
            continue
        why = _why(area, own[0] if own else None, until) if len(own) <= 1 else f"{len(own)} incidents"
        if why is None:
            verdict.incidents_found += 1
            continue
        window = (area.open_from, area.open_by, area.close_from, area.close_by)
        what = f"{'/'.join(area.families)} {area.places}"
        opened, closed = (own[0].opened, own[0].closed) if own else (None, None)
        verdict.incidents_wrong.append(Wrong(why, what, "", opened, closed, area.fault, window))
    for row in left:
        what = f"{row.family} {row.scope} {row.place}"
        verdict.incidents_wrong.append(Wrong("nothing was planted", what, "", row.opened, row.closed))


def _is_of(area: Area, row: Incident) -> bool:
    in_time = area.open_from <= row.opened <= max(area.open_by, area.close_by)
    return in_time and row.family in area.families and (row.scope, row.place) in area.places
