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
    primary key (device_id, id)
);
create index heartbeat_by_time on heartbeat (received_at);

-- What could not be taken: kept whole, with the reason, and receipted if an id could be read.
create table quarantine (
    quarantine_id  bigint generated always as identity primary key,
    received_at    timestamptz not null,
    topic          text not null,
    device_id      text,             -- from the topic if it has the form; not a reference: it may be nobody's
    message_id     text,
    reason         text not null,    -- protocol.errors.REASONS
    field          text,
    payload_sealed bytea not null    -- may hold anything
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
    sent_at      timestamptz                 -- the broker has it
);
create index down_due on down (due_at) where sent_at is null;

-- Counters of whole processes that belong to no device; and when each process last worked.
create table service_health (
    process     text primary key,            -- ingest, send, sweep, web
    beat_at     timestamptz not null,
    counters    jsonb not null default '{}'
);
