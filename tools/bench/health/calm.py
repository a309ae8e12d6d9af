"""A whole history: first what is planted, then ordinary life around it, of which nothing must be found. Pure.

In: sizes with a seed. Out: a plan, the same for the same sizes.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tools.bench.health import areas, cards, trends
from tools.bench.health.faults import Kind, kinds
from tools.bench.health.plan import Plan, Sizes, outages
from tools.bench.health.town import DAY, HOUR, Terminal, town

if TYPE_CHECKING:
    from collections.abc import Callable

TRIES = 80
EACH = 0.008  # plantings of a class for each terminal in 90 days
AREA_DAYS = 15  # one outage of each kind in so many days
TALK_S = 40
# Rates of ordinary things, for each terminal and day.
SHORT_LINKS, SHORT_MAINS, SHORT_FAULTS, CALLS, HOLIDAYS = 0.1, 0.03, 0.02, 0.03, 0.004
FLAPS_MOST = 5  # of one afternoon: more of them within a week are a habit
FLAPS_EACH = 0.01  # terminals that flap for hours, for each terminal in 20 days
# Faults whose threshold is long enough for a short one that is none.
SHORT = ("voice_lost", "under_voltage", "temperature_high", "tamper_open", "outbox_full", "selftest_failed")
SHORT_S = 200.0
RESTORES = {
    "voice_lost": "voice_back", "under_voltage": "voltage_ok", "temperature_high": "temperature_ok",
    "tamper_open": "tamper_closed", "outbox_full": "outbox_drained", "selftest_failed": "selftest_passed",
}  # fmt: skip


def history(sizes: Sizes) -> Plan:
    """Everything that happens, in the order of time."""
    plan = Plan(sizes, town(sizes.terminals, sizes.seed, sizes.beat_s), outages=outages(sizes))
    rnd = random.Random(f"plan {sizes.seed}")
    _tests(plan, rnd)
    areas.plant(plan, max(1, sizes.days // AREA_DAYS), rnd)
    _faults(plan, rnd)
    _holidays(plan, rnd)
    _flaps(plan, rnd)
    _calls(plan, rnd)
    _short(plan, rnd)
    _installed(plan)
    trends.consequences(plan)
    plan.acts = sorted(each for each in plan.acts if each.at < sizes.until)
    return plan


def _tests(plan: Plan, rnd: random.Random) -> None:
    """Of the red key, so often that none is ever unproven."""
    every = 0.6 * plan.sizes.sos_days * DAY
    for it in plan.town:
        at, times = it.begins + (0.3 + 0.7 * rnd.random()) * every, []
        while at < plan.sizes.until:
            times.append(at)
            at += every * (0.9 + 0.1 * rnd.random())
        plan.tests[it.number] = times


def _faults(plan: Plan, rnd: random.Random) -> None:
    sizes = plan.sizes
    each = max(1, round(sizes.terminals * sizes.days / 90 * EACH))
    for number in range(each):
        for kind in [
            *kinds(sizes.silent_s, sizes.days, sizes.sos_days, sizes.keys_days),
            *trends.kinds(),
            *cards.kinds(),
        ]:
            fault = f"{kind.name} {number + 1}"
            if _plant(plan, kind, fault, rnd):
                plan.planted[kind.name] = plan.planted.get(kind.name, 0) + 1
            else:
                plan.not_planted.append(fault)


def _plant(plan: Plan, kind: Kind, fault: str, rnd: random.Random) -> bool:
    latest = min(kind.latest, plan.sizes.until - kind.opens - plan.sizes.look_s)
    if latest < kind.earliest:
        return False
    for _ in range(TRIES):
        it = rnd.choice(plan.town)
        begin = kind.earliest + rnd.random() * (latest - kind.earliest)
        lasts = kind.shortest + rnd.random() * (kind.longest - kind.shortest)
        if kind.whole:
            begin, lasts = begin // DAY * DAY, max(1, lasts // DAY) * DAY
        if begin < kind.earliest // DAY * DAY or not plan.free(it, begin - 2 * HOUR, begin + lasts + kind.after):
            continue
        plan.take(it, begin - 2 * HOUR, begin + lasts + kind.after)
        kind.make(plan, it, fault, begin, begin + lasts, rnd)
        return True
    return False


def _count(plan: Plan, rate: float) -> int:
    return round(plan.sizes.terminals * plan.sizes.days * rate)


def _somewhere(plan: Plan, rnd: random.Random, lasts: float) -> tuple[Terminal, float] | None:
    """A terminal and a moment at which nothing else happens to it for so long."""
    for _ in range(TRIES):
        it = rnd.choice(plan.town)
        begin = DAY * (0.5 + rnd.random() * (plan.sizes.days - 0.5))
        if plan.free(it, begin - HOUR, begin + lasts + HOUR):
            plan.take(it, begin - HOUR, begin + lasts + HOUR)
            return it, begin
    return None


def _holidays(plan: Plan, rnd: random.Random) -> None:
    """The household is away, as it said; its terminal is switched off, or goes on."""
    for _ in range(_count(plan, HOLIDAYS)):
        days = rnd.randint(2, 6)
        place = _somewhere(plan, rnd, (days + 2) * DAY)
        if place is None:
            continue
        it, first = place[0], int(place[1] // DAY) + 1
        if first + days >= plan.sizes.days:
            continue
        plan.pauses.append((it.number, first, first + days))
        begin, end = (first + 0.4) * DAY, (first + days - 0.25) * DAY
        plan.away[it.number].append((first * DAY, (first + days) * DAY))
        if rnd.random() < 0.8:
            plan.act(begin, it, "off")
            plan.act(end, it, "on", "power")


def _flaps(plan: Plan, rnd: random.Random) -> None:
    """A line or a plug that comes and goes, each time for less than any threshold."""
    beat = plan.sizes.beat_s
    for number in range(_count(plan, FLAPS_EACH / 20)):
        lasts = (6 + 6 * rnd.random()) * HOUR
        place = _somewhere(plan, rnd, lasts)
        if place is None:
            continue
        it, begin = place
        what, away, every = ("mains", 1500.0, 2400.0) if number % 2 else ("link", 0.6 * beat, 5 / 3 * beat)
        plan.act(begin - 1, it, "set", "loss", 0)
        at = begin
        for _ in range(FLAPS_MOST):
            if at + away >= begin + lasts:
                break
            plan.act(at, it, what, 0)
            plan.act(at + away, it, what, 1)
            at += every
        plan.act(begin + lasts, it, "set", "loss", 1)


def _calls(plan: Plan, rnd: random.Random) -> None:
    """A key that is pressed because somebody needs something; one call in twenty takes an hour."""
    for _ in range(_count(plan, CALLS)):
        place = _somewhere(plan, rnd, HOUR)
        if place is not None:
            talk = 3600 if rnd.random() < 0.05 else rnd.randint(20, 200)
            plan.act(place[1], place[0], "press", rnd.choice(("k1", "k2", "k3", "k4")), talk)


def _short(plan: Plan, rnd: random.Random) -> None:
    """What is over before it is anything."""
    beat = plan.sizes.beat_s
    for _ in range(_count(plan, SHORT_LINKS)):
        lasts = min(120 + 480 * rnd.random(), 0.5 * beat)
        place = _somewhere(plan, rnd, lasts)
        if place is not None:
            plan.act(place[1], place[0], "blip", 0)
            plan.act(place[1] + lasts, place[0], "link", 1)
    for _ in range(_count(plan, SHORT_MAINS)):
        place = _somewhere(plan, rnd, 0.9 * beat)
        if place is None:
            continue
        it, begin = place
        told_late = rnd.random() < 0.3  # the line goes with the mains: both words come together afterwards
        lasts = min(1200.0, 0.8 * beat)
        plan.act(begin, it, "mains", 0)
        plan.act(begin + lasts, it, "mains", 1)
        if told_late:
            plan.act(begin - 1, it, "blip", 0)
            plan.act(begin + 0.85 * beat, it, "link", 1)
    for _ in range(_count(plan, SHORT_FAULTS)):
        place = _somewhere(plan, rnd, SHORT_S)
        if place is not None:
            code = rnd.choice(SHORT)
            plan.act(place[1], place[0], "event", code)
            plan.act(place[1] + SHORT_S, place[0], "event", RESTORES[code])


def _installed(plan: Plan) -> None:
    """Each is switched on, every key is pressed once; the red key again at its tests, when somebody is there."""
    for it in plan.town:
        begin = plan.begin_of(it)
        plan.act(begin, it, "on", "power")
        for place, key in enumerate(("sos", "k1", "k2", "k3", "k4")):
            if plan.untested.get(it.number) != key:
                plan.act(begin + 120 + 150 * place, it, "press", key, TALK_S if key == "sos" else 0)
        for at in plan.tests[it.number]:
            if at > begin:
                plan.act(_when_there(plan, it, at), it, "press", "sos", TALK_S)


def _when_there(plan: Plan, it: Terminal, at: float) -> float:
    moved: Callable[[float], float] = lambda time: next(  # noqa: E731 - short, and used here alone
        (end + HOUR for begin, end in sorted(plan.away[it.number]) if begin - HOUR <= time < end + HOUR), time
    )
    return moved(moved(at))
