"""How a terminal stands, and what a message changes about it. No services."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.days import shanghai_day
from cloud.devices import rules
from cloud.devices.models import Contact, DeviceState, Gap, Received
from protocol import messages
from protocol.codes import FAULTS

NOW = datetime(2026, 3, 31, 4, 0, tzinfo=UTC)
DEVICE = "BJCY000001"


def ago(**delta: float) -> datetime:
    return NOW - timedelta(**delta)


def facts(**more: Any) -> Contact:
    values: dict[str, Any] = {
        "device_id": DEVICE, "status": "installed", "last_seen_at": NOW, "in_call_until": None, "link": "online",
        "link_at": None,
    }  # fmt: skip
    return Contact(**{**values, **more})


TABLE = [
    ("never heard of", facts(last_seen_at=None), "never_seen"),
    ("just heard of", facts(), "online"),
    ("one beat and a grace ago", facts(last_seen_at=ago(minutes=12)), "online"),
    ("a beat is overdue", facts(last_seen_at=ago(minutes=12, seconds=1)), "late"),
    ("three beats missed", facts(last_seen_at=ago(minutes=30, seconds=1)), "silent_30m"),
    ("a day", facts(last_seen_at=ago(hours=24, seconds=1)), "silent_24h"),
    ("three days", facts(last_seen_at=ago(hours=72, seconds=1)), "silent_72h"),
    ("a will alone alarms nobody", facts(link="offline", link_at=NOW), "online"),
    ("in a call", facts(last_seen_at=ago(minutes=14), in_call_until=NOW + timedelta(seconds=1)), "in_call"),
    ("time in a call is not counted", facts(last_seen_at=ago(minutes=40), in_call_until=ago(minutes=5)), "online"),
    ("the elder is away", facts(status="paused", last_seen_at=ago(days=9)), "paused"),
    ("never again", facts(status="retired"), "retired"),
    ("in stock, never seen", facts(status="stock", last_seen_at=None), "never_seen"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "contact", "stands"), TABLE, ids=[row[0] for row in TABLE])
def test_how_a_terminal_stands(what: str, contact: Contact, stands: str) -> None:
    """Each boundary, and each reason that is not silence."""
    assert rules.contact(contact, NOW) == stands


def test_our_own_outage_is_not_a_terminals_silence() -> None:
    """A day without ingest leaves everybody where they stood."""
    seen = facts(last_seen_at=ago(hours=25))
    outage = [Gap(from_at=ago(hours=24, minutes=58), until_at=ago(minutes=1))]
    assert rules.contact(seen, NOW) == "silent_24h"
    assert rules.contact(seen, NOW, outage) == "online"


def test_a_longer_heartbeat_makes_silence_later() -> None:
    """Three missed beats, whatever they are."""
    assert rules.contact(facts(last_seen_at=ago(minutes=50), heartbeat_s=3600), NOW) == "online"
    assert rules.contact(facts(last_seen_at=ago(minutes=190), heartbeat_s=3600), NOW) == "silent_30m"
    assert rules.contact(facts(last_seen_at=ago(hours=25), heartbeat_s=86_400), NOW) == "late"


def test_a_shorter_heartbeat_never_makes_the_word_untrue() -> None:
    """`silent_30m` is shown as half an hour, so it is never said before."""
    assert rules.contact(facts(last_seen_at=ago(minutes=29), heartbeat_s=60), NOW) == "late"
    assert rules.contact(facts(last_seen_at=ago(minutes=31), heartbeat_s=60), NOW) == "silent_30m"


reports = st.dictionaries(st.sampled_from(["on", "reg", "beats", "presses"]), st.integers(0, 1440))


@given(st.lists(reports, min_size=1, max_size=4), st.randoms())
def test_a_day_told_several_times_keeps_the_largest_of_each_count(told: list[dict[str, int]], dice: Any) -> None:
    """In whatever order, and however often, the records of one day arrive."""
    merged: dict[str, int] | None = None
    for each in told:
        merged = rules.merged_report(merged, each)
    assert merged == {name: max(each.get(name, 0) for each in told) for name in {n for each in told for n in each}}
    dice.shuffle(told)
    again = merged
    for each in told:
        again = rules.merged_report(again, each)
    assert again == merged


moments = st.integers(-100, 0).map(lambda minutes: NOW + timedelta(minutes=minutes))
gap_lists = st.lists(
    st.tuples(moments, st.integers(1, 60)).map(
        lambda it: Gap(from_at=it[0], until_at=it[0] + timedelta(minutes=it[1]))
    ),
    max_size=5,
)


@given(moments, gap_lists)
def test_silence_counts_each_minute_outside_the_gaps_once(seen: datetime, gaps: list[Gap]) -> None:
    """Against counting minutes one by one."""
    minutes = 0
    at = seen
    while at < NOW:
        minutes += not any(gap.from_at <= at < gap.until_at for gap in gaps)
        at += timedelta(minutes=1)
    assert rules.silence(facts(last_seen_at=seen), NOW, gaps) == timedelta(minutes=minutes)


def received(kind: str, body: dict[str, Any], *, at: datetime = NOW, happened: datetime | None = NOW) -> Received:
    """A message as the front door hands it on."""
    common = {"id": body.pop("id", "0badcafe.1.1"), "t": None, "u": 1000, "s": 1000}
    fields = messages.decode("up", kind, messages.encode("up", kind, {**common, **body}))
    return Received(
        device_id=DEVICE,
        id=str(fields["id"]),
        kind=kind,
        body=fields,
        happened_at=happened,
        dating="clock",
        day=shanghai_day(happened or at),
        received_at=at,
        late_s=None if happened is None else (at - happened).total_seconds(),
    )


def press(**more: Any) -> Received:
    return received("press", {"key": "sos", "hold": 1, "how": "hold", **more.pop("body", {})}, **more)


def step(name: str, **more: Any) -> Received:
    return received("call", {"step": name, "to": "坐席"}, **more)


def event(name: str, **more: Any) -> Received:
    return received("event", {"ev": name}, **more)


BEAT = {
    "bat": 4100, "mains": 1, "csq": 20, "reg": 1, "net": "gsm", "heap": 1, "box": 0, "drops": 2, "call": 0, "cfg": 4,
}  # fmt: skip
STATE = DeviceState(device_id=DEVICE, first_seen_at=ago(days=1), last_seen_at=ago(minutes=9))


def test_a_press_makes_us_presume_a_call_and_its_end_ends_that() -> None:
    """Data is suspended while it talks: silence then is no silence."""
    state = rules.advance(STATE, press())
    assert state.in_call_until == NOW + rules.IN_CALL
    state = rules.advance(state, step("dial", at=NOW, happened=NOW + timedelta(seconds=3)))
    assert state.in_call_until == NOW + rules.IN_CALL + timedelta(seconds=3)
    over = NOW + timedelta(minutes=3)
    assert rules.advance(state, step("fail", at=over, happened=over)).in_call_until is not None, "the next rung dials"
    assert rules.advance(state, step("end", at=over, happened=over)).in_call_until is None
    assert rules.advance(state, event("ladder_exhausted", at=over, happened=over)).in_call_until is None
    assert rules.advance(state, received("hb", {**BEAT}, at=over, happened=over)).in_call_until is None


def test_an_old_record_says_nothing_about_the_present() -> None:
    """The end of yesterday's call does not end today's; yesterday's press presumes nothing now."""
    in_call = rules.advance(STATE, press())
    assert rules.advance(in_call, step("end", happened=ago(days=1))).in_call_until == in_call.in_call_until
    old = rules.advance(STATE, press(happened=ago(days=1)))
    assert old.in_call_until is not None
    assert old.in_call_until < NOW
    assert rules.advance(STATE, press(happened=None)).in_call_until is None


@pytest.mark.parametrize("body", [{"how": "test"}, {"key": "cancel"}])
def test_a_test_or_a_cancel_presumes_no_call(body: dict[str, Any]) -> None:
    """Nothing is dialled for them."""
    assert rules.advance(STATE, press(body=body)).in_call_until is None


def test_a_heartbeat_is_the_latest_state() -> None:
    """Every field that the lists show."""
    state = rules.advance(STATE, received("hb", {**BEAT}))
    assert (state.battery_mv, state.on_mains, state.csq, state.drops, state.config_version) == (4100, True, 20, 2, 4)
    assert state.last_beat_at == state.last_seen_at == NOW


BOOT = {"board": "desk", "fw": "0.2.0", "cfg": 1, "cause": "watchdog"}


def test_the_record_of_an_earlier_boot_does_not_undo_a_later_one() -> None:
    """It may have waited in the outbox for days."""
    state = rules.advance(STATE, received("boot", {**BOOT, "id": "0badcafe.7.0"}))
    assert (state.boot_count, state.reset_cause, state.firmware) == (7, "watchdog", "0.2.0")
    old = received("boot", {**BOOT, "id": "0badcafe.6.0", "fw": "0.1.0"})
    assert rules.advance(state, old).firmware == "0.2.0"
    wiped = received("boot", {**BOOT, "id": "feedface.1.0", "fw": "0.3.0"})
    assert rules.advance(state, wiped).boot_count == 1, "new storage counts from one again"


@pytest.mark.parametrize(("fault", "restore"), FAULTS)
def test_every_fault_is_open_until_its_twin(fault: str, restore: str) -> None:
    """And a twin that came first on a slower way does not leave it open for ever."""
    opened = rules.advance(STATE, event(fault))
    assert opened.open_faults == [fault]
    assert rules.advance(opened, event(fault)).open_faults == [fault]
    assert rules.advance(opened, event(restore)).open_faults == []
    assert rules.advance(STATE, event(fault), overtaken=True).open_faults == []
    assert (rules.twin(fault), rules.twin(restore)) == (restore, fault)


@pytest.mark.parametrize(
    ("t", "u", "s", "offset"),
    [(1000, 0, 5000, 5_000), (1000, 5, 5, 0), (None, 5, 5, None), (1000, 5, None, None), (1000, 5, 4, None)],
)
def test_the_clock_offset_is_the_terminals_time_minus_ours(
    t: int | None, u: int, s: int | None, offset: int | None
) -> None:
    """Known only from a message that was dated and sent in one boot."""
    at = datetime.fromtimestamp(1000, UTC)
    assert rules.clock_offset_ms({"t": t, "u": u, "s": s}, at) == offset


def test_what_a_list_shows_is_worth_a_word_and_a_plain_heartbeat_is_not() -> None:
    """50,000 terminals beat 83 times a second."""
    beaten = rules.advance(STATE, received("hb", {**BEAT}))
    again = rules.advance(beaten, received("hb", {**BEAT}, at=NOW + timedelta(minutes=10)))
    assert rules.worth_showing(None, STATE)
    assert not rules.worth_showing(beaten, again)
    assert rules.worth_showing(beaten, replace(beaten, link="offline"))
    assert rules.worth_showing(beaten, rules.advance(beaten, press()))
    back = rules.advance(beaten, received("hb", {**BEAT}, at=NOW + timedelta(minutes=40)))
    assert rules.worth_showing(beaten, back), "it was silent and is heard again"
