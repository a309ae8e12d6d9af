"""The same fleet on plain PostgreSQL and on TimescaleDB has the same findings, though the sums come another way."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cloud.health import actions, store
from cloud.ingest import sums, weeks
from tests.cloud.health.fleet import NOW, boot, event, healthy, ingest_works, state

if TYPE_CHECKING:
    from cloud.db import Conn

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WEAK, STRONG = 6, 22


async def heard(conn: Conn, device_id: str, csq: int) -> None:
    """Raw heartbeats of ten days, one an hour, as ingest stores them."""
    await conn.execute(
        "insert into heartbeat (device_id, id, received_at, happened_at, dating, day, battery_mv, battery_pct,"
        "  on_mains, csq, registration, network, cell, heap_bytes, outbox, drops, in_call, config_version,"
        "  content_hash)"
        " select %(device)s, '0badcafe.1.' || row_number() over (), at, at, 'clock',"
        "  (at at time zone 'Asia/Shanghai')::date, 4100, 90, true, %(csq)s, 1, '2g', '1', 50000, 0, 0, false, 0,"
        "  '\\x00'"
        " from generate_series(%(begin)s, %(now)s, interval '1 hour') at",
        {"device": device_id, "csq": csq, "begin": NOW - 10 * DAY, "now": NOW},
    )
    if not await weeks.is_hyper(conn):
        await conn.execute(
            "insert into heartbeat_due select distinct 'hour', date_trunc('hour', received_at, 'UTC') from heartbeat"
            " on conflict do nothing"
        )


async def summed(conn: Conn) -> None:
    """Hours and days are made, by the sweep or by the extension's own jobs."""
    if await weeks.is_hyper(conn):
        for table in ("heartbeat_hour", "heartbeat_day"):
            await conn.execute("call refresh_continuous_aggregate(%s, null, %s)", [table, NOW])
        return
    while True:
        async with conn.transaction():
            if not await sums.sum_up(conn, NOW):
                return


async def found(conn: Conn) -> set[tuple[str, str]]:
    return {(finding.device_id, finding.rule) for _, finding in await store.open_findings(conn)}


async def test_a_look_finds_the_same_on_both_variants_before_and_after_the_sums_are_made(either: Conn) -> None:
    """Weak signal comes from the sums of days; the others from tables that are the same in both."""
    weak, lost, well = await healthy(either, 3)
    await ingest_works(either)
    for device_id, csq in ((weak, WEAK), (lost, STRONG), (well, STRONG)):
        await heard(either, device_id, csq)
    await event(either, lost, "mains_lost", NOW - 3 * HOUR)
    for hours in range(1, 4):
        await boot(either, lost, "brownout", NOW - hours * HOUR)
    await state(either, lost, open_faults=["mains_lost"], on_mains=False, last_seen_at=NOW - 2 * HOUR)
    expected = {(weak, "weak_signal"), (lost, "mains_lost"), (lost, "brownouts"), (lost, "silent")}
    async with either.transaction():
        looked = await actions.look(either, NOW)
    assert await found(either) == expected
    assert looked == actions.Looked(opened=len(expected))
    await summed(either)
    async with either.transaction():
        assert await actions.look(either, NOW) == actions.Looked(still=len(expected))
    async with either.transaction():
        told = await actions.preview(either, None, NOW, {"weak_signal_open": WEAK - 2, "weak_signal_close": WEAK - 1})
    assert told.rules == {"weak_signal": (0, 1)}
