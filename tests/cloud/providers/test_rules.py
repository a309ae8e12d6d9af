"""When a provider answers, in the hours of Shanghai."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.providers.models import Area, Place, Provider, Span
from cloud.providers.rules import WEEK_MINUTES, fit, is_open, minute_of_week

MONDAY = datetime(2026, 3, 1, 16, 0, tzinfo=UTC)  # Monday 2 March 2026, 00:00 in Shanghai


def station(*hours: Span, around_the_clock: bool = False, areas: tuple[Area, ...] = (Area(),)) -> Provider:
    return Provider(
        provider_id=uuid.UUID(int=1),
        kind="station",
        service=None,
        label="驿站",
        number="01055500003",
        ring_s=30,
        staffed=True,
        status="active",
        line_ok=True,
        around_the_clock=around_the_clock,
        areas=areas,
        hours=hours,
    )


def test_the_week_begins_on_monday_midnight_in_shanghai() -> None:
    assert minute_of_week(MONDAY) == 0
    assert minute_of_week(MONDAY - timedelta(minutes=1)) == WEEK_MINUTES - 1


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        minute_of_week(datetime(2026, 3, 2))  # noqa: DTZ001 - that is the point


def test_hours_hold_their_first_minute_and_not_their_last() -> None:
    place = station(Span(0, 8 * 60, 18 * 60))
    opens = MONDAY + timedelta(hours=8)
    assert [is_open(place, opens + timedelta(minutes=m)) for m in (-1, 0, 599, 600)] == [False, True, True, False]


def test_a_night_that_begins_on_sunday_goes_on_past_the_end_of_the_week() -> None:
    night = station(Span(6, 22 * 60, 30 * 60))
    assert is_open(night, MONDAY + timedelta(hours=5, minutes=59))
    assert not is_open(night, MONDAY + timedelta(hours=6))
    assert is_open(night, MONDAY - timedelta(hours=1))


def test_any_hour_means_every_minute_of_the_week() -> None:
    always = [Span(day, 0, 1440) for day in range(7)]
    assert is_open(station(*always), None)
    assert is_open(station(around_the_clock=True), None)
    assert not is_open(station(*always[:6], Span(6, 0, 1439)), None)
    assert is_open(station(*[Span(day, 600, 600 + 1440) for day in range(7)]), None)


@given(
    st.lists(
        st.builds(lambda d, o, n: Span(d, o, o + n), st.integers(0, 6), st.integers(0, 1439), st.integers(1, 1440))
    ),
    st.integers(0, 3 * WEEK_MINUTES),
)
def test_opening_hours_agree_with_counting_minutes(hours: list[Span], minute: int) -> None:
    # Pins the arithmetic past midnight and past Sunday against a plain set of minutes.
    covered = {(s.weekday * 1440 + m) % WEEK_MINUTES for s in hours for m in range(s.opens_minute, s.closes_minute)}
    at = MONDAY + timedelta(minutes=minute, seconds=30)
    assert is_open(station(*hours), at) == (minute % WEEK_MINUTES in covered)
    assert is_open(station(*hours), None) == (len(covered) == WEEK_MINUTES)


def test_the_nearer_the_area_the_better_it_fits_and_no_place_means_the_district() -> None:
    home = Place("110102009", "展览路社区")
    fits = [fit(station(areas=(area,)), home) for area in (
        Area("110102009", "展览路社区"), Area("110102009"), Area(), Area("110102018"), Area("110102009", "别的社区"),
    )]  # fmt: skip
    assert fits == [3, 2, 1, 0, 0]
    assert fit(station(areas=(Area("110102009"),)), None) == 0
    assert fit(station(), None) == 1
    assert fit(station(areas=()), home) == 0
