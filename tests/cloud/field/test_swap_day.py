"""A home with two terminals on the day of a swap is one device-day, through the real billing code."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cloud.billing import store as billing
from cloud.billing.actions import close_day
from tests.cloud.field.world import NEW, NOW, OLD, SPARE, TODAY, a_home, do, heard, in_stock, job

if TYPE_CHECKING:
    from cloud.db import Conn

AFTER = NOW + timedelta(days=3)


async def statuses(conn: Conn) -> dict[str, str]:
    rows = await (
        await conn.execute("select device_id, status from usage_day where day = %s order by 1", [TODAY])
    ).fetchall()
    return dict(rows)


@pytest.mark.parametrize(
    ("old_heard", "new_heard", "retire"), list(itertools.product([True, False], [True, False], [True, False]))
)
async def test_a_swap_day_is_paid_once_if_either_served_and_never_twice(
    conn: Conn, old_heard: bool, new_heard: bool, retire: bool
) -> None:
    """The old one in the morning, the new one in the evening: whichever can prove the day, it is one."""
    await in_stock(conn, OLD)
    await in_stock(conn, NEW)
    await do(conn, job(device_id=OLD, home_id=await a_home(conn), on=TODAY - timedelta(days=5)))
    await do(conn, job("swap", NEW, old_device_id=OLD, retire_old=retire))
    if old_heard:
        await heard(conn, OLD, TODAY)
    if new_heard:
        await heard(conn, NEW, TODAY)
    await close_day(conn, TODAY, AFTER)
    paid = await billing.normal_days(conn, TODAY, TODAY)
    assert sum(paid.values()) == int(old_heard or new_heard)
    if new_heard:
        assert paid[NEW] == 1


async def test_the_days_before_are_the_old_ones_and_the_days_after_the_new_ones(conn: Conn) -> None:
    """No gap and no overlap: eleven days of a home are eleven device-days."""
    await in_stock(conn, OLD)
    await in_stock(conn, NEW)
    await do(conn, job(device_id=OLD, home_id=await a_home(conn), on=TODAY - timedelta(days=5)))
    await do(conn, job("swap", NEW, old_device_id=OLD))
    days = [TODAY + timedelta(days=n) for n in range(-5, 6)]
    for day in days:
        for device_id in (OLD, NEW):  # both powered all the time, wherever they lie
            await heard(conn, device_id, day)
        await close_day(conn, day, NOW + timedelta(days=10))
    assert await billing.normal_days(conn, days[0], days[-1]) == {OLD: 5, NEW: 6}


async def test_a_terminal_that_moves_to_another_home_the_same_day_is_one_day_and_so_is_each_home(conn: Conn) -> None:
    """Swapped out of one home at noon, tested, put into the next in the evening: two homes, two device-days."""
    first, second = await a_home(conn), await a_home(conn, tail=2)
    await in_stock(conn, OLD)
    await in_stock(conn, NEW)
    await do(conn, job(device_id=OLD, home_id=first, on=TODAY - timedelta(days=5)))
    await do(conn, job("swap", NEW, old_device_id=OLD))
    await do(conn, job(device_id=OLD, home_id=second, without_acceptance="当日复测通过，记录未到"))
    await heard(conn, OLD, TODAY)
    await heard(conn, NEW, TODAY)
    await close_day(conn, TODAY, AFTER)
    assert await billing.normal_days(conn, TODAY, TODAY) == {OLD: 1, NEW: 1}


async def test_two_swaps_on_one_day_are_one_day(conn: Conn) -> None:
    """The first replacement was broken too."""
    for device_id in (OLD, NEW, SPARE):
        await in_stock(conn, device_id)
    await do(conn, job(device_id=OLD, home_id=await a_home(conn), on=TODAY - timedelta(days=5)))
    await do(conn, job("swap", NEW, old_device_id=OLD))
    await do(conn, job("swap", SPARE, old_device_id=NEW))
    for device_id in (OLD, NEW, SPARE):
        await heard(conn, device_id, TODAY)
    await close_day(conn, TODAY, AFTER)
    assert sum((await billing.normal_days(conn, TODAY, TODAY)).values()) == 1


async def test_the_day_of_a_plain_removal_is_not_counted(conn: Conn) -> None:
    """The household has no terminal at its end."""
    await in_stock(conn, OLD)
    await do(conn, job(device_id=OLD, home_id=await a_home(conn), on=TODAY - timedelta(days=5)))
    await do(conn, job("remove", OLD, reason="moved"))
    for day in (TODAY - timedelta(days=1), TODAY):
        await heard(conn, OLD, day)
        await close_day(conn, day, AFTER)
    assert await statuses(conn) == {OLD: "not_installed"}
    assert await billing.normal_days(conn, TODAY - timedelta(days=1), TODAY) == {OLD: 1}


async def test_a_paused_household_is_not_paid_because_its_terminal_was_changed(conn: Conn) -> None:
    """The pause holds for both on the day."""
    from cloud.billing.models import Pause

    await in_stock(conn, OLD)
    await in_stock(conn, NEW)
    await do(conn, job(device_id=OLD, home_id=await a_home(conn), on=TODAY - timedelta(days=5)))
    await billing.add_pause(conn, Pause(OLD, TODAY - timedelta(days=1), None, "travel"), NOW)
    await do(conn, job("swap", NEW, old_device_id=OLD))
    await heard(conn, OLD, TODAY)
    await heard(conn, NEW, TODAY)
    await close_day(conn, TODAY, AFTER)
    assert await statuses(conn) == {OLD: "paused", NEW: "paused"}
