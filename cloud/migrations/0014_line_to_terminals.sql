-- The line to terminals: who may log in, which every broker follows; and what is said to them until they answer.

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

-- What was sent is sent again until the terminal has answered it or it expires.
alter table down
    add column again_at      timestamptz,  -- sent, and due once more then; null: not, or no longer
    add column answered_at   timestamptz,  -- the terminal acted on it: a call by this route, a result, this configuration
    add column unanswered_at timestamptz;  -- it expired after it was sent, and nothing was heard of it
create index down_again on down (again_at) where again_at is not null;
create index down_of on down (device_id, kind, down_id) where kind <> 'receipt';
