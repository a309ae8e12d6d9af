-- Contracts, and what each terminal's day was. Money is integer fen; days are Asia/Shanghai civil days.

create table contract (
    number          text primary key check (char_length(number) between 1 and 64),
    starts_on       date not null,           -- first billable day
    ends_on         date not null,           -- last billable day
    unit_price_fen  bigint not null check (unit_price_fen > 0),   -- one terminal, the whole term
    cap_fen         bigint not null check (cap_fen >= 0),
    prepaid_fen     bigint not null check (prepaid_fen >= 0),
    created_at      timestamptz not null,
    check (ends_on >= starts_on),
    -- Every terminal belongs to every contract: two contracts of one day would bill it twice.
    exclude using gist (daterange(starts_on, ends_on, '[]') with &&)
);

-- Days on which a household wants no service (travel, hospital): neither a fault nor paid. The only dated record of it.
create table service_pause (
    device_id   text not null references device,
    starts_on   date not null,               -- included
    ends_on     date,                        -- not included; null: still paused
    reason      text not null check (reason in ('travel', 'hospital', 'moved', 'other')),
    created_at  timestamptz not null,
    primary key (device_id, starts_on),
    check (ends_on >= starts_on)
);

-- The usage ledger: one verdict per terminal and day, made by cloud/billing/rules.py from device_day and installation.
create table usage_day (
    device_id     text not null references device,
    day           date not null,
    home_id       uuid references home,      -- where it was installed on that day
    status        text not null
                  check (status in ('normal', 'fault_ours', 'fault_user', 'paused', 'not_installed', 'disputed')),
    basis         text not null
                  check (basis in (
                      'live',                -- heard on the day itself: beats, presses, calls
                      'late',                -- told afterwards by the terminal
                      'none'                 -- nothing heard
                  )),
    reason        text not null,             -- REASONS of the rule
    evidence      jsonb not null,            -- the figures that the verdict stands on
    rule_version  integer not null,
    provisional   boolean not null,          -- decided before the day was over: decided again afterwards
    decided_at    timestamptz not null,      -- when this verdict was first reached; deciding it again changes nothing
    frozen_at     timestamptz,               -- from then on never changed; corrections are adjustments
    primary key (device_id, day)
);
create index usage_day_by_day on usage_day (day);
