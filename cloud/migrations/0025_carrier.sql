-- What the operator's SIM platform tells of cards and data pools (cloud/carrier/CONTRACT.md), and alarms of the whole
-- district. Nothing here is ever deleted by an answer: what the platform no longer lists is marked, with the time.

create table sim_account (
    iccid             text primary key check (iccid ~ '^[0-9]{19,20}$'),
    status            text check (status in ('stock', 'test', 'activated', 'suspended', 'stopped', 'terminated')),
    voice             boolean,
    data_used_bytes   bigint check (data_used_bytes >= 0),   -- of the calendar month of told_at, Shanghai
    data_quota_bytes  bigint check (data_quota_bytes >= 0),  -- the card's own; null: only its pool limits it
    pool              text not null default '',              -- '': of its own
    expires_on        date,                                  -- last day of service
    bound_imei        text check (bound_imei ~ '^[0-9]{15}$'),  -- the one modem that it works in; null: in any
    changed_at        timestamptz,            -- when anything but its use last changed, as told
    told_at           timestamptz not null,   -- the platform's own time of what it says
    read_at           timestamptz not null,   -- when we read it
    missing_since     timestamptz,            -- the platform lists all its cards, and not this one; null: it does
    check (missing_since is not null or (status is not null and voice is not null))
);

-- One row a day and pool, the last that was told on it: the slope, and the latest of all is the present.
create table sim_pool_use (
    pool           text not null check (char_length(pool) between 1 and 40),
    cycle_start    date not null,
    day            date not null,
    cycle_end      date not null,             -- last day
    quota_bytes    bigint not null check (quota_bytes >= 0),
    used_bytes     bigint not null check (used_bytes >= 0),
    cards          integer not null check (cards >= 0),
    cut_off        boolean not null,          -- all its cards lose data when it is used up
    told_at        timestamptz not null,
    read_at        timestamptz not null,
    missing_since  timestamptz,
    primary key (pool, cycle_start, day)
);
create index sim_pool_use_latest on sim_pool_use (pool, told_at desc);

-- Every reading of the platform, how it went.
create table carrier_read (
    read_id   bigint generated always as identity primary key,
    begun_at  timestamptz not null,
    ended_at  timestamptz not null,
    fault     text,                     -- why it is not whole, in one word; null: all cards and all pools
    cards     integer not null,
    pools     integer not null,
    skipped   jsonb not null            -- entries that could not be taken, by reason
);
create index carrier_read_well on carrier_read (ended_at) where fault is null;

-- One cause that concerns many homes is told once.
create table district_alarm (
    alarm_id   bigint generated always as identity primary key,
    kind       text not null,           -- pool
    place      text not null,           -- its name
    since      timestamptz not null,
    opened_at  timestamptz not null,
    closed_at  timestamptz,
    evidence   jsonb not null,
    check (since <= opened_at and closed_at >= opened_at)
);
create unique index district_alarm_open on district_alarm (kind, place) where closed_at is null;
