-- What is said to a terminal of its configuration and what came of it; how its line, its battery and its program did lately.

-- Somebody changed settings of one terminal from afar. Before and after are sealed: callers' numbers are among them.
create table config_change (
    change_id      bigint generated always as identity primary key,
    device_id      text not null references device,
    version        integer not null check (version > 0),
    asked_by       text not null,
    asked_at       timestamptz not null,
    expires_at     timestamptz not null,     -- not under way any more; the terminal may take it later all the same
    from_district  boolean not null,
    change_sealed  bytea not null,           -- {setting: [before, after]}
    settled_at     timestamptz,
    result         text check (result in ('applied', 'refused')),
    why            text,                     -- as the terminal said it
    unique (device_id, version),
    check ((settled_at is null) = (result is null))
);
create index config_change_by_device on config_change (device_id, asked_at desc);

-- When a terminal's connection began or ended, by Shanghai day: the broker's word, our own outages still among them.
create table link_day (
    device_id  text not null references device,
    day        date not null,
    changes    timestamptz[] not null,       -- at most 64, the rest of a wild day is not kept
    primary key (device_id, day)
) with (fillfactor = 60);
create index link_day_by_day on link_day (day);

-- Hours wholly on battery that follow each other: the run that goes on or was last, and the last one that was long enough
-- to say something about the battery. Folded from heartbeat_hourly, hour by hour, each once.
create table discharge (
    device_id  text primary key references device,
    from_hour  timestamptz not null,
    until_hour timestamptz not null,         -- its last hour
    from_pct   integer not null,             -- lowest of its first hour
    until_pct  integer not null,             -- lowest of its last hour
    long_from  timestamptz,
    long_until timestamptz,
    long_drop  integer,                      -- per cent lost between the two
    check ((long_from is null) = (long_until is null) and (long_from is null) = (long_drop is null))
);
create table discharge_until (hour timestamptz not null);  -- hours before this are folded in; no row: none are

-- Which program terminals of a board should run. No row: nobody is behind.
create table firmware_target (
    board      text primary key,
    version    text not null check (version <> ''),
    author     text not null,
    set_at     timestamptz not null
);

create index event_of_trends on event (received_at)
    where code in ('mains_lost', 'update_failed', 'update_interrupted', 'update_accepted');
