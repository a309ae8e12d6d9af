"""What a reading leaves in the database: the last good word on each card, whatever came before and after it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from cloud import db
from cloud.carrier import actions, store
from cloud.carrier.client import TRIES, Client
from tests.cloud.carrier.platform import NOW, TOKEN, Platform, card, iccid, pool
from tests.cloud.health.fleet import healthy

if TYPE_CHECKING:
    from datetime import datetime

    from cloud.carrier.models import Taken
    from cloud.db import Conn

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def platform() -> Iterator[Platform]:
    """A platform on this machine with three cards."""
    with Platform() as running:
        yield running


async def no_pause(_: float) -> None:
    await asyncio.sleep(0)


async def refresh(conn: Conn, platform: Platform, now: datetime = NOW, **options: Any) -> Taken:
    """One reading, at the platform's own time."""
    platform.as_of = options.pop("as_of", now)
    async with Client(platform.url, TOKEN, clock=lambda: now, pause=no_pause, answer_s=5.0) as client:
        told = await client.read()
    return await actions.refresh(conn, told, begun_at=now, now=now, **options)


async def rows(conn: Conn) -> dict[str, tuple[str | None, int | None, datetime | None]]:
    cursor = await conn.execute("select iccid, status, data_used_bytes, missing_since from sim_account")
    return {row[0]: row[1:] for row in await cursor.fetchall()}


async def test_a_reading_is_kept_with_how_it_went(conn: Conn, platform: Platform) -> None:
    """A bad entry costs itself only, and is on record by its field."""
    platform.cards += [card(8, status="gone"), card(9, status="stopped", expires_on=None)]
    taken = await refresh(conn, platform)
    assert (taken.cards, taken.pools, taken.missing, taken.skipped, taken.fault) == (4, 1, 0, {"status": 1}, None)
    kept = await store.account(conn, iccid(9))
    assert kept is not None
    assert (kept.status, kept.expires_on, kept.told_at) == ("stopped", None, NOW)
    cursor = await conn.execute("select fault, cards, pools, skipped from carrier_read")
    assert await cursor.fetchall() == [(None, 4, 1, {"status": 1})]


async def test_a_card_that_vanished_is_marked_and_not_removed(conn: Conn, platform: Platform) -> None:
    """Its last good word stays, and the mark goes when it is listed again."""
    await refresh(conn, platform)
    gone = platform.cards.pop()
    assert (await refresh(conn, platform, NOW + HOUR)).missing == 1
    assert (await refresh(conn, platform, NOW + 2 * HOUR)).missing == 0
    assert (await rows(conn))[gone["iccid"]] == ("activated", 1_000_000, NOW + HOUR)
    platform.cards.append(gone)
    await refresh(conn, platform, NOW + 3 * HOUR)
    assert (await rows(conn))[gone["iccid"]] == ("activated", 1_000_000, None)


async def test_an_entry_that_cannot_be_read_is_not_a_card_that_is_gone(conn: Conn, platform: Platform) -> None:
    await refresh(conn, platform)
    platform.cards[0] = card(0, status=7)
    taken = await refresh(conn, platform, NOW + HOUR)
    assert (taken.missing, taken.skipped) == (0, {"status": 1})
    assert (await rows(conn))[iccid(0)] == ("activated", 1_000_000, None)


async def test_a_reading_that_broke_off_proves_no_absence(conn: Conn, platform: Platform) -> None:
    """What it brought is kept."""
    await refresh(conn, platform)
    platform.page = 1
    platform.cards = [card(0, status="stopped")]
    platform.cards += [card(5)] * 2
    platform.faults_on["/v1/cards"].extend([None, *[500] * TRIES])
    taken = await refresh(conn, platform, NOW + HOUR)
    assert (taken.fault, taken.missing, taken.cards) == ("http_500", 0, 1)
    kept = await rows(conn)
    assert [kept[iccid(n)][0] for n in range(3)] == ["stopped", "activated", "activated"]
    assert [kept[iccid(n)][2] for n in range(3)] == [None] * 3


async def test_a_card_of_a_terminal_that_was_never_listed_is_known_to_be_missing(
    conn: Conn, platform: Platform
) -> None:
    """The card that the terminal says it has counts before the registry's."""
    one, two, three = await healthy(conn, 3)
    await conn.execute("update device set iccid = %s where device_id = %s", [iccid(0), one])
    await conn.execute("update device set iccid = %s where device_id = %s", [iccid(70), two])
    await conn.execute("update device_state set iccid = %s where device_id = %s", [iccid(71), two])
    await conn.execute("update device set iccid = %s where device_id = %s", [iccid(72), three])
    await conn.execute("update device set status = 'stock' where device_id = %s", [three])
    assert (await refresh(conn, platform)).missing == 1
    assert {name: row[2] for name, row in (await rows(conn)).items() if row[2]} == {iccid(71): NOW}
    found = await store.of_terminals(conn, NOW.date())
    assert {name: each.missing_since for name, each in found.items()} == {two: NOW}


async def test_a_list_that_lost_a_great_part_of_the_cards_is_not_believed(conn: Conn, platform: Platform) -> None:
    """Another account's token looks like that. A person may say that it is so."""
    platform.cards = [card(n) for n in range(40)]
    await refresh(conn, platform)
    platform.cards = platform.cards[:10]
    taken = await refresh(conn, platform, NOW + HOUR)
    assert (taken.fault, taken.missing) == ("cards_lost", 0)
    assert (await refresh(conn, platform, NOW + HOUR, believe=True)).missing == 30


async def test_a_platform_that_tells_its_own_yesterday_is_not_read_well(conn: Conn, platform: Platform) -> None:
    """And an older word never replaces a newer one."""
    await refresh(conn, platform)
    platform.cards[0]["status"] = "stopped"
    taken = await refresh(conn, platform, NOW + HOUR, as_of=NOW - DAY)
    assert taken.fault == "stale"
    assert (await rows(conn))[iccid(0)][0] == "activated"


async def test_a_pool_has_a_row_for_each_day_and_the_last_word_of_it(conn: Conn, platform: Platform) -> None:
    """A pool that is listed no more keeps its last word with a mark."""
    for hours, used in ((0, 10), (1, 11), (24, 20), (48, 30)):
        platform.pools = [pool(used_bytes=used)] if used < 30 else []
        await refresh(conn, platform, NOW + hours * HOUR)
    found = (await store.pool_days(conn, NOW.date() - timedelta(days=7)))["district"]
    assert [(each.used_bytes, each.missing_since) for each in found] == [(11, None), (20, NOW + 2 * DAY)]


step = st.fixed_dictionaries(
    {
        "fault": st.sampled_from([None, None, 429, 500, "cut", "html", "list", "loop", "token"]),
        "after": st.integers(0, 3),
        "bad": st.sets(st.integers(0, 3), max_size=2),
        "absent": st.sets(st.integers(0, 3), max_size=2),
        "used": st.integers(0, 1 << 40),
        "back": st.sampled_from([0, 0, 0, 3]),
    }
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(step, min_size=1, max_size=8))
def test_any_sequence_of_readings_leaves_the_last_good_word_on_each_card(
    database: str, platform: Platform, steps: list[dict[str, Any]]
) -> None:
    """Whatever breaks, in whatever order, against a model that only knows what was sent and when it was true."""

    async def run() -> None:
        async with await db.connect(database) as conn, conn.transaction(force_rollback=True):
            good: dict[str, tuple[datetime, int]] = {}
            for hour, each in enumerate(steps, 1):
                now = NOW + hour * HOUR
                as_of = now - each["back"] * HOUR
                await one(conn, now, as_of, each, good)
                kept = await rows(conn)
                assert {name: row[1] for name, row in kept.items()} == {name: used for name, (_, used) in good.items()}

    async def one(
        conn: Conn, now: datetime, as_of: datetime, each: dict[str, Any], good: dict[str, tuple[datetime, int]]
    ) -> None:
        fault = each["fault"]
        platform.page, platform.loops = 1, fault == "loop"
        sent = [n for n in range(4) if n not in each["absent"]]
        platform.cards = [
            card(n, data_used_bytes=-1 if n in each["bad"] else each["used"] + n, voice_enabled=True) for n in sent
        ]
        platform.faults.clear()
        queue = platform.faults_on["/v1/cards"]
        queue.clear()
        reach = len(sent)
        if fault not in (None, "loop", "token"):
            queue.extend([None] * each["after"] + [fault] * TRIES)
            reach = min(reach, each["after"])
        if fault == "loop":
            reach = min(reach, 1)
        if fault == "token":
            queue.append(401)
            reach = 0
        taken = await refresh(conn, platform, now, as_of=as_of)
        pages = max(len(sent), 1)
        broke = fault is not None and not (fault not in ("loop", "token") and each["after"] >= pages)
        assert (taken.fault is not None) == (broke or as_of < now - actions.OLD)
        if taken.fault is None:
            for name in good.keys() - {iccid(n) for n in sent}:  # said to be missing: that is a word too
                good[name] = (max(good[name][0], as_of), good[name][1])
        for n in sent[:reach]:
            if n not in each["bad"] and (iccid(n) not in good or good[iccid(n)][0] <= as_of):
                good[iccid(n)] = (as_of, each["used"] + n)

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(run())


async def test_the_whole_district_is_read_page_by_page(
    conn: Conn, platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fifty thousand cards; a tenth of them change in the next hour. The figures are for people, not asserted."""
    platform.cards = [card(n) for n in range(50_000)]
    figures = []
    for hour in range(2):
        begun = time.perf_counter()
        now = NOW + hour * HOUR
        platform.as_of = now
        async with Client(platform.url, TOKEN, clock=lambda at=now: at) as client:  # type: ignore[misc]
            told = await client.read()
        middle = time.perf_counter()
        taken = await actions.refresh(conn, told, begun_at=now, now=now)
        assert (taken.cards, taken.fault, taken.missing) == (50_000, None, 0)
        figures.append(f"read {middle - begun:.1f} s, written {time.perf_counter() - middle:.1f} s")
        for n in range(0, 50_000, 10):
            platform.cards[n]["data_used_bytes"] += 1
    cursor = await conn.execute("select count(*) from sim_account where missing_since is null")
    assert await cursor.fetchone() == (50_000,)
    assert len(platform.asked) == 2 * (100 + 1)
    with capsys.disabled():
        print(f"\n50,000 cards: {'; again: '.join(figures)}")


async def test_two_readings_at_once_are_written_one_after_the_other(database: str, platform: Platform) -> None:
    """By hand while the hourly one runs: neither fails, and the newer word stays."""

    async def one(as_of: datetime, used: int) -> None:
        async with Client(platform.url, TOKEN, clock=lambda: NOW + HOUR, pause=no_pause) as client:
            platform.as_of, platform.cards = as_of, [card(0, data_used_bytes=used)]
            told = await client.read()
        async with await db.connect(database) as conn, conn.transaction():
            await actions.refresh(conn, told, begun_at=NOW, now=NOW + HOUR)

    await one(NOW, 0)
    async with await psycopg.AsyncConnection.connect(database) as holder:
        await holder.execute(sql.SQL("select pg_advisory_xact_lock({})").format(store._LOCK))
        later = asyncio.ensure_future(one(NOW + HOUR, 2))
        async with await db.connect(database) as watching:
            waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
            async with asyncio.timeout(60):
                while (await (await watching.execute(waiting)).fetchone()) != (1,):  # noqa: ASYNC110
                    await asyncio.sleep(0)
        await holder.rollback()
    await later
    await one(NOW + timedelta(minutes=30), 1)
    async with await db.connect(database) as conn:
        assert (await rows(conn))[iccid(0)][1] == 2
