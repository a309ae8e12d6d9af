"""Incidents against the real schema: they open, grow and end with the looks; what is left over stands alone again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg

from cloud.health import actions
from tests.cloud.health.fleet import NOW, event, healthy, ingest_works, state

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cloud.db import Conn

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
HIT = 40


async def town(conn: Conn) -> list[str]:
    """120 terminals in six communities of two streets; the first forty are a community pair of one cell."""
    names = await healthy(conn, 120)
    await ingest_works(conn)
    await conn.execute(
        "update home set community = '第' || p.place || '社区',"
        "  street_code = case when p.place < 3 then '110102007' else '110102009' end"
        " from (select home_id, (right(device_id, 6)::integer - 1) / 20 as place from installation) p"
        " where home.home_id = p.home_id"
    )
    await conn.execute("update device_state set cell = 'c' || (right(device_id, 6)::integer - 1) / 40, firmware = '1'")
    return names


async def look(conn: Conn, now: datetime, silent: Sequence[str] = ()) -> actions.Looked:
    """Ingest and everybody else go on."""
    await ingest_works(conn, now)
    await conn.execute(
        "update device_state set last_seen_at = %s where device_id <> all(%s::text[])", [now, list(silent)]
    )
    return await actions.look(conn, now)


async def incidents(conn: Conn) -> list[Any]:
    cursor = await conn.execute(
        "select family, scope, place, members_high, closed_at is null from incident order by incident_id"
    )
    return await cursor.fetchall()


async def single(conn: Conn) -> int:
    """Open findings that wait for nothing."""
    cursor = await conn.execute(
        "select count(*) from finding f left join incident i using (incident_id)"
        " where f.closed_at is null and (i.incident_id is null or i.closed_at is not null)"
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else -1


async def test_a_cell_goes_down_and_comes_back_but_for_two(conn: Conn) -> None:
    """One incident; two that stay silent are findings of their own, and never an incident again."""
    names = await town(conn)
    for place, name in enumerate(names[:HIT]):
        await state(conn, name, last_seen_at=NOW - timedelta(seconds=15 * place))
    hit = names[:HIT]
    await look(conn, NOW + 36 * MINUTE, hit)
    assert (await incidents(conn), await single(conn)) == ([], HIT)
    looked = await look(conn, NOW + 42 * MINUTE, hit)
    assert looked.incidents_opened == 1
    assert (await incidents(conn), await single(conn)) == ([("contact", "cell", "c0", HIT, True)], 0)
    assert await look(conn, NOW + 43 * MINUTE, hit) == actions.Looked(still=HIT)
    back = NOW + 3 * HOUR
    looked = await look(conn, back, hit[:2])
    assert (looked.closed, looked.incidents_closed, await single(conn)) == (HIT - 2, 0, 0)
    looked = await look(conn, back + 31 * MINUTE, hit[:2])
    assert (looked.incidents_closed, await single(conn)) == (1, 2)
    await look(conn, back + 32 * MINUTE, hit[:2])
    assert await incidents(conn) == [("contact", "cell", "c0", HIT, False)]
    cursor = await conn.execute("select count(*) filter (where left_at is null), count(*) from incident_member")
    assert await cursor.fetchall() == [(2, HIT)]


async def test_a_power_cut_is_one_incident_through_killed_looks_and_empty_batteries(database: str) -> None:
    """Each look is another process; the one in the middle dies before its commit."""
    async with await psycopg.AsyncConnection.connect(database) as conn:
        names = (await town(conn))[:60]
        for place, name in enumerate(names):
            await event(conn, name, "mains_lost", NOW + timedelta(seconds=place), NOW + 3 * MINUTE)
            await state(conn, name, open_faults=["mains_lost"], on_mains=False)
    for minutes in (61, 62, 70, 71, 72, 300):
        async with await psycopg.AsyncConnection.connect(database) as conn:
            if minutes == 300:
                await conn.execute(
                    "update device_state set last_seen_at = %s where device_id <= %s", [NOW + 2 * HOUR, names[30]]
                )
            await look(conn, NOW + minutes * MINUTE, names[:31] if minutes == 300 else ())
            if minutes == 71:
                await conn.rollback()
    async with await psycopg.AsyncConnection.connect(database) as conn:
        assert (await incidents(conn), await single(conn)) == ([("mains", "street", "月坛", 60, True)], 0)
        cursor = await conn.execute("select count(*) from finding where closed_at is null and rule = 'silent'")
        assert await cursor.fetchone() == (31,)
        back = NOW + 6 * HOUR
        for name in names:
            await event(conn, name, "mains_back", back - MINUTE)
        await conn.execute("update device_state set open_faults = '{}', on_mains = true, last_seen_at = %s", [back])
        await look(conn, back)
        assert (await incidents(conn), await single(conn)) == ([("mains", "street", "月坛", 60, False)], 0)


async def test_while_terminals_cannot_be_heard_no_incident_opens_or_ends(conn: Conn) -> None:
    """Our own outage looks like everybody's."""
    names = await town(conn)
    for name in names[:HIT]:
        await state(conn, name, last_seen_at=NOW)
    await look(conn, NOW + 42 * MINUTE, names[:HIT])
    assert len(await incidents(conn)) == 1
    await conn.execute("update device_state set last_seen_at = %s", [NOW + 42 * MINUTE])
    assert (await actions.look(conn, NOW + 60 * MINUTE)).frozen
    assert (await incidents(conn))[0][4]
