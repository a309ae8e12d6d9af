"""Who first: a score that no worsening lowers, levels that some things always reach, and the middle for the unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.elders.models import CARE_LEVELS
from cloud.health import risk
from cloud.health.risk import NEXT, NO_CALL, Person, Risk, age_of
from cloud.health.rules import BY_NAME
from cloud.health.thresholds import SHIPPED, Thresholds, changed

NOW = datetime(2026, 3, 31, 4, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LIMITS = Thresholds().values

moments = st.integers(0, 60 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes))
open_ones = st.dictionaries(st.sampled_from(sorted(BY_NAME)), moments, min_size=1, max_size=8)
ages = st.lists(st.none() | st.integers(0, 110), max_size=3).map(tuple)
cares = st.lists(st.none() | st.integers(0, len(CARE_LEVELS) - 1), max_size=3).map(tuple)
people = st.builds(
    Person, alone=st.sampled_from([None, True, False]), ages=ages, cares=cares, contact_at=st.none() | moments
)
# Any weights that a district may set; each pair in the order that `changed` asks for.
_POINTS = {each.name: each for each in SHIPPED if each.name.startswith("risk_") and each.unit == "分"}


@st.composite
def weights(draw: st.DrawFn) -> dict[str, float]:
    values = {name: draw(st.floats(each.least, each.most)) for name, each in _POINTS.items()}
    for chain in (("risk_silent", "risk_no_call", "risk_next", "risk_repair"),
                  ("risk_level_0", "risk_level_1", "risk_level_2")):  # fmt: skip
        falling = sorted((values[name] for name in chain), reverse=True)
        values |= dict(zip(chain, falling, strict=True))
    return dict(changed(Thresholds(), values).values)


limits_ = st.just(dict(LIMITS)) | weights()


def at_least(graver: Risk, milder: Risk) -> bool:
    """In score and in level."""
    return graver.score >= milder.score and graver.level <= milder.level


@settings(max_examples=300)
@given(people, open_ones, limits_, st.sampled_from(sorted(BY_NAME)), moments)
def test_another_finding_never_lowers(
    person: Person, found: dict[str, datetime], limits: dict[str, float], rule: str, since: datetime
) -> None:
    """Nobody waits longer because more is wrong."""
    assert at_least(risk.score(person, {rule: since, **found}, NOW, limits), risk.score(person, found, NOW, limits))


@settings(max_examples=300)
@given(people, open_ones, limits_, moments, moments)
def test_a_longer_silence_never_lowers(
    person: Person, found: dict[str, datetime], limits: dict[str, float], one: datetime, other: datetime
) -> None:
    """With whatever else is wrong."""
    longer, shorter = ({**found, "silent": each(one, other)} for each in (min, max))
    assert at_least(risk.score(person, longer, NOW, limits), risk.score(person, shorter, NOW, limits))


@settings(max_examples=300)
@given(people, open_ones, limits_)
def test_alone_never_below_unknown_and_unknown_never_below_together(
    person: Person, found: dict[str, datetime], limits: dict[str, float]
) -> None:
    """What is missing is in the middle."""
    alone, unknown, together = (
        risk.score(replace(person, alone=each), found, NOW, limits) for each in (True, None, False)
    )
    assert at_least(alone, unknown)
    assert at_least(unknown, together)


@settings(max_examples=300)
@given(people, open_ones, limits_, st.integers(0, 110), st.integers(0, 110))
def test_older_never_lowers_and_an_unknown_age_is_in_the_middle(
    person: Person, found: dict[str, datetime], limits: dict[str, float], one: int, other: int
) -> None:
    """Of a household of several, too."""
    older, younger = (replace(person, ages=(*person.ages, each(one, other))) for each in (max, min))
    assert at_least(risk.score(older, found, NOW, limits), risk.score(younger, found, NOW, limits))
    young, none, old = (risk.score(replace(person, ages=each), found, NOW, limits) for each in ((60,), (), (99,)))
    assert at_least(none, young)
    assert at_least(old, none)


@settings(max_examples=300)
@given(people, open_ones, limits_, st.integers(0, 4), st.integers(0, 4))
def test_needing_more_care_never_lowers_and_an_unknown_need_is_in_the_middle(
    person: Person, found: dict[str, datetime], limits: dict[str, float], one: int, other: int
) -> None:
    """The gravest of the household counts."""
    more, less = (replace(person, cares=(*person.cares, each(one, other))) for each in (max, min))
    assert at_least(risk.score(more, found, NOW, limits), risk.score(less, found, NOW, limits))
    able, none, not_able = (risk.score(replace(person, cares=each), found, NOW, limits) for each in ((0,), (), (4,)))
    assert at_least(none, able)
    assert at_least(not_able, none)


@settings(max_examples=300)
@given(people, open_ones, limits_, moments, moments)
def test_a_later_contact_never_raises_and_none_at_all_is_the_longest(
    person: Person, found: dict[str, datetime], limits: dict[str, float], one: datetime, other: datetime
) -> None:
    """Who was talked to is probably well at the moment."""
    never, early, late = (
        risk.score(replace(person, contact_at=each), found, NOW, limits)
        for each in (None, min(one, other), max(one, other))
    )
    assert at_least(never, early)
    assert at_least(early, late)


@given(people, open_ones)
def test_heard_of_an_hour_ago_is_less_urgent_than_three_days_ago(person: Person, found: dict[str, datetime]) -> None:
    """Truly less, with the shipped weights, whatever is wrong."""
    recent, old = (risk.score(replace(person, contact_at=NOW - ago), found, NOW, LIMITS) for ago in (HOUR, 3 * DAY))
    assert recent.score < old.score


@settings(max_examples=300)
@given(people, open_ones, limits_)
def test_some_things_always_reach_their_level(
    person: Person, found: dict[str, datetime], limits: dict[str, float]
) -> None:
    """Alone and silent for a day: call her today. A red key that would not work: restore it today, whoever it is."""
    level = risk.score(person, found, NOW, limits).level
    if person.alone and found.get("silent", NOW) <= NOW - DAY:
        assert level == 0
    if level == 0:  # said of the person: not for whoever speaks to us every ten minutes
        assert found["silent"] <= NOW - DAY
    if not NO_CALL.isdisjoint(found):
        assert level <= 1
    if not NEXT.isdisjoint(found):
        assert level <= 2


@settings(max_examples=300)
@given(people, open_ones, people, open_ones, limits_)
def test_a_graver_level_has_the_higher_score(
    one: Person, some: dict[str, datetime], other: Person, more: dict[str, datetime], limits: dict[str, float]
) -> None:
    """A list by score is a list by level."""
    first, second = risk.score(one, some, NOW, limits), risk.score(other, more, NOW, limits)
    assert 0 <= first.score <= 1000
    if first.level < second.level:
        assert first.score > second.score


def test_every_rule_that_is_named_is_a_rule() -> None:
    """Known by name: a rule that is renamed must not sink to the repairs unseen."""
    assert set(BY_NAME) >= NO_CALL | NEXT
    assert NO_CALL.isdisjoint(NEXT)


def test_the_frail_and_alone_come_before_the_strong_with_the_same_fault() -> None:
    """Person and terminal multiply: the decision's table in numbers."""
    frail = Person(alone=True, ages=(86,), cares=(3,))
    strong = Person(alone=False, ages=(66,), cares=(0,), contact_at=NOW - HOUR)

    def score(person: Person, **ago: timedelta) -> tuple[int, int]:
        each = risk.score(person, {rule: NOW - since for rule, since in ago.items()}, NOW, LIMITS)
        return each.level, each.score

    assert score(frail, silent=26 * HOUR) == (0, 934)
    assert score(Person(), silent=38 * HOUR) == (0, 900)
    assert score(frail, silent=2 * HOUR) == (1, 661)
    assert score(strong, silent=26 * HOUR) == (1, 540)
    assert score(frail, mains_lost=2 * HOUR) == (2, 307)
    assert score(strong, mains_lost=2 * HOUR) == (2, 262)
    assert score(frail, clock_off=2 * HOUR) == (3, 18)


@pytest.mark.parametrize(
    ("birth", "age"),
    [("1941", 85), ("1941-03-31", 85), ("1941-04-01", 84), (None, None), ("rubbish", None), ("2030", 0), ("1-2", None)],
)
def test_an_age_of_a_year_alone_is_the_one_reached_this_year(birth: str | None, age: int | None) -> None:
    """Rather a year too old: what is not known is not held to be safe."""
    assert age_of(birth, date(2026, 3, 31)) == age


def test_parts_are_bands_and_points_and_hold_nothing_exact() -> None:
    """The gravest finding first."""
    person = Person(alone=True, ages=(86, 61), cares=(None,), contact_at=NOW - 2 * HOUR)
    found = {"clock_off": NOW - DAY, "mains_lost": NOW - DAY, "silent": NOW - 36 * HOUR}
    assert risk.score(person, found, NOW, LIMITS).parts == (
        ("base", 20), ("alone", 30), ("age_80", 10), ("care_unknown", 8), ("heard", 1),
        ("silent", 85), ("mains_lost", 25), ("clock_off", 8),
    )  # fmt: skip
