-- Terminals, what they said, and what they are told.
-- Times are timestamptz in UTC and end in _at; days are Asia/Shanghai civil days; durations end in _s or _ms.
-- A column ending in _sealed is encrypted by the application (cloud/sealed.py), _hash is its keyed hash for look-up.

create table device (
    device_id      text primary key check (device_id ~ '^[A-Z0-9]{6,20}$'),
    status         text not null default 'stock'
                   check (status in (
                       'stock',      -- known, not in a home yet -> installed
                       'installed',  -- in a home, counted for billing -> paused, stock, retired
                       'paused',     -- elder away: not a fault, not a normal day -> installed
                       'retired'     -- never again
                   )),
    credential     text,             -- broker's password hash ($7$..., PBKDF2-SHA512); null: cannot log in
    revoked_at     timestamptz,
    msisdn_sealed  bytea,            -- phone number of its SIM
    msisdn_hash    bytea unique,
    config_version integer not null default 0,  -- wanted; 0: shipped defaults
    created_at     timestamptz not null
);

-- What a terminal is told to run by, one row per version. Sent whenever the version that it reports is not the wanted one.
create table device_config (
    config_id      bigint generated always as identity primary key,
    device_id      text references device,   -- null: for every terminal that has no row of its own at this version
    version        integer not null check (version > 0),
    body_sealed    bytea not null,           -- the `config` payload as it goes out; holds numbers
    created_at     timestamptz not null,
    unique nulls not distinct (device_id, version)
);

-- Every receipted message, once. The key is identity *and* content: the same id with other content is a new message.
create table message (
    device_id      text not null references device,
    id             text not null,    -- e.b.n of the wire
    content_hash   bytea not null,   -- SHA-256 of kind and content without `s`, which changes with every resend
    kind           text not null,
    body           jsonb not null,   -- the checked fields
    happened_at    timestamptz,      -- dated; null: could not be
    dating         text not null check (dating in ('clock', 'uptime', 'receipt')),
    day            date not null,    -- the Shanghai day that it counts for
    received_at    timestamptz not null,
    primary key (device_id, id, content_hash)
);
create index message_by_day on message (device_id, day);
create index message_by_time on message (received_at);
create index message_press on message (id) where kind = 'press';  -- whose press a `ref` names

create table heartbeat (
    device_id      text not null references device,
    id             text not null,
    received_at    timestamptz not null,
    happened_at    timestamptz,
    dating         text not null check (dating in ('clock', 'uptime', 'receipt')),
    day            date not null,
    battery_mv     integer,
    battery_pct    integer,
    on_mains       boolean,
    csq            integer not null,  -- 0..31, 99 unknown
    registration   integer not null,
    network        text not null,
    cell           text,
    temperature_c  integer,
    heap_bytes     integer not null,
    outbox         integer not null,
    drops          integer not null,
    in_call        boolean not null,
    config_version integer not null,
    rtt_ms         integer,
    selftest       integer,
    missed         integer,
    content_hash   bytea not null,    -- as in message
    primary key (device_id, id, content_hash)
);
create index heartbeat_by_time on heartbeat (received_at);

-- What could not be taken: kept whole, with the reason, and receipted if an id could be read.
create table quarantine (
    quarantine_id  bigint generated always as identity primary key,
    received_at    timestamptz not null,
    topic          text not null,
    device_id      text,             -- from the topic if it has the form; not a reference: it may be nobody's
    message_id     text,
    reason         text not null,    -- protocol.errors.REASONS, or `refused` by the database, or `internal`: our fault
    field          text,
    payload_sealed bytea not null,   -- may hold anything; only the beginning of one far over the limit
    payload_bytes  integer not null, -- of the whole payload
    payload_hash   bytea not null unique,  -- keyed hash of topic and payload: the same bytes again only count up
    times          integer not null default 1,
    last_at        timestamptz not null
);
create index quarantine_by_time on quarantine (received_at);

-- Latest state, kept in the transaction of the message.
create table device_state (
    device_id        text primary key references device,
    first_seen_at    timestamptz not null,
    last_seen_at     timestamptz not null,   -- received
    last_beat_at     timestamptz,
    boot_epoch       text,
    boot_count       integer,
    booted_at        timestamptz,
    reset_cause      text,
    firmware         text,
    board            text,
    imei             text,
    iccid            text,
    config_version   integer not null default 0,  -- reported
    link             text not null default 'unknown' check (link in ('unknown', 'online', 'offline')),
    link_at          timestamptz,
    link_id          text,                   -- of the state message: it is retained, and comes again at each subscribe
    in_call_until    timestamptz,            -- presumed: GPRS is suspended in a call
    battery_mv       integer,
    battery_pct      integer,
    on_mains         boolean,
    csq              integer,
    registration     integer,
    cell             text,
    drops            integer not null default 0,
    clock_offset_ms  bigint,                 -- device clock minus ours at the last message that had one
    open_faults      text[] not null default '{}',
    duplicates       bigint not null default 0,  -- redelivered or resent: changed nothing
    id_clashes       bigint not null default 0,
    late             bigint not null default 0,  -- arrived more than 120 s after they happened
    quarantined      bigint not null default 0
);

-- What is known of each device on each Shanghai day: the evidence from which usage days are decided.
create table device_day (
    device_id  text not null references device,
    day        date not null,
    beats      integer not null default 0,
    presses    integer not null default 0,
    calls      integer not null default 0,   -- attempts that reached talk
    messages   integer not null default 0,   -- receipted messages of any kind that happened on the day
    late       integer not null default 0,   -- of these, arrived on a later day
    undated    integer not null default 0,   -- of these, dated by receipt only
    first_at   timestamptz,
    last_at    timestamptz,
    report     jsonb,                        -- the terminal's own `day` record
    primary key (device_id, day)
);

-- Down link: a row in the transaction that decided it; the sender publishes after commit.
create table down (
    down_id      bigint generated always as identity primary key,
    device_id    text not null references device,
    kind         text not null,
    of_id        text,                       -- receipt: the id it names; route, desk: the press; cmd: the command
    body_sealed  bytea,                      -- null for receipts, which are built from of_id when sent
    created_at   timestamptz not null,
    expires_at   timestamptz,                -- null: does not expire (receipts)
    due_at       timestamptz not null,       -- send not before; moved on after a failed try
    tries        integer not null default 0,
    sent_at      timestamptz,                -- the broker has it
    dropped_at   timestamptz                 -- expired before the broker could have it
);
create index down_due on down (due_at) where sent_at is null and dropped_at is null;
create index down_urgent on down (down_id) where sent_at is null and dropped_at is null and kind <> 'receipt';
create index down_config on down (device_id, created_at) where kind = 'config';
create index down_done on down (created_at) where sent_at is not null or dropped_at is not null;

-- Counters of whole processes that belong to no device; and when each process last worked.
create table service_health (
    process     text primary key,            -- ingest, send, sweep, web
    beat_at     timestamptz not null,
    counters    jsonb not null default '{}'
);

-- When ingest was not healthy (ended, or without broker or database): no terminal's silence is counted in these.
create table ingest_gap (
    gap_id      bigint generated always as identity primary key,
    from_at     timestamptz not null,
    until_at    timestamptz not null,
    check (from_at < until_at)
);
create index ingest_gap_by_end on ingest_gap (until_at);
