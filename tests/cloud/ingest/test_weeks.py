"""Weeks of raw rows and the sums over them, on both variants of the database: the same questions, the same answers."""

from __future__ import annotations

import asyncio
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from cloud import clock, db
from cloud.days import shanghai_day
from cloud.devices.actions import register
from cloud.errors import Conflict
from cloud.ingest import sums, weeks
from cloud.run.sweep import Sweep
from tests.cloud.ingest.conftest import AT, BEAT, BOX, DEVICE, NEIGHBOUR, SETTINGS, Door

if TYPE_CHECKING:
    from cloud.db import Conn
    from tools.embedded.postgres import Postgres

VIEWS = {"heartbeat_hourly": "hour", "heartbeat_daily": "day"}
KEPT = timedelta(days=90)
# The same sums, from the raw rows alone.
RAW = (
    "select device_id, {bucket} as bucket, count(*), count(*) filter (where not on_mains),"
    " count(*) filter (where in_call), min(battery_mv), min(battery_pct), count(*) filter (where csq <> 99),"
    " sum(csq) filter (where csq <> 99), min(csq) filter (where csq <> 99), min(temperature_c), max(temperature_c),"
    " min(heap_bytes), max(outbox), max(drops), count(rtt_ms), sum(rtt_ms) from heartbeat group by 1, 2 order by 1, 2"
)
BUCKETS = {
    "heartbeat_hourly": "date_trunc('hour', received_at, 'UTC')",
    "heartbeat_daily": "(received_at at time zone 'Asia/Shanghai')::date",
}


async def opened(conn: Conn) -> Door:
    """Two terminals are registered."""
    for device in (DEVICE, NEIGHBOUR):
        try:
            await register(conn, BOX, device, None, AT)
        except Conflict:
            continue
    return Door(conn)


async def say(door: Door, number: int, at: datetime, draw: random.Random, device: str = DEVICE) -> str:
    door.now = at
    fields = {
        "id": f"0badcafe.1.{number}", "bat": draw.choice([None, 3_600, 4_100]), "mains": draw.choice([None, 0, 1]),
        "csq": draw.choice([3, 20, 31, 99]), "temp": draw.choice([None, -5, 30]), "rtt": draw.choice([None, 300, 900]),
        "call": draw.randrange(2), "drops": draw.randrange(4), "box": draw.randrange(3),
    }  # fmt: skip
    async with door.conn.transaction():
        return await door.say("hb", {**BEAT, **fields}, device=device)


async def made_quick(conn: Conn, now: datetime) -> None:
    """What sweep does in many turns, or TimescaleDB's own jobs do."""
    if await weeks.is_hyper(conn):
        for table in ("heartbeat_hour", "heartbeat_day"):
            await conn.execute("call refresh_continuous_aggregate(%s, null, %s)", [table, now])
    else:
        while True:
            async with conn.transaction():
                if not await sums.sum_up(conn, now):
                    break


async def agreed(conn: Conn) -> int:
    """Both views say what the raw rows say; how many sums there are."""
    found = 0
    for view, bucket in BUCKETS.items():
        expected = await (await conn.execute(RAW.format(bucket=bucket).encode())).fetchall()
        said = await (await conn.execute(f"select * from {view} order by 1, 2".encode())).fetchall()
        assert said == expected, view
        found += len(said)
    return found


@pytest.mark.parametrize("seed", range(3))
async def test_sums_are_right_at_every_moment(either: Conn, seed: int) -> None:
    """Before they are made, after, and when something comes late to an hour or a day that is made."""
    draw = random.Random(seed)
    door = await opened(either)
    hyper, late = await weeks.is_hyper(either), False
    now = AT - timedelta(hours=9)  # over midnight in Shanghai, which is no midnight in UTC
    for number in range(1, 70):
        now += timedelta(minutes=draw.randrange(0, 41))
        minutes = draw.choice([0, 0, 0, draw.randrange(600)])
        late |= minutes > 0
        await say(door, number, now - timedelta(minutes=minutes), draw, draw.choice([DEVICE, NEIGHBOUR]))
        if draw.random() < 0.2:
            # TimescaleDB shows what came late to a summed hour when it is summed anew.
            if not (hyper and late):
                assert await agreed(either)
            await made_quick(either, now)
            late = False
            assert await agreed(either)
    await made_quick(either, now + timedelta(days=3))
    assert await agreed(either) > 10
    if not hyper:
        assert await (await either.execute("select count(*) from heartbeat_due")).fetchone() == (0,)


async def test_both_variants_have_the_same_columns_of_the_same_types(database: str, timescale: str) -> None:
    """A query that is written for one runs on the other."""
    found = []
    for dsn in (database, timescale):
        async with await db.connect(dsn) as conn:
            names = {}
            for table in ("heartbeat", "event", *VIEWS):
                described = (await conn.execute(f"select * from {table} limit 0".encode())).description or []
                names[table] = [(each.name, each.type_code) for each in described]
            found.append(names)
    assert found[0] == found[1]
    assert len(found[0]["heartbeat_hourly"]) == 17


async def test_raw_rows_go_when_their_time_is_over_and_their_sums_stay(either: Conn) -> None:
    """Events too; the message itself stays. A time set anew holds from the next turn on."""
    now, draw = clock.now(), random.Random(1)
    door = await opened(either)
    for number, days in enumerate((70, 50, 1, 0), start=1):
        await say(door, number, now - timedelta(days=days), draw)
        async with either.transaction():
            await door.say("event", {"id": f"0badcafe.1.{number + 100}", "ev": "mains_lost"})
    before = {view: await door.rows(f"select * from {view} order by 1, 2") for view in VIEWS}
    for kept, left in ((90, 4), (60, 3), (40, 2)):
        if await weeks.is_hyper(either):
            assert await weeks.keep(either, now, timedelta(days=kept))
            jobs = "select job_id from timescaledb_information.jobs where job_id >= 1000 order by proc_name, 1"
            for (job,) in await door.rows(jobs):  # compression, refresh, retention
                await either.execute(f"call run_job({job})".encode())
        else:
            await made_quick(either, now)
            assert await weeks.keep(either, now, timedelta(days=kept))
        for table in ("heartbeat", "event"):
            assert await door.one(f"select count(*) from {table}") == left, (table, kept)
    assert await door.one("select count(*) from message where kind = 'event'") == 4
    assert {view: await door.rows(f"select * from {view} order by 1, 2") for view in VIEWS} == before


async def test_a_heartbeat_of_weeks_ago_is_known_again(either: Conn) -> None:
    """In whatever week it lies, and on TimescaleDB also when that week is compressed."""
    now, draw = clock.now(), random.Random(1)
    door = await opened(either)
    for number, days in ((1, 30), (2, 20), (3, 0)):
        await say(door, number, now - timedelta(days=days), random.Random(number))
    await weeks.keep(either, now, KEPT)
    if await weeks.is_hyper(either):
        await either.execute(
            "select compress_chunk(c) from show_chunks('heartbeat', older_than => interval '14 days') c"
        )
        packed = (
            "select count(*) from timescaledb_information.chunks where is_compressed and hypertable_name = 'heartbeat'"
        )
        assert await door.one(packed) > 0
    door.now = now
    for number, days in ((1, 30), (2, 20)):
        at = now - timedelta(days=days)
        assert await say(door, number, at, random.Random(number)) == "duplicate"
        assert await say(door, number, at + timedelta(hours=1), random.Random(number + 50)) == "id_clash"
    assert await say(door, 4, now, draw) == "stored"
    assert await door.one("select count(*) from heartbeat") == 6


async def test_the_policies_follow_the_setting(timescale: str) -> None:
    """Retention, compression and both aggregates, each once."""
    async with await db.connect(timescale) as conn:
        door = Door(conn)
        for days in (90, 90, 45):
            await weeks.keep(conn, AT, timedelta(days=days))
            told = await door.rows(
                "select proc_name, count(*), min(coalesce(config->>'drop_after',"
                " config->>'compress_after', config->>'start_offset')::interval) from timescaledb_information.jobs"
                " where job_id >= 1000 group by 1 order by 1"
            )
            assert told == [
                ("policy_compression", 2, weeks.SETTLED),
                ("policy_refresh_continuous_aggregate", 2, timedelta(days=days - 1)),
                ("policy_retention", 3, timedelta(days=days)),
            ]


# Partitions of PostgreSQL


async def plain(conn: Conn, table: str) -> dict[str, int]:
    """Rows by partition."""
    rows = await (
        await conn.execute(
            "select relname from pg_inherits join pg_class on oid = inhrelid where inhparent = %s::regclass order by 1",
            [table],
        )
    ).fetchall()
    return {
        name: (await (await conn.execute(f"select count(*) from {name}".encode())).fetchall())[0][0] for (name,) in rows
    }


async def test_an_insert_never_waits_for_the_sweep(door: Door) -> None:
    """Away for a year, it then finds everything, puts it into its week, and drops what is over."""
    draw = random.Random(1)
    for number, days in enumerate((0, 1, 8, 200, 360), start=1):
        await say(door, number, AT + timedelta(days=days), draw)
    assert await plain(door.conn, "heartbeat") == {"heartbeat_default": 5}
    now = AT + timedelta(days=360)
    assert await weeks.keep(door.conn, now, KEPT)
    assert await door.one("select count(*) from heartbeat") == 5  # nothing is dropped that is not summed
    await made_quick(door.conn, now + timedelta(days=2))
    assert await weeks.keep(door.conn, now, KEPT)
    held = await plain(door.conn, "heartbeat")
    begins = weeks.week_of(now)
    ahead = [f"heartbeat_{begins + each * weeks.WEEK:%Y%m%d}" for each in range(weeks.AHEAD + 1)]
    assert held == {"heartbeat_default": 0, ahead[0]: 1, **dict.fromkeys(ahead[1:], 0)}
    assert await door.one("select sum(beats) from heartbeat_daily") == 5


async def test_what_comes_late_to_hours_that_are_dropped_leaves_their_sums_alone(door: Door) -> None:
    """They were made of all that is gone."""
    draw = random.Random(1)
    now = AT + timedelta(days=120)
    for number in (1, 2):
        await say(door, number, AT, draw)
    await weeks.keep(door.conn, now, KEPT)
    await made_quick(door.conn, now)
    await weeks.keep(door.conn, now, KEPT)
    assert await door.one("select count(*) from heartbeat") == 0
    await say(door, 3, AT, draw)
    await made_quick(door.conn, now)
    assert await door.one("select sum(beats) from heartbeat_hourly") == 2
    for _ in range(2):
        assert await weeks.keep(door.conn, now, KEPT)
    assert await door.one("select count(*) from heartbeat") == 0


async def test_rows_of_before_there_were_weeks_are_kept_and_told(postgres: Postgres) -> None:
    """Their table becomes the first partition; their terminals have marks, their hours are summed."""
    dsn = postgres.create_database("e" + uuid.uuid4().hex[:12])
    before = {name: text for name, text in db.migration_files().items() if name < "0012"}
    with psycopg.connect(dsn, autocommit=True) as old:
        for text in before.values():
            old.execute(text.encode())
        old.execute("insert into device (device_id, created_at) values ('BJCY000001', now())")
        old.execute(
            "insert into device_state (device_id, first_seen_at, last_seen_at) values ('BJCY000001', now(), now())"
        )
        old.execute(
            "insert into heartbeat (device_id, id, received_at, dating, day, csq, registration, network, heap_bytes,"
            " outbox, drops, in_call, config_version, content_hash)"
            " select 'BJCY000001', 'abcdef01.2.' || n, now() - n * interval '1 day', 'receipt', now()::date, 20, 1,"
            "  'gsm', 1, 0, 0, false, 0, sha256(n::text::bytea) from generate_series(1, 40) n"
        )
        old.execute(
            "insert into message (device_id, id, content_hash, kind, body, dating, day, received_at)"
            " values ('BJCY000001', 'abcdef01.2.99', 'x', 'event', '{\"ev\": \"mains_lost\", \"val\": 3}', 'receipt',"
            "  now()::date, now())"
        )
        old.execute("create table schema_migration (name text primary key, checksum text, applied_at timestamptz)")
        for name, text in before.items():
            old.execute("insert into schema_migration values (%s, %s, now())", [name, db._sum(text)])
    assert db.migrate(dsn)[0] == "0012_weeks.sql"
    async with await db.connect(dsn) as conn:
        door = Door(conn)
        assert await plain(conn, "heartbeat") == {"heartbeat_before": 40, "heartbeat_default": 0}
        assert await door.rows("select beat_epoch, beat_place from device_state") == [("abcdef01", 200_000_040)]
        assert await door.rows("select code, val from event") == [("mains_lost", 3)]
        assert await agreed(conn)
        await weeks.keep(conn, clock.now(), KEPT)
        await made_quick(conn, clock.now())
        assert await agreed(conn)
        await weeks.keep(conn, clock.now() + timedelta(days=120), KEPT)
        assert "heartbeat_before" not in await plain(conn, "heartbeat")
        assert await door.one("select sum(beats) from heartbeat_daily") == 40
    with psycopg.connect(postgres.dsn(), autocommit=True) as admin:
        admin.execute(f"drop database {psycopg.conninfo.conninfo_to_dict(dsn)['dbname']} with (force)".encode())


async def test_an_hour_is_summed_with_what_is_being_committed(database: str) -> None:
    """The sum waits for the batch that adds to it; and a batch that comes while it is made notes the hour again."""
    async with await db.connect(database) as ingest, await db.connect(database) as sweep:
        door = await opened(ingest)
        await say(door, 1, AT, random.Random(1))
        async with ingest.transaction():
            door.now = AT
            await door.say("hb", {**BEAT, "id": "0badcafe.1.2"})
            summing = asyncio.ensure_future(_sum(sweep))
            await _waits(database, "for update")
            assert not summing.done()
        assert await summing == 1
        assert await agreed(ingest) == 2
        async with sweep.transaction():
            await ingest.execute("insert into heartbeat_due (step, at) values ('hour', %s)", [hour(AT)])
            assert await sums.sum_up(sweep, AT + timedelta(hours=2)) == 1
            adding = asyncio.ensure_future(say(door, 3, AT, random.Random(3)))
            await _waits(database, "for key share")
        assert await adding == "stored"
        assert await agreed(ingest) == 2
        assert await door.one("select beats from heartbeat_hourly") == 3
        assert await door.rows("select step from heartbeat_due order by 1") == [("day",), ("hour",)]


def hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


async def _sum(conn: Conn) -> int:
    async with conn.transaction():
        return await sums.sum_up(conn, AT + timedelta(hours=2))


async def _waits(dsn: str, query: str) -> None:
    """Until a statement with these words waits for a lock."""
    async with await db.connect(dsn) as conn:
        async with asyncio.timeout(20):
            while True:
                cursor = await conn.execute(
                    "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like %s"
                    " and datname = current_database()",
                    [f"%{query}%"],
                )
                if await cursor.fetchone() != (0,):
                    return
                await asyncio.sleep(0.01)


async def test_the_sweep_makes_weeks_and_sums(conn: Conn) -> None:
    """In its first turn, and from then on each hour; one sum in a turn, so that nobody at the desk waits for it."""
    door = await opened(conn)
    await say(door, 1, AT, random.Random(1))
    sweep = Sweep(SETTINGS, BOX)
    assert await sweep.turn(conn, AT + timedelta(hours=2))
    assert len(await plain(conn, "heartbeat")) == weeks.AHEAD + 2
    assert await door.one("select beats from heartbeat_hour") == 1
    assert await door.rows("select step from heartbeat_due") == [("day",)]
    assert shanghai_day(AT).isoformat() == str(await door.one("select day from heartbeat_daily"))
    assert await sweep.turn(conn, datetime(2026, 4, 2, tzinfo=UTC))
    assert await door.one("select count(*) from heartbeat_day") == 1
    assert await door.rows("select * from heartbeat_due") == []
