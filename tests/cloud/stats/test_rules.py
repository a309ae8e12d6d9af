"""Who needs looking after, why, and who first."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.devices.models import Gap
from cloud.devices.rules import CONTACTS
from cloud.stats.models import Terminal
from cloud.stats.rules import CAUSES, cause, findings
from protocol import codes

NOW = datetime(2025, 8, 1, 4, 0, tzinfo=UTC)
GOOD = Terminal(
    device_id="OKC00001",
    status="installed",
    created_at=NOW - timedelta(days=30),
    last_seen_at=NOW - timedelta(minutes=5),
    link="online",
    battery_pct=95,
    on_mains=True,
    csq=20,
    registration=1,
    open_faults=[],
    lives_alone=False,
)
HOURS_25 = NOW - timedelta(hours=25)


def _one(terminal: Terminal, gaps: tuple[Gap, ...] = ()) -> tuple[str, str] | None:
    _, found = findings([terminal], NOW, gaps)
    return (found[0].state, found[0].cause) if found else None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, None),
        (
            {"in_call_until": NOW + timedelta(minutes=9), "link": "offline", "last_seen_at": NOW - timedelta(hours=1)},
            None,
        ),
        ({"last_seen_at": None}, ("never_seen", "not_activated")),
        ({"last_seen_at": None, "has_credential": False}, ("never_seen", "no_credential")),
        ({"last_seen_at": None, "revoked_at": NOW}, ("never_seen", "revoked")),
        ({"last_seen_at": None, "status": "stock"}, None),
        ({"last_seen_at": HOURS_25, "status": "paused"}, None),
        ({"last_seen_at": HOURS_25, "status": "retired"}, None),
        ({"last_seen_at": HOURS_25}, ("silent_24h", "unknown")),
        ({"last_seen_at": HOURS_25, "revoked_at": NOW}, ("silent_24h", "revoked")),
        ({"last_seen_at": HOURS_25, "link": "offline"}, ("silent_24h", "data_lost")),
        ({"last_seen_at": HOURS_25, "csq": 5}, ("silent_24h", "weak_signal")),
        ({"last_seen_at": HOURS_25, "csq": 99}, ("silent_24h", "unknown")),
        ({"last_seen_at": HOURS_25, "on_mains": False}, ("silent_24h", "mains_lost")),
        ({"last_seen_at": HOURS_25, "open_faults": ["battery_low", "mains_lost"]}, ("silent_24h", "mains_lost")),
        ({"last_seen_at": HOURS_25, "battery_pct": 3}, ("silent_24h", "battery")),
        ({"last_seen_at": HOURS_25, "open_faults": ["sim_absent", "voice_lost"]}, ("silent_24h", "sim")),
        ({"last_seen_at": HOURS_25, "registration": 3}, ("silent_24h", "voice_lost")),
        ({"last_seen_at": HOURS_25, "open_faults": ["data_lost"], "csq": 3}, ("silent_24h", "weak_signal")),
        ({"last_seen_at": HOURS_25, "open_faults": ["audio_fault"]}, ("silent_24h", "hardware")),
        ({"last_seen_at": NOW - timedelta(minutes=15)}, ("late", "unknown")),
        ({"registration": 2}, ("online", "voice_lost")),
        ({"open_faults": ["key_stuck"]}, ("online", "key_stuck")),
        ({"on_mains": False}, ("online", "mains_lost")),
    ],
)
def test_the_best_guess_from_the_facts(change: dict[str, Any], expected: tuple[str, str] | None) -> None:
    """One row per case; what is fine, in stock, paused or retired is not chased."""
    assert _one(replace(GOOD, **change)) == expected


def test_our_own_outage_is_not_their_fault() -> None:
    """While we cannot hear nobody becomes silent; who does not come back after it is told so."""
    last = NOW - timedelta(hours=2)
    still_down = Gap(from_at=last + timedelta(minutes=1), until_at=NOW)
    assert _one(replace(GOOD, last_seen_at=last), (still_down,)) is None
    over = Gap(from_at=last + timedelta(minutes=1), until_at=NOW - timedelta(hours=1))
    assert _one(replace(GOOD, last_seen_at=last), (over,)) == ("silent_30m", "our_outage")


def test_who_cannot_bring_help_comes_first_and_who_lives_alone_before_others() -> None:
    """A day of silence, then half an hour or no voice, then never seen, late, repairs."""
    fleet = [
        replace(GOOD, device_id="OKC00001", on_mains=False, lives_alone=True),
        replace(GOOD, device_id="OKC00002", last_seen_at=NOW - timedelta(minutes=15), lives_alone=True),
        replace(GOOD, device_id="OKC00003", last_seen_at=None),
        replace(GOOD, device_id="OKC00004", registration=2),
        replace(GOOD, device_id="OKC00005", last_seen_at=NOW - timedelta(minutes=50), lives_alone=True),
        replace(GOOD, device_id="OKC00006", last_seen_at=NOW - timedelta(days=9)),
        replace(GOOD, device_id="OKC00007", last_seen_at=HOURS_25, lives_alone=True),
        replace(GOOD, device_id="OKC00008", last_seen_at=NOW - timedelta(days=8), lives_alone=True),
        GOOD,
    ]
    counts, found = findings(fleet, NOW, ())
    assert [each.terminal.device_id[-1] for each in found] == ["8", "7", "6", "5", "4", "3", "2", "1"]
    assert (counts["online"], counts["silent_24h"], counts["silent_72h"]) == (3, 1, 2)
    assert sum(counts.values()) == len(fleet)


_terminals = st.builds(
    Terminal,
    device_id=st.from_regex(r"\AOKC[0-9]{5}\Z"),
    status=st.sampled_from(["stock", "installed", "paused", "retired"]),
    created_at=st.just(NOW - timedelta(days=40)),
    revoked_at=st.sampled_from([None, NOW]),
    has_credential=st.booleans(),
    last_seen_at=st.none() | st.datetimes(datetime(2025, 7, 1), datetime(2025, 8, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    link=st.sampled_from([None, "unknown", "online", "offline"]),
    battery_pct=st.none() | st.integers(0, 100),
    on_mains=st.sampled_from([None, True, False]),
    csq=st.none() | st.integers(0, 31),
    registration=st.none() | st.integers(0, 5),
    open_faults=st.none() | st.lists(st.sampled_from(sorted(dict(codes.FAULTS))), unique=True),
    lives_alone=st.sampled_from([None, True, False]),
)


@given(fleet=st.lists(_terminals, max_size=20), dice=st.randoms())
def test_every_terminal_is_counted_and_every_silent_one_has_a_cause(fleet: list[Terminal], dice: Any) -> None:
    """Whatever the facts: a known state, a known cause, an order that the input's order does not change."""
    counts, found = findings(fleet, NOW, ())
    assert sum(counts.values()) == len(fleet)
    assert set(counts) == set(CONTACTS)
    assert all(each.cause in CAUSES for each in found)
    assert all(cause(each, "silent_30m", ()) in CAUSES for each in fleet)
    dice.shuffle(fleet)
    again = findings(fleet, NOW, ())[1]
    assert [(each.risk, each.since, each.terminal.device_id) for each in again] == [
        (each.risk, each.since, each.terminal.device_id) for each in found
    ]
