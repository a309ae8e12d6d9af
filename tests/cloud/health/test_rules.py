"""Each rule of device health: when it opens, when it closes, and what never makes it open."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.devices.models import Gap
from cloud.devices.rules import IN_CALL
from cloud.errors import BadInput
from cloud.health import pools, risk, told
from cloud.health.elapsed import Clock
from cloud.health.models import (
    GROUPS,
    OWNERS,
    Boots,
    ConfigTries,
    Days,
    Facts,
    Fault,
    Finding,
    Signal,
    Terminal,
)
from cloud.health.rules import BY_NAME, RULES, difference, findings
from cloud.health.thresholds import BY_NAME as THRESHOLDS
from cloud.health.thresholds import OF_INCIDENTS, Thresholds, changed
from protocol import codes

NOW = datetime(2026, 3, 31, 4, 0, tzinfo=UTC)
LIMITS = Thresholds().values
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
WELL = Terminal(
    device_id="BJCY000001", status="installed", created_at=NOW - 60 * DAY, installed_on=date(2026, 2, 1),
    last_seen_at=NOW - 5 * MINUTE, last_beat_at=NOW - 5 * MINUTE, battery_pct=90, on_mains=True, csq=20,
    clock_offset_ms=300, config_version=0, booted_at=NOW - 30 * DAY,
    sos_proved_at=NOW - 3 * DAY, pressed_keys=["sos"],
)  # fmt: skip
WEEK = Days(
    days=7, first_day=date(2026, 3, 24), beats=1008, first_poor=None, powered_min=10_080, registered_min=10_080,
    presses=1, presses_on=date(2026, 3, 30),
)  # fmt: skip
QUIET = Boots(
    hour=0, day=0, day_first_at=None, broken=0, broken_first_at=None, brownouts=0, brownout_first_at=None
)  # fmt: skip
HEALTHY = Facts(terminal=WELL, days=WEEK, boots=QUIET, signal=Signal(count=900, total=18_000, first_weak=None))
AT = NOW - 3 * DAY


def look(facts: Facts, *open_now: Finding, gaps: tuple[Gap, ...] = (), now: datetime = NOW) -> dict[str, Finding]:
    known = {each.rule: each for each in open_now}
    return {each.rule: each for each in findings(facts, LIMITS, Clock(now, gaps), known)}


def with_(**change: Any) -> Facts:
    names = {"faults", "days", "signal", "boots", "bound_keys", "config"}
    own = {name: change.pop(name) for name in list(change) if name in names}
    return replace(HEALTHY, terminal=replace(WELL, **change), **own)


def an_open(rule: str, since: datetime = AT, **evidence: float | str) -> Finding:
    known = BY_NAME[rule]
    return Finding(
        device_id=WELL.device_id,
        rule=rule,
        rule_version=known.version,
        since=since,
        evidence=evidence,
        owner=known.owner,
    )


def fault(name: str, ago: timedelta, told: timedelta | None = None) -> dict[str, Fault]:
    return {name: Fault(NOW - ago, NOW - (ago if told is None else told))}


# facts that open a rule, facts that leave it as it is, facts that close it
CASES: dict[str, tuple[Facts, Facts | None, Facts]] = {
    "silent": (with_(last_seen_at=NOW - 31 * MINUTE), with_(last_seen_at=NOW - 25 * MINUTE), HEALTHY),
    "never_seen": (with_(last_seen_at=None, last_beat_at=None), None, HEALTHY),
    "unsteady": (
        with_(days=replace(WEEK, beats=700, first_poor=date(2026, 3, 26))),
        with_(days=replace(WEEK, beats=850)), with_(days=replace(WEEK, beats=960)),
    ),
    "battery_low": (with_(battery_pct=14), with_(battery_pct=20), with_(battery_pct=31)),
    "brownouts": (
        with_(boots=replace(QUIET, brownouts=2, brownout_first_at=AT)),
        with_(boots=replace(QUIET, brownouts=1, brownout_first_at=AT)), HEALTHY,
    ),
    "weak_signal": (
        with_(signal=Signal(count=900, total=8_100, first_weak=date(2026, 3, 26))),
        with_(signal=Signal(count=900, total=9_900, first_weak=date(2026, 3, 26))),
        with_(signal=Signal(count=900, total=10_900, first_weak=date(2026, 3, 26))),
    ),
    "coverage": (
        with_(days=replace(WEEK, registered_min=9_000)), with_(days=replace(WEEK, registered_min=9_300)),
        with_(days=replace(WEEK, registered_min=9_800)),
    ),
    "presses_many": (
        with_(days=replace(WEEK, presses=20)), with_(days=replace(WEEK, presses=15)),
        with_(days=replace(WEEK, presses=10)),
    ),
    "reboots": (
        with_(boots=replace(QUIET, hour=3, day=3, day_first_at=AT)),
        with_(boots=replace(QUIET, hour=0, day=3, day_first_at=AT)),
        with_(boots=replace(QUIET, hour=0, day=2, day_first_at=AT)),
    ),
    "crashes": (
        with_(boots=replace(QUIET, broken=3, broken_first_at=AT)),
        with_(boots=replace(QUIET, broken=1, broken_first_at=AT)), HEALTHY,
    ),
    "clock_off": (with_(clock_offset_ms=-130_000), with_(clock_offset_ms=-90_000), with_(clock_offset_ms=50_000)),
    "sos_unproven": (with_(sos_proved_at=NOW - 36 * DAY), None, HEALTHY),
    "keys_untested": (
        with_(bound_keys=frozenset({"sos", "k1", "k2"}), pressed_keys=["k2", "sos"]), None,
        with_(bound_keys=frozenset({"sos", "k1"}), pressed_keys=["k1", "sos"]),
    ),
    "card_differs": (
        with_(registered_iccid="8" * 19, iccid="9" * 19),
        with_(registered_iccid="8" * 19, iccid="9" * 19, booted_at=NOW),
        with_(registered_iccid="9" * 19, iccid="9" * 19),
    ),
    "sim_expiring": (
        with_(sim_expires_on=date(2026, 4, 30)), with_(sim_expires_on=date(2026, 5, 10)),
        with_(sim_expires_on=date(2026, 5, 30)),
    ),
    "config_stuck": (with_(wanted_config=4, config=ConfigTries(3, AT)), None, with_(wanted_config=4, config_version=4)),
    "trial_image": (with_(image_kind="trial"), None, with_(image_kind="home")),
}  # fmt: skip
TOLD = sorted(rule.name for rule in told.RULES)


def test_a_healthy_terminal_has_none_and_closes_all_that_is_open() -> None:
    """Every cause is gone."""
    assert look(HEALTHY) == {}
    assert look(HEALTHY, *(an_open(rule.name) for rule in RULES)) == {}


@pytest.mark.parametrize("rule", CASES)
def test_a_level_opens_stays_between_its_thresholds_and_closes(rule: str) -> None:
    """Between the two a finding neither opens nor closes."""
    opens, between, closes = CASES[rule]
    found = look(opens)
    assert list(found) == [rule]
    if between is not None:
        assert look(between) == {}
        assert list(look(between, found[rule])) == [rule]
    assert look(closes, found[rule]) == {}


@pytest.mark.parametrize("name", TOLD)
def test_a_fault_opens_after_its_time_and_closes_with_its_restore(name: str) -> None:
    """The code is one of the wire's faults; its true time is the finding's."""
    assert name in dict(codes.FAULTS)
    limit = timedelta(seconds=max(LIMITS[f"{name}_s"], LIMITS["settle_s"]))
    on_battery = {"on_mains": False} if name == "mains_lost" else {}
    assert look(with_(faults=fault(name, limit - MINUTE), **on_battery)) == {}
    found = look(with_(faults=fault(name, limit), **on_battery))
    assert {each.rule: each.since for each in found.values()} == {name: NOW - limit}
    assert look(with_(**on_battery), found[name]) == {}


def test_a_fault_that_was_told_just_now_waits_for_the_restore_behind_it() -> None:
    """After days without data fault and restore arrive one after the other."""
    assert look(with_(faults=fault("voice_lost", 9 * HOUR, told=MINUTE))) == {}


def test_mains_are_back_when_a_later_heartbeat_says_so() -> None:
    """The restore may still be on its way; an earlier heartbeat says nothing."""
    lost = fault("mains_lost", 2 * HOUR)
    assert look(with_(faults=lost)) == {}
    assert list(look(with_(faults=lost, last_beat_at=NOW - 3 * HOUR))) == ["mains_lost"]


def test_silence_has_a_level_and_a_guess() -> None:
    """The guess is of what was heard last."""
    cases = {31 * MINUTE: "30分钟以上", 25 * HOUR: "24小时以上", 73 * HOUR: "72小时以上", 8 * DAY: "7天以上"}
    for ago, level in cases.items():
        found = look(with_(last_seen_at=NOW - ago, open_faults=["mains_lost"]))
        assert found["silent"].evidence == {"level": level, "guess": "停电后电池耗尽"}
        assert found["silent"].since == NOW - ago


def test_a_slow_heartbeat_is_not_silence() -> None:
    """Three of its own are missing before it counts."""
    hourly = with_(last_seen_at=NOW - 2 * HOUR, heartbeat_s=3600)
    assert look(hourly) == {}
    assert list(look(with_(last_seen_at=NOW - 4 * HOUR, heartbeat_s=3600))) == ["silent"]


def test_in_a_call_is_not_offline() -> None:
    """A talk of an hour has no end that was told; what is open by then stays open."""
    gone, hour_ago = NOW - 3 * HOUR, NOW - HOUR + IN_CALL
    assert look(with_(last_seen_at=gone, in_call_until=NOW + MINUTE)) == {}
    assert look(with_(last_seen_at=gone, in_call_until=hour_ago)) == {}
    assert list(look(with_(last_seen_at=gone, in_call_until=hour_ago - 31 * MINUTE))) == ["silent"]
    was = look(with_(last_seen_at=gone))["silent"]
    assert list(look(with_(last_seen_at=gone, in_call_until=hour_ago), was)) == ["silent"]


def test_the_time_of_a_call_is_not_counted_afterwards() -> None:
    """Half an hour begins when it may be over."""
    limits = {**LIMITS, "silent_call_s": 0.0}
    for minutes, rules in ((29, []), (31, ["silent"])):
        facts = with_(last_seen_at=NOW - 3 * HOUR, in_call_until=NOW - minutes * MINUTE)
        assert [each.rule for each in findings(facts, limits, Clock(NOW, ()), {})] == rules


def test_our_own_outage_opens_nothing() -> None:
    """Silence, a fault whose restore waits behind the outage, and a test that fell due in it."""
    gap = Gap(from_at=NOW - 5 * HOUR, until_at=NOW - MINUTE)
    lost = fault("mains_lost", 5 * HOUR + 10 * MINUTE)
    facts = with_(last_seen_at=gap.from_at - 9 * MINUTE, faults=lost, on_mains=False)
    assert look(facts, gaps=(gap,)) == {}
    assert set(look(facts)) == {"silent", "mains_lost"}


def test_a_message_that_waited_for_us_does_not_make_a_clock_slow() -> None:
    """The broker kept it during our outage; a fast clock, and a message sent at another time, are what they say."""
    away = (Gap(from_at=NOW - 3 * HOUR, until_at=NOW - 6 * MINUTE),)
    waited = with_(clock_offset_ms=-40 * 60_000)
    assert look(waited, gaps=away) == {}
    assert set(look(waited)) == {"clock_off"}
    assert set(look(with_(clock_offset_ms=40 * 60_000), gaps=away)) == {"clock_off"}
    assert set(look(with_(clock_offset_ms=-4 * 3_600_000), gaps=away)) == {"clock_off"}
    behind = with_(clock_offset_ms=-4 * 60_000, last_seen_at=NOW)  # sent when we were back, behind all that waited
    assert look(behind, gaps=away) == {}
    assert look(waited, an_open("clock_off", way="慢", minutes=9), gaps=away)["clock_off"].since == AT


def test_what_was_before_this_home_or_a_pause_is_not_held_against_it() -> None:
    """On the bench, and while the household was away, nobody expects it to be heard."""
    today = date(2026, 3, 31)
    for change in ({"installed_on": today}, {"resumed_on": today}):
        facts = with_(last_seen_at=NOW - 40 * DAY, **change)
        midnight = datetime(2026, 3, 30, 16, 0, tzinfo=UTC)
        assert look(facts, now=midnight + 29 * MINUTE) == {}
        assert look(facts, now=midnight + 31 * MINUTE)["silent"].since == midnight


@pytest.mark.parametrize("status", ["stock", "paused", "retired"])
def test_what_is_not_in_a_home_has_no_findings(status: str) -> None:
    """Whatever the facts say, and whatever is open."""
    facts = with_(status=status, last_seen_at=NOW - 9 * DAY, battery_pct=1)
    assert look(facts, *(an_open(rule.name) for rule in RULES)) == {}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_says_what_why_and_what_to_do(rule: Any) -> None:
    """And its thresholds exist."""
    assert rule.group in GROUPS
    assert rule.owner in OWNERS
    assert all((rule.title, rule.sentence, rule.next_step, rule.why))
    assert set(rule.thresholds) <= set(THRESHOLDS)


def test_every_threshold_belongs_to_a_rule() -> None:
    """Or to an alarm, incidents, the risk. One that nothing reads could be changed without effect."""
    others = {*pools.THRESHOLDS, *risk.THRESHOLDS, *OF_INCIDENTS}
    assert {name for rule in RULES for name in rule.thresholds} | others == set(THRESHOLDS)


@pytest.mark.parametrize(
    "values",
    [
        {"nonsense": 1},
        {"silent_s": -1},
        {"battery_low_open": 30},
        {"battery_low_open": 50},
        {"brownouts_close": 2},
        {"risk_next": 71},
        {"risk_level_1": 66},
        {"risk_base": 0},
    ],
)
def test_thresholds_that_cannot_be_are_refused(values: dict[str, float]) -> None:
    """Unknown, out of bounds, or a close value on the wrong side."""
    with pytest.raises(BadInput):
        changed(Thresholds(), values)


moments = st.integers(0, 60 * 24 * 60).map(lambda minutes: NOW - minutes * MINUTE)
any_boots = st.builds(
    Boots, hour=st.integers(0, 5), day=st.integers(0, 9), day_first_at=moments, broken=st.integers(0, 5),
    broken_first_at=moments, brownouts=st.integers(0, 4), brownout_first_at=moments,
)  # fmt: skip
any_facts = st.builds(
    Facts,
    terminal=st.builds(
        Terminal, device_id=st.just(WELL.device_id), status=st.just("installed"), created_at=moments,
        installed_on=st.none() | st.just(date(2026, 2, 1)), last_seen_at=st.none() | moments,
        last_beat_at=st.none() | moments, in_call_until=st.none() | moments,
        battery_pct=st.none() | st.integers(0, 100),
        on_mains=st.none() | st.booleans(), clock_offset_ms=st.none() | st.integers(-200_000, 200_000),
        sim_expires_on=st.none() | st.dates(date(2026, 3, 1), date(2026, 6, 1)), wanted_config=st.integers(0, 2),
        config_version=st.none() | st.integers(0, 2), registered_iccid=st.just("8" * 19),
        iccid=st.sampled_from([None, "8" * 19, "9" * 19]), booted_at=st.none() | moments,
        pressed_keys=st.none() | st.just(["sos"]), sos_proved_at=st.none() | moments,
    ),
    faults=st.dictionaries(st.sampled_from(sorted(dict(codes.FAULTS))), st.builds(Fault, moments, moments)),
    days=st.none() | st.builds(
        Days, days=st.integers(0, 7), first_day=st.just(date(2026, 3, 24)), beats=st.integers(0, 1100),
        first_poor=st.none() | st.just(date(2026, 3, 26)), powered_min=st.integers(0, 10_080),
        registered_min=st.integers(0, 10_080), presses=st.integers(0, 40), presses_on=st.just(date(2026, 3, 30)),
    ),
    boots=st.none() | any_boots,
    bound_keys=st.just(frozenset({"sos", "k1"})),
    config=st.none() | st.builds(ConfigTries, st.integers(1, 5), moments),
)  # fmt: skip
any_gaps = st.lists(
    st.tuples(moments, st.integers(1, 3000)).map(lambda g: Gap(from_at=g[0], until_at=g[0] + g[1] * MINUTE)), max_size=4
)


@settings(max_examples=500)  # a wide room
@given(any_facts, any_gaps, st.sets(st.sampled_from(sorted(BY_NAME))))
def test_looking_twice_changes_nothing(facts: Facts, gaps: list[Gap], already: set[str]) -> None:
    """Whatever is open and whatever the facts are: what one look left, the next one leaves."""
    clock = Clock(NOW, gaps)
    once = findings(facts, LIMITS, clock, {name: an_open(name) for name in already})
    again = findings(facts, LIMITS, clock, {each.rule: each for each in once})
    step = difference(once, again)
    assert (step.opened, step.changed, step.closed, step.still) == ([], [], [], len(once))
    assert all(each.since <= NOW for each in once)


@given(st.integers(0, 300), st.lists(st.tuples(st.integers(-30, 300), st.integers(1, 90)), max_size=4))
def test_elapsed_time_is_every_minute_outside_the_outages(ago: int, away: list[tuple[int, int]]) -> None:
    """Counted one by one; outages may overlap, and one may go on now."""
    gaps = [Gap(from_at=NOW - begin * MINUTE, until_at=NOW + (length - begin) * MINUTE) for begin, length in away]
    heard = sum(not any(begin - length < at <= begin for begin, length in away) for at in range(1, ago + 1))
    clock = Clock(NOW, gaps)
    assert clock.elapsed_s(NOW - ago * MINUTE) == 60 * heard
    assert clock.outage_s(NOW - ago * MINUTE) == 60 * (ago - heard)
