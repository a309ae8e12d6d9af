"""Alarms of the whole district in the database: what is open, what one look changes. Takes a transaction; no commit.

In: what the operator's platform told of pools, thresholds, `now`. Out: rows of `district_alarm`, one open one for each
cause whatever the number of homes. Does not depend on our own front door: these facts do not come through it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cloud.carrier import store as carrier
from cloud.days import shanghai_day
from cloud.health import pools
from cloud.health.pools import Alarm

if TYPE_CHECKING:
    from cloud.db import Conn
    from cloud.health.models import Limits


@dataclass(frozen=True)
class Line:
    """One alarm in words."""

    title: str
    place: str
    sentence: str
    next_step: str
    since: datetime
    cut_off: bool


async def look(conn: Conn, now: datetime, limits: Limits) -> None:
    """Bring the alarms to what holds now. The caller has the lock of looks."""
    known = {each.place: each for each in await opened(conn) if each.kind == pools.KIND}
    days = await carrier.pool_days(conn, shanghai_day(now - pools.SLOPE))
    for place, told in days.items():
        was = known.get(place)
        holds = pools.judge(told, limits, now, was)
        if holds is None and was is not None:
            await _close(conn, was, now)
        elif holds is not None and was is None:
            await _open(conn, holds, now)
        elif holds is not None and holds != was:
            await _change(conn, holds)


async def opened(conn: Conn) -> list[Alarm]:
    """What is open, the oldest first."""
    cursor = await conn.execute(
        "select kind, place, since, evidence from district_alarm where closed_at is null order by since, kind, place"
    )
    return [Alarm(kind=row[0], place=row[1], since=row[2], evidence=row[3]) for row in await cursor.fetchall()]


async def lines(conn: Conn) -> list[Line]:
    """For the head of a page; what cuts homes off comes first."""
    found = sorted(await opened(conn), key=lambda each: not pools.is_cut_off(each))
    return [
        Line(
            title=pools.TITLE, place=each.place, sentence=pools.sentence(each), next_step=pools.next_step(each),
            since=each.since, cut_off=pools.is_cut_off(each),
        )
        for each in found
    ]  # fmt: skip


async def _open(conn: Conn, alarm: Alarm, now: datetime) -> None:
    await conn.execute(
        "insert into district_alarm (kind, place, since, opened_at, evidence)"
        " values (%(kind)s, %(place)s, %(since)s, %(now)s, %(evidence)s::jsonb)",
        {**_columns(alarm), "since": alarm.since, "now": now},
    )


async def _change(conn: Conn, alarm: Alarm) -> None:
    await conn.execute(
        "update district_alarm set evidence = %(evidence)s::jsonb"
        " where kind = %(kind)s and place = %(place)s and closed_at is null",
        _columns(alarm),
    )


async def _close(conn: Conn, alarm: Alarm, now: datetime) -> None:
    await conn.execute(
        "update district_alarm set closed_at = greatest(%(now)s, opened_at)"
        " where kind = %(kind)s and place = %(place)s and closed_at is null",
        {"kind": alarm.kind, "place": alarm.place, "now": now},
    )


def _columns(alarm: Alarm) -> dict[str, str]:
    return {"kind": alarm.kind, "place": alarm.place, "evidence": json.dumps(alarm.evidence, ensure_ascii=False)}
