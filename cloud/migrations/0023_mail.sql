-- Letters to our own teams: written once for a day, sent until the server of the mail says that it has them.
-- Recipients and sender are settings, not rows; a letter holds ids of terminals, streets and communities, never a person.

create table mail_out (
    mail_id     bigint generated always as identity primary key,
    kind        text not null check (kind in ('health')),  -- health: the after-sales team's letter of the day
    day         date not null,                             -- the Shanghai day that it tells of
    message_id  text not null unique,                      -- the same at every try, so that a client folds two copies
    subject     text not null,
    text_body   text not null,
    html_body   text not null,
    created_at  timestamptz not null,
    due_at      timestamptz not null,  -- try not before; moved on with each try before it begins
    tries       integer not null default 0,
    sent_at     timestamptz,           -- the server said 250
    last_error  text,                  -- of the latest try; null: it went well, or none was made
    unique (kind, day)
);
create index mail_out_due on mail_out (due_at) where sent_at is null;

create table mail_attachment (
    mail_id   bigint not null references mail_out,
    position  smallint not null check (position >= 0),
    name      text not null,
    media     text not null,
    content   bytea not null,
    primary key (mail_id, position)
);

-- A terminal's past asks for its homes; what came and went on a day is asked for by its end too.
create index installation_by_device on installation (device_id);
create index finding_by_closing on finding (closed_at) where closed_at is not null;
