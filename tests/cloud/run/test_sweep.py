"""The sweep: what the passing of time brings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cloud.devices import store as devices
from cloud.devices.actions import register
from cloud.devices.models import DeviceState
from cloud.down import queue, store
from cloud.run.sweep import DOWN_KEPT, Sweep
from cloud.sealed import Box
from cloud.settings import Settings

if TYPE_CHECKING:
    from cloud.db import Conn

NOW = datetime(2026, 3, 31, 4, 0, tzinfo=UTC)
BOX = Box(b"k" * 32)
DEVICE = "BJCY000001"
SETTINGS = Settings(database_url="unused", data_key="6b" * 32, hotline_number="01055500001")


async def test_a_terminal_whose_call_is_presumed_over_is_shown_anew_once(conn: Conn) -> None:
    """Nothing else would tell the page."""
    sweep = Sweep(SETTINGS, BOX)
    await register(conn, BOX, DEVICE, None, NOW)
    over = NOW + timedelta(seconds=30)
    state = DeviceState(device_id=DEVICE, first_seen_at=NOW, last_seen_at=NOW, in_call_until=over)
    await devices.save_state(conn, state)
    for seconds in (29, 30, 31):
        assert await sweep.turn(conn, NOW + timedelta(seconds=seconds))
    await sweep.beat(conn, NOW)
    row = await (await conn.execute("select counters->>'calls_over' from service_health")).fetchone()
    assert row == ("1",)


async def test_what_was_told_long_ago_is_retired(conn: Conn) -> None:
    """A week is kept; what was never sent stays."""
    await register(conn, BOX, DEVICE, None, NOW)
    for message_id in ("0badcafe.1.1", "0badcafe.1.2"):
        await queue.receipt(conn, DEVICE, message_id, NOW)
    first = (await store.due_receipts(conn, NOW, 1))[0].down_id
    await store.mark_sent(conn, [first], NOW)
    await Sweep(SETTINGS, BOX).turn(conn, NOW + DOWN_KEPT)
    assert await (await conn.execute("select count(*) from down")).fetchone() == (2,)
    await Sweep(SETTINGS, BOX).turn(conn, NOW + DOWN_KEPT + timedelta(seconds=1))
    assert await (await conn.execute("select of_id from down")).fetchall() == [("0badcafe.1.2",)]


async def test_one_job_that_breaks_does_not_stop_the_others(conn: Conn) -> None:
    """Its own transaction is undone, and the turn is not called well."""
    await register(conn, BOX, DEVICE, None, NOW)
    await queue.receipt(conn, DEVICE, "0badcafe.1.1", NOW)
    await store.mark_sent(conn, [(await store.due_receipts(conn, NOW, 1))[0].down_id], NOW)
    await conn.execute("drop table case_file cascade")
    assert not await Sweep(SETTINGS, BOX).turn(conn, NOW + DOWN_KEPT + timedelta(seconds=1))
    assert await (await conn.execute("select count(*) from down")).fetchone() == (0,)


async def test_a_pause_begins_and_ends_at_midnight_in_the_registry_too(conn: Conn) -> None:
    """Billing and health speak of the same days; what is not in a home is left alone."""
    for device, status in ((DEVICE, "installed"), ("BJCY000002", "stock")):
        await register(conn, BOX, device, None, NOW)
        await conn.execute("update device set status = %s where device_id = %s", [status, device])
        await conn.execute(
            "insert into service_pause values (%s, '2026-04-01', '2026-04-03', 'travel', %s)", [device, NOW]
        )
    sweep = Sweep(SETTINGS, BOX)
    midnight = datetime(2026, 3, 31, 16, 0, tzinfo=UTC)  # in Shanghai
    seen = []
    for at in (NOW, midnight - timedelta(minutes=2), midnight, midnight + timedelta(hours=47), midnight + timedelta(2)):
        assert await sweep.turn(conn, at)
        rows = await (await conn.execute("select status from device order by device_id")).fetchall()
        seen.append([status for (status,) in rows])
    waiting, away = ["installed", "stock"], ["paused", "stock"]
    assert seen == [waiting, waiting, away, away, waiting]
