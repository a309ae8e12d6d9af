-- What people ask a terminal to do from afar, and what it answered. One row for each; the message down is a row of `down`.

create table device_command (
    cid          text primary key check (length(cid) between 1 and 16),
    device_id    text not null references device,
    do_what      text not null check (do_what in ('selftest', 'reboot', 'report')),
    asked_by     text not null,
    asked_at     timestamptz not null,
    expires_at   timestamptz not null,     -- not carried out after it
    faults       text[] not null,          -- open when it was asked: what of these is gone afterwards may have been cured
    answered_at  timestamptz,
    result       text check (result in ('done', 'failed', 'refused', 'expired', 'unknown')),
    why          text,
    figures      jsonb,                    -- {name: whole number}
    check ((answered_at is null) = (result is null))
);
create index device_command_by_device on device_command (device_id, asked_at desc);
