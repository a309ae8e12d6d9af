"""All SQL of trends, set by set, and only for terminals at which something is remarkable by these limits.

Each condition here is as wide as its rule or wider: what a rule would find is never left out.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from psycopg.rows import class_row

from cloud.days import shanghai_day
from cloud.health.rules import RULES
from cloud.health.trendfacts import Behind, DayFigures, Repeat, Run, Trends, extended

if TYPE_CHECKING:
    from cloud.db import Conn
    from cloud.health.models import Limits

_WEEK, _MONTH = timedelta(days=7), timedelta(days=30)
_LINK_KEPT_DAYS = 8
# So many at once in a minute are a restart of ours or a cell's, not a terminal's own trouble.
_STORM_LEAST, _STORM_PART = 5, 100
_SUMMED = timedelta(minutes=10)  # after the end of an hour its heartbeats are committed
_REPAIRS = {rule.name: rule.title for rule in RULES if rule.owner == "after_sales" and rule.name != "repeat_repair"}


async def trends(conn: Conn, now: datetime, limits: Limits) -> dict[str, Trends]:
    """Of every terminal that has any."""
    days, link = await _days(conn, now, limits), await _link(conn, now, limits)
    mains, failed = await _mains(conn, now, limits), await _updates_failed(conn, now)
    runs, behind = await _runs(conn, limits), await _behind(conn, now, limits)
    repeats = await _repeats(conn, now, limits)
    return {
        device_id: Trends(
            days=tuple(days.get(device_id, ())), link=link.get(device_id, ()), mains=mains.get(device_id, ()),
            updates_failed=failed.get(device_id, ()), run=runs.get(device_id), behind=behind.get(device_id),
            repeat=repeats.get(device_id),
        )
        for device_id in {*days, *link, *mains, *failed, *runs, *behind, *repeats}
    }  # fmt: skip


async def _days(conn: Conn, now: datetime, limits: Limits) -> dict[str, list[DayFigures]]:
    today = shanghai_day(now)
    window = {"today": today, "week": today - timedelta(days=7)}
    cursor = await conn.execute(
        """
        with summed as (
            select device_id, sum(off_mains) as off_mains,
                max(heap_low) filter (where day >= %(today)s - 2) < %(heap)s
                or min(temperature_low) filter (where day >= %(today)s - 2) < %(cold)s
                or max(drops_high) > min(drops_high)
                or max(outbox_high) filter (where day = %(today)s - 1) > %(outbox)s
                or bool_or(rtt_sum >= rtt_count * %(rtt)s) as remarkable
            from heartbeat_daily where day >= %(week)s and day < %(today)s group by device_id
        )
        select device_id from summed left join device_state s using (device_id)
        where remarkable or (off_mains > 0 and off_mains * coalesce(s.heartbeat_s, 600) >= 60 * %(minutes)s)
        """,
        {
            **window, "heap": limits["heap_low_close"], "cold": limits["temperature_low_close"],
            "outbox": limits["outbox_growing_close"], "rtt": limits["rtt_high_close"] * 0.99,
            "minutes": limits["mains_minutes_close"],
        },
    )  # fmt: skip
    names = [row[0] for row in await cursor.fetchall()]
    found: dict[str, list[DayFigures]] = defaultdict(list)
    if names:
        cursor = await conn.execute(
            "select device_id, day, off_mains, heap_low, temperature_low, outbox_high, drops_high, rtt_count, rtt_sum"
            " from heartbeat_daily where day >= %(week)s and day < %(today)s and device_id = any(%(names)s)"
            " order by device_id, day",
            {**window, "names": names},
        )
        for row in await cursor.fetchall():
            found[row[0]].append(
                DayFigures(
                    day=row[1], off_mains=row[2], heap_low=row[3], temperature_low=row[4], outbox_high=row[5],
                    drops_high=row[6], rtt_count=row[7], rtt_sum=row[8],
                )
            )  # fmt: skip
    return found


async def _link(conn: Conn, now: datetime, limits: Limits) -> dict[str, tuple[datetime, ...]]:
    values = {
        "from": shanghai_day(now) - timedelta(days=1), "since": now - timedelta(days=1), "least": _STORM_LEAST,
        "part": _STORM_PART, "close": limits["link_flapping_close"],
    }  # fmt: skip
    cursor = await conn.execute(
        """
        with change as materialized (
            select device_id, at from link_day, unnest(changes) at where day >= %(from)s and at > %(since)s
        ), storm as (
            select date_trunc('minute', at) as minute from change group by 1
            having count(*) >= greatest(%(least)s,
                (select count(*) from device where status = 'installed') / %(part)s)
        ), often as (
            select device_id from change group by 1 having count(*) > %(close)s
        )
        select device_id, array_agg(at order by at) from change join often using (device_id)
        where date_trunc('minute', at) not in (select minute from storm) group by 1
        """,
        values,
    )
    return {row[0]: tuple(row[1]) for row in await cursor.fetchall()}


async def _mains(conn: Conn, now: datetime, limits: Limits) -> dict[str, tuple[datetime, ...]]:
    cursor = await conn.execute(
        "with lost as materialized (select device_id, coalesce(happened_at, received_at) as at from event"
        "  where code = 'mains_lost' and received_at > %(since)s),"
        " often as (select device_id from lost group by 1 having count(*) > %(close)s)"
        " select device_id, array_agg(at order by at) from lost join often using (device_id) group by 1",
        {"since": now - _WEEK, "close": limits["power_cycles_close"]},
    )
    return {row[0]: tuple(row[1]) for row in await cursor.fetchall()}


async def _updates_failed(conn: Conn, now: datetime) -> dict[str, tuple[datetime, ...]]:
    cursor = await conn.execute(
        "with told as (select device_id, code, coalesce(happened_at, received_at) as at from event"
        "  where code in ('update_failed', 'update_accepted') and received_at > %(since)s)"
        " select f.device_id, array_agg(f.at order by f.at) from told f where f.code = 'update_failed'"
        "  and not exists (select from told a where a.device_id = f.device_id and a.code = 'update_accepted'"
        "   and a.at > f.at) group by 1",
        {"since": now - _MONTH},
    )
    return {row[0]: tuple(row[1]) for row in await cursor.fetchall()}


async def _runs(conn: Conn, limits: Limits) -> dict[str, Run]:
    cursor = await conn.execute(
        "select device_id, from_hour, until_hour, from_pct, until_pct, long_from, long_until, long_drop from discharge"
        " where long_drop > 0 and extract(epoch from long_until - long_from) / 36 <= long_drop * %(hours)s",
        {"hours": limits["battery_worn_close"]},
    )
    return {row[0]: Run(*row[1:]) for row in await cursor.fetchall()}


async def _behind(conn: Conn, now: datetime, limits: Limits) -> dict[str, Behind]:
    cursor = await conn.execute(
        "select s.device_id, s.firmware, t.version, t.set_at from firmware_target t"
        " join device_state s on s.board = t.board and s.firmware <> t.version"
        " join device d on d.device_id = s.device_id and d.status = 'installed' where t.set_at <= %(set)s",
        {"set": now - timedelta(days=limits["firmware_old_days"] * 0.7)},
    )
    return {row[0]: Behind(*row[1:]) for row in await cursor.fetchall()}


async def _repeats(conn: Conn, now: datetime, limits: Limits) -> dict[str, Repeat]:
    cursor = await conn.execute(
        # What was an area's outage and ended with it is no fault of the terminal's.
        "select distinct on (device_id) device_id, rule, count(*), min(f.since) from finding f"
        " left join incident i using (incident_id) where f.opened_at > %(since)s and rule = any(%(rules)s)"
        " and (i.incident_id is null or coalesce(f.closed_at, 'infinity') > i.closed_at)"
        " group by device_id, rule having count(*) > %(close)s order by device_id, count(*) desc, rule",
        {"since": now - _MONTH, "rules": list(_REPAIRS), "close": limits["repeat_repair_close"]},
    )
    return {row[0]: Repeat(_REPAIRS[row[1]], row[2], row[3]) for row in await cursor.fetchall()}


async def fold_discharges(conn: Conn, now: datetime) -> None:
    """Take the hours that are over into `discharge`, each once. After a long absence only the last week's."""
    until = (now - _SUMMED).replace(minute=0, second=0, microsecond=0)
    cursor = await conn.execute("select max(hour) from discharge_until")
    row = await cursor.fetchone()
    begun = max(row[0] if row and row[0] is not None else until - _WEEK, until - _WEEK)
    if begun >= until:
        return
    cursor = await conn.execute(
        "select device_id, hour, battery_pct_low from heartbeat_hourly where hour >= %(begun)s and hour < %(until)s"
        " and beats > 0 and off_mains = beats and battery_pct_low is not null order by hour",
        {"begun": begun, "until": until},
    )
    hours = await cursor.fetchall()
    runs = await _known_runs(conn, {row[0] for row in hours})
    for device_id, hour, percent in hours:
        runs[device_id] = extended(runs.get(device_id), hour, percent)
    await _save_runs(conn, runs)
    await conn.execute("delete from discharge_until")
    await conn.execute("insert into discharge_until values (%(until)s)", {"until": until})


async def _known_runs(conn: Conn, names: set[str]) -> dict[str, Run]:
    cursor = await conn.execute(
        "select device_id, from_hour, until_hour, from_pct, until_pct, long_from, long_until, long_drop from discharge"
        " where device_id = any(%(names)s)",
        {"names": list(names)},
    )
    return {row[0]: Run(*row[1:]) for row in await cursor.fetchall()}


async def _save_runs(conn: Conn, runs: dict[str, Run]) -> None:
    each = list(runs.values())
    await conn.execute(
        "insert into discharge select * from unnest(%(names)s::text[], %(froms)s::timestamptz[],"
        "  %(untils)s::timestamptz[], %(from_pcts)s::integer[], %(until_pcts)s::integer[],"
        "  %(long_froms)s::timestamptz[], %(long_untils)s::timestamptz[], %(drops)s::integer[])"
        " on conflict (device_id) do update set (from_hour, until_hour, from_pct, until_pct, long_from, long_until,"
        "  long_drop) = (excluded.from_hour, excluded.until_hour, excluded.from_pct, excluded.until_pct,"
        "  excluded.long_from, excluded.long_until, excluded.long_drop)",
        {
            "names": list(runs), "froms": [run.from_hour for run in each], "untils": [run.until_hour for run in each],
            "from_pcts": [run.from_pct for run in each], "until_pcts": [run.until_pct for run in each],
            "long_froms": [run.long_from for run in each], "long_untils": [run.long_until for run in each],
            "drops": [run.long_drop for run in each],
        },
    )  # fmt: skip


async def forget(conn: Conn, now: datetime) -> None:
    """Days of the line that no rule looks at any more."""
    await conn.execute(
        "delete from link_day where day < %(before)s", {"before": shanghai_day(now) - timedelta(days=_LINK_KEPT_DAYS)}
    )


@dataclass(frozen=True)
class Target:
    """Which program terminals of a board should run."""

    board: str
    version: str
    author: str
    set_at: datetime


async def targets(conn: Conn) -> list[Target]:
    """All of them, by board."""
    async with conn.cursor(row_factory=class_row(Target)) as cursor:
        await cursor.execute("select board, version, author, set_at from firmware_target order by board")
        return await cursor.fetchall()


async def set_target(conn: Conn, board: str, version: str | None, author: str, now: datetime) -> None:
    """Want this program on a board from now on; None: no longer any. The same again keeps its date."""
    values = {"board": board, "version": version, "author": author, "now": now}
    if version is None:
        await conn.execute("delete from firmware_target where board = %(board)s", values)
        return
    await conn.execute(
        "insert into firmware_target as known values (%(board)s, %(version)s, %(author)s, %(now)s)"
        " on conflict (board) do update set version = excluded.version, author = excluded.author,"
        "  set_at = case when known.version = excluded.version then known.set_at else excluded.set_at end",
        values,
    )
