-- A broker that had forgotten our session when we came back: what it kept for us in between is gone. Terminals send again
-- whatever had no receipt; heartbeats have none, so some may be missing between the two times.
create table session_lost (
    session_lost_id bigint generated always as identity primary key,
    door            text not null,           -- as in service_health
    from_at         timestamptz not null,    -- when the door was last known to work
    at              timestamptz not null,    -- when it was told that the broker knows no session
    check (from_at <= at)
);
create index session_lost_by_time on session_lost (at);
