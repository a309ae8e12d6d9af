-- What happens to a terminal in people's homes: visits with their evidence, fleets taken over, and who took data out.

-- One visit of a technician. Its id is drawn when the job begins, so that sending it twice changes nothing.
create table field_visit (
    visit_id            uuid primary key,
    kind                text not null check (kind in ('install', 'swap', 'remove', 'retire')),
    device_id           text not null references device,  -- put in (install, swap), taken out (remove), ended (retire)
    old_device_id       text references device,           -- swap: the one that left
    home_id             uuid references home,              -- null: retire
    on_day              date not null,                     -- Shanghai day
    begun_at            timestamptz not null,              -- by the technician's clock
    actor               text not null,
    reason              text,                              -- remove, retire, swap
    without_acceptance  text,                              -- why a terminal without a passed test was put in
    offline             boolean not null,
    job_hash            bytea not null,                    -- SHA-256 of the job: the same id with another job is refused
    applied_at          timestamptz not null,
    press_id            text,                              -- the elder's own test press
    press_at            timestamptz,
    finished_at         timestamptz,                       -- null: evidence is missing, the visit is not over
    check ((kind = 'swap') = (old_device_id is not null)),
    check ((kind = 'retire') = (home_id is null))
);
create index field_visit_by_device on field_visit (device_id);
create index field_visit_open on field_visit (applied_at) where finished_at is null;

-- Photo of the place and signature of the elder.
create table field_file (
    visit_id        uuid not null references field_visit,
    kind            text not null check (kind in ('photo', 'signature')),
    sha256          bytea not null,           -- of the picture as it was taken
    media           text not null check (media in ('image/jpeg', 'image/png')),
    bytes           integer not null,         -- of the picture
    content_sealed  bytea not null,
    at              timestamptz not null,
    primary key (visit_id, kind, sha256)
);

-- The one call to 120 that proves a SIM. Made by hand and agreed with 120 beforehand; never by a program.
create table field_call_120 (
    visit_id       uuid primary key references field_visit,
    device_id      text not null references device,
    called_at      timestamptz,               -- null: not made
    agreed_sealed  bytea not null,            -- with whom at 120
    result         text not null check (result in ('connected', 'busy', 'no_answer', 'failed', 'not_made')),
    note           text
);
create index field_call_120_by_device on field_call_120 (device_id);

-- Files by which a running fleet was taken over; the hash keeps one from being taken twice.
create table takeover (
    takeover_id  uuid primary key,
    sha256       bytea not null unique,
    actor        text not null,
    at           timestamptz not null,
    ours         integer not null,
    foreign_     integer not null
);

-- Another maker's units in homes: no credential of ours, never counted as ours, listed apart until they are replaced.
create table foreign_unit (
    maker          text not null,
    unit_id        text not null,             -- as that maker numbers it
    home_id        uuid not null references home,
    number_sealed  bytea,                     -- of its SIM
    iccid          text check (iccid ~ '^[0-9]{19,20}$'),
    installed_on   date,
    takeover_id    uuid not null references takeover,
    primary key (maker, unit_id)
);
create index foreign_unit_by_home on foreign_unit (home_id);

-- Who looked at personal data outside an emergency, or took it out, and why.
create table data_access (
    access_id  bigint generated always as identity primary key,
    at         timestamptz not null,
    actor      text not null,
    what       text not null check (what in ('household_list', 'fleet_export')),
    reason     text not null check (char_length(reason) >= 4),
    rows       integer not null,
    revealed   boolean not null               -- false: numbers and names were masked
);
create index data_access_by_time on data_access (at);
