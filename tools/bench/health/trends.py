"""Faults that show over days, for programs that know a rule for them: what the terminal does, what must be found. Pure.

A class whose rule this program does not know is left out, and what the others cause of it is not written down either.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from cloud.health.rules import BY_NAME
from cloud.health.thresholds import Thresholds
from tools.bench.health.faults import Kind
from tools.bench.health.town import DAY, HOUR
from tools.bench.health.truth import Expected

if TYPE_CHECKING:
    import random

    from tools.bench.health.plan import Plan
    from tools.bench.health.town import Terminal

WEEK = 7 * DAY
MONTH = 30 * DAY
TIMES = 3  # the same finding so often in a month is one of its own
DISCHARGED = 6 * HOUR  # the long part of a discharge is known by then


def mains_minutes(plan: Plan, it: Terminal, fault: str, begin: float, _end: float, _rnd: random.Random) -> None:
    """Thirty hours on battery; it is a good one."""
    off, on = begin + HOUR, begin + 31 * HOUR
    plan.act(off, it, "mains", 0)
    plan.act(off, it, "pct", 96.0, -2.2)
    plan.act(on, it, "mains", 1)
    plan.act(on, it, "pct", 96.0, 0.0)
    plan.need(fault, it, "mains_lost", off, HOUR, on)
    plan.need(fault, it, "mains_minutes", begin + 2 * DAY, 0, begin + 8 * DAY)


def power_cycles(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """Somebody switches it off with the lamp: eight times, each too short for more."""
    times = [begin + number * (end - begin) / 8 for number in range(8)]
    for at in times:
        plan.act(at, it, "mains", 0)
        plan.act(at + 900, it, "mains", 1)
    # Ordinary short losses of the week before count too.
    plan.need(fault, it, "power_cycles", times[6], 0, times[4] + WEEK, early=times[6] - times[1])


def battery_worn(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """A mains loss in which the battery empties far too quickly."""
    plan.act(begin, it, "mains", 0)
    plan.act(begin, it, "pct", 96.0, -7.0)
    plan.act(end, it, "mains", 1)
    plan.act(end, it, "pct", 96.0, 0.0)
    plan.need(fault, it, "mains_lost", begin, HOUR, end)
    plan.need(fault, it, "battery_worn", begin, DISCHARGED, early=3 * HOUR)


def temperature_low(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """It stands on a balcony."""
    _while(plan, it, "temp", (-6, 24), begin, end)
    plan.need(fault, it, "temperature_low", begin, DAY, end + 2 * DAY, close_from=end + DAY)


def rtt_high(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """A bad line for data: its median needs most of a week to turn, either way."""
    _while(plan, it, "rtt", (6500, 300), begin, end)
    plan.need(fault, it, "rtt_high", begin, DAY, end + 5 * DAY, late=4 * DAY, close_from=end + 2 * DAY)


def heap_low(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """A program that leaks."""
    _while(plan, it, "heap", (18_000, 41_000), begin, end)
    plan.need(fault, it, "heap_low", begin, 2 * DAY, end + 2 * DAY, close_from=end)


def drops_growing(plan: Plan, it: Terminal, fault: str, begin: float, _end: float, _rnd: random.Random) -> None:
    """It throws records away on one day."""
    plan.act(begin + 10 * HOUR, it, "set", "drops", 12)
    plan.need(fault, it, "drops_growing", begin, DAY, begin + WEEK)


def outbox_growing(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """What waits does not leave any more."""
    _while(plan, it, "box", (40, 0), begin, end)
    plan.need(fault, it, "outbox_growing", begin, DAY, end + DAY, close_from=end)


def link_flapping(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """Its connection begins and ends; the broker says so, heartbeats come all the same."""
    plan.act(begin - HOUR, it, "state", "online")
    times = [begin + number * (end - begin) / 8 for number in range(8)]
    for number, at in enumerate(times):
        plan.act(at, it, "state", "online" if number % 2 else "offline")
    if any(each.begin - HOUR < end and begin - 2 * HOUR < each.end for each in plan.outages):
        plan.allow(fault, it, "link_flapping", begin, end + DAY)  # what is said around an outage of ours is ours
    else:
        plan.need(fault, it, "link_flapping", times[5], 0, times[4] + DAY)


def repeat_repair(plan: Plan, it: Terminal, fault: str, begin: float, _end: float, _rnd: random.Random) -> None:
    """The same thing three times."""
    third = second = 0.0
    for number in range(TIMES):
        lost = begin + number * 12 * HOUR
        plan.act(lost, it, "event", "voice_lost")
        plan.act(lost + 6 * HOUR, it, "event", "voice_back")
        plan.need(fault, it, "voice_lost", lost, 900, lost + 6 * HOUR)
        second, third = third, lost
    look = plan.sizes.look_s
    plan.need(fault, it, "repeat_repair", third, 900, second + 900 + MONTH, late=look, late_close=look + HOUR)


def update_failed(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """A new program is not taken; a later try works."""
    plan.act(begin, it, "event", "update_failed")
    plan.act(end, it, "event", "update_accepted")
    plan.need(fault, it, "update_failed", begin, 0, end)


def _while(plan: Plan, it: Terminal, what: str, values: tuple[int, int], begin: float, end: float) -> None:
    plan.act(begin, it, "set", what, values[0])
    plan.act(end, it, "set", what, values[1])


def kinds() -> list[Kind]:
    """Those whose rule this program knows."""
    long = 40 * DAY
    every = [
        Kind(name="mains_minutes", make=mains_minutes, shortest=2 * DAY, longest=2 * DAY, opens=2.1 * DAY,
             after=8 * DAY, whole=True),
        Kind(name="power_cycles", make=power_cycles, shortest=16 * HOUR, longest=40 * HOUR, opens=40 * HOUR,
             after=9 * DAY),
        Kind(name="battery_worn", make=battery_worn, shortest=7.5 * HOUR, longest=9 * HOUR, opens=10 * HOUR,
             after=1e12),
        Kind(name="temperature_low", make=temperature_low, shortest=DAY, longest=3 * DAY, opens=1.1 * DAY,
             after=3 * DAY, whole=True),
        Kind(name="rtt_high", make=rtt_high, shortest=5 * DAY, longest=5 * DAY, opens=5.2 * DAY, after=6 * DAY,
             whole=True),
        Kind(name="heap_low", make=heap_low, shortest=3 * DAY, longest=4 * DAY, opens=2.1 * DAY, after=3 * DAY,
             whole=True),
        Kind(name="drops_growing", make=drops_growing, shortest=DAY, longest=DAY, opens=1.1 * DAY, after=9 * DAY,
             earliest=2 * DAY, whole=True),
        Kind(name="outbox_growing", make=outbox_growing, shortest=2 * DAY, longest=3 * DAY, opens=1.1 * DAY,
             after=2 * DAY, earliest=3 * DAY, whole=True),
        Kind(name="link_flapping", make=link_flapping, shortest=4 * HOUR, longest=10 * HOUR, opens=10 * HOUR,
             after=2 * DAY),
        Kind(name="repeat_repair", make=repeat_repair, shortest=31 * HOUR, longest=31 * HOUR, opens=26 * HOUR,
             after=long),
        Kind(name="update_failed", make=update_failed, shortest=6 * HOUR, longest=60 * HOUR, opens=HOUR),
    ]  # fmt: skip
    return [each for each in every if each.name in BY_NAME]


def consequences(plan: Plan) -> None:
    """What planted faults bring with them: a battery that ran empty is worn, a third repair is one too many."""
    made: list[Expected] = []
    by_terminal: dict[tuple[str, str], list[Expected]] = defaultdict(list)
    for each in plan.expected:
        by_terminal[each.device, each.rule].append(each)
    for (device, rule), some in by_terminal.items():
        some.sort(key=lambda one: one.open_from)
        if rule == "battery_low" and "battery_worn" in BY_NAME:
            # Twice, for a pause ends it and it comes again after.
            made += 2 * [_allowed(some[0], "battery_worn", some[0].open_from - DAY, 1e12)]
            if "mains_minutes" in BY_NAME:
                made += [_allowed(each, "mains_minutes", each.open_from, each.close_by + 9 * DAY) for each in some]
        if "repeat_repair" in BY_NAME and rule != "repeat_repair":
            for first, third in zip(some, some[TIMES - 1 :], strict=False):
                if third.open_from - first.open_by < MONTH:
                    made.append(_allowed(third, "repeat_repair", third.open_from, third.open_by + MONTH))
        assert all(each.device == device for each in some)  # noqa: S101 - by how they were put together
    _thirds(plan, by_terminal)
    emptied = {each.device for each in made if each.rule == "battery_worn"}
    plan.expected = [
        replace(each, required=False) if each.rule == "battery_worn" and each.device in emptied else each
        for each in plan.expected
    ]
    made += _cycles(plan)
    have = {(each.device, each.rule) for each in plan.expected if each.required}
    plan.expected += [each for each in made if (each.device, each.rule) not in have]


def _thirds(plan: Plan, by_terminal: dict[tuple[str, str], list[Expected]]) -> None:
    """Where the same was planted before, the third one comes sooner than its own plan says; after it, it stays."""
    for number, each in enumerate(plan.expected):
        if each.rule != "repeat_repair" or not each.required:
            continue
        areas = {area.fault for area in plan.areas}
        same = [one for one in by_terminal[each.device, "voice_lost"] if one.fault not in areas]
        third = next(c for a, c in zip(same, same[TIMES - 1 :], strict=False) if c.open_by - a.open_from < MONTH)
        look = plan.sizes.look_s
        plan.expected[number] = replace(
            each, open_from=third.open_from, open_by=third.open_by + look, close_from=same[-2].open_from + MONTH,
            close_by=same[-2].open_by + MONTH + look + HOUR,
        )  # fmt: skip


def _cycles(plan: Plan) -> list[Expected]:
    """Who lost its mains so often in a week by all that was planted, and by short losses of the background."""
    most = int(Thresholds().values["power_cycles_open"])
    lost: dict[int, list[float]] = defaultdict(list)
    for act in plan.acts:
        if act.what == "mains" and not act.args[0]:
            lost[act.terminal].append(act.at)
    return [
        Expected(fault="mains again and again", device=plan.town[number].device, rule="power_cycles", required=False,
                 open_from=last, open_by=last + DAY, close_from=last, close_by=first + WEEK + DAY)
        for number, times in sorted(lost.items())
        for first, last in zip(sorted(times), sorted(times)[most - 1 :], strict=False)
        if "power_cycles" in BY_NAME and last - first < WEEK
    ]  # fmt: skip


def _allowed(of: Expected, rule: str, since: float, until: float) -> Expected:
    return Expected(fault=of.fault, device=of.device, rule=rule, required=False, open_from=since, open_by=until,
                    close_from=since, close_by=until)  # fmt: skip


def without_class(planted: set[str]) -> list[str]:
    """Rules of this program that no history of this bench asks for."""
    return sorted(set(BY_NAME) - planted)
