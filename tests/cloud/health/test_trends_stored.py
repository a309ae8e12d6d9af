"""Trends from the real tables: what reaches its rule, what is counted, and that no query leaves a finding out."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cloud.devices import actions as devices
from cloud.health import actions, store, trendstore
from cloud.health.rules import RULES
from cloud.health.thresholds import SHIPPED, Thresholds, changed
from tests.cloud.health.fleet import NOW, event, healthy, ingest_works, state
from tests.cloud.health.test_rules import an_open
from tests.cloud.health.test_trends import CASES

if TYPE_CHECKING:
    from datetime import datetime

    from cloud.db import Conn
    from cloud.health.models import Limits

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
TODAY = date(2026, 3, 31)


@pytest.fixture
async def three(conn: Conn) -> list[str]:
    """Three healthy terminals and an ingest that works."""
    names = await healthy(conn, 3)
    await ingest_works(conn)
    return names


async def day(conn: Conn, device_id: str, ago: int, **columns: Any) -> None:
    """A day's sums of heartbeats."""
    values = {
        "beats": 144, "off_mains": 0, "in_call": 0, "csq_count": 140, "csq_sum": 2800, "temperature_low": 18,
        "heap_low": 45_000, "outbox_high": 1, "drops_high": 3, "rtt_count": 140, "rtt_sum": 112_000, **columns,
    }  # fmt: skip
    names, places = ", ".join(values), ", ".join(["%s"] * len(values))
    await conn.execute(
        f"insert into heartbeat_day (device_id, day, {names}) values (%s, %s, {places})".encode(),
        [device_id, TODAY - timedelta(days=ago), *values.values()],
    )


async def hour(conn: Conn, device_id: str, at: datetime, percent: int, *, off: int = 6) -> None:
    """An hour's sums."""
    await conn.execute(
        "insert into heartbeat_hour (device_id, hour, beats, off_mains, in_call, battery_pct_low, csq_count, rtt_count)"
        " values (%s, %s, 6, %s, 0, %s, 6, 0)",
        [device_id, at, off, percent],
    )


async def found(conn: Conn) -> dict[tuple[str, str], Any]:
    cursor = await conn.execute("select device_id, rule, evidence from finding where closed_at is null")
    return {(row[0], row[1]): row[2] for row in await cursor.fetchall()}


async def test_each_kind_of_trend_reaches_its_rule(conn: Conn, three: list[str]) -> None:
    """One terminal with all of it; the other two have ordinary weeks and none."""
    one = three[0]
    for ago in range(1, 8):
        for name in three[1:]:
            await day(conn, name, ago)
        await day(
            conn, one, ago, off_mains=40, heap_low=20_000, temperature_low=-2, drops_high=20 - ago,
            outbox_high=40 - 12 * ago if ago < 4 else 0, rtt_sum=140 * 7000,
        )  # fmt: skip
    for place in range(8):
        await event(conn, one, "mains_lost", NOW - place * 20 * HOUR - HOUR)
    await event(conn, one, "update_accepted", NOW - 9 * DAY)
    await event(conn, one, "update_failed", NOW - 8 * DAY)
    await event(conn, three[1], "update_failed", NOW - 9 * DAY)
    await event(conn, three[1], "update_accepted", NOW - 8 * DAY)
    await conn.execute(
        "insert into link_day values (%s, %s, (select array_agg(%s - n * interval '40 minutes')"
        " from generate_series(1, 7) n))",
        [one, TODAY, NOW],
    )
    first = NOW.replace(minute=0) - 2 * DAY
    for place in range(6):
        await hour(conn, one, first + place * HOUR, 90 - 6 * place)
        await hour(conn, three[1], first + place * HOUR, 90 - place)
    await trendstore.set_target(conn, "okb-a", "1.1.0", "王维修", NOW - 20 * DAY)
    await state(conn, one, board="okb-a", firmware="1.0.0")
    await state(conn, three[1], board="okb-a", firmware="1.1.0")
    await state(conn, three[2], board="devkit-1", firmware="1.0.0")
    for ago in (20, 10, 2):
        await conn.execute(
            "insert into finding (device_id, rule, rule_version, thresholds_version, since, opened_at, closed_at,"
            " evidence, owner) values (%s, 'silent', 1, 0, %s, %s, %s, '{}', 'after_sales')",
            [one, NOW - ago * DAY, NOW - ago * DAY, NOW - ago * DAY + HOUR],
        )
    await actions.look(conn, NOW)
    assert await found(conn) == {
        (one, "link_flapping"): {"times": 7}, (one, "mains_minutes"): {"hours": 46.7, "days": 7},
        (one, "power_cycles"): {"times": 8}, (one, "battery_worn"): {"hours": 16.7, "drop": 30},
        (one, "temperature_low"): {"degrees": -2}, (one, "rtt_high"): {"seconds": 7.0, "days": 7},
        (one, "heap_low"): {"kb": 20}, (one, "drops_growing"): {"count": 6}, (one, "outbox_growing"): {"count": 28},
        (one, "update_failed"): {"times": 1}, (one, "firmware_old"): {"runs": "1.0.0", "wanted": "1.1.0"},
        (one, "repeat_repair"): {"what": "失联", "times": 3},
    }  # fmt: skip
    assert (await actions.look(conn, NOW)).still == 12


async def test_changes_of_the_line_are_counted_by_day_and_a_storm_of_all_is_not(conn: Conn, three: list[str]) -> None:
    """A retained word, the same word again and a call count nothing; a minute in which everybody changes neither."""
    names = three[:2]
    await conn.execute("update device_state set link = 'online' where device_id = any(%s)", [names])
    await state(conn, three[2], link="unknown")

    async def say(name: str, at: datetime, status: str, *, retained: bool = False) -> None:
        await devices.link(conn, name, f"0badcafe.1.{int(at.timestamp())}", status, at, retained=retained)

    for place in range(6):
        await say(three[0], NOW - (100 - place * 10) * MINUTE, "offline" if place % 2 == 0 else "online")
    await say(three[0], NOW - 30 * MINUTE, "offline", retained=True)
    await say(three[0], NOW - 29 * MINUTE, "offline")
    await say(three[2], NOW - 28 * MINUTE, "offline")
    await state(conn, three[1], in_call_until=NOW)
    await say(three[1], NOW - 27 * MINUTE, "offline")
    cursor = await conn.execute("select device_id, day, cardinality(changes) from link_day")
    assert await cursor.fetchall() == [(three[0], TODAY, 6)]
    await actions.look(conn, NOW)
    assert {key[1] for key in await found(conn)} == {"link_flapping"}
    # six restarts of the broker: all terminals of a larger fleet, each time within a minute
    await conn.execute("delete from finding")
    await conn.execute("delete from link_day")
    await conn.execute(
        "insert into link_day select 'BJCY' || lpad(n::text, 6, '0'), %(day)s,"
        " (select array_agg(%(now)s - m * interval '1 hour') from generate_series(1, 6) m)"
        " from generate_series(1, 3) n",
        {"day": TODAY, "now": NOW},
    )
    await actions.look(conn, NOW)
    assert len(await found(conn)) == 3  # three homes are no storm: each has its own trouble
    await conn.execute(
        "insert into device (device_id, status, created_at) select 'STRM' || lpad(n::text, 6, '0'), 'stock', %(now)s"
        " from generate_series(1, 3) n",
        {"now": NOW},
    )
    await conn.execute(
        "insert into link_day select 'STRM' || lpad(n::text, 6, '0'), %(day)s,"
        " (select array_agg(%(now)s - m * interval '1 hour') from generate_series(1, 6) m)"
        " from generate_series(1, 3) n",
        {"day": TODAY, "now": NOW},
    )
    await actions.look(conn, NOW)
    assert await found(conn) == {}


async def test_a_day_of_the_line_has_an_end_and_old_days_go(conn: Conn, three: list[str]) -> None:
    """A wild terminal fills no disk."""
    for place in range(80):
        status = "offline" if place % 2 else "online"
        at = NOW + timedelta(seconds=place)
        await devices.link(conn, three[0], f"0badcafe.1.{place}", status, at, retained=False)
    cursor = await conn.execute("select cardinality(changes) from link_day")
    assert await cursor.fetchall() == [(64,)]
    await trendstore.forget(conn, NOW + 8 * DAY)
    assert (await conn.execute("select from link_day")).rowcount == 1
    await trendstore.forget(conn, NOW + 9 * DAY)
    assert (await conn.execute("select from link_day")).rowcount == 0


async def test_hours_on_battery_are_folded_once_each_and_only_when_they_are_over(conn: Conn, three: list[str]) -> None:
    """Whatever the moments of the looks; an hour with mains in it ends the run."""
    start = NOW.replace(minute=0) - 10 * HOUR
    for place, percent in enumerate((80, 70, 60, 50, 40)):
        await hour(conn, three[0], start + place * HOUR, percent)
    await hour(conn, three[0], start + 5 * HOUR, 35, off=5)
    await hour(conn, three[0], start + 6 * HOUR, 60)
    for at in (start + 2 * HOUR + 9 * MINUTE, start + 2 * HOUR + 11 * MINUTE, start + 3 * HOUR, start + 4 * HOUR, NOW):
        await trendstore.fold_discharges(conn, at)
        await trendstore.fold_discharges(conn, at)
    cursor = await conn.execute("select from_hour, until_hour, long_from, long_until, long_drop from discharge")
    last = start + 6 * HOUR
    assert await cursor.fetchall() == [(last, last, start, start + 4 * HOUR, 40)]


def any_limits(draw: random.Random) -> Thresholds:
    """Values that are allowed, whole or not."""
    values = {}
    for each in SHIPPED:
        if draw.random() < 0.7:
            value = each.value * draw.choice((0.5, 2, *(draw.uniform(0.85, 1.15),) * 4))
            values[each.name] = min(max(value, each.least), each.most)
    known = Thresholds()
    for name, value in values.items():
        try:
            known = changed(known, {name: value})
        except Exception:  # noqa: BLE001 - its pair leaves no room
            continue
    return known


def widest(limits: Limits) -> Limits:
    """As if everything were remarkable."""
    wide = dict(limits)
    for name in ("unsteady", "coverage", "weak_signal", "temperature_low", "battery_worn"):
        wide[f"{name}_close"] = 1000
    wide["heap_low_close"] = 10**6
    for name in ("presses_many", "drops_growing", "outbox_growing", "rtt_high", "mains_minutes", "link_flapping",
                 "power_cycles", "repeat_repair"):  # fmt: skip
        wide[f"{name}_close"] = -1
    return wide | {"firmware_old_days": 0}


# What may be odd about a terminal. Each is odd in one way only: another one would hide what a query leaves out.
ODD = ("beats", "presses", "coverage", "csq_sum", "off_mains", "heap_low", "temperature_low", "outbox_high",
       "drops_high", "rtt_sum", "link", "mains", "run", "repeat", "firmware")  # fmt: skip


async def scatter(conn: Conn, names: list[str], draw: random.Random) -> None:
    """Random facts, most of them near some threshold."""
    for name in names:
        odd = draw.choice(ODD)
        level = {
            "csq_sum": 140 * 8 + draw.randint(0, 840), "off_mains": draw.randint(0, 24),
            "heap_low": draw.randint(20_000, 36_000), "temperature_low": draw.randint(-3, 9),
            "outbox_high": draw.randint(0, 30), "drops_high": 3, "rtt_sum": 140 * draw.randint(2000, 7000),
        }.get(odd, 0)  # fmt: skip
        wild, grows = draw.random() < 0.3, draw.randint(0, 6)
        for ago in range(1, 8):
            figure = level * draw.choice((0.5, 1, 1.3)) if wild else level
            figure += draw.choice((0, 3)) if odd == "drops_high" and ago <= grows else 0
            await day(conn, name, ago, **({odd: int(figure)} if level else {}))
        await _odd(conn, name, odd, draw)
    await trendstore.set_target(conn, "okb-a", "1.1.0", "王维修", NOW - timedelta(days=draw.randint(8, 30)))


async def _odd(conn: Conn, name: str, odd: str, draw: random.Random) -> None:
    if odd in {"beats", "presses", "coverage"}:
        await conn.execute(
            "update device_day set beats = beats - %s, presses = %s,"
            " report = jsonb_build_object('on', 1440, 'reg', 1440 - %s) where device_id = %s",
            [draw.randint(8, 36) * (odd == "beats"), draw.randint(1, 25) * (odd == "presses"),
             draw.randint(40, 200) * (odd == "coverage"), name],
        )  # fmt: skip
    elif odd == "link":
        changes = [NOW - draw.randint(1, 1400) * MINUTE for _ in range(draw.randint(1, 9))]
        for on in {TODAY, TODAY - DAY}:
            mine = [at for at in changes if (at + 8 * HOUR).date() == on]
            if mine:
                await conn.execute("insert into link_day values (%s, %s, %s)", [name, on, mine])
    elif odd == "mains":
        for place in range(draw.randint(1, 9)):
            await event(conn, name, "mains_lost", NOW - draw.randint(1, 160) * HOUR - place * MINUTE)
    elif odd == "run":
        begun, hours, drop = NOW - 2 * DAY, draw.randint(3, 12), draw.randint(-5, 60)
        await conn.execute(
            "insert into discharge values (%s, %s, %s, 90, 80, %s, %s, %s)",
            [name, NOW - DAY, NOW - DAY, begun, begun + hours * HOUR, drop],
        )
    elif odd == "repeat":
        for place in range(draw.randint(1, 4)):
            opened = NOW - draw.randint(1, 28) * DAY - place * MINUTE
            await conn.execute(
                "insert into finding (device_id, rule, rule_version, thresholds_version, since, opened_at, closed_at,"
                " evidence, owner) values (%s, 'silent', 1, 0, %s, %s, %s, '{}', 'after_sales')",
                [name, opened, opened, opened],
            )
    elif odd == "firmware":
        await state(conn, name, board="okb-a", firmware="1.0.0")


@pytest.mark.parametrize("seed", range(4))
async def test_no_query_leaves_out_what_a_rule_would_find_by_any_thresholds(
    conn: Conn, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Random facts, random thresholds as a preview tries them: with what is remarkable alone the same is found."""
    draw = random.Random(seed)
    names = await healthy(conn, 90)
    await ingest_works(conn)
    await scatter(conn, names, draw)
    rules: set[str] = set()
    for _ in range(12):
        limits = any_limits(draw)
        before = await actions._judge(conn, NOW, any_limits(draw), [])
        if draw.random() < 0.6:  # all is open: the healthier threshold of each pair decides
            before = [replace(an_open(rule.name), device_id=name) for rule in RULES for name in names]
        narrow = await actions._judge(conn, NOW, limits, before)
        with monkeypatch.context() as patch:
            for room, name in ((store, "days"), (store, "signals"), (trendstore, "trends")):
                patch.setattr(room, name, _all(getattr(room, name)))
            wide = await actions._judge(conn, NOW, limits, before)
        assert {(each.device_id, each.rule) for each in narrow} == {(each.device_id, each.rule) for each in wide}
        rules |= {each.rule for each in wide}
    assert rules >= {"unsteady", "coverage", "weak_signal", "presses_many", *CASES} - {"update_failed", "firmware_old"}


def _all(query: Any) -> Any:
    async def wide(conn: Conn, now: datetime, limits: Limits) -> Any:
        return await query(conn, now, widest(limits))

    return wide
