"""The SQL of a batch of heartbeats: staged by COPY, then set against what is known, all at once. No commit here.

In: lines of beatline.py. Out: rows of `heartbeat`, the latest state, the day's count, and what is left to be done one
by one. It says the same as taking each heartbeat by itself in order of arrival (take.py, devices/rules.py);
tests/cloud/ingest/test_beats.py holds the two against each other. No statement runs once for each row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from cloud.devices.rules import HEARTBEAT_S, IN_CALL, LATE_GRACE
from cloud.ingest.beatline import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloud.db import Conn

# Of one connection, emptied by each commit; it is never written to the log of the database.
_STAGE = """
create temp table if not exists beat_stage (
    seq integer, device_id text, id text, content_hash bytea, received_us bigint, happened_us bigint, dating text,
    day integer, late boolean, offset_ms bigint, bat integer, pct integer, mains integer, csq integer, reg integer,
    net text, cell text, temp integer, heap integer, box integer, drops integer, call integer, cfg integer, rtt integer,
    test integer, missed integer
) on commit delete rows;
create temp table if not exists beat_new (seq integer, clash boolean) on commit delete rows;
"""
_COPY = f"copy beat_stage (seq, {', '.join(COLUMNS)}) from stdin"

# In the order of their ids: two batches that meet wait for each other and never in a circle. A message of the other
# lane holds one terminal at a time.
_LOCK = """
select device_id from device_state where device_id in (select device_id from beat_stage)
order by device_id for no key update
"""

_STRANGERS = """
delete from beat_stage where not exists (select from device where device.device_id = beat_stage.device_id)
returning seq
"""

_OVERDUE = timedelta(seconds=HEARTBEAT_S) + LATE_GRACE  # as rules.worth_showing
_AT = "timestamptz 'epoch' + {} * interval '1 microsecond'"
_RECEIVED, _HAPPENED = _AT.format("received_us"), _AT.format("happened_us")

_ADD = f"""
with added as (
    insert into heartbeat (device_id, id, content_hash, received_at, happened_at, dating, day, battery_mv, battery_pct,
        on_mains, csq, registration, network, cell, temperature_c, heap_bytes, outbox, drops, in_call, config_version,
        rtt_ms, selftest, missed)
    select distinct on (device_id, id, content_hash) device_id, id, content_hash, {_RECEIVED}, {_HAPPENED}, dating,
        date '1970-01-01' + day, bat, pct, mains = 1, csq, reg, net, cell, temp, heap, box, drops, call = 1, cfg, rtt,
        test, missed
    from beat_stage order by device_id, id, content_hash, seq
    on conflict do nothing
    returning device_id, id, content_hash
)
insert into beat_new (seq, clash)
select min(seq), false from added join beat_stage using (device_id, id, content_hash)
group by device_id, id, content_hash
"""

# Each that came after another of its id: in this batch or before it.
_CLASHES = """
update beat_new set clash = true
from beat_stage s
where s.seq = beat_new.seq and exists (
    select from heartbeat h where h.device_id = s.device_id and h.id = s.id and h.content_hash <> s.content_hash
    and not exists (
        select from beat_stage other join beat_new on beat_new.seq = other.seq
        where other.device_id = h.device_id and other.id = h.id and other.content_hash = h.content_hash
        and other.seq > s.seq
    )
)
"""

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
select distinct on (device_id) device_id, {_RECEIVED} as received_at, cfg, bat, pct, mains = 1 as on_mains, csq, reg,
    cell, drops,
    min({_RECEIVED}) over whole as first_at, max({_RECEIVED}) over whole as last_at,
    count(*) filter (where late) over whole as late, count(*) filter (where clash) over whole as clashes,
    max({_HAPPENED}) filter (where call = 0) over whole as idle_at,
    last_value(offset_ms) over (partition by device_id order by (offset_ms is not null), seq
        rows between unbounded preceding and unbounded following) as offset_ms
from beat_stage join beat_new using (seq)
window whole as (partition by device_id)
order by device_id, seq desc
"""

_STATES = f"""
with sums as materialized ({_SUMS}), known as (
    select sums.*, s.config_version as ran, s.heartbeat_s, s.on_mains as mains_before, s.in_call_until as call_before,
        s.last_seen_at as seen_before,
        case when s.in_call_until - %(in_call)s <= sums.idle_at then null else s.in_call_until end as call_after
    from sums left join device_state s using (device_id)
), written as (
    insert into device_state as state (device_id, first_seen_at, last_seen_at, last_beat_at, config_version, battery_mv,
        battery_pct, on_mains, csq, registration, cell, drops, clock_offset_ms, late, id_clashes, in_call_until,
        heartbeat_s)
    select device_id, first_at, last_at, received_at, cfg, bat, pct, on_mains, csq, reg, cell, drops, offset_ms, late,
        clashes, call_after, case when ran = cfg then heartbeat_s else (
            select c.heartbeat_s from device_config c
            where c.version = cfg and (c.device_id = known.device_id or c.device_id is null)
            order by c.device_id nulls last limit 1) end
    from known order by device_id
    on conflict (device_id) do update set
        last_seen_at = greatest(state.last_seen_at, excluded.last_seen_at), last_beat_at = excluded.last_beat_at,
        config_version = excluded.config_version, battery_mv = excluded.battery_mv,
        battery_pct = excluded.battery_pct, on_mains = excluded.on_mains, csq = excluded.csq,
        registration = excluded.registration, cell = excluded.cell, drops = excluded.drops,
        clock_offset_ms = coalesce(excluded.clock_offset_ms, state.clock_offset_ms),
        late = state.late + excluded.late, id_clashes = state.id_clashes + excluded.id_clashes,
        in_call_until = excluded.in_call_until, heartbeat_s = excluded.heartbeat_s
)
select known.device_id,
    seen_before is null or on_mains is distinct from mains_before or call_after is distinct from call_before
        or first_at - seen_before > %(overdue)s,
    d.config_version not in (0, cfg)
from known join device d using (device_id)
where seen_before is null or on_mains is distinct from mains_before or call_after is distinct from call_before
    or first_at - seen_before > %(overdue)s or d.config_version not in (0, cfg)
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
    """What became of a batch, and what is left to do: `show` on the live pages, `configure` if it runs another one."""

    stored: int
    duplicates: int
    clashes: int
    show: list[str]
    configure: list[str]


async def prepare(conn: Conn) -> None:
    """Once for each connection, outside a transaction."""
    await conn.execute(_STAGE)


async def stage(conn: Conn, lines: Sequence[str]) -> list[int]:
    """Stage these lines but for those whose terminal nobody registered; the places of those, from 0."""
    async with conn.cursor() as cursor:
        async with cursor.copy(_COPY.encode()) as copy:
            await copy.write("".join([f"{place}\t{line}\n" for place, line in enumerate(lines)]))
        await cursor.execute(_STRANGERS)
        return [row[0] for row in await cursor.fetchall()]


async def add(conn: Conn, count: int) -> Batch:
    """Store what is staged, `count` lines."""
    async with conn.cursor() as cursor:
        await cursor.execute(_LOCK)
        await cursor.execute(_ADD.encode())
        stored = cursor.rowcount
        await cursor.execute(_CLASHES)
        clashes = cursor.rowcount
        # The state before the day, as in the other lane: whoever comes second waits at the first.
        await cursor.execute(_STATES.encode(), {"in_call": IN_CALL, "overdue": _OVERDUE})
        left = await cursor.fetchall()
        await cursor.execute(_DAYS.encode())
        if stored < count:
            await cursor.execute(_DUPLICATES)
    return Batch(
        stored=stored, duplicates=count - stored, clashes=clashes,
        show=[row[0] for row in left if row[1]], configure=[row[0] for row in left if row[2]],
    )  # fmt: skip
