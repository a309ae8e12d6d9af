-- Raw heartbeats and events by weeks of receipt, kept for OKC_RAW_DAYS; sums of an hour and of a day, kept for longer.
-- Two variants with the same names, columns and answers (decisions/0008): hypertables and continuous aggregates where this
-- database has the extension timescaledb with its community licence; else partitions and tables, made, filled and dropped by
-- `onekey serve sweep`.

-- No index over all time can say any more that a heartbeat is new. This can (decisions/0007): of the epoch `beat_epoch` no
-- heartbeat is stored whose place (boot * 10^8 + sequence) is above `beat_place`; both null: none is stored at all.
alter table device_state
    add column beat_epoch text,
    add column beat_place bigint;

-- Both are written with every heartbeat; with room on its page a row's next version needs no new entry in an index.
alter table device_state set (fillfactor = 50);
alter table device_day set (fillfactor = 70);

alter table heartbeat rename to heartbeat_before;
alter table heartbeat_before drop constraint heartbeat_pkey;
drop index heartbeat_by_time;
alter table heartbeat_before alter column id type text collate "C";  -- ids of one epoch are a range of it

with placed as (
    select device_id, split_part(id, '.', 1) as epoch,
        max(split_part(id, '.', 2)::bigint * 100000000 + split_part(id, '.', 3)::bigint) as place,
        max(received_at) as last_at
    from heartbeat_before group by 1, 2
), latest as (
    select distinct on (device_id) device_id, epoch, place from placed order by device_id, last_at desc, epoch
)
update device_state set beat_epoch = latest.epoch, beat_place = latest.place
from latest where latest.device_id = device_state.device_id;

-- What is left to be summed: an hour in the transaction of its rows, a day in that of its hours. at: when it begins.
create table heartbeat_due (
    step text not null check (step in ('hour', 'day')),
    at   timestamptz not null,
    primary key (step, at)
);

-- Rows of hours before this were dropped: what comes late to them can't be summed any more.
create table raw_dropped (until_at timestamptz not null);

do $$
declare
    -- The licence setting is there only where the extension is.
    hyper constant boolean := exists (select from pg_extension where extname = 'timescaledb')
        and coalesce(current_setting('timescaledb.license', true), '') = 'timescale';
    weeks constant text := case when hyper then '' else 'partition by range (received_at)' end;
    next_week constant timestamptz := date_trunc('week', greatest(now(),
        (select max(received_at) from heartbeat_before)), 'UTC') + interval '7 days';
    -- Whatever of an hour's or a day's sums can be added up again: never an average.
    sums constant text :=
        'count(*) as beats, count(*) filter (where not on_mains) as off_mains, count(*) filter (where in_call) as in_call,'
        ' min(battery_mv) as battery_mv_low, min(battery_pct) as battery_pct_low,'
        ' count(*) filter (where csq <> 99) as csq_count, sum(csq) filter (where csq <> 99) as csq_sum,'
        ' min(csq) filter (where csq <> 99) as csq_low, min(temperature_c) as temperature_low,'
        ' max(temperature_c) as temperature_high, min(heap_bytes) as heap_low, max(outbox) as outbox_high,'
        ' max(drops) as drops_high, count(rtt_ms) as rtt_count, sum(rtt_ms) as rtt_sum';
    again constant text :=
        'sum(beats)::bigint as beats, sum(off_mains)::bigint as off_mains, sum(in_call)::bigint as in_call,'
        ' min(battery_mv_low) as battery_mv_low, min(battery_pct_low) as battery_pct_low,'
        ' sum(csq_count)::bigint as csq_count, sum(csq_sum)::bigint as csq_sum, min(csq_low) as csq_low,'
        ' min(temperature_low) as temperature_low, max(temperature_high) as temperature_high,'
        ' min(heap_low) as heap_low, max(outbox_high) as outbox_high, max(drops_high) as drops_high,'
        ' sum(rtt_count)::bigint as rtt_count, sum(rtt_sum)::bigint as rtt_sum';
    kept constant text :=
        'beats, off_mains, in_call, battery_mv_low, battery_pct_low, csq_count, csq_sum, csq_low, temperature_low,'
        ' temperature_high, heap_low, outbox_high, drops_high, rtt_count, rtt_sum';
    columns constant text :=
        'beats bigint not null, off_mains bigint not null, in_call bigint not null, battery_mv_low integer,'
        ' battery_pct_low integer, csq_count bigint not null, csq_sum bigint, csq_low integer, temperature_low integer,'
        ' temperature_high integer, heap_low integer, outbox_high integer, drops_high integer, rtt_count bigint not null,'
        ' rtt_sum bigint';
begin
    execute 'create table heartbeat (like heartbeat_before including constraints) ' || weeks;
    execute 'create table event ('
        ' device_id text not null, id text collate "C" not null, code text not null, val bigint, ref text,'
        ' happened_at timestamptz, received_at timestamptz not null) ' || weeks;
    create index heartbeat_by_id on heartbeat (device_id, id);
    create index heartbeat_by_time on heartbeat using brin (received_at) with (pages_per_range = 32);
    create index event_by_device on event (device_id, received_at);
    create index event_by_time on event using brin (received_at) with (pages_per_range = 32);

    if hyper then
        perform create_hypertable('heartbeat', by_range('received_at', interval '7 days'), create_default_indexes => false);
        perform create_hypertable('event', by_range('received_at', interval '7 days'), create_default_indexes => false);
        alter table heartbeat set (timescaledb.compress, timescaledb.compress_segmentby = 'device_id',
            timescaledb.compress_orderby = 'received_at');
        alter table event set (timescaledb.compress, timescaledb.compress_segmentby = 'device_id',
            timescaledb.compress_orderby = 'received_at');
        insert into heartbeat select * from heartbeat_before;
        drop table heartbeat_before;
        execute 'create materialized view heartbeat_hour'
            ' with (timescaledb.continuous, timescaledb.materialized_only = false) as'
            ' select device_id, time_bucket(interval ''1 hour'', received_at) as hour, ' || sums ||
            ' from heartbeat group by 1, 2 with no data';
        execute 'create materialized view heartbeat_day'
            ' with (timescaledb.continuous, timescaledb.materialized_only = false) as'
            ' select device_id, time_bucket(interval ''1 day'', received_at, ''Asia/Shanghai'') as day_at, ' || sums ||
            ' from heartbeat group by 1, 2 with no data';
        execute 'create view heartbeat_hourly as select device_id, hour, ' || kept || ' from heartbeat_hour';
        execute 'create view heartbeat_daily as'
            ' select device_id, (day_at at time zone ''Asia/Shanghai'')::date as day, ' || kept || ' from heartbeat_day';
    else
        -- Catches what no week was made for: a row is never refused because the sweep was away.
        create table heartbeat_default partition of heartbeat default;
        create table event_default partition of event default;
        if exists (select from heartbeat_before) then
            insert into heartbeat_due
                select distinct 'hour', date_trunc('hour', received_at, 'UTC') from heartbeat_before;
            execute format('alter table heartbeat attach partition heartbeat_before for values from (minvalue) to (%L)',
                next_week);
        else
            drop table heartbeat_before;
        end if;
        execute 'create table heartbeat_hour (device_id text not null, hour timestamptz not null, ' || columns ||
            ') partition by range (hour)';
        execute 'create table heartbeat_day (device_id text not null, day date not null, ' || columns ||
            ', primary key (device_id, day))';
        create index heartbeat_hour_by_device on heartbeat_hour (device_id, hour);
        create index heartbeat_hour_by_time on heartbeat_hour using brin (hour) with (pages_per_range = 32);
        create table heartbeat_hour_default partition of heartbeat_hour default;
        create index heartbeat_day_by_day on heartbeat_day (day);

        -- Summed once for good; what is due is summed at each look.
        execute 'create view heartbeat_hourly as select device_id, hour, ' || kept || ' from heartbeat_hour r'
            ' where not exists (select from heartbeat_due d where d.step = ''hour'' and d.at = r.hour)'
            ' union all select h.device_id, d.at as hour, ' || sums || ' from heartbeat_due d join heartbeat h'
            ' on h.received_at >= d.at and h.received_at < d.at + interval ''1 hour'''
            ' where d.step = ''hour'' group by 1, 2';
        execute 'create view heartbeat_daily as with open as (select distinct'
            ' (at at time zone ''Asia/Shanghai'')::date as day from heartbeat_due)'
            ' select device_id, day, ' || kept || ' from heartbeat_day r where not exists'
            ' (select from open where open.day = r.day)'
            ' union all select device_id, open.day, ' || again || ' from open join heartbeat_hourly h'
            ' on h.hour >= open.day::timestamp at time zone ''Asia/Shanghai'''
            ' and h.hour < (open.day + 1)::timestamp at time zone ''Asia/Shanghai'' group by 1, 2';
    end if;
end $$;

insert into event (device_id, id, code, val, ref, happened_at, received_at)
select device_id, id, body->>'ev', (body->>'val')::bigint, body->>'ref', happened_at, received_at
from message where kind = 'event';
