-- What is wrong with each terminal, since when and why; and the values by which that is judged.

-- Values that differ from the shipped ones (cloud/health/thresholds.py), a whole set for each version. The highest counts.
create table health_threshold (
    version     integer not null check (version > 0),
    name        text not null,
    value       double precision not null,
    author      text not null,
    reason      text not null check (char_length(reason) >= 4),
    created_at  timestamptz not null,
    primary key (version, name)
);

create table finding (
    finding_id          bigint generated always as identity primary key,
    device_id           text not null references device,
    rule                text not null,          -- cloud/health/RULES.md
    rule_version        integer not null,
    thresholds_version  integer not null,       -- 0: as shipped
    since               timestamptz not null,   -- when the cause began, not when we saw it
    opened_at           timestamptz not null,
    closed_at           timestamptz,            -- null: it holds
    evidence            jsonb not null,
    owner               text not null,
    check (since <= opened_at and closed_at >= opened_at)
);
create unique index finding_open on finding (device_id, rule) where closed_at is null;
create index finding_by_device on finding (device_id, opened_at);
create index finding_by_opening on finding (opened_at);

-- The latest press of each key, and the latest call from it on which two people talked: folded from case_fact, whose facts
-- are a set, so that folding one twice changes nothing.
create table key_use (
    device_id   text not null references device,
    key         text not null,
    pressed_at  timestamptz,
    proved_at   timestamptz,
    primary key (device_id, key)
);
create table key_use_until (at timestamptz not null);  -- facts before this are folded in; no row: none are
create index case_fact_by_time on case_fact (at);

create index message_boot on message (received_at) where kind = 'boot';
create index device_day_by_day on device_day (day);
