-- The registry says who may log in; every broker follows it.

create table broker_follower (
    broker       text primary key,          -- as its operator calls it
    read_at      timestamptz not null,      -- by this database's clock, before the list was read by which it works now
    credentials  integer not null,          -- in that list
    seen_at      timestamptz not null,      -- when the follower last looked
    held_back    integer not null default 0 -- terminals that the list lacks and the broker still admits: too many at once
);

create function tell_credentials() returns trigger language plpgsql as $$
begin
    perform pg_notify('credentials', '');
    return null;
end $$;
create trigger device_credentials after insert or delete or update of credential on device
    for each statement execute function tell_credentials();
