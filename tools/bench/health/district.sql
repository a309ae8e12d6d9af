-- district: a healthy district with its year behind it; then one terminal in `every` falls ill, in each way of its own.
-- In: count, days, now, today, every. A statement ends with a semicolon at the end of its line. Days go in terminal by
-- terminal, in the order of their keys, and without a look at the registry for each: a year is then minutes, not an hour.

set session_replication_role = replica;

insert into device (device_id, status, created_at, iccid, image_kind)
select 'BJXC' || lpad(n::text, 6, '0'), 'installed', %(now)s - interval '500 days', '89860' || lpad(n::text, 15, '0'),
    'home'
from generate_series(0, %(count)s - 1) n;

insert into sim
select iccid, '\x00', decode(md5(iccid), 'hex'), '共享流量', '共享池' || (substr(iccid, 15)::integer %% 6 + 1),
    %(today)s::date + 300, %(now)s
from device;

with place as (
    insert into home
    select gen_random_uuid(), (array(select street_code from street order by 1))[n %% 15 + 1],
        '第' || (n %% 300) || '社区', '\x00', n %% 2 = 0, %(now)s
    from generate_series(0, %(count)s - 1) n returning home_id
)
insert into installation
select gen_random_uuid(), 'BJXC' || lpad((row_number() over () - 1)::text, 6, '0'), home_id, %(today)s::date - 450, null
from place;

insert into device_state (device_id, first_seen_at, last_seen_at, last_beat_at, battery_mv, battery_pct, on_mains, csq,
    registration, cell, clock_offset_ms, booted_at, firmware, iccid, open_faults)
select device_id, created_at, %(now)s - interval '4 minutes', %(now)s - interval '4 minutes', 4100, 95, true, 20, 1,
    '10A2-' || (substr(device_id, 5)::integer %% 400), 200, %(now)s - interval '60 days', '2.1.0', iccid, '{}'
from device;

insert into key_use
select device_id, key, %(now)s - interval '9 days', %(now)s - interval '9 days'
from device, (select distinct key from key_binding) k;

insert into device_day (device_id, day, beats, presses, messages, report)
select device_id, %(today)s::date - n, 144, 1, 3,
    '{"on": 1440, "reg": 1436, "beats": 144, "presses": 1, "answered": 1, "stuck": 0, "faults": 0}'
from device cross join lateral generate_series(0, %(days)s - 1) n;

insert into heartbeat_day (device_id, day, beats, off_mains, in_call, battery_mv_low, battery_pct_low, csq_count,
    csq_sum, csq_low, temperature_low, temperature_high, heap_low, outbox_high, drops_high, rtt_count, rtt_sum)
select device_id, %(today)s::date - n, 144, 0, 1, 4050, 92, 144, 2880, 15, 20, 31, 40000, 2, 0, 144, 86400
from device cross join lateral generate_series(1, %(days)s) n;

set session_replication_role = origin;

create temp table ill as select device_id, iccid, substr(device_id, 5)::integer %% %(every)s as how from device;

create index on ill (device_id);

update device_state s set battery_pct = 8 from ill where ill.device_id = s.device_id and how = 0;

update device_state s set clock_offset_ms = 900000 from ill where ill.device_id = s.device_id and how = 1;

update device_state s set last_seen_at = %(now)s - interval '2 days', last_beat_at = %(now)s - interval '2 days'
from ill where ill.device_id = s.device_id and how = 2;

update heartbeat_day d set csq_sum = csq_count * 5
from ill where ill.device_id = d.device_id and how = 3 and day > %(today)s::date - 9;

update device_day d set beats = 40
from ill where ill.device_id = d.device_id and how = 4 and day > %(today)s::date - 8;

update device_state s set open_faults = '{mains_lost}' from ill where ill.device_id = s.device_id and how = 5;

insert into event (device_id, id, code, happened_at, received_at)
select device_id, '0badcafe.1.9', 'mains_lost', %(now)s - interval '3 hours', %(now)s - interval '3 hours'
from ill where how = 5;

update device d set image_kind = 'trial' from ill where ill.device_id = d.device_id and how = 6;

update sim set expires_on = %(today)s::date + 9 from ill where ill.iccid = sim.iccid and how = 7;
