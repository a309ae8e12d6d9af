"""The history of the health bench: the same for the same seed, in the protocol's own words, and nothing out of turn."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import defaultdict
from datetime import timedelta

import pytest

from cloud.ingest.beatline import line
from cloud.ingest.decode import decode
from cloud.ingest.models import Checked
from protocol import messages
from tools.bench.health.calm import history
from tools.bench.health.plan import Plan, Sizes
from tools.bench.health.stream import Arrival, Stream
from tools.bench.health.town import DAY, START
from tools.bench.health.trends import without_class

SIZES = Sizes(60, 8)


def played(sizes: Sizes) -> tuple[Plan, list[Arrival]]:
    plan = history(sizes)
    stream, found, begin = Stream(plan), [], 0.0
    while begin < sizes.until:
        found += stream.slot(begin, begin + sizes.look_s)
        begin += sizes.look_s
    return plan, found


@pytest.fixture(scope="module")
def made() -> tuple[Plan, list[Arrival]]:
    return played(SIZES)


def _digest(sizes: Sizes) -> str:
    plan, found = played(sizes)
    said = hashlib.sha256(repr(plan.truth).encode())
    for each in found:
        said.update(repr(each).encode())
    return said.hexdigest()


def test_the_same_seed_gives_the_same_truth_and_the_same_bytes() -> None:
    """And another seed another history."""
    sizes = Sizes(40, 3)
    assert _digest(sizes) == _digest(sizes)
    assert _digest(sizes) != _digest(Sizes(40, 3, seed=2))


def test_every_message_is_one_that_the_front_door_takes(made: tuple[Plan, list[Arrival]]) -> None:
    """Heartbeats are written by hand: the bytes are those that the protocol would have written."""
    for each in made[1]:
        checked = decode(each.topic, each.payload)
        assert isinstance(checked, Checked), each
        if each.beat:
            said = {name: value for name, value in json.loads(each.payload).items() if name != "v"}
            assert messages.encode("up", "hb", said) == each.payload
            assert line(each.topic, each.payload, START + timedelta(seconds=each.at)) is not None


def test_arrivals_come_in_order_slot_by_slot_and_none_while_our_door_is_away(made: tuple[Plan, list[Arrival]]) -> None:
    """Time never goes back; what was sent into an outage comes after it."""
    plan, found = made
    assert all(a.at <= b.at for a, b in itertools.pairwise(found))
    assert plan.outages
    for outage in plan.outages:
        assert not [each for each in found if outage.begin <= each.at < outage.end]


def test_no_terminal_without_a_fault_is_quiet_for_as_long_as_silence_takes(made: tuple[Plan, list[Arrival]]) -> None:
    """Lost heartbeats, short interruptions and calls of the background stay below the threshold; else truth lies."""
    plan, found = made
    heard: dict[str, list[float]] = defaultdict(list)
    for each in found:
        heard[each.device].append(each.at)
    dark = {each.device for each in plan.expected if each.rule in ("silent", "never_seen")}
    dark |= {plan.town[number].device for number, _, _ in plan.pauses}
    away = sum(each.end - each.begin for each in plan.outages)
    quiet = [it.device for it in plan.town if it.device not in dark]
    assert len(quiet) > 5
    for device in quiet:
        assert max(b - a for a, b in itertools.pairwise(heard[device])) < SIZES.silent_s + away
        assert max(heard[device]) > SIZES.until - SIZES.silent_s


def test_a_plan_holds_every_class_there_is_time_for_and_its_windows_are_in_order() -> None:
    """In three weeks each rule is planted at least once, and each outage of an area."""
    plan = history(Sizes(300, 21))
    asked = {each.rule for each in plan.expected if each.required}
    assert len(asked) >= 35
    assert set(without_class(asked)) <= {"firmware_old"}  # a program that is wanted of a whole board for weeks
    assert {each.fault.partition(" ")[0] for each in plan.areas} == {
        "street_mains", "cell_down", "community_cut", "pool_cut", "bad_firmware",
    }  # fmt: skip
    for each in plan.expected:
        assert each.open_from <= each.open_by, each
        assert each.close_from <= each.close_by, each
    assert all(area.places for area in plan.areas)
    assert plan.sizes.until == 21 * DAY
