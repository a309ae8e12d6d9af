"""One look at a fleet against the real schema: what opens, changes and closes, and what does not."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cloud.errors import BadInput
from cloud.health import actions, store
from tests.cloud.health.fleet import NOW, boot, event, healthy, ingest_works, state, talked

if TYPE_CHECKING:
    from datetime import datetime

    from cloud.db import Conn

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


async def rows(conn: Conn) -> list[tuple[Any, ...]]:
    cursor = await conn.execute(
        "select device_id, rule, since, closed_at is null from finding order by device_id, rule, finding_id"
    )
    return await cursor.fetchall()


@pytest.fixture
async def three(conn: Conn) -> list[str]:
    """Three healthy terminals and an ingest that works."""
    names = await healthy(conn, 3)
    await ingest_works(conn)
    return names


async def at(conn: Conn, now: datetime) -> actions.Looked:
    """A look later on: ingest went on, and so did every terminal that is not silent by now."""
    await ingest_works(conn, now)
    return await actions.look(conn, now)


async def test_a_healthy_fleet_has_no_findings(conn: Conn, three: list[str]) -> None:
    """No rule mistakes the absence of facts for an illness."""
    assert await actions.look(conn, NOW) == actions.Looked()


async def test_each_kind_of_fact_reaches_its_rule(conn: Conn, three: list[str]) -> None:
    """One terminal with everything wrong that the database can tell."""
    one = three[0]
    lost = NOW - 3 * HOUR
    await event(conn, one, "mains_lost", NOW - 9 * HOUR)
    await event(conn, one, "mains_back", NOW - 8 * HOUR)
    await event(conn, one, "mains_lost", lost, NOW - 2 * HOUR)
    await event(conn, one, "mains_lost", lost + MINUTE)
    await state(
        conn, one, open_faults=["mains_lost"], on_mains=False, battery_pct=9, clock_offset_ms=500_000, config_version=1,
        iccid="9" * 19, booted_at=NOW - 2 * DAY,
    )  # fmt: skip
    await conn.execute("update device set iccid = %s, image_kind = 'trial', config_version = 2 where device_id = %s",
                       ["8" * 19, one])  # fmt: skip
    await conn.execute(
        "insert into sim (iccid, msisdn_sealed, msisdn_hash, plan, pool, expires_on, created_at)"
        " values (%s, '\\x00', '\\x00', 'plan', '', %s, %s)",
        ["9" * 19, date(2026, 4, 10), NOW],
    )
    await conn.execute(
        "insert into down (device_id, kind, of_id, created_at, due_at, sent_at)"
        " select %s, 'config', '2', at, at, at from generate_series(%s, %s, interval '1 hour') at",
        [one, NOW - 4 * HOUR, NOW - 1 * HOUR],
    )
    for hours in range(1, 7):
        await boot(conn, one, ("brownout", "watchdog")[hours % 2], NOW - hours * HOUR)
    await boot(conn, one, "command", NOW - 10 * MINUTE)
    await conn.execute(
        "update device_day set beats = 20, presses = 30,"
        " report = '{\"on\": 1440, \"reg\": 700}' where device_id = %s", [one])  # fmt: skip
    await conn.execute("delete from key_use where device_id = %s", [one])
    await conn.execute(
        "insert into heartbeat_day (device_id, day, beats, off_mains, in_call, csq_count, csq_sum, rtt_count)"
        " select %s, '2026-03-31'::date - n, 140, 0, 0, 140, 700, 0 from generate_series(1, 7) n",
        [one],
    )
    await actions.look(conn, NOW)
    found = {rule: since for _, rule, since, _ in await rows(conn)}
    midnight = NOW.replace(hour=16) - DAY
    assert found == {
        "mains_lost": lost, "battery_low": NOW - 5 * MINUTE, "clock_off": NOW - 5 * MINUTE,
        "card_differs": NOW - 2 * DAY, "trial_image": midnight - 50 * DAY, "sim_expiring": midnight - 20 * DAY,
        "config_stuck": NOW - 4 * HOUR, "reboots": NOW - 6 * HOUR, "brownouts": NOW - 6 * HOUR,
        "crashes": NOW - 5 * HOUR, "unsteady": midnight - 7 * DAY, "coverage": midnight - 7 * DAY,
        "presses_many": midnight - 1 * DAY, "weak_signal": midnight - 7 * DAY,
        "sos_unproven": midnight - 50 * DAY, "keys_untested": midnight - 50 * DAY,
    }  # fmt: skip


async def test_a_look_twice_changes_nothing_and_a_cause_that_is_gone_closes(conn: Conn, three: list[str]) -> None:
    """With the time of the look at which it was gone; when it comes back it is another finding."""
    await state(conn, three[1], last_seen_at=NOW - HOUR)
    assert await actions.look(conn, NOW) == actions.Looked(opened=1)
    assert await actions.look(conn, NOW) == actions.Looked(still=1)
    await state(conn, three[1], last_seen_at=NOW)
    assert await actions.look(conn, NOW + MINUTE) == actions.Looked(frozen=True, still=1)
    assert await at(conn, NOW + MINUTE) == actions.Looked(closed=1)
    assert await rows(conn) == [(three[1], "silent", NOW - HOUR, False)]
    await state(conn, three[1], last_seen_at=NOW - HOUR)
    assert await at(conn, NOW + MINUTE) == actions.Looked(opened=1)


async def test_silence_that_grows_longer_is_one_finding_with_another_level(conn: Conn, three: list[str]) -> None:
    """One cause, one finding."""
    await state(conn, three[0], last_seen_at=NOW - 23 * HOUR)
    assert await actions.look(conn, NOW) == actions.Looked(opened=1)
    await conn.execute("update device_state set last_seen_at = %s where device_id <> %s", [NOW + 2 * HOUR, three[0]])
    assert await at(conn, NOW + 2 * HOUR) == actions.Looked(still=1, changed=1)
    ((_, finding),) = await store.open_findings(conn)
    assert finding.evidence["level"] == "24小时以上"


async def test_while_ingest_does_not_work_nothing_opens_or_closes(conn: Conn, three: list[str]) -> None:
    """Nor after it works again, by the time that it was away."""
    await state(conn, three[0], last_seen_at=NOW - HOUR)
    await actions.look(conn, NOW)
    later = NOW + 5 * HOUR
    await state(conn, three[0], last_seen_at=NOW)
    assert await actions.look(conn, later) == actions.Looked(still=1, frozen=True)
    await conn.execute("insert into ingest_gap (from_at, until_at) values (%s, %s)", [NOW, later])
    assert await at(conn, later) == actions.Looked(closed=1)


async def test_before_any_door_ever_worked_nobody_is_blamed(conn: Conn) -> None:
    """A new installation."""
    await healthy(conn, 1)
    await conn.execute("update device_state set last_seen_at = %s", [NOW - DAY])
    assert await actions.look(conn, NOW) == actions.Looked(frozen=True)


@pytest.mark.parametrize("status", ["paused", "stock", "retired"])
async def test_what_leaves_service_has_no_open_findings(conn: Conn, three: list[str], status: str) -> None:
    """They close at the next look."""
    await state(conn, three[0], last_seen_at=NOW - DAY)
    await actions.look(conn, NOW)
    await conn.execute("update device set status = %s where device_id = %s", [status, three[0]])
    assert await actions.look(conn, NOW) == actions.Looked(closed=1)


async def test_a_call_that_a_person_took_proves_the_red_key(conn: Conn, three: list[str]) -> None:
    """A family's voicemail talks too: the desk's acceptance counts, also when it comes later."""
    await conn.execute("update key_use set proved_at = %s", [NOW - 36 * DAY])
    await talked(conn, three[0], "sos", NOW - HOUR, accepted=True)
    await talked(conn, three[1], "sos", NOW - HOUR, accepted=False)
    await talked(conn, three[2], "sos", NOW - HOUR, accepted=True, seconds=5)
    assert await actions.look(conn, NOW) == actions.Looked(opened=2)
    assert [row[:2] for row in await rows(conn)] == [(name, "sos_unproven") for name in three[1:]]
    await conn.execute(
        "insert into case_fact (case_id, device_id, kind, at, body, fact_hash)"
        " select case_id, device_id, 'accepted', %s, '{}', '\\x03' from case_file where device_id = %s",
        [NOW, three[1]],
    )
    await conn.execute("update case_file set accepted_at = %s where device_id = %s", [NOW, three[1]])
    assert await actions.look(conn, NOW) == actions.Looked(closed=1, still=1)


async def test_a_fault_older_than_the_raw_events_keeps_its_beginning(conn: Conn, three: list[str]) -> None:
    """The finding remembers it."""
    since = NOW - 2 * HOUR
    await event(conn, three[0], "key_stuck", since)
    await state(conn, three[0], open_faults=["key_stuck"])
    await actions.look(conn, NOW)
    await conn.execute("delete from event")
    assert await actions.look(conn, NOW) == actions.Looked(still=1)
    assert await rows(conn) == [(three[0], "key_stuck", since, True)]


async def test_two_thousand_terminals_in_a_few_statements(conn: Conn) -> None:
    """A third of them silent; the next look closes what came back, and leaves the others as they are."""
    names = await healthy(conn, 2000)
    await ingest_works(conn)
    await conn.execute("update device_state set last_seen_at = %s where device_id <= %s", [NOW - HOUR, names[666]])
    assert await actions.look(conn, NOW) == actions.Looked(opened=667, incidents_opened=1)
    await conn.execute("update device_state set last_seen_at = %s where device_id <= %s", [NOW, names[99]])
    assert await actions.look(conn, NOW) == actions.Looked(closed=100, still=567)


async def test_a_preview_counts_and_writes_nothing_and_the_change_does_what_it_said(
    conn: Conn, three: list[str]
) -> None:
    """Would open 1, close 1; then another version of the thresholds does just that."""
    await state(conn, three[0], last_seen_at=NOW - 45 * MINUTE)
    await state(conn, three[1], battery_pct=18)
    await actions.look(conn, NOW)
    before = await rows(conn)
    values = {"silent_s": 3600 * 2, "battery_low_open": 20}
    told = await actions.preview(conn, None, NOW, values)
    assert told == actions.Preview({"silent": (0, 1), "battery_low": (1, 0)}, {(1, None): 1, (None, 2): 1})
    assert await rows(conn) == before
    assert await actions.change_thresholds(conn, NOW, values, "wang", "冬季信号普查") == 1
    assert await actions.look(conn, NOW) == actions.Looked(opened=1, closed=1)
    cursor = await conn.execute("select rule, thresholds_version from finding order by finding_id")
    assert await cursor.fetchall() == [("silent", 0), ("battery_low", 1)]
    back = {"silent_s": 1800, "battery_low_open": 15}
    assert await actions.change_thresholds(conn, NOW, back, "wang", "恢复出厂值") == 2
    assert (await store.thresholds(conn)).version == 2
    with pytest.raises(BadInput):
        await actions.preview(conn, None, NOW, {"nonsense": 1})


async def test_a_preview_of_other_weights_says_which_levels_would_change(conn: Conn, three: list[str]) -> None:
    """And of the findings that none would."""
    await state(conn, three[0], battery_pct=5)
    await state(conn, three[1], last_seen_at=NOW - HOUR)
    await actions.look(conn, NOW)
    told = await actions.preview(conn, None, NOW, {"risk_next": 70, "risk_level_1": 30})
    assert told == actions.Preview({}, {(2, 1): 1})
