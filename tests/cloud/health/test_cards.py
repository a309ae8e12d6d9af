"""Findings by the operator's word: what opens them, what holds them, and that old words change nothing."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud import db
from cloud.carrier.models import Account
from cloud.health import actions, risk
from cloud.health.models import Facts, Finding
from cloud.health.words import sentence
from tests.cloud.health.fleet import healthy, ingest_works
from tests.cloud.health.test_rules import HEALTHY, NOW, WELL, look

if TYPE_CHECKING:
    from cloud.db import Conn

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GB = 1 << 30
IMEI = "860000000000001"
ACCOUNT = Account(
    iccid="8986099" + "0" * 13, status="activated", voice=True, data_used_bytes=GB // 100, data_quota_bytes=GB,
    pool="", expires_on=date(2028, 1, 1), bound_imei=IMEI, changed_at=NOW - 30 * DAY, told_at=NOW - HOUR,
    missing_since=None,
)  # fmt: skip
NAMES = ("sim_stopped", "sim_voice_off", "sim_traffic", "sim_lock", "sim_unknown")
ILL: dict[str, dict[str, Any]] = {
    "sim_stopped": {"status": "suspended"},
    "sim_voice_off": {"voice": False},
    "sim_traffic": {"data_used_bytes": 8 * GB // 10 + 1},
    "sim_lock": {"bound_imei": "860000000000002"},
    "sim_unknown": {"missing_since": NOW - HOUR - DAY},
}


def told(*, sheet: date | None = None, imei: str = IMEI, **change: Any) -> Facts:
    terminal = replace(WELL, imei=imei, sim_expires_on=sheet)
    return replace(HEALTHY, terminal=terminal, account=replace(ACCOUNT, **change))


def test_a_card_that_is_well_opens_nothing() -> None:
    assert look(told()) == {}
    assert look(replace(HEALTHY, account=None)) == {}


@pytest.mark.parametrize("rule", NAMES)
def test_each_is_opened_by_its_cause_and_closed_by_the_cure(rule: str) -> None:
    """In a sentence with nothing of a person in it, and with its place in the day's work."""
    found = look(told(**ILL[rule]))
    assert list(found) == [rule]
    text = sentence(found[rule], NOW)
    assert "{" not in text
    assert "0000" in text  # which card
    assert ACCOUNT.iccid not in text
    assert look(told(), found[rule]) == {}
    assert risk.gravity(rule) == (0 if rule in {"sim_stopped", "sim_voice_off"} else 1)


@pytest.mark.parametrize("rule", NAMES)
def test_an_old_word_opens_nothing_and_closes_nothing(rule: str) -> None:
    """Two days after the platform was last heard, as in an outage of our own; at two days it still counts."""
    at, late = NOW - 2 * DAY, NOW - 2 * DAY - timedelta(seconds=1)
    ill = {**ILL[rule]}
    if "missing_since" in ill:
        ill["missing_since"] = NOW - 9 * DAY
    found = look(told(told_at=at, **ill))
    assert list(found) == [rule]
    assert look(told(told_at=late, **ill)) == {}
    assert look(told(told_at=late), found[rule]) == found
    assert look(told(told_at=late, **ill), found[rule]) == found


@pytest.mark.parametrize("rule", NAMES[:-1])
def test_a_card_that_is_listed_no_more_keeps_what_was_open(rule: str) -> None:
    """Its last good word is neither a new cause nor a cure."""
    found = look(told(**ILL[rule]))
    gone: dict[str, Any] = {"missing_since": NOW - 2 * HOUR}
    assert look(told(**gone), found[rule]) == found
    assert look(told(**ILL[rule], **gone)) == {}


@pytest.mark.parametrize("rule", NAMES)
def test_what_is_open_of_another_card_does_not_stay(rule: str) -> None:
    """The card was changed, and of the new one nothing fresh is known."""
    found = look(told(**ILL[rule]))
    other = "8986099" + "1" * 13
    assert look(told(iccid=other, told_at=NOW - 3 * DAY), found[rule]) == {}


@pytest.mark.parametrize(
    ("status", "ill"),
    [("activated", False), ("test", False), ("stock", True), ("suspended", True), ("stopped", True),
     ("terminated", True)],
)  # fmt: skip
def test_only_two_states_can_call(status: str, ill: bool) -> None:
    assert ("sim_stopped" in look(told(status=status))) == ill


def test_own_data_has_room_between_its_thresholds() -> None:
    """80 opens, 70 closes; the last day of the month makes no forecast of it."""
    at = datetime(2026, 3, 31, 3, 0, tzinfo=UTC)
    used = {percent: told(data_used_bytes=percent * GB // 100 + 1, told_at=at) for percent in (69, 71, 79, 80)}
    assert look(used[79]) == {}
    found = look(used[80])
    assert found["sim_traffic"].evidence == {"card": "0000", "percent": 80, "forecast": ""}
    assert list(look(used[71], found["sim_traffic"])) == ["sim_traffic"]
    assert look(used[69], found["sim_traffic"]) == {}


def test_a_card_that_will_run_out_is_told_with_the_day() -> None:
    """A third of the month, half of the data; the first days say nothing."""
    tenth, third = datetime(2026, 3, 10, 16, 0, tzinfo=UTC), datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
    found = look(told(data_used_bytes=GB // 2, told_at=tenth), now=tenth + HOUR)
    assert found["sim_traffic"].evidence["forecast"] == "，照此速度 03月21日 用完"
    assert look(told(data_used_bytes=GB // 2, told_at=third), now=third + HOUR) == {}
    still = told(data_used_bytes=GB * 30 // 100, told_at=tenth)  # 93 % expected
    assert look(still, now=tenth + HOUR) == {}
    assert list(look(still, found["sim_traffic"], now=tenth + HOUR)) == ["sim_traffic"]


def test_a_card_of_a_pool_has_no_data_of_its_own_to_run_out_of() -> None:
    """Fifty thousand cards of one pool are one alarm, not fifty thousand findings."""
    assert look(told(data_quota_bytes=None, data_used_bytes=99 * GB, pool="district")) == {}
    assert look(told(data_quota_bytes=0, data_used_bytes=0))["sim_traffic"].evidence["percent"] == 100


def test_a_card_that_is_missing_for_less_than_a_day_is_not_unknown() -> None:
    """By the platform's own time: our not hearing it makes nothing longer."""
    hours: dict[str, Any] = {"missing_since": NOW - 23 * HOUR, "told_at": NOW}
    assert look(told(**hours)) == {}
    assert "sim_unknown" not in look(told(**hours), now=NOW + 40 * HOUR)


def test_a_lock_is_judged_by_the_modem_that_the_terminal_told() -> None:
    """Else by the registry's; a card that works in any modem is not locked."""
    other = "860000000000003"
    assert list(look(told(imei=other))) == ["sim_lock"]
    assert look(told(imei=other, bound_imei=None)) == {}
    registered = replace(told(), terminal=replace(WELL, registered_imei=other))
    assert list(look(registered)) == ["sim_lock"]


@pytest.mark.parametrize(
    ("sheet", "day", "age", "opens"),
    [
        (date(2026, 4, 10), date(2027, 4, 10), HOUR, False),  # renewed at the operator, the list is of last year
        (date(2027, 4, 10), date(2026, 4, 10), HOUR, True),
        (date(2026, 4, 10), None, HOUR, True),
        (None, date(2026, 4, 10), HOUR, True),
        (None, date(2026, 4, 10), 3 * DAY, False),  # an old word opens nothing by itself
        (date(2027, 4, 10), date(2026, 4, 10), 3 * DAY, False),
        (date(2026, 4, 10), date(2027, 4, 10), 3 * DAY, False),
        (date(2026, 4, 10), date(2026, 4, 12), 3 * DAY, True),  # the list says so, and nothing speaks against it
    ],
)
def test_the_operators_day_goes_before_the_lists(
    sheet: date | None, day: date | None, age: timedelta, opens: bool
) -> None:
    """While it is fresh; what is open stays while it is not."""
    facts = told(sheet=sheet, expires_on=day, told_at=NOW - age)
    assert ("sim_expiring" in look(facts)) == opens
    open_ = Finding(
        device_id=WELL.device_id, rule="sim_expiring", rule_version=2, since=NOW - DAY, owner="sim",
        evidence={"last": "2026-04-10", "state": "到期"},
    )  # fmt: skip
    if age > 2 * DAY:
        assert list(look(facts, open_)) == ["sim_expiring"]


accounts = st.builds(
    Account, iccid=st.sampled_from([ACCOUNT.iccid, "8986099" + "1" * 13]),
    status=st.sampled_from(["activated", "stopped", "test"]), voice=st.booleans(),
    data_used_bytes=st.integers(0, 2 * GB), data_quota_bytes=st.none() | st.integers(0, 2 * GB), pool=st.just(""),
    expires_on=st.none() | st.dates(date(2026, 3, 1), date(2026, 6, 1)),
    bound_imei=st.none() | st.sampled_from([IMEI, "860000000000002"]),
    changed_at=st.integers(0, 90).map(lambda days: NOW - days * DAY),
    told_at=st.integers(0, 48).map(lambda hours: NOW - hours * HOUR),
    missing_since=st.none() | st.integers(96, 200).map(lambda hours: NOW - hours * HOUR),
)  # fmt: skip


sheets = st.none() | st.dates(date(2026, 3, 1), date(2026, 6, 1))


@given(st.lists(st.tuples(accounts, sheets), min_size=1, max_size=6))
def test_a_second_look_changes_nothing_and_a_word_that_grows_old_changes_nothing(
    words: list[tuple[Account, date | None]],
) -> None:
    """Whatever the platform said, in whatever order, with whatever silence of its own in between."""
    found: dict[str, Finding] = {}
    for word, sheet in words:
        facts = replace(told(sheet=sheet), account=word)
        found = look(facts, *found.values())
        assert look(facts, *found.values()) == found
        aged = replace(facts, account=replace(word, told_at=NOW - 3 * DAY))
        assert look(aged, *found.values()) == found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(accounts, sheets), min_size=1, max_size=20))
def test_what_the_database_leaves_out_would_have_opened_nothing(
    database: str, words: list[tuple[Account, date | None]]
) -> None:
    """The whole look, against the rules on every account."""

    async def run() -> None:
        async with await db.connect(database) as conn, conn.transaction(force_rollback=True):
            names = await healthy(conn, len(words))
            await ingest_works(conn)
            expected = set()
            for number, (name, (word, sheet)) in enumerate(zip(names, words, strict=True)):
                await keep(conn, name, replace(word, iccid=f"8986099{number:013d}"), sheet)
                facts = replace(told(sheet=sheet), account=word)
                expected |= {(name, rule) for rule in look(facts)}
            await actions.look(conn, NOW)
            cursor = await conn.execute("select device_id, rule from finding where closed_at is null")
            assert set(await cursor.fetchall()) == expected

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(run())


async def keep(conn: Conn, device_id: str, word: Account, sheet: date | None) -> None:
    """A terminal with this card, as the platform and the imported list tell of it."""
    await conn.execute("update device set iccid = %s where device_id = %s", [word.iccid, device_id])
    await conn.execute(
        "update device_state set imei = %s, iccid = %s where device_id = %s", [IMEI, word.iccid, device_id]
    )
    columns = asdict(word)
    await conn.execute(
        f"insert into sim_account ({', '.join(columns)}, read_at) values"
        f" ({', '.join(f'%({name})s' for name in columns)}, now())".encode(),
        columns,
    )
    if sheet is not None:
        await conn.execute(
            "insert into sim (iccid, msisdn_sealed, msisdn_hash, plan, pool, expires_on, created_at)"
            " values (%s, '\\x00', %s, 'plan', '', %s, now())",
            [word.iccid, word.iccid.encode(), sheet],
        )
