"""Outages of many terminals at once: what each of them does, what must be found of each, and the one incident. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from cloud.health.thresholds import Thresholds
from tools.bench.health.faults import runs_dry
from tools.bench.health.plan import HEARD_S
from tools.bench.health.town import DAY, HOUR
from tools.bench.health.truth import Area

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from tools.bench.health.plan import Plan
    from tools.bench.health.town import Terminal

    Make = Callable[[Plan, str, Sequence[Terminal], float, float, random.Random], None]

WEEK = 7 * DAY
TRIES = 300
LEAST = 6  # terminals: fewer are no outage of an area
FIRMWARE_SHARE = 0.15
LOOPS, LOOP_S = 15, 720  # a bad firmware starts so often, so far apart
WINDOW_S = Thresholds().values["incident_window_s"]  # for so long it waits for others of the same cause
CHARGED = 3 * HOUR  # by then no battery is low any more
CLOSES = HOUR  # an incident may wait for so long behind its last member


def scopes(town: Sequence[Terminal], members: Sequence[Terminal]) -> list[tuple[str, str]]:
    """Every place that holds exactly these terminals: any of them is a right name for the outage."""
    inside = {each.number for each in members}
    found = []
    for scope in ("cell", "community", "street", "firmware", "batch"):
        places: dict[str, set[int]] = defaultdict(set)
        for each in town:
            places[getattr(each, scope)].add(each.number)
        found += [(scope, place) for place, numbers in places.items() if numbers == inside]
    pools: dict[str, set[int]] = defaultdict(set)
    for each in town:
        pools[each.pool].add(each.number)
    return found + [("sim_pool", pool) for pool, numbers in pools.items() if numbers == inside]


def street_mains(
    plan: Plan, fault: str, members: Sequence[Terminal], begin: float, end: float, rnd: random.Random
) -> None:
    """The mains of a street."""
    for it in members:
        off, on = begin + 20 * rnd.random(), end + 60 * rnd.random()
        plan.act(off, it, "mains", 0)
        plan.act(off, it, "pct", 96.0, -3.0)
        plan.act(on, it, "mains", 1)
        plan.act(on, it, "pct", 96.0, 0.0)
        plan.need(fault, it, "mains_lost", off, HOUR, on)
    _area(plan, fault, members, begin, end, ("mains",), HOUR)


def cell_down(
    plan: Plan, fault: str, members: Sequence[Terminal], begin: float, end: float, rnd: random.Random
) -> None:
    """A cell is away, with voice and data: what they say of it comes when it is over."""
    for it in members:
        off, on = begin + 20 * rnd.random(), end + 90 * rnd.random()
        plan.act(off, it, "link", 0)
        plan.act(off + 5, it, "event", "voice_lost")
        plan.act(on - 5, it, "event", "voice_back")
        plan.act(on, it, "link", 1)
        plan.dark(fault, it, off, on)
    _area(plan, fault, members, begin, end, ("contact", "network"), plan.sizes.silent_s)


def pool_cut(plan: Plan, fault: str, members: Sequence[Terminal], begin: float, end: float, rnd: random.Random) -> None:
    """An operator cuts a pool of cards off from data."""
    for it in members:
        off, on = begin + 60 * rnd.random(), end + 90 * rnd.random()
        plan.act(off, it, "link", 0)
        plan.act(off + 90, it, "event", "data_lost")
        plan.act(on - 1, it, "event", "data_back")
        plan.act(on, it, "link", 1)
        plan.dark(fault, it, off, on)
    _area(plan, fault, members, begin, end, ("contact", "sim", "network"), plan.sizes.silent_s)


def community_cut(
    plan: Plan, fault: str, members: Sequence[Terminal], begin: float, end: float, rnd: random.Random
) -> None:
    """The mains of a community, for so long that batteries run empty, one after the other.

    An incident lasts until the last member's battery is no longer low.
    """
    for it in members:
        off, on = begin + 20 * rnd.random(), end + 60 * rnd.random()
        dry = begin + (6 + 16 * rnd.random()) * HOUR
        plan.need(fault, it, "mains_lost", off, HOUR, on)
        plan.allow(fault, it, "battery_low", off, on + CHARGED)
        plan.allow(fault, it, "battery_critical", off, on + CHARGED)
        if dry < on - HOUR:
            runs_dry(plan, it, fault, off, dry, on)
            plan.dark(fault, it, dry, on)
            continue
        plan.act(off, it, "mains", 0)
        plan.act(off, it, "pct", 96.0, -3.0)
        plan.act(on, it, "mains", 1)
        plan.act(on, it, "pct", 96.0, 0.0)
    _area(plan, fault, members, begin, end, ("mains",), HOUR, CHARGED)


def bad_firmware(
    plan: Plan, fault: str, members: Sequence[Terminal], begin: float, end: float, rnd: random.Random
) -> None:
    """A version that the watchdog ends again and again, until it is taken back."""
    version = f"2.2.{int(begin // HOUR)}"
    last = begin
    for it in members:
        at = begin + 300 * rnd.random()
        plan.act(at, it, "boot", "update", version)
        times = [at + (number + 1) * LOOP_S for number in range(LOOPS)]
        for each in times:
            plan.act(each, it, "boot", "watchdog")
        last = times[-1]
        plan.act(last + HOUR, it, "boot", "update", it.firmware)
        plan.need(fault, it, "reboots", times[2], 0, times[-3] + DAY)
        plan.need(fault, it, "crashes", times[2], 0, last + WEEK)
    area = Area(
        fault=fault, families=("stability",), places=(("firmware", version),), open_from=begin,
        open_by=plan.heard(begin + 300 + 3 * LOOP_S), close_from=last, close_by=plan.heard(last + WEEK) + HOUR,
        members=tuple(it.device for it in members),
    )  # fmt: skip
    plan.areas.append(area)


def _area(
    plan: Plan,
    fault: str,
    members: Sequence[Terminal],
    begin: float,
    end: float,
    families: tuple[str, ...],
    limit: float,
    charged: float = 0.0,
) -> None:
    area = Area(
        fault=fault, families=families, places=tuple(scopes(plan.town, members)), open_from=begin,
        open_by=plan.heard(plan.due(begin, limit + WINDOW_S)), close_from=begin + limit,
        close_by=plan.heard(end + 120 + charged) + CLOSES,
        members=tuple(it.device for it in members),
    )  # fmt: skip
    plan.areas.append(area)


# name, what, where: attribute of a terminal, hours at least and at most, days that others keep away behind it
KINDS: tuple[tuple[str, Make, str, float, float, float], ...] = (
    ("street_mains", street_mains, "street", 2, 6, 0.2),
    ("cell_down", cell_down, "cell", 3, 6, 0.2),
    ("community_cut", community_cut, "community", 18, 26, 8),
    ("pool_cut", pool_cut, "pool", 3, 5, 0.2),
    ("bad_firmware", bad_firmware, "firmware", 4, 5, 8),
)


def plant(plan: Plan, each: int, rnd: random.Random) -> None:
    """So many of each kind, each where and when nothing else is planted."""
    for name, make, where, shortest, longest, after in KINDS:
        for number in range(each):
            fault = f"{name} {number + 1}"
            if not _one(plan, fault, (make, where, shortest, longest, after), rnd):
                plan.not_planted.append(fault)


def _one(plan: Plan, fault: str, kind: tuple[Make, str, float, float, float], rnd: random.Random) -> bool:
    make, where, shortest, longest, after = kind
    groups: dict[str, list[Terminal]] = defaultdict(list)
    for it in plan.town:
        groups[getattr(it, where)].append(it)
    extra = plan.sizes.silent_s if where in ("cell", "pool") else 0.0
    for _ in range(TRIES):
        members = groups[rnd.choice(sorted(groups))]
        if where == "firmware":
            share = max(LEAST, int(len(plan.town) * FIRMWARE_SHARE / 2))
            members = rnd.sample(members, min(share, len(members)))
        lasts = extra + (shortest + (longest - shortest) * rnd.random()) * HOUR
        begin = (0.4 + rnd.random() * max(plan.sizes.days - 0.6, 0)) * DAY
        end = begin + lasts
        busy = begin - 2 * HOUR, end + after * DAY
        if len(members) < LEAST or end + 2 * HOUR + HEARD_S > plan.sizes.until:
            continue
        if not all(plan.free(it, *busy) for it in members):
            continue
        for it in members:
            plan.take(it, *busy)
        make(plan, fault, members, begin, end, rnd)
        plan.planted[fault.partition(" ")[0]] = plan.planted.get(fault.partition(" ")[0], 0) + 1
        return True
    return False
