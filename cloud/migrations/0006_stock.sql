-- Identities that are reserved for benches, what benches signed about boards, and the SIM cards in stock.
-- A number is sealed; an ICCID is plain, because it is what a terminal tells of itself.

alter table device drop constraint device_status_check;
alter table device
    add constraint device_status_check check (status in (
        'reserved',   -- an id and a credential, no terminal is known to have them: in no count of the fleet -> stock
        'stock',      -- known, not in a home yet -> installed
        'installed',  -- in a home, counted for billing -> paused, stock, retired
        'paused',     -- elder away: not a fault, not a normal day -> installed
        'retired'     -- never again
    )),
    add column serial          text unique check (serial ~ '^[A-Z0-9-]{1,32}$'),
    add column mac             text unique check (mac ~ '^([0-9a-f]{2}:){5}[0-9a-f]{2}$'),
    add column imei            text check (imei ~ '^[0-9]{15}$'),
    add column iccid           text check (iccid ~ '^[0-9]{19,20}$'),
    add column board           text,               -- name of its table in the firmware, okb-a
    add column image           text,               -- name of the image that was written
    add column image_kind      text check (image_kind in (
        'home',       -- our frozen build
        'trial'       -- official MicroPython: a broken file system stops it, so no home gets it
    )),
    add column provisioned_at  timestamptz,        -- by the bench's clock
    add column passed_at       timestamptz,        -- the latest acceptance test, by the bench's clock; null: it failed
    add column bench           text,               -- whose reservation it was; null: registered by hand
    add column unlock_round    integer not null default 0;  -- another round, another code for its console

-- A card or a modem of a terminal that is gone for ever may be used again.
create unique index device_by_imei on device (imei) where status <> 'retired';
create unique index device_by_iccid on device (iccid) where status <> 'retired';
create index device_by_bench on device (bench);

-- Who may sign for boards.
create table bench (
    bench       text primary key check (bench ~ '^[A-Z0-9]{2,12}$'),
    public_key  bytea not null,        -- Ed25519
    created_at  timestamptz not null,
    closed_at   timestamptz            -- lost or given up: nothing that it signed is merged any more
);
alter table device add constraint device_bench_fkey foreign key (bench) references bench;

-- What benches signed, as signed. Refused records are kept too: they are tried again, and the chain goes on over them.
create table bench_record (
    bench       text not null references bench,
    n           integer not null check (n >= 1),
    line_hash   bytea not null,        -- SHA-256 of the line: `prev` of the next one
    line        text not null,
    kind        text not null check (kind in ('provision', 'accept')),
    device_id   text not null,         -- as written; a refused one may name nobody
    signed_at   timestamptz not null,  -- by the bench's clock
    refused     text,                  -- why it changed nothing; null: it counts
    merged_at   timestamptz not null,
    primary key (bench, n)
);
create index bench_record_by_device on bench_record (device_id, n);

-- SIM cards that were bought.
create table sim (
    iccid          text primary key check (iccid ~ '^[0-9]{19,20}$'),
    msisdn_sealed  bytea not null,
    msisdn_hash    bytea not null unique,
    plan           text not null check (char_length(plan) between 1 and 40),
    pool           text not null check (char_length(pool) <= 40),  -- '': of its own
    expires_on     date not null,      -- last day of service
    created_at     timestamptz not null
);

-- Every code that opened a console, and why.
create table unlock_given (
    unlock_id  bigint generated always as identity primary key,
    device_id  text not null references device,
    round      integer not null,
    reason     text not null check (char_length(reason) between 3 and 200),
    actor      text not null,
    given_at   timestamptz not null
);
