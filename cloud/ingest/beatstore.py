"""The SQL of a batch of heartbeats: staged by COPY, then set against what is known, all at once. No commit here.

In: lines of beatline.py. Out: rows of `heartbeat`, the latest state, the day's count, and what is left to be done one
by one. It says the same as taking each heartbeat by itself in order of arrival (take.py, devices/rules.py);
tests/cloud/ingest/test_beats.py holds the two against each other. No statement runs once for each row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from cloud.devices.rules import HEARTBEAT_S, IN_CALL, LATE_GRACE
from cloud.ingest.beatline import COLUMNS, EPOCH
from cloud.ingest.store import NOTE_HOURS, note_hours

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from psycopg.rows import TupleRow

    from cloud.db import Conn

# Of one connection, emptied by each commit; it is never written to the log of the database.
_STAGE = """
create temp table if not exists beat_stage (
    seq integer, device_id text, id text collate "C", epoch text collate "C", place bigint, content_hash bytea,
    received_us bigint, happened_us bigint, dating text, day integer, late boolean, offset_ms bigint, bat integer,
    pct integer, mains integer, csq integer, reg integer, net text, cell text, temp integer, heap integer, box integer,
    drops integer, call integer, cfg integer, rtt integer, test integer, missed integer
) on commit delete rows;
create temp table if not exists beat_new (seq integer, clash boolean, doubt boolean, marks boolean)
    on commit delete rows;
create temp table if not exists beat_device (device_id text, wanted integer) on commit delete rows;
create temp table if not exists beat_state (
    device_id text, wanted integer, ran integer, heartbeat_s integer, mains_before boolean, call_before timestamptz,
    seen_before timestamptz, beat_epoch text collate "C", beat_place bigint
) on commit delete rows;
"""
_COPY = f"copy beat_stage (seq, {', '.join(COLUMNS)}) from stdin"

# The registry's row of each terminal, as the careful way locks it: nothing of these terminals is stored beside us, also
# where they were never heard of. In the order of their ids: two batches wait for each other, and never in a circle.
_LOCK = """
insert into beat_device
select d.* from (select distinct device_id from beat_stage order by device_id) as said, lateral (
    select device_id, config_version from device where device_id = said.device_id offset 0 for no key update
) as d
"""

_STRANGERS = """
delete from beat_stage where not exists (select from beat_device d where d.device_id = beat_stage.device_id)
returning seq
"""

# What was known of them before, read once, and by the index, whatever the planner thinks of a table without statistics.
_KNOWN = """
insert into beat_state
select d.device_id, wanted, s.*
from beat_device d left join lateral (
    select config_version, heartbeat_s, on_mains, in_call_until, last_seen_at, beat_epoch, beat_place
    from device_state where device_id = d.device_id offset 0
) as s on true
"""

_OVERDUE = timedelta(seconds=HEARTBEAT_S) + LATE_GRACE  # as rules.worth_showing
_AT = "timestamptz 'epoch' + {} * interval '1 microsecond'"
_RECEIVED, _HAPPENED = _AT.format("received_us"), _AT.format("happened_us")

# Each content once, the first of it. A clash comes after another of its id. In doubt: whatever the mark does not vouch
# for. `marks`: one epoch for each terminal, in which its mark may go up.
_FRESH = """
with fresh as (
    insert into beat_new (seq, clash, doubt, marks)
    select seq, row_number() over (partition by device_id, id order by seq) > 1,
        s.beat_epoch is not null and not (s.beat_epoch = epoch and place > s.beat_place),
        epoch = coalesce(s.beat_epoch, max(epoch) over (partition by device_id))
    from (select distinct on (device_id, id, content_hash) device_id, id, seq, epoch, place
          from beat_stage order by device_id, id, content_hash, seq) as first
    join beat_state s using (device_id)
    returning clash, doubt
)
select count(*), count(*) filter (where clash), count(*) filter (where doubt) from fresh
"""

# Looked up one by one in the index of each week.
_LOOK_UP = """
with found as (
    select n.seq, bool_or(h.content_hash = s.content_hash) as same
    from beat_new n join beat_stage s using (seq), lateral (
        select content_hash from heartbeat where device_id = s.device_id and id = s.id offset 0
    ) as h
    where n.doubt group by n.seq
), gone as (
    delete from beat_new using found where beat_new.seq = found.seq and same
)
update beat_new set clash = true from found where beat_new.seq = found.seq and not same
"""

# The mark follows a terminal to another epoch of which nothing is stored.
_FOLLOW = """
with other as (
    select device_id, max(epoch) as epoch
    from (select distinct device_id, epoch from beat_new join beat_stage using (seq)
          where doubt and not marks) as each
    where not exists (select from heartbeat h where h.device_id = each.device_id
        and h.id >= each.epoch || '.' and h.id < each.epoch || '/')
    group by device_id
)
update beat_new set marks = s.epoch = other.epoch
from beat_stage s join other using (device_id) where s.seq = beat_new.seq
"""

_COUNT = "select count(*), count(*) filter (where clash) from beat_new"

_ADD = f"""
insert into heartbeat (device_id, id, content_hash, received_at, happened_at, dating, day, battery_mv, battery_pct,
    on_mains, csq, registration, network, cell, temperature_c, heap_bytes, outbox, drops, in_call, config_version,
    rtt_ms, selftest, missed)
select device_id, id, content_hash, {_RECEIVED}, {_HAPPENED}, dating, date '1970-01-01' + day, bat, pct, mains = 1, csq,
    reg, net, cell, temp, heap, box, drops, call = 1, cfg, rtt, test, missed
from beat_stage join beat_new using (seq)
"""

_STAGED = (
    "select received_us / 3600000000, count(*), count(*) filter (where late) from beat_stage group by 1 order by 1"
)

_DAYS = f"""
insert into device_day (device_id, day, beats, first_at, last_at, changed_at)
select device_id, date '1970-01-01' + day, count(*), min(at), max(at), max(received)
from (select device_id, day, coalesce({_HAPPENED}, {_RECEIVED}) as at, {_RECEIVED} as received
      from beat_stage join beat_new using (seq)) as fresh
group by device_id, day order by device_id, day
on conflict (device_id, day) do update set beats = device_day.beats + excluded.beats,
    first_at = least(device_day.first_at, excluded.first_at), last_at = greatest(device_day.last_at, excluded.last_at),
    changed_at = greatest(device_day.changed_at, excluded.changed_at)
"""

# What each terminal's fresh heartbeats come to: the last one's figures, and sums over all.
_SUMS = f"""
select device_id, {_RECEIVED} as received_at, cfg, bat, pct, mains = 1 as on_mains, csq, reg, cell, drops, first_at,
    last_at, whole.late, clashes, idle_at, whole.epoch, whole.place, dated.offset_ms
from (
    select max(seq) as last_seq, min({_RECEIVED}) as first_at, max({_RECEIVED}) as last_at,
        count(*) filter (where late) as late, count(*) filter (where clash) as clashes,
        max({_HAPPENED}) filter (where call = 0) as idle_at,
        max(epoch) filter (where marks) as epoch, max(place) filter (where marks) as place,
        max(seq) filter (where offset_ms is not null) as dated_seq
    from beat_stage join beat_new using (seq) group by device_id
) as whole join beat_stage s on s.seq = last_seq left join (select seq, offset_ms from beat_stage) as dated
    on dated.seq = dated_seq
"""

_STATES = f"""
with sums as materialized ({_SUMS}), known as (
    select sums.*, wanted, ran, heartbeat_s, mains_before, call_before, seen_before,
        case when call_before - %(in_call)s <= sums.idle_at then null else call_before end as call_after
    from sums join beat_state using (device_id)
), written as (
    insert into device_state as state (device_id, first_seen_at, last_seen_at, last_beat_at, config_version, battery_mv,
        battery_pct, on_mains, csq, registration, cell, drops, clock_offset_ms, late, id_clashes, in_call_until,
        heartbeat_s, beat_epoch, beat_place)
    select device_id, first_at, last_at, received_at, cfg, bat, pct, on_mains, csq, reg, cell, drops, offset_ms, late,
        clashes, call_after, case when ran = cfg then heartbeat_s else (
            select c.heartbeat_s from device_config c
            where c.version = cfg and (c.device_id = known.device_id or c.device_id is null)
            order by c.device_id nulls last limit 1) end, epoch, place
    from known order by device_id
    on conflict (device_id) do update set
        last_seen_at = greatest(state.last_seen_at, excluded.last_seen_at), last_beat_at = excluded.last_beat_at,
        config_version = excluded.config_version, battery_mv = excluded.battery_mv,
        battery_pct = excluded.battery_pct, on_mains = excluded.on_mains, csq = excluded.csq,
        registration = excluded.registration, cell = excluded.cell, drops = excluded.drops,
        clock_offset_ms = coalesce(excluded.clock_offset_ms, state.clock_offset_ms),
        late = state.late + excluded.late, id_clashes = state.id_clashes + excluded.id_clashes,
        in_call_until = excluded.in_call_until, heartbeat_s = excluded.heartbeat_s,
        beat_epoch = coalesce(excluded.beat_epoch, state.beat_epoch),
        beat_place = case when excluded.beat_epoch is null then state.beat_place
            when excluded.beat_epoch = state.beat_epoch then greatest(state.beat_place, excluded.beat_place)
            else excluded.beat_place end
)
select device_id,
    seen_before is null or on_mains is distinct from mains_before or call_after is distinct from call_before
        or first_at - seen_before > %(overdue)s,
    wanted not in (0, cfg)
from known
where seen_before is null or on_mains is distinct from mains_before or call_after is distinct from call_before
    or first_at - seen_before > %(overdue)s or wanted not in (0, cfg)
order by 1
"""

_DUPLICATES = """
update device_state set duplicates = duplicates + again.count
from (select device_id, count(*) from beat_stage where not exists (select from beat_new where seq = beat_stage.seq)
      group by device_id) as again
where device_state.device_id = again.device_id
"""


@dataclass(frozen=True)
class Batch:
    """What became of a batch, and what is left to do: `show` on the live pages, `configure` if it runs another one.

    `strangers`: places, from 0, of the lines whose terminal nobody registered; those are not stored.
    """

    strangers: list[int]
    stored: int = 0
    duplicates: int = 0
    clashes: int = 0
    late: int = 0  # duplicates too
    show: list[str] = field(default_factory=list)
    configure: list[str] = field(default_factory=list)


async def prepare(conn: Conn) -> None:
    """Once for each connection, outside a transaction."""
    await conn.execute(_STAGE)
    # Nothing is known of temporary tables: the planner would sort both sides of each join of 2,000 rows.
    await conn.execute("set enable_mergejoin = off")


async def stage(conn: Conn, lines: Sequence[str]) -> None:
    """Bring these lines into the database."""
    async with conn.cursor() as cursor, cursor.copy(_COPY.encode()) as copy:
        await copy.write("".join([f"{place}\t{line}\n" for place, line in enumerate(lines)]))


@dataclass(frozen=True)
class Seen:
    """What a staged batch is, its terminals being locked."""

    strangers: list[int]
    staged: int
    hours: list[datetime]  # in which they were received
    late: int  # duplicates too
    stored: int
    clashes: int
    doubts: int


async def add(conn: Conn) -> Batch:
    """Store what is staged."""
    return await finish(conn, await look(conn))


async def look(conn: Conn) -> Seen:
    """Lock the terminals of what is staged, and tell new from known.

    In pipelines, here and below: between two statements the database would wait for us, who are busy reading the next.
    """
    async with conn.pipeline():
        await conn.execute(_LOCK)
        await conn.execute(_KNOWN)
        gone = await conn.execute(_STRANGERS)
        count = await conn.execute(_STAGED)
        fresh = await conn.execute(_FRESH)
    strangers = [row[0] for row in await gone.fetchall()]
    counts = await count.fetchall()
    ((stored, clashes, doubts),) = await fresh.fetchall()
    staged, late = sum(row[1] for row in counts), sum(row[2] for row in counts)
    hours = [EPOCH + timedelta(hours=row[0]) for row in counts]
    return Seen(strangers, staged, hours, late, stored, clashes, doubts)


async def finish(conn: Conn, seen: Seen) -> Batch:
    """Write what is new of it."""
    staged, stored, clashes = seen.staged, seen.stored, seen.clashes
    if seen.doubts:
        stored, clashes = await _look_up(conn)
    left: list[TupleRow] = []
    async with conn.pipeline():
        if stored:
            noted = await conn.execute(NOTE_HOURS, {"hours": seen.hours})
            await conn.execute(_ADD.encode())
            # The state before the day, as in the other lane: whoever comes second waits at the first.
            states = await conn.execute(_STATES.encode(), {"in_call": IN_CALL, "overdue": _OVERDUE})
            await conn.execute(_DAYS.encode())
        if stored < staged:
            await conn.execute(_DUPLICATES)
    if stored:
        left = await states.fetchall()
        if noted.rowcount < len(seen.hours):
            await note_hours(conn, seen.hours)
    return Batch(
        seen.strangers, stored=stored, duplicates=staged - stored, clashes=clashes, late=seen.late,
        show=[row[0] for row in left if row[1]], configure=[row[0] for row in left if row[2]],
    )  # fmt: skip


async def _look_up(conn: Conn) -> tuple[int, int]:
    """Clear up what the marks leave in doubt: (how many of the staged are new, how many of those clash)."""
    async with conn.pipeline():
        await conn.execute(_LOOK_UP)
        await conn.execute(_FOLLOW)
        count = await conn.execute(_COUNT)
    ((stored, clashes),) = await count.fetchall()
    return stored, clashes
