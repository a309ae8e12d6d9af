"""A pool that runs out is one alarm: when it opens and closes, what it says, and that old words change nothing."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud import db
from cloud.carrier import actions as carrier
from cloud.carrier.models import Pool, PoolUse, Told
from cloud.days import shanghai_day
from cloud.health import actions, alarms, pools
from cloud.health.pools import Alarm, exhausted_on, judge
from cloud.health.thresholds import Thresholds
from tests.cloud.health.fleet import healthy

if TYPE_CHECKING:
    from cloud.db import Conn

LIMITS = Thresholds().values
NOW = datetime(2026, 3, 11, 4, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START, END = date(2026, 3, 1), date(2026, 3, 31)


def use(percent: float, at: datetime = NOW, **change: Any) -> PoolUse:
    values = {
        "pool": "全区", "cycle_start": START, "cycle_end": END, "quota_bytes": 10_000,
        "used_bytes": round(percent * 100), "cards": 50_000, "cut_off": True, "told_at": at, **change,
    }  # fmt: skip
    return PoolUse(**values)


def test_it_opens_at_80_closes_at_70_and_stays_in_between() -> None:
    assert judge([use(79.9)], LIMITS, NOW, None) is None
    opened = judge([use(80)], LIMITS, NOW, None)
    assert opened is not None
    stays = judge([use(70.1)], LIMITS, NOW, opened)
    assert stays is not None
    assert stays.since == opened.since
    assert judge([use(70)], LIMITS, NOW, opened) is None


def test_an_old_word_a_cycle_that_is_over_and_a_pool_just_gone_change_nothing() -> None:
    """A pool that is gone for a day is gone."""
    opened = judge([use(80)], LIMITS, NOW, None)
    assert opened is not None
    for was in (None, opened):
        assert judge([use(99 if was is None else 1)], LIMITS, NOW + 2 * DAY + HOUR, was) == was
        assert judge([use(99 if was is None else 1, missing_since=NOW - HOUR)], LIMITS, NOW, was) == was
        over = use(99 if was is None else 1, cycle_end=date(2026, 3, 9))
        assert judge([over], LIMITS, NOW, was) == was
    assert judge([use(99, missing_since=NOW - DAY)], LIMITS, NOW, opened) is None


def test_a_pool_of_nothing_is_used_up_where_cards_draw_on_it() -> None:
    full = judge([use(0, quota_bytes=0)], LIMITS, NOW, None)
    assert full is not None
    assert full.evidence["percent"] == 100
    assert judge([use(0, quota_bytes=0, cards=0)], LIMITS, NOW, None) is None


def test_the_day_is_said_by_the_pace_of_the_last_week() -> None:
    """Four percent a day for a week; before that much more, which does not count."""
    days = [use(20, NOW - 9 * DAY), use(52, NOW - 7 * DAY), use(60, NOW - 5 * DAY), use(80)]
    assert exhausted_on(days) == shanghai_day(NOW + 5 * DAY)
    assert exhausted_on([use(40, NOW - 7 * DAY), use(40.1)]) is None  # not in this cycle
    assert exhausted_on([use(50, NOW - 7 * DAY), use(40)]) is None  # bought some, or corrected
    assert exhausted_on([use(100)]) is None


def test_on_the_first_days_the_pace_is_of_the_whole_cycle() -> None:
    """Days of the cycle before are another pool's, so to say."""
    before = use(99, NOW - 2 * DAY, cycle_start=date(2026, 2, 1))
    assert exhausted_on([before, use(80)]) == date(2026, 3, 14)
    assert exhausted_on([use(80, datetime(2026, 3, 1, 3, tzinfo=UTC))]) is None


def test_what_it_says() -> None:
    """In numbers that somebody can act on."""

    def says(*days: PoolUse) -> tuple[str, bool]:
        alarm = judge(days, LIMITS, NOW, None)
        assert alarm is not None
        assert pools.next_step(alarm)
        return pools.sentence(alarm), pools.is_cut_off(alarm)

    assert says(use(52, NOW - 7 * DAY), use(80)) == (
        "流量池“全区”已用 80%，池内 50000 张卡；照最近的速度预计 03月16日 用完（周期到 03月31日 为止）。", False
    )  # fmt: skip
    assert says(use(100)) == ("流量池“全区”已用完，池内全部 50000 张卡将断网（周期到 03月31日 为止）。", True)
    assert says(use(100, cut_off=False)) == ("流量池“全区”已用完，池内 50000 张卡的流量正在按超出部分计费。", False)


async def take(conn: Conn, now: datetime, *percents: float, at: datetime | None = None, **change: Any) -> None:
    """A reading of so many pools, and a look."""
    told = Told(told_at=at or now, pools_told_at=at or now)
    for number, percent in enumerate(percents):
        name = f"pool {number}"
        values = {
            "name": name, "quota_bytes": 10_000, "used_bytes": round(percent * 100), "cards": 25_000,
            "cycle_start": START, "cycle_end": END, "cut_off": True, "told_at": at or now, **change,
        }  # fmt: skip
        told.pools[name] = Pool(**values)
    await carrier.refresh(conn, told, begun_at=now, now=now)
    await actions.look(conn, now)


async def rows(conn: Conn) -> list[tuple[Any, ...]]:
    cursor = await conn.execute(
        "select place, opened_at, closed_at, evidence->>'percent' from district_alarm order by alarm_id"
    )
    return await cursor.fetchall()


async def test_one_pool_is_one_alarm_whatever_the_number_of_cards(conn: Conn) -> None:
    """And it opens, grows and closes though our own front door does not work; no terminal has a finding of it."""
    await healthy(conn, 50)
    await take(conn, NOW, 81, 10)
    await take(conn, NOW + HOUR, 100, 10)
    (line,) = await alarms.lines(conn)
    assert line.cut_off
    assert "池内全部 25000 张卡将断网" in line.sentence
    await take(conn, NOW + 2 * HOUR, 40, 10)
    await take(conn, NOW + 3 * HOUR, 85, 10)
    assert await rows(conn) == [("pool 0", NOW, NOW + 2 * HOUR, "100"), ("pool 0", NOW + 3 * HOUR, None, "85")]
    assert await (await conn.execute("select count(*) from finding")).fetchone() == (0,)


async def test_what_cuts_homes_off_is_told_first(conn: Conn) -> None:
    await take(conn, NOW, 90, 0)
    await take(conn, NOW + HOUR, 90, 100)
    assert [each.place for each in await alarms.lines(conn)] == ["pool 1", "pool 0"]


steps = st.lists(
    st.tuples(st.sampled_from([0, 65, 69, 70, 71, 79, 80, 95, 100, None]), st.integers(0, 60), st.integers(0, 60)),
    min_size=1, max_size=12,
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_any_sequence_opens_and_closes_an_alarm_once_for_each_crossing(
    database: str, sequence: list[tuple[int | None, int, int]]
) -> None:
    """Against a model with two numbers in it. None: that hour nothing could be read; ages in hours."""

    async def run() -> None:
        async with await db.connect(database) as conn, conn.transaction(force_rollback=True):
            now, newest, level, is_open, opened, closed = NOW, None, 0, False, 0, 0
            for percent, later, age in sequence:
                now += later * HOUR
                at = now - age * HOUR
                if percent is not None:
                    await take(conn, now, percent, at=at, cycle_end=date(2026, 12, 31))
                    if newest is None or at >= newest:
                        newest, level = at, percent
                await actions.look(conn, now)
                if newest is not None and now - newest <= 2 * DAY:
                    holds = level >= 80 or (is_open and level > 70)
                    opened, closed = opened + (holds and not is_open), closed + (is_open and not holds)
                    is_open = holds
                found = await rows(conn)
                assert (len(found), sum(row[2] is not None for row in found)) == (opened, closed)

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        runner.run(run())


def test_what_is_kept_of_an_alarm_says_the_same_when_it_is_read_again() -> None:
    alarm = judge([use(52, NOW - 7 * DAY), use(80)], LIMITS, NOW, None)
    assert alarm is not None
    again = Alarm(
        kind=alarm.kind, place=alarm.place, since=alarm.since, evidence=json.loads(json.dumps(alarm.evidence))
    )
    assert again == alarm
