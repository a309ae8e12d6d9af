-- A case: everything between a key being pressed and its disposition. Facts are added, never changed or deleted;
-- what a case is right now is computed from them (cloud/calls/rules.py) and kept beside them to be found quickly.

-- Who is called for which key, in order: desk, family, station, ambulance, or a service. Always ends at the desk.
create table key_binding (
    home_id  uuid references home,     -- null: the district's default
    key      text not null check (key ~ '^(sos|k[1-9])$'),
    steps    text[] not null check (cardinality(steps) between 1 and 8),
    unique nulls not distinct (home_id, key)
);
insert into key_binding (home_id, key, steps) values
    (null, 'sos', '{desk,family,desk}'),
    (null, 'k1', '{station,desk}'),
    (null, 'k2', '{taxi,desk}'),
    (null, 'k3', '{medicine,desk}'),
    (null, 'k4', '{grocery,desk}');

create table case_file (
    case_id        uuid primary key,
    device_id      text not null references device,
    home_id        uuid references home,     -- null: "account not set up" when it was opened; still a case
    opened_at      timestamptz not null,     -- when the first fact of it reached us
    -- Everything below is computed from the facts, in the transaction that adds one.
    key            text,                     -- null: a call is known, its press has not arrived yet
    urgency        text not null check (urgency in ('emergency', 'service', 'test')),
    state          text not null,            -- protocol.codes.CASE_STATES
    late           boolean not null,         -- no press of it arrived in time: the desk calls back
    presses        integer not null,
    pressed_at     timestamptz,              -- the first press, as the terminal dated it
    waiting_since  timestamptz,              -- a press that nobody has accepted reached us then; null: none waits
    escalation     smallint not null,        -- 0: one desk, 1: everyone on the desk, 2: supervisor
    due_at         timestamptz,              -- the next escalation
    accepted_at    timestamptz,              -- last acceptance
    accepted_by    text,
    cancelled_at   timestamptz,              -- the user took the last press back; the desk still looks after it
    on_the_way_at  timestamptz,
    closed_at      timestamptz
);
create index case_file_open on case_file (device_id) where closed_at is null;
create index case_file_due on case_file (due_at) where due_at is not null;
create index case_file_by_time on case_file (opened_at);

create table case_fact (
    fact_id      bigint generated always as identity primary key,
    case_id      uuid not null references case_file,
    device_id    text not null references device,
    kind         text not null check (kind in (
                     'press',       -- body: key, how, late
                     'routed',      -- sealed: the ladder that was sent; body: its labels, version, expiry
                     'step',        -- body: the wire's `call` fields
                     'cancelled',   -- the user took it back, by key or by ending the ladder
                     'exhausted',   -- every rung tried, nobody answered
                     'escalated',   -- body: level
                     'accepted',    -- a person at the desk took it
                     'on_the_way',  -- somebody is going there
                     'disposed',    -- body: disposition, outcome
                     'closed'
                 )),
    message_id   text,              -- of the message that told it; null: told by the desk or by us
    ref          text,              -- the press it belongs to
    happened_at  timestamptz,       -- as dated; null: could not be
    at           timestamptz not null,  -- when it reached us, or was done
    actor        text,              -- who, at the desk
    body         jsonb not null,
    sealed       bytea,             -- what may not be read in the clear: numbers
    fact_hash    bytea not null,    -- of kind, message, ref, actor, body and, for the desk's own, time
    unique (case_id, fact_hash)     -- facts are a set: hearing one twice changes nothing
);
create index case_fact_by_ref on case_fact (device_id, ref);
