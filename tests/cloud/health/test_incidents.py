"""Many that fall ill together are one incident: each kind of outage, and what must never be one."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.health import incidents
from cloud.health.incident_models import DISTRICT, FAMILY, Ill, Incident, Step
from cloud.health.thresholds import Thresholds

NOW = datetime(2026, 3, 31, 4, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LIMITS = Thresholds().values
BEAT_S = 600.0


def ill(device: str, rule: str, since: datetime, incident_id: int | None = None) -> Ill:
    return Ill(
        device_id=device, rule=rule, since=since, slack_s=BEAT_S if rule == "silent" else 0.0,
        limit_s=LIMITS.get(f"{rule}_s", 0.0), incident_id=incident_id,
    )  # fmt: skip


class Town:
    """Three streets of four communities with twenty homes; each pair of communities shares a cell."""

    def __init__(self, homes: int = 20) -> None:
        self.groups: dict[str, dict[str, str]] = {}
        for street in range(3):
            for community in range(4):
                for home in range(homes):
                    number = (street * 4 + community) * homes + home
                    self.groups[f"BJCY{number:06d}"] = {
                        "cell": f"c{street}-{community // 2}", "community": f"街{street} · 社{community}",
                        "street": f"街{street}", "district": DISTRICT, "sim_pool": f"池{number % 3}",
                        "firmware": "2.1" if number % 5 else "2.2", "batch": f"B{number % 4}",
                    }  # fmt: skip
        self.sizes: dict[tuple[str, str], int] = {}
        for groups in self.groups.values():
            for key in groups.items():
                self.sizes[key] = self.sizes.get(key, 0) + 1

    def having(self, scope: str, place: str) -> list[str]:
        return [device for device, groups in self.groups.items() if groups[scope] == place]

    def step(self, found: list[Ill], open_now: list[Incident] | None = None, now: datetime = NOW) -> Step:
        assert (
            incidents.crowded(found, self.groups, LIMITS)
            or not incidents.step(found, self.groups, self.sizes, open_now or [], LIMITS, now).opened
        )
        return incidents.step(found, self.groups, self.sizes, open_now or [], LIMITS, now)


TOWN = Town()
AT = NOW - 2 * HOUR


def silenced(devices: list[str], at: datetime = AT, seed: int = 1) -> list[Ill]:
    """The last word of each was up to a heartbeat before."""
    draw = random.Random(seed)
    return [ill(device, "silent", at - timedelta(seconds=draw.random() * BEAT_S)) for device in devices]


def opened(step: Step) -> list[tuple[str, str, str, int]]:
    return [(each.family, each.scope, each.place, each.members) for each in step.opened]


@pytest.mark.parametrize(
    ("scope", "place"),
    [("cell", "c1-0"), ("community", "街2 · 社3"), ("street", "街1"), ("sim_pool", "池2"), ("firmware", "2.2"),
     ("batch", "B3"), ("district", DISTRICT)],
)  # fmt: skip
def test_an_outage_of_anything_that_terminals_share_is_one_incident_of_that(scope: str, place: str) -> None:
    """Not one for each community that it covers, and under its own name."""
    hit = TOWN.having(scope, place)
    assert opened(TOWN.step(silenced(hit))) == [("contact", scope, place, len(hit))]


def test_a_power_cut_of_a_street_takes_what_follows_from_it() -> None:
    """Some have no battery and are silent at once; others run empty hours later: one incident."""
    hit = TOWN.having("street", "街0")
    cut = [ill(device, "mains_lost", AT + timedelta(seconds=place)) for place, device in enumerate(hit[10:])]
    step = TOWN.step(cut + silenced(hit[:10]))
    assert opened(step) == [("mains", "street", "街0", 80)]
    known = Incident(incident_id=7, family="mains", scope="street", place="街0", since=AT, members_high=80)
    waiting = [ill(each.device_id, each.rule, each.since, 7) for each in cut + silenced(hit[:10])]
    later = [ill(device, "silent", AT + 5 * HOUR) for device in hit[10:40]]
    low = [ill(hit[50], "battery_low", AT + 4 * HOUR)]
    step = TOWN.step(waiting + later + low, [known], NOW + 6 * HOUR)
    assert (opened(step), step.closed, len(step.joined[7])) == ([], [], 30)


def test_an_incident_known_by_silence_takes_the_words_about_the_mains() -> None:
    """A power cut where half have no battery: the silence is found first."""
    hit = TOWN.having("community", "街0 · 社0")
    known = Incident(incident_id=3, family="contact", scope="community", place="街0 · 社0", since=AT, members_high=10)
    waiting = [ill(device, "silent", AT, 3) for device in hit[:10]]
    step = TOWN.step(waiting + [ill(device, "mains_lost", AT) for device in hit[10:]], [known])
    assert (opened(step), len(step.joined[3])) == ([], 10)


def test_two_outages_at_the_same_time_are_two() -> None:
    """In different streets; and a community's beside a street's."""
    hit = TOWN.having("street", "街0") + TOWN.having("community", "街2 · 社1")
    assert sorted(opened(TOWN.step(silenced(hit)))) == [
        ("contact", "community", "街2 · 社1", 20), ("contact", "street", "街0", 80),
    ]  # fmt: skip


def test_two_outages_of_one_place_an_hour_apart_are_two_when_the_first_is_over() -> None:
    """What is left over from the first is not taken again."""
    hit = TOWN.having("cell", "c0-0")
    left = [ill(device, "silent", AT - 3 * HOUR, 1) for device in hit[:2]]
    step = TOWN.step(left + silenced(hit[2:]))
    assert opened(step) == [("contact", "cell", "c0-0", len(hit) - 2)]


def test_nothing_is_decided_before_everyone_hit_could_be_found() -> None:
    """Else the first few of a street would be an incident of their community."""
    hit = TOWN.having("street", "街0")
    found = silenced(hit)
    assert TOWN.step(found, now=AT + 31 * MINUTE).opened == []
    assert opened(TOWN.step(found, now=AT + 41 * MINUTE)) == [("contact", "street", "街0", 80)]


def test_who_falls_ill_before_or_elsewhere_is_not_in_it() -> None:
    """Silent since the day before in the same street; silent at the same time in another one."""
    hit = TOWN.having("street", "街0")
    other = TOWN.having("street", "街1")[0]
    step = TOWN.step([*silenced(hit[2:]), ill(hit[0], "silent", AT - 24 * HOUR), ill(other, "silent", AT)])
    ((_, _, _, members),) = opened(step)
    assert members == len(hit) - 2


def test_few_are_no_incident() -> None:
    """A community of three homes; four of a cell; a tenth of a street at once."""
    small = Town(homes=3)
    assert small.step(silenced(small.having("community", "街0 · 社0"))).opened == []
    assert TOWN.step(silenced(TOWN.having("cell", "c0-0")[:4])).opened == []
    spread = TOWN.having("street", "街0")[1::11]
    assert TOWN.step(silenced(spread)).opened == []


def test_it_ends_when_all_are_well_and_when_few_are_left_for_a_while() -> None:
    """What is left has a trouble of its own; while they still come back, it waits."""
    incident = Incident(incident_id=1, family="contact", scope="cell", place="c0-0", since=AT, members_high=40)
    assert TOWN.step([], [incident]).closed == [1]

    def closed(left: int, last_left_at: datetime | None) -> list[int]:
        known = replace(incident, last_left_at=last_left_at)
        return TOWN.step([ill(f"BJCY{n:06d}", "silent", AT, 1) for n in range(left)], [known]).closed

    assert closed(8, NOW - HOUR) == [1]
    assert closed(9, NOW - HOUR) == []
    assert closed(8, NOW - 10 * MINUTE) == []
    assert closed(40, None) == []


@pytest.mark.parametrize("seed", range(5))
def test_chance_makes_no_incident(seed: int) -> None:
    """5,000 terminals, two in a hundred silent on any day, for ninety days."""
    town, draw = Town(homes=417), random.Random(seed)
    devices = sorted(town.groups)
    found = [
        ill(draw.choice(devices), "silent", NOW - timedelta(days=draw.random() * 90))
        for _ in range(len(devices) * 2 * 90 // 100)
    ]
    unique = {each.device_id: each for each in found}
    assert town.step(list(unique.values())).opened == []


def test_reboot_loops_of_a_version_are_one_incident_and_of_a_few_terminals_none() -> None:
    """They begin over a day, as terminals meet what the version cannot bear."""
    hit = TOWN.having("firmware", "2.2")
    draw = random.Random(4)
    found = [ill(device, "reboots", NOW - timedelta(hours=20 * draw.random())) for device in hit[::2]]
    assert opened(TOWN.step(found)) == [("stability", "firmware", "2.2", len(hit[::2]))]
    assert TOWN.step(found[:4]).opened == []


minutes = st.integers(0, 600)
outages = st.lists(
    st.tuples(st.sampled_from(["cell", "community", "street", "sim_pool"]), st.integers(0, 11), minutes,
              st.integers(50, 400)),
    max_size=3,
)  # fmt: skip
singles = st.lists(st.tuples(st.integers(0, 239), minutes, st.integers(31, 300)), max_size=30)


@settings(max_examples=60, deadline=None)
@given(outages, singles, st.lists(st.integers(30, 900), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_whatever_happens_every_finding_is_in_one_incident_or_on_its_own_and_in_the_end_all_is_over(
    hits: list[tuple[str, int, int, int]], alone: list[tuple[int, int, int]], looks: list[int], draw: random.Random
) -> None:
    """Order of the findings and a look twice change nothing; an incident has members of its own place only."""
    silences: dict[str, tuple[datetime, datetime]] = {}
    for scope, number, begin, length in hits:
        places = sorted({groups[scope] for groups in TOWN.groups.values()})
        for device in TOWN.having(scope, places[number % len(places)]):
            silences.setdefault(device, (NOW + begin * MINUTE, NOW + (begin + length) * MINUTE))
    for number, begin, length in alone:
        device = f"BJCY{number:06d}"
        silences.setdefault(device, (NOW + begin * MINUTE, NOW + (begin + length) * MINUTE))
    state: dict[str, int | None] = {}  # of each open finding
    known: dict[int, Incident] = {}
    next_id = 1
    for at in [*sorted(looks), 2000]:
        now = NOW + at * MINUTE
        holds = {d for d, (begin, end) in silences.items() if begin + 30 * MINUTE < now < end}
        state = {device: state.get(device) for device in holds}
        left = {number for number in known if number not in state.values()}
        found = [ill(device, "silent", silences[device][0], state[device]) for device in sorted(holds)]
        open_now = [replace(each, last_left_at=now if each.incident_id in left else None) for each in known.values()]
        step = TOWN.step(found, open_now, now)
        shuffled = list(found)
        draw.shuffle(shuffled)
        assert TOWN.step(shuffled, open_now, now) == step
        for number in step.closed:
            del known[number]
        for number, joined in step.joined.items():
            for device, _ in joined:
                assert state[device] is None
                assert TOWN.groups[device][known[number].scope] == known[number].place
                state[device] = number
        for new in step.opened:
            for device, _ in new.findings:
                assert state[device] is None
                assert TOWN.groups[device][new.scope] == new.place
                state[device] = next_id
            known[next_id] = Incident(
                incident_id=next_id, family=new.family, scope=new.scope, place=new.place, since=new.since,
                members_high=new.members,
            )  # fmt: skip
            next_id += 1
        again = [ill(device, "silent", silences[device][0], number) for device, number in state.items()]
        assert TOWN.step(again, list(known.values()), now) == Step()
    assert known == {}


def test_every_family_names_rules_that_exist() -> None:
    """A rule that is renamed must not fall out of its family unseen."""
    from cloud.health.rules import BY_NAME

    for family in FAMILY.values():
        assert (family.rules | family.followers) <= set(BY_NAME)
        assert not family.rules & family.followers
