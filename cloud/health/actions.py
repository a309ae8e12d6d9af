"""One look at the whole fleet: load facts, judge, write the difference. And what other thresholds would change.

In: an open transaction and `now`. Out: rows of `finding`. No commit. Nothing is remembered between two looks but what
is in the database, so a sweep that was killed or away finds the same as one that was not.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cloud.carrier.store import of_terminals
from cloud.days import shanghai_day
from cloud.devices.actions import INGEST_SILENCE_ALLOWED
from cloud.devices.models import DOORS
from cloud.devices.store import gaps, last_beat
from cloud.health import alarms, correlate, ranking, rules, store, trendstore
from cloud.health.elapsed import Clock
from cloud.health.models import Facts, Finding
from cloud.health.thresholds import SHIPPED, Thresholds, changed
from cloud.health.trendfacts import NONE as NO_TRENDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from cloud.db import Conn
    from cloud.health.risk import Risk
    from cloud.sealed import Box

EVER = datetime(2000, 1, 1, tzinfo=UTC)
AT_ONCE = 500  # terminals: some 20 ms in which nothing else of the process runs


@dataclass(frozen=True)
class Looked:
    """What one look did."""

    opened: int = 0
    closed: int = 0
    still: int = 0
    changed: int = 0
    frozen: bool = False  # our own front door does not work: nothing opens or closes
    incidents_opened: int = 0
    incidents_closed: int = 0


async def look(conn: Conn, now: datetime) -> Looked:
    """Bring the findings of all terminals to what holds now."""
    await store.lock(conn)
    known = await store.open_findings(conn)
    before = [finding for _, finding in known]
    thresholds = await store.thresholds(conn)
    await alarms.look(conn, now, thresholds.values)
    if not await front_door_works(conn, now):
        return Looked(still=len(before), frozen=True)
    await store.fold_key_use(conn, now)
    await trendstore.fold_discharges(conn, now)
    await trendstore.forget(conn, now)
    opened_at = {(finding.device_id, finding.rule): at for at, finding in known}
    step = rules.renewed(rules.difference(before, await _judge(conn, now, thresholds, before)), opened_at)
    if step.closed:
        await store.close(conn, step.closed, now)
    if step.changed:
        await store.change(conn, step.changed, thresholds.version)
    if step.opened:
        await store.open_(conn, step.opened, thresholds.version, now)
    together = await correlate.follow(conn, now, thresholds.values)
    return Looked(
        len(step.opened), len(step.closed), step.still, len(step.changed),
        incidents_opened=together.opened, incidents_closed=together.closed,
    )  # fmt: skip


@dataclass(frozen=True)
class Preview:
    """What other thresholds would change at once."""

    rules: dict[str, tuple[int, int]]  # how many would open and close
    levels: dict[tuple[int | None, int | None], int]  # terminals from a level to another; None: no finding


async def preview(conn: Conn, box: Box | None, now: datetime, values: Mapping[str, float]) -> Preview:
    """By rule and by level, with these over the thresholds of today. Writes nothing.

    Against what holds now by the thresholds of today, so that what the next look changes anyhow is not in it. Without
    the box, people's age and ability are not known.
    """
    today = await store.thresholds(conn)
    other = changed(today, values)
    before = [finding for _, finding in await store.open_findings(conn)]
    holds = await _judge(conn, now, today, before)
    would_hold = await _judge(conn, now, other, holds)
    ranked = [
        await ranking.judged(conn, box, now, ranking.by_terminal(found), limits.values)
        for found, limits in ((holds, today), (would_hold, other))
    ]
    return Preview(_opening(rules.difference(holds, would_hold)), _moves(*ranked))


def _moves(before: Mapping[str, Risk], after: Mapping[str, Risk]) -> dict[tuple[int | None, int | None], int]:
    steps = Counter(
        (before[each].level if each in before else None, after[each].level if each in after else None)
        for each in before.keys() | after.keys()
    )
    return {step: number for step, number in steps.items() if step[0] != step[1]}


def _opening(step: rules.Difference) -> dict[str, tuple[int, int]]:
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for place, found in enumerate((step.opened, step.closed)):
        for finding in found:
            counts[finding.rule][place] += 1
    return {rule.name: (counts[rule.name][0], counts[rule.name][1]) for rule in rules.RULES if rule.name in counts}


async def change_thresholds(conn: Conn, now: datetime, values: Mapping[str, float], author: str, reason: str) -> int:
    """A new version with these over those of today; its number. Raises BadInput for what cannot be."""
    await store.lock(conn)
    merged = changed(await store.thresholds(conn), values)
    shipped = {each.name: each.value for each in SHIPPED}
    # A version that is as shipped again still needs its rows: the highest version counts.
    differing = {name: value for name, value in merged.values.items() if value != shipped[name]} or dict(values)
    return await store.add_thresholds(conn, differing, author, reason, now)


async def front_door_works(conn: Conn, now: datetime) -> bool:
    """Whether terminals can be heard: every door that ever worked works now, and one did."""
    beats = [at for door in DOORS if (at := await last_beat(conn, door)) is not None]
    return bool(beats) and all(now - at <= INGEST_SILENCE_ALLOWED for at in beats)


async def _judge(conn: Conn, now: datetime, thresholds: Thresholds, before: Iterable[Finding]) -> list[Finding]:
    open_now: dict[str, dict[str, Finding]] = defaultdict(dict)
    for finding in before:
        open_now[finding.device_id][finding.rule] = finding
    clock = Clock(now, await gaps(conn, EVER, now, INGEST_SILENCE_ALLOWED))
    none: dict[str, Finding] = {}
    found: list[Finding] = []
    async for some in _facts(conn, now, thresholds):
        for facts in some:
            found += rules.findings(facts, thresholds.values, clock, open_now.get(facts.terminal.device_id, none))
        await asyncio.sleep(0)  # to whoever waits for an escalation
    return found


async def _facts(conn: Conn, now: datetime, thresholds: Thresholds) -> AsyncIterator[list[Facts]]:
    """Of all terminals in homes, in a handful of queries."""
    limits = thresholds.values
    faults = await store.faults(conn)
    days = await store.days(conn, now, limits)
    signals = await store.signals(conn, now, limits)
    boots = await store.boots(conn, now)
    tries = await store.config_tries(conn, now)
    district = await store.district_keys(conn)
    trends = await trendstore.trends(conn, now, limits)
    soon = timedelta(days=int(max(limits["sim_expiring_open"], limits["sim_expiring_close"])))
    accounts = await of_terminals(conn, shanghai_day(now) + soon)
    async for some in store.terminals(conn, now, AT_ONCE):
        yield [
            Facts(
                terminal=each, faults=faults.get(each.device_id, {}), days=days.get(each.device_id),
                signal=signals.get(each.device_id), boots=boots.get(each.device_id), config=tries.get(each.device_id),
                account=accounts.get(each.device_id),
                bound_keys=district if each.home_keys is None else district.union(each.home_keys),
                trends=trends.get(each.device_id, NO_TRENDS),
            )
            for each in some
        ]  # fmt: skip
