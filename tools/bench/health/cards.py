"""What an operator does to cards: the change at its platform, what must be found of it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud.health.thresholds import Thresholds
from tools.bench.health.faults import Kind
from tools.bench.health.operator import LISTED, MB, QUOTA, READ_S
from tools.bench.health.town import DAY, HOUR

if TYPE_CHECKING:
    import random

    from tools.bench.health.plan import Plan
    from tools.bench.health.town import Terminal

UNKNOWN_S = Thresholds().values["sim_unknown_s"]
USED = 28 * MB  # of QUOTA


def sim_stopped(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """It is suspended, and set going again."""
    plan.act(begin, it, "card", "status", "suspended")
    plan.act(end, it, "card", "status", "activated")
    _need(plan, it, fault, "sim_stopped", begin, end)


def sim_voice_off(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """Its voice is taken away."""
    plan.act(begin, it, "card", "voice", False)
    plan.act(end, it, "card", "voice", True)
    _need(plan, it, fault, "sim_voice_off", begin, end)


def sim_traffic(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """It has data of its own, nearly used up; then more is bought."""
    plan.act(begin, it, "card", "data_quota_bytes", QUOTA)
    plan.act(begin, it, "card", "data_used_bytes", USED)
    plan.act(end, it, "card", "data_quota_bytes", None)
    _need(plan, it, fault, "sim_traffic", begin, end)


def sim_lock(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """It is bound to another modem."""
    plan.act(begin, it, "card", "bound_imei", f"85{it.number:013d}")
    plan.act(end, it, "card", "bound_imei", it.imei)
    _need(plan, it, fault, "sim_lock", begin, end)


def sim_unknown(plan: Plan, it: Terminal, fault: str, begin: float, end: float, _rnd: random.Random) -> None:
    """It is in no list for days."""
    plan.act(begin, it, "card", LISTED, False)
    plan.act(end, it, "card", LISTED, True)
    plan.need(fault, it, "sim_unknown", begin, UNKNOWN_S, end, late=2 * READ_S, late_close=READ_S)


def _need(  # noqa: PLR0917 - as the classes have it
    plan: Plan, it: Terminal, fault: str, rule: str, begin: float, end: float
) -> None:
    """What the next reading tells opens and closes it."""
    plan.need(fault, it, rule, begin, 0, end, late=READ_S, late_close=READ_S)


def kinds() -> list[Kind]:
    """All of them; none has a consequence for anything else."""
    some = {
        "sim_stopped": sim_stopped, "sim_voice_off": sim_voice_off, "sim_traffic": sim_traffic, "sim_lock": sim_lock,
    }  # fmt: skip
    return [
        *(
            Kind(name=name, make=make, shortest=12 * HOUR, longest=40 * HOUR, opens=8 * HOUR, after=READ_S + HOUR)
            for name, make in some.items()
        ),
        Kind(name="sim_unknown", make=sim_unknown, shortest=UNKNOWN_S + 16 * HOUR, longest=UNKNOWN_S + 2 * DAY,
             opens=UNKNOWN_S + 12 * HOUR, after=READ_S + HOUR),
    ]  # fmt: skip
