"""Faults of one terminal, a class for each rule: what the terminal does, and what must be found of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloud.health.thresholds import BY_NAME
from protocol import codes
from tools.bench.health.town import DAY, HOUR

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tools.bench.health.plan import Plan
    from tools.bench.health.town import Terminal

    Make = Callable[[Plan, Terminal, str, float, float, random.Random], None]

WEEK = 7 * DAY
FULL, LOW, CRITICAL = 96.0, 15.0, 5.0  # percent
RESTORE = dict(codes.FAULTS)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One class. `whole`: begins and ends at midnight. `after`: other plantings keep away for so long behind it."""

    name: str
    make: Make
    shortest: float
    longest: float
    opens: float  # a history that ends sooner after its begin cannot show it
    after: float = 3 * HOUR
    earliest: float = 1.2 * DAY
    latest: float = 1e12
    whole: bool = False


def told(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """The terminal says so, and takes it back."""
    code = fault.partition(" ")[0]
    plan.act(begin, it, "event", code)
    plan.act(end, it, "event", RESTORE[code])
    plan.need(fault, it, code, begin, BY_NAME[f"{code}_s"].value, end)


def mains_lost(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """The plug is out; its battery lasts."""
    plan.act(begin, it, "mains", 0)
    plan.act(begin, it, "pct", FULL, -3.0)
    plan.act(end, it, "mains", 1)
    plan.act(end, it, "pct", FULL, 0.0)
    plan.need(fault, it, "mains_lost", begin, HOUR, end)


def battery_low(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """The plug is out until the battery is nearly empty."""
    slope = (FULL - 9.0) / (end - begin) * HOUR
    low = begin + (FULL - LOW) / slope * HOUR
    good = end + (36.0 - 9.0) / 20.0 * HOUR
    plan.act(begin, it, "mains", 0)
    plan.act(begin, it, "pct", FULL, -slope)
    plan.act(low, it, "event", "battery_low")
    plan.act(end, it, "mains", 1)
    plan.act(end, it, "pct", 9.0, 20.0)
    plan.act(good, it, "event", "battery_ok")
    plan.need(fault, it, "mains_lost", begin, HOUR, end)
    plan.need(fault, it, "battery_low", low, 0, good, early=HOUR, late_close=2 * plan.sizes.beat_s)


def battery_critical(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """The plug is out, the battery runs empty, the terminal goes dark and comes back with the mains."""
    dry = begin + (end - begin) * 0.6
    runs_dry(plan, it, fault, begin, dry, end)
    slope = FULL / (dry - begin) * HOUR
    critical, low = (begin + (FULL - at) / slope * HOUR for at in (CRITICAL, LOW))
    plan.need(fault, it, "mains_lost", begin, HOUR, end)
    plan.need(fault, it, "battery_critical", critical, 0, end + HOUR)
    plan.need(fault, it, "battery_low", low, 0, end + 2 * HOUR, early=HOUR, late_close=2 * plan.sizes.beat_s)
    plan.dark(fault, it, dry, end)


def runs_dry(plan: Plan, it: Terminal, _fault: str, begin: float, dry: float, end: float) -> None:
    """Acts alone: mains go, the battery empties, dark until the mains are back."""
    slope = FULL / (dry - begin) * HOUR
    plan.act(begin, it, "mains", 0)
    plan.act(begin, it, "pct", FULL, -slope)
    plan.act(begin + (FULL - LOW) / slope * HOUR, it, "event", "battery_low")
    plan.act(begin + (FULL - CRITICAL) / slope * HOUR, it, "event", "battery_critical")
    plan.act(dry, it, "off")
    plan.away[it.number].append((dry, end))
    plan.act(end, it, "on", "power")
    plan.act(end + 5, it, "mains", 1)
    plan.act(end + 5, it, "pct", 4.0, 20.0)
    plan.act(end + HOUR, it, "event", "battery_recovered")
    plan.act(end + 2 * HOUR, it, "event", "battery_ok")


def silent(plan: Plan, it: Terminal, fault: str, begin: float, end: float, rnd: random.Random) -> None:
    """Off without a word; or only without a line, and then it tells afterwards what happened meanwhile."""
    if rnd.random() < 0.5:
        plan.act(begin, it, "off")
        plan.act(end, it, "on", "power")
        plan.away[it.number].append((begin, end))
    else:
        plan.act(begin, it, "link", 0)
        plan.act(begin + 60, it, "event", "voice_lost")
        plan.act(end - 60, it, "event", "voice_back")
        plan.act(end, it, "link", 1)
    plan.dark(fault, it, begin, end)


def never_seen(plan: Plan, it: Terminal, fault: str, _begin: float, _end: float, rnd: random.Random) -> None:
    """Installed, and switched on only a day later."""
    end = DAY + (3 + 15 * rnd.random()) * HOUR
    plan.begins[it.number] = end
    plan.need(fault, it, "never_seen", 0, DAY, end)
    plan.allow(fault, it, "unsteady", 0, end + WEEK + DAY)


def unsteady(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """Every second heartbeat is lost for days."""
    plan.act(begin, it, "set", "loss", 2)
    plan.act(end, it, "set", "loss", 1)
    plan.need(fault, it, "unsteady", begin, DAY, end + WEEK, late=3 * DAY, close_from=end + 5 * DAY)


def weak_signal(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """Behind a new wardrobe for days."""
    plan.csq[it.number] = 14
    plan.act(begin, it, "set", "csq", 3)
    plan.act(end, it, "set", "csq", 14)
    plan.need(fault, it, "weak_signal", begin, DAY, end + WEEK, late=3 * DAY, close_from=end + 5 * DAY)


def coverage(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """Registered for half of the day, for days."""
    plan.act(begin + HOUR, it, "set", "reg", 0.5)  # behind the record of the day before
    plan.act(end + HOUR, it, "set", "reg", 1.0)
    plan.need(fault, it, "coverage", begin, DAY, end + WEEK, late=2 * DAY + HOUR, close_from=end + 6 * DAY)


def brownouts(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """The supply breaks down twice."""
    for at in (begin, end):
        plan.act(at, it, "boot", "brownout")
    plan.need(fault, it, "brownouts", end, 0, end + WEEK)


def crashes(plan: Plan, it: Terminal, fault: str, begin: float, end: float, rnd: random.Random) -> None:
    """The program fails three times within days."""
    for at in (begin, (begin + end) / 2, end):
        plan.act(at, it, "boot", rnd.choice(("watchdog", "crash")))
    plan.need(fault, it, "crashes", end, 0, end + WEEK)


def reboots(plan: Plan, it: Terminal, fault: str, begin: float, end: float, rnd: random.Random) -> None:
    """A loose plug: three starts in an hour, or seven within a day."""
    if rnd.random() < 0.5:
        times = [begin, begin + 1200, begin + 2400]
        opens, closes = times[2], times[0] + DAY
    else:
        times = [begin + number * (end - begin) / 6 for number in range(7)]
        opens, closes = times[5], times[4] + DAY
    for at in times:
        plan.act(at, it, "boot", "power")
    plan.need(fault, it, "reboots", opens, 0, closes)


def clock_off(plan: Plan, it: Terminal, fault: str, begin: float, end: float, rnd: random.Random) -> None:
    """A wrong clock, fast or slow."""
    plan.act(begin, it, "set", "shift", rnd.choice((-1, 1)) * rnd.randint(600, 2400))
    plan.act(end, it, "set", "shift", 0)
    beat = plan.sizes.beat_s
    plan.need(fault, it, "clock_off", begin, 0, end, late=2 * beat, late_close=2 * beat)


def clock_unset(plan: Plan, it: Terminal, fault: str, begin: float, end: float, rnd: random.Random) -> None:
    """No time from the network: the terminal dates nothing."""
    plan.act(begin, it, "set", "clock", 0)
    told(plan, it, fault, begin + 1, end, rnd)
    plan.act(end, it, "set", "clock", 1)


def card_differs(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """Somebody puts another card in, and the right one back."""
    plan.act(begin, it, "set", "iccid", "8986" + f"9{it.number:014d}")
    plan.act(begin, it, "boot", "soft")
    plan.act(end, it, "set", "iccid", it.iccid)
    plan.act(end, it, "boot", "soft")
    plan.need(fault, it, "card_differs", begin, DAY, end)
    plan.allow(fault, it, "sim_unknown", begin, end + DAY)  # the operator never had it


def sim_expiring(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """A plan of a card is about to end, and is renewed."""
    plan.expires[it.number] = int(begin // DAY) + 30
    plan.act(end, it, "renew")
    plan.need(fault, it, "sim_expiring", begin // DAY * DAY, 0, end)


def config_stuck(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """It does not take a new configuration for a while."""
    plan.act(begin, it, "want")
    plan.act(end, it, "set", "cfg", 2)
    plan.act(end, it, "event", "config_applied", 2)
    late = HOUR + 3 * plan.sizes.beat_s + 2 * plan.sizes.look_s
    plan.need(fault, it, "config_stuck", begin, 2 * HOUR, end, late=late, late_close=2 * plan.sizes.beat_s)


def trial_image(plan: Plan, it: Terminal, fault: str, _begin: float, _end: float, _rnd: random.Random) -> None:
    """A build for the bench was installed."""
    plan.trial.add(it.number)
    plan.need(fault, it, "trial_image", 0, 0)


def presses_many(plan: Plan, it: Terminal, fault: str, begin: float, _end: float, _rnd: random.Random) -> None:
    """Twenty-four presses in a morning."""
    day = begin // DAY * DAY
    times = [day + 9 * HOUR + number * 450 for number in range(24)]
    for at in times:
        plan.act(at, it, "press", "k2", 0)
    plan.need(fault, it, "presses_many", times[19], 0, day + 2 * DAY, late=times[-1] - times[19])


def sos_unproven(plan: Plan, it: Terminal, fault: str, begin: float, _end: float, rnd: random.Random) -> None:
    """Nobody tests the red key for too long after the last time."""
    limit = plan.sizes.sos_days * float(DAY)
    again = plan.due(begin, limit) + (5 + 20 * rnd.random()) * HOUR
    plan.tests[it.number] = [at for at in plan.tests[it.number] if at < begin or at > again] + [begin, again]
    plan.need(fault, it, "sos_unproven", begin, limit, again, late=120, late_close=120)


def keys_untested(plan: Plan, it: Terminal, fault: str, _begin: float, _end: float, rnd: random.Random) -> None:
    """A key that was left out at the installation."""
    end = plan.due(0, plan.sizes.keys_days * float(DAY)) + (5 + 20 * rnd.random()) * HOUR
    plan.untested[it.number] = key = rnd.choice(("k1", "k2", "k3", "k4"))
    plan.act(end, it, "press", key, 0)
    plan.need(fault, it, "keys_untested", 0, plan.sizes.keys_days * float(DAY), end)


def _told(code: str) -> Kind:
    limit = BY_NAME[f"{code}_s"].value
    make = {"mains_lost": mains_lost, "clock_unset": clock_unset}.get(code, told)
    return Kind(name=code, make=make, shortest=limit + 2 * HOUR, longest=limit + 8 * HOUR, opens=limit + HOUR)


def kinds(silent_s: float, days: int, sos_days: int, keys_days: int) -> list[Kind]:
    """Every class, for a history of so many days."""
    plain = [_told(code) for code, _ in codes.FAULTS if f"{code}_s" in BY_NAME and code != "battery_critical"]
    last = 1e12
    return [
        *plain,
        Kind(name="battery_low", make=battery_low, shortest=14 * HOUR, longest=20 * HOUR, opens=20 * HOUR),
        Kind(name="battery_critical", make=battery_critical, shortest=20 * HOUR, longest=30 * HOUR, opens=26 * HOUR,
             after=WEEK + DAY),
        Kind(name="silent", make=silent, shortest=silent_s + 2 * HOUR, longest=silent_s + 24 * HOUR,
             opens=silent_s + HOUR, after=WEEK + DAY),
        Kind(name="never_seen", make=never_seen, shortest=0, longest=0, opens=1.1 * DAY, after=9 * DAY, earliest=0,
             latest=0),
        Kind(name="unsteady", make=unsteady, shortest=5 * DAY, longest=6 * DAY, opens=4.2 * DAY, after=8 * DAY,
             earliest=DAY, whole=True),
        Kind(name="weak_signal", make=weak_signal, shortest=5 * DAY, longest=6 * DAY, opens=4.2 * DAY, after=8 * DAY,
             earliest=DAY, whole=True),
        Kind(name="coverage", make=coverage, shortest=4 * DAY, longest=6 * DAY, opens=3.3 * DAY, after=8 * DAY,
             earliest=DAY, whole=True),
        Kind(name="brownouts", make=brownouts, shortest=2 * HOUR, longest=40 * HOUR, opens=41 * HOUR, after=8 * DAY),
        Kind(name="crashes", make=crashes, shortest=8 * HOUR, longest=40 * HOUR, opens=41 * HOUR, after=8 * DAY),
        Kind(name="reboots", make=reboots, shortest=18 * HOUR, longest=20 * HOUR, opens=21 * HOUR, after=2 * DAY),
        Kind(name="clock_off", make=clock_off, shortest=8 * HOUR, longest=30 * HOUR, opens=3 * HOUR),
        Kind(name="card_differs", make=card_differs, shortest=27 * HOUR, longest=40 * HOUR, opens=25 * HOUR,
             after=2 * DAY),
        Kind(name="sim_expiring", make=sim_expiring, shortest=DAY, longest=3 * DAY, opens=2 * HOUR, whole=True),
        Kind(name="config_stuck", make=config_stuck, shortest=14 * HOUR, longest=30 * HOUR, opens=9 * HOUR, after=last),
        Kind(name="trial_image", make=trial_image, shortest=0, longest=0, opens=HOUR, after=last, earliest=0, latest=0),
        Kind(name="presses_many", make=presses_many, shortest=DAY, longest=DAY, opens=13 * HOUR, after=2 * DAY,
             whole=True),
        Kind(name="sos_unproven", make=sos_unproven, shortest=0, longest=0, opens=HOUR, earliest=DAY,
             after=(sos_days + 2) * DAY, latest=max(DAY, (days - sos_days - 1) * DAY)),
        Kind(name="keys_untested", make=keys_untested, shortest=0, longest=0, opens=(keys_days + 1) * DAY, earliest=0,
             latest=0, after=(keys_days + 3) * DAY),
    ]  # fmt: skip
