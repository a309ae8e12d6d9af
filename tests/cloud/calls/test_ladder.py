"""Who is called: the ladder of a key, for every household, hour and register."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cloud.calls.ladder import PER_STEP_MAX, is_dialable, ladder
from cloud.calls.models import Rung
from cloud.elders.models import Contact, Household
from cloud.providers.models import Area, Provider, Span
from protocol.fields import LADDER_RUNGS_MAX
from protocol.messages import encode

HOTLINE = Rung("坐席", "01055500001", 30, staffed=True)
MONDAY_NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai
MONDAY_NIGHT = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)  # 23:30
SOS = ("desk", "family", "desk")
WORKDAY = tuple(Span(day, 8 * 60, 18 * 60) for day in range(5))


def home(contacts: tuple[Contact, ...] = (), community: str = "展览路社区") -> Household:
    return Household(uuid.UUID(int=1), "110102009", "展览路", community, "某楼某门", True, (), contacts)


def provider(kind: str, number: str, **changes: object) -> Provider:
    base = Provider(
        provider_id=uuid.UUID(int=int(number)),
        kind=kind,
        service=None,
        label=kind,
        number=number,
        ring_s=30,
        staffed=True,
        status="active",
        line_ok=True,
        around_the_clock=True,
        areas=(Area(),),
        hours=(),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


DESK = provider("desk", "01055500002")
STATION = provider(
    "station", "01055500003", around_the_clock=False, hours=WORKDAY, areas=(Area("110102009", "展览路社区"),)
)
DAUGHTER = Contact("女儿", "13800000001")


def numbers(rungs: tuple[Rung, ...]) -> list[str]:
    return [rung.number for rung in rungs]


def test_an_empty_database_still_calls_the_hotline() -> None:
    assert ladder(SOS, None, [], HOTLINE, MONDAY_NOON) == (HOTLINE,)
    assert ladder(SOS, home(), [], HOTLINE, None) == (HOTLINE,)


def test_sos_is_desk_family_desk() -> None:
    assert numbers(ladder(SOS, home((DAUGHTER,)), [DESK], HOTLINE, MONDAY_NOON)) == [
        DESK.number,
        DAUGHTER.number,
        DESK.number,
    ]


def test_a_station_that_is_closed_is_not_called() -> None:
    # Pins the failure that was in the newspapers: a call at 23:00 to a station that is off duty.
    binding = ("station", "desk")
    assert numbers(ladder(binding, home(), [DESK, STATION], HOTLINE, MONDAY_NOON)) == [STATION.number, DESK.number]
    assert numbers(ladder(binding, home(), [DESK, STATION], HOTLINE, MONDAY_NIGHT)) == [DESK.number]


def test_the_stored_plan_holds_only_who_always_answers() -> None:
    night = provider("station", "01055500004")
    assert numbers(ladder(("station", "desk"), home(), [DESK, STATION, night], HOTLINE, None)) == [
        night.number,
        DESK.number,
    ]


def test_a_suspended_provider_and_a_dead_line_are_not_called() -> None:
    for change in ({"status": "suspended"}, {"line_ok": False}):
        out = replace(STATION, **change)
        assert numbers(ladder(("station",), home(), [DESK, out], HOTLINE, MONDAY_NOON)) == [DESK.number]


def test_the_nearest_station_comes_first() -> None:
    street = provider("station", "01055500005", areas=(Area("110102009"),))
    district = provider("station", "01055500006")
    found = numbers(ladder(("station",), home(), [district, street, STATION, DESK], HOTLINE, MONDAY_NOON))
    assert found == [STATION.number, street.number, DESK.number]
    assert len(found) == PER_STEP_MAX + 1


def test_a_station_of_another_street_is_not_called() -> None:
    other = replace(STATION, areas=(Area("110102018"),))
    assert numbers(ladder(("station",), home(), [other, DESK], HOTLINE, MONDAY_NOON)) == [DESK.number]


def test_a_service_key_calls_its_service_and_ends_at_the_desk() -> None:
    taxi = provider("service", "01055500007", service="taxi")
    grocery = provider("service", "01055500008", service="grocery")
    assert numbers(ladder(("taxi", "desk"), home(), [taxi, grocery, DESK], HOTLINE, MONDAY_NOON)) == [
        taxi.number,
        DESK.number,
    ]


def test_an_unknown_word_in_a_binding_means_the_desk() -> None:
    assert numbers(ladder(("nonsense",), home(), [DESK], HOTLINE, MONDAY_NOON)) == [DESK.number]


def test_a_number_that_cannot_be_dialled_costs_its_rung_and_not_the_route() -> None:
    contacts = (Contact("儿子", "not a number"), DAUGHTER)
    assert numbers(ladder(SOS, home(contacts), [DESK], HOTLINE, MONDAY_NOON)) == [
        DESK.number,
        DAUGHTER.number,
        DESK.number,
    ]


def test_a_day_desk_is_called_by_day_but_the_last_rung_is_always_there() -> None:
    day_desk = provider("desk", "01055500009", around_the_clock=False, hours=WORKDAY, areas=(Area("110102009"),))
    assert numbers(ladder(SOS, home(), [day_desk, DESK], HOTLINE, MONDAY_NOON)) == [day_desk.number, DESK.number]
    assert numbers(ladder(SOS, home(), [day_desk], HOTLINE, MONDAY_NIGHT)) == [HOTLINE.number]


phone_numbers = st.sampled_from([f"1380000{n:04d}" for n in range(12)] + ["", "x", "01055500001", "01055500002"])
spans = st.builds(
    lambda day, opens, length: Span(day, opens, opens + length),
    st.integers(0, 6),
    st.integers(0, 1439),
    st.integers(1, 1440),
)
areas = st.sampled_from([Area(), Area("110102009"), Area("110102009", "展览路社区"), Area("110102018")])
registers = st.lists(
    st.builds(
        lambda kind, service, number, **rest: Provider(
            kind=kind, service=service if kind == "service" else None, number=number, **rest
        ),
        provider_id=st.uuids(),
        kind=st.sampled_from(["desk", "station", "service", "ambulance"]),
        service=st.sampled_from(["taxi", "grocery"]),
        label=st.text("站点台席女儿AB", min_size=1, max_size=12),
        number=phone_numbers,
        ring_s=st.integers(5, 90),
        staffed=st.booleans(),
        status=st.sampled_from(["active", "active", "suspended"]),
        line_ok=st.booleans(),
        around_the_clock=st.booleans(),
        areas=st.lists(areas, max_size=2).map(tuple),
        hours=st.lists(spans, max_size=8).map(tuple),
    ),
    max_size=8,
)
homes = st.none() | st.lists(
    st.builds(Contact, st.text("女儿邻居", min_size=1, max_size=12), phone_numbers), max_size=8
).map(lambda contacts: home(tuple(contacts)))
bindings = st.lists(st.sampled_from(["desk", "family", "station", "taxi", "ambulance", "?"]), min_size=1, max_size=8)
moments = st.none() | st.integers(0, 14 * 24 * 60).map(lambda minutes: MONDAY_NOON + timedelta(minutes=minutes))


@given(bindings, homes, registers, moments)
def test_every_ladder_can_be_sent_and_ends_at_a_desk_that_always_answers(
    steps: list[str], household: Household | None, known: list[Provider], when: datetime | None
) -> None:
    # Pins the promise that a press always reaches a human, for any register and any hour.
    rungs = ladder(steps, household, known, HOTLINE, when)
    assert 1 <= len(rungs) <= LADDER_RUNGS_MAX
    always = {HOTLINE.number} | {p.number for p in known if p.kind == "desk" and p.status == "active" and p.line_ok}
    assert rungs[-1].number in always
    plan = [rung.on_the_wire() for rung in rungs]
    encode("down", "route", {"ref": "00000000.1.1", "case": str(uuid.UUID(int=1)), "ver": 1, "plan": plan, "exp": 1})
    assert all(one.number != two.number for one, two in itertools.pairwise(rungs))


@given(bindings, homes, registers, moments)
def test_nobody_closed_suspended_or_dead_is_in_a_ladder(
    steps: list[str], household: Household | None, known: list[Provider], when: datetime | None
) -> None:
    usable = {p.number for p in known if p.status == "active" and p.line_ok and p.areas}
    family = {contact.number for contact in household.contacts} if household else set()
    assert set(numbers(ladder(steps, household, known, HOTLINE, when))) <= usable | family | {HOTLINE.number}


@given(bindings, homes, registers, moments)
def test_the_order_of_the_register_does_not_matter(
    steps: list[str], household: Household | None, known: list[Provider], when: datetime | None
) -> None:
    assert ladder(steps, household, known, HOTLINE, when) == ladder(steps, household, known[::-1], HOTLINE, when)


@given(bindings, homes, registers, st.integers(0, 7 * 24 * 60))
def test_who_is_in_the_stored_plan_can_be_called_at_every_hour(
    steps: list[str], household: Household | None, known: list[Provider], minutes: int
) -> None:
    # Pins "the same rule for any hour": every stored rung is a provider that is open at any chosen moment.
    from cloud.providers.rules import is_open

    family = {contact.number for contact in household.contacts} if household else set()
    when = MONDAY_NOON + timedelta(minutes=minutes)
    open_then = {p.number for p in known if is_open(p, when)}
    assert set(numbers(ladder(steps, household, known, HOTLINE, None))) <= open_then | family | {HOTLINE.number}


def test_dialable_is_what_the_wire_takes() -> None:
    good = ("01055500001", "+8613800000001", "10")
    bad = ("", "1", "010-55500001", "１３８", "9" * 21)
    assert all(is_dialable(Rung("台", number, 30, staffed=True)) for number in good)
    assert not any(is_dialable(Rung("台", number, 30, staffed=True)) for number in bad)
