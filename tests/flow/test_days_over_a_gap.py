"""Our own silence of longer than a day: one gap on record, no terminal answers for it, and no usage day is lost."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import psycopg

from cloud import clock
from cloud.billing.actions import close_day
from cloud.days import SHANGHAI, shanghai_day
from cloud.stats.actions import health
from protocol import messages
from tests.flow.parts import add_terminal, beat, client, install, scalar, until, up

if TYPE_CHECKING:
    from datetime import date

    from tests.flow.conftest import Walk

AWAY = timedelta(hours=60)  # a whole Shanghai day lies in it, whatever the hour
DAY_S = 86_400
# Its heartbeats wait in the broker; the broker dropped them, its own record of the day is there; nothing comes at all.
QUEUED, TOLD, SILENT = "BJCY000011", "BJCY000012", "BJCY000013"
DEVICES = (QUEUED, TOLD, SILENT)


async def test_a_day_that_lies_in_our_own_silence_is_put_right_by_whatever_comes_later(walk: Walk) -> None:
    """From the broker's queue, from the terminal's record; until then it is disputed, and our part in it is noted."""
    day = shanghai_day(clock.now()) - timedelta(days=1)
    passwords = {each: await add_terminal(walk.database, each, clock.now()) for each in DEVICES}
    walk.broker.add_users(passwords)
    ingest = walk.service("ingest")
    await ingest.start()
    for each in DEVICES:
        await _say(walk, each, passwords[each], "hb", beat("0badcafe.1.1", clock.now()))

    async def all_heard() -> bool:
        return bool(await scalar(walk.database, "select count(*) = 3 from device_state"))

    await until(all_heard, "the terminals are known")
    ingest.kill()
    await _put_back(walk)
    noon = datetime.combine(day, time(12), SHANGHAI).astimezone(UTC)
    await _say(walk, QUEUED, passwords[QUEUED], "hb", beat("0badcafe.1.2", noon))
    await _say(walk, TOLD, passwords[TOLD], "day", _record(day))

    disputed = dict.fromkeys(DEVICES, ("disputed", "silent_outage", DAY_S))
    assert await _verdicts(walk.database, day) == disputed
    assert await _silent(walk.database) == 0, "the gap is not over and counts already"
    await ingest.start()

    async def queue_is_empty() -> bool:
        query = "select count(*) = 2 from device_day where day = %s and (beats > 0 or report is not null)"
        return bool(await scalar(walk.database, query, day))

    await until(queue_is_empty, "what waited is stored")
    known = {QUEUED: ("normal", "heard", DAY_S), TOLD: ("normal", "told_late", DAY_S)}
    assert await _verdicts(walk.database, day) == disputed | known
    await _one_gap(walk.database)
    assert await _silent(walk.database) == 0
    await _say(walk, SILENT, passwords[SILENT], "day", _record(day))

    async def all_told() -> bool:
        return bool(await scalar(walk.database, "select count(*) = 2 from device_day where report is not null"))

    await until(all_told, "the last has told of its day")
    assert {each: status for each, (status, *_) in (await _verdicts(walk.database, day)).items()} == dict.fromkeys(
        DEVICES, "normal"
    )


async def _say(walk: Walk, device_id: str, password: str, kind: str, payload: bytes) -> None:
    async with client(device_id, password, walk.broker.port) as terminal:
        await terminal.publish(up(kind, device_id), payload, qos=1)


async def _put_back(walk: Walk) -> None:
    """What was known at the kill was known so long ago; the terminals are in homes."""
    async with await psycopg.AsyncConnection.connect(walk.database) as conn:
        for each in DEVICES:
            await install(conn, each, clock.now())
        await conn.execute("update service_health set beat_at = beat_at - %s", [AWAY])
        await conn.execute("delete from device_day")
        await conn.execute(
            "update device_state set first_seen_at = first_seen_at - %(away)s, last_seen_at = last_seen_at - %(away)s,"
            " last_beat_at = last_beat_at - %(away)s",
            {"away": AWAY},
        )


def _record(day: date) -> bytes:
    at = int(clock.now().timestamp())
    figures = {"on": 1440, "reg": 1440, "beats": 144, "presses": 0, "answered": 0, "stuck": 0, "faults": 0}
    fields = {"id": "0badcafe.1.9", "t": at, "u": 1, "s": 1, "day": day.isoformat(), **figures}
    return messages.encode("up", "day", fields)


async def _verdicts(database: str, day: date) -> dict[str, tuple[str, str, int]]:
    """How billing decides the day: status, reason, seconds of our own outage."""
    async with await psycopg.AsyncConnection.connect(database) as conn:
        await close_day(conn, day, clock.now())
        query = (
            "select device_id, status, reason, (evidence->>'outage_s')::int from usage_day where device_id = any(%s)"
        )
        rows = await (await conn.execute(query.encode(), [list(DEVICES)])).fetchall()
        return {row[0]: (row[1], row[2], row[3]) for row in rows}


async def _silent(database: str) -> int:
    """Terminals that the fleet's report calls silent."""
    async with await psycopg.AsyncConnection.connect(database) as conn:
        counts: dict[str, Any] = (await health(conn, clock.now())).counts
    return sum(count for name, count in counts.items() if name.startswith("silent"))


async def _one_gap(database: str) -> None:
    async def told() -> bool:
        return bool(await scalar(database, "select min(beat_at) > now() - interval '1 hour' from service_health"))

    await until(told, "both doors have said that they work")
    async with await psycopg.AsyncConnection.connect(database) as conn:
        gaps = await (await conn.execute("select until_at - from_at from ingest_gap")).fetchall()
    ((long,),) = gaps
    assert AWAY <= long < AWAY + timedelta(hours=1)
