"""Who serves a place at a moment. Pure: the moment is an argument, `None` means "at any hour of the week".

A provider counts for "any hour" only if it answers in every minute of the week, so whoever is in a plan
that is stored for later can also be reached later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud.days import SHANGHAI
from cloud.providers.models import ACTIVE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from cloud.providers.models import Area, Place, Provider, Span

DAY_MINUTES = 1440
WEEK_MINUTES = 7 * DAY_MINUTES

# How closely an area fits; the nearest provider is called first.
COMMUNITY_FIT, STREET_FIT, DISTRICT_FIT = 3, 2, 1


def minute_of_week(at: datetime) -> int:
    """Minutes since Monday 00:00 in Shanghai."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone has no hour")
    local = at.astimezone(SHANGHAI)
    return local.weekday() * DAY_MINUTES + local.hour * 60 + local.minute


def is_open(provider: Provider, at: datetime | None) -> bool:
    """Whether it answers at that moment; `None`: at every moment."""
    if provider.around_the_clock:
        return True
    if at is None:
        return _covers_week(provider.hours)
    minute = minute_of_week(at)
    return any(_holds(span, minute) for span in provider.hours)


def fit(provider: Provider, place: Place | None) -> int:
    """How closely it serves the place, 0: not at all. Without a place only who serves the whole district does."""
    return max((_area_fit(area, place) for area in provider.areas), default=0)


def serving(
    providers: Iterable[Provider], kind: str, service: str | None, place: Place | None, at: datetime | None
) -> list[Provider]:
    """Those of a kind who can be called for the place at the moment, the nearest first."""
    found = [
        (-fit(provider, place), provider.label, str(provider.provider_id), provider)
        for provider in providers
        if provider.kind == kind
        and provider.service == service
        and provider.status == ACTIVE
        and provider.line_ok
        and fit(provider, place) > 0
        and is_open(provider, at)
    ]
    return [entry[-1] for entry in sorted(found, key=lambda entry: entry[:-1])]


def _area_fit(area: Area, place: Place | None) -> int:
    if area.street_code is None:
        return DISTRICT_FIT
    if place is None or area.street_code != place.street_code:
        return 0
    if area.community is None:
        return STREET_FIT
    return COMMUNITY_FIT if area.community == place.community else 0


def _holds(span: Span, minute: int) -> bool:
    """Whether the span, or its part past Sunday midnight, holds the minute of the week."""
    start = span.weekday * DAY_MINUTES
    return any(
        start + span.opens_minute <= candidate < start + span.closes_minute
        for candidate in (minute, minute + WEEK_MINUTES)
    )


def _covers_week(hours: Iterable[Span]) -> bool:
    open_minutes: set[int] = set()
    for span in hours:
        start = span.weekday * DAY_MINUTES
        open_minutes.update(m % WEEK_MINUTES for m in range(start + span.opens_minute, start + span.closes_minute))
    return len(open_minutes) == WEEK_MINUTES
