"""Who is called, in which order. Pure: binding, household, providers and the moment in, rungs out.

The last rung is always a desk that answers around the clock. The plan that the terminal stores is the same rule
for `at=None`, "any hour": only who always answers is in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud.calls.codes import AMBULANCE, DESK, FAMILY, STATION
from cloud.calls.models import Rung
from cloud.providers import models as providers_models
from cloud.providers.models import Place
from cloud.providers.rules import serving
from protocol.errors import LocalProtocolError
from protocol.fields import LABEL_CHARS_MAX, LADDER_RUNGS_MAX
from protocol.messages import encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from cloud.elders.models import Household
    from cloud.providers.models import Provider

DESK_RING_S = 30  # six ring cycles; a desk that has not answered by then is full
FAMILY_RING_S = 25  # shorter than the 30 s after which most voicemails of mobile networks pick up
PER_STEP_MAX = 2  # the nearest station and the next: a third costs the elder another minute before the desk
ONLY_DESK = (DESK,)  # what a key without a binding does

_KINDS = {
    DESK: providers_models.DESK,
    STATION: providers_models.STATION,
    AMBULANCE: providers_models.AMBULANCE,
}


def ladder(
    steps: Iterable[str],
    household: Household | None,
    providers: Iterable[Provider],
    hotline: Rung,
    at: datetime | None,
) -> tuple[Rung, ...]:
    """At most LADDER_RUNGS_MAX rungs. No household: the desk. Empty only if no hotline can be dialled."""
    known = list(providers)
    place = Place(household.street_code, household.community) if household else None
    desk_now = _desk(known, place, hotline, at)
    desk_always = _desk(known, place, hotline, None)
    wanted: list[Rung] = []
    for step in steps if household else ONLY_DESK:
        wanted += [desk_now] if step == DESK else _targets(step, household, known, at)
    rungs = list(_without_repeats(wanted, {desk_now.number, desk_always.number}))[: LADDER_RUNGS_MAX - 1]
    if is_dialable(desk_always) and (not rungs or rungs[-1].number != desk_always.number):
        rungs.append(desk_always)
    return tuple(rungs)


def is_dialable(rung: Rung) -> bool:
    """Whether the wire takes this rung: one bad number in a register must not cost the whole route."""
    try:
        encode("down", "route", {"ref": "00000000.0.0", "case": "x", "ver": 0, "plan": [rung.on_the_wire()], "exp": 0})
    except LocalProtocolError:
        return False
    return True


def _desk(providers: list[Provider], place: Place | None, hotline: Rung, at: datetime | None) -> Rung:
    """The nearest desk that answers, else the hotline of the settings."""
    desks = serving(providers, providers_models.DESK, None, place, at)
    return next((rung for rung in map(_rung, desks) if is_dialable(rung)), hotline)


def _targets(step: str, household: Household | None, providers: list[Provider], at: datetime | None) -> list[Rung]:
    if step == FAMILY:
        contacts = household.contacts if household else ()
        return [Rung(_label(contact.label), contact.number, FAMILY_RING_S, staffed=False) for contact in contacts]
    place = Place(household.street_code, household.community) if household else None
    kind = _KINDS.get(step, providers_models.SERVICE)
    service = step if kind == providers_models.SERVICE else None
    return [_rung(provider) for provider in serving(providers, kind, service, place, at)][:PER_STEP_MAX]


def _rung(provider: Provider) -> Rung:
    return Rung(_label(provider.label), provider.number, provider.ring_s, provider.staffed)


def _label(text: str) -> str:
    return text[:LABEL_CHARS_MAX]


def _without_repeats(rungs: Iterable[Rung], desks: set[str]) -> Iterator[Rung]:
    """Each number once, a desk as often as asked for but never twice in a row; nothing that cannot be dialled."""
    seen: set[str] = set()
    last = None
    for rung in rungs:
        again = rung.number == last if rung.number in desks else rung.number in seen
        if again or not is_dialable(rung):
            continue
        seen.add(rung.number)
        last = rung.number
        yield rung
