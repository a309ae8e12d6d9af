-- What people did with a message in quarantine. The row itself, and what was said, never changes.
alter table quarantine add column settled text check (settled in ('replayed', 'dropped'));

create table quarantine_act (
    act_id         bigint generated always as identity primary key,
    quarantine_id  bigint not null references quarantine,
    at             timestamptz not null,
    author         text not null,
    kind           text not null check (kind in ('corrected', 'replayed', 'refused', 'dropped')),
    note           text not null default '',
    outcome        text,   -- of a replay: ingest.take.OUTCOMES; of a refused one: why
    topic          text,   -- of a correction, and the payload: they stand for the message from then on
    payload_sealed bytea,
    check ((kind = 'corrected') = (topic is not null and payload_sealed is not null))
);
create index quarantine_act_by_message on quarantine_act (quarantine_id, act_id);
