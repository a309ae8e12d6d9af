-- Many terminals that fell ill together, as one incident. Their own findings wait for as long as it is open.

create table incident (
    incident_id   bigint generated always as identity primary key,
    family        text not null,          -- cloud/health/incident_models.py
    scope         text not null,          -- what the members have in common
    place         text not null,          -- which one of these
    since         timestamptz not null,   -- the earliest cause of a member
    opened_at     timestamptz not null,
    closed_at     timestamptz,            -- null: it is open
    members_high  integer not null,       -- terminals that ever were in it
    group_size    integer not null,       -- installed terminals that had it in common when it opened
    check (since <= opened_at and closed_at >= opened_at)
);
create unique index incident_open on incident (family, scope, place) where closed_at is null;
create index incident_by_opening on incident (opened_at);

create table incident_member (
    incident_id  bigint not null references incident,
    device_id    text not null references device,
    joined_at    timestamptz not null,
    left_at      timestamptz,             -- nothing of the incident is open at it any more; null: it is still ill
    primary key (incident_id, device_id)
);
create index incident_member_by_device on incident_member (device_id);

-- The incident that it waits for; once that has ended, the one that it is left over from.
alter table finding add column incident_id bigint references incident;
create index finding_by_incident on finding (incident_id) where incident_id is not null;
