"""The look at device health beside the sweep: counted, committed, and no harm when it fails."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from cloud import db
from cloud.run import checkup
from cloud.run.sweep import Sweep
from tests.cloud.health.fleet import NOW, healthy, ingest_works, state
from tests.cloud.run.test_sweep import BOX, SETTINGS

if TYPE_CHECKING:
    from cloud.db import Conn


async def test_a_look_is_counted_and_committed(database: str) -> None:
    """Who looks from elsewhere sees the finding."""
    tally = Sweep(SETTINGS, BOX).tally
    async with await db.connect(database) as conn:
        (name,) = await healthy(conn, 1)
        await ingest_works(conn)
        await state(conn, name, last_seen_at=NOW - timedelta(hours=1))
        assert await checkup.look(conn, tally, BOX, NOW)
        ranked = await conn.execute("select device_id, level from terminal_risk")
        assert await ranked.fetchall() == [(name, 1)]
        await state(conn, name, last_seen_at=NOW)
        assert await checkup.look(conn, tally, BOX, NOW)
        assert await checkup.look(conn, tally, BOX, NOW + timedelta(hours=1))
    async with await db.connect(database) as other:
        assert await (await other.execute("select rule, closed_at from finding")).fetchall() == [("silent", NOW)]
        assert await (await other.execute("select from terminal_risk")).fetchall() == []
    counted = {name: tally.counts[name] for name in checkup.COUNTED}
    assert counted == {
        "findings_opened": 1, "findings_closed": 1, "incidents_opened": 0, "incidents_closed": 0, "looks_frozen": 1,
        "looks_failed": 0,
    }  # fmt: skip
    assert "look_s_p50" in tally.present()


async def test_a_look_that_breaks_is_counted_and_changes_nothing(conn: Conn) -> None:
    """Its transaction is undone."""
    tally = Sweep(SETTINGS, BOX).tally
    await healthy(conn, 1)
    await ingest_works(conn)
    await conn.execute("update device_state set last_seen_at = %s", [NOW - timedelta(hours=1)])
    await conn.execute("alter table finding add check (rule <> 'silent')")
    assert not await checkup.look(conn, tally, BOX, NOW)
    assert tally.counts["looks_failed"] == 1
    assert await (await conn.execute("select count(*) from finding")).fetchone() == (0,)


async def test_looks_that_do_not_go_well_are_missed_after_five_minutes(database: str) -> None:
    """A start has its time; a single failure is no alarm; health that is not looked at is."""
    looks = checkup.Checkup(Sweep(SETTINGS, BOX).tally)
    assert looks.wrong(0.0) != []
    loop = asyncio.get_running_loop()
    begun = loop.time()
    turning = asyncio.ensure_future(looks.turns(SETTINGS.model_copy(update={"database_url": database})))
    await asyncio.sleep(0)
    assert looks.wrong(begun + checkup.QUIET_S - 1) == []
    assert looks.wrong(loop.time() + checkup.QUIET_S + 1) != []
    turning.cancel()
    await asyncio.gather(turning, return_exceptions=True)
