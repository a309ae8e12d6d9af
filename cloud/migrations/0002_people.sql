-- Whose home a terminal is in, who lives there, and who can come.
-- Names, addresses and numbers are sealed by the application; what routing compares (street, community) is plain.

-- The streets (街道) of Xicheng with their administrative codes.
create table street (
    street_code  text primary key check (street_code ~ '^[0-9]{9}$'),
    name         text not null unique
);
insert into street (street_code, name) values
    ('110102001', '西长安街'),
    ('110102002', '新街口'),
    ('110102007', '月坛'),
    ('110102009', '展览路'),
    ('110102010', '德胜'),
    ('110102011', '金融街'),
    ('110102012', '什刹海'),
    ('110102013', '大栅栏'),
    ('110102014', '天桥'),
    ('110102015', '椿树'),
    ('110102016', '陶然亭'),
    ('110102017', '广安门内'),
    ('110102018', '牛街'),
    ('110102019', '白纸坊'),
    ('110102020', '广安门外');

create table home (
    home_id         uuid primary key,
    street_code     text not null references street,
    community       text not null,        -- 社区
    address_sealed  bytea not null,       -- as spoken to an ambulance: 楼、单元、层、门
    lives_alone     boolean not null,
    created_at      timestamptz not null
);
create index home_by_place on home (street_code, community);

create table elder (
    elder_id      uuid primary key,
    home_id       uuid not null references home,
    name_sealed   bytea not null,
    phone_sealed  bytea,
    phone_hash    bytea,                  -- finds the elder of an incoming call
    created_at    timestamptz not null
);
create index elder_by_home on elder (home_id);
create index elder_by_phone on elder (phone_hash);

-- Family and neighbours, called in the order of `position`.
create table contact (
    home_id        uuid not null references home,
    position       smallint not null check (position >= 1),
    label          text not null check (char_length(label) between 1 and 12),
    number_sealed  bytea not null,
    primary key (home_id, position)
);

-- Which terminal is in which home, and from when to when. A terminal is in one home at a time.
create table installation (
    installation_id  uuid primary key,
    device_id        text not null references device,
    home_id          uuid not null references home,
    installed_on     date not null,       -- Shanghai day, included
    removed_on       date,                -- Shanghai day, not included; null: still there
    check (removed_on >= installed_on)
);
create unique index installation_now on installation (device_id) where removed_on is null;
create index installation_by_home on installation (home_id);

-- What a key can be bound to besides the desk, the family and the station.
create table service (
    service  text primary key check (service ~ '^[a-z_]{1,20}$'),
    name     text not null unique check (char_length(name) between 1 and 12)
);
insert into service (service, name) values
    ('taxi', '叫车'),
    ('medicine', '买药'),
    ('grocery', '买菜'),
    ('meal', '送餐'),
    ('repair', '维修');

-- Who can be called.
create table provider (
    provider_id       uuid primary key,
    kind              text not null
                      check (kind in (
                          'desk',      -- answers everything, around the clock
                          'station',   -- 驿站 or service centre of a community or street
                          'service',   -- does one thing: `service` says which
                          'ambulance'  -- dialled directly, only where a key is bound to it
                      )),
    service           text references service,
    label             text not null check (char_length(label) between 1 and 12),
    number_sealed     bytea not null,
    ring_s            smallint not null default 30 check (ring_s between 5 and 90),
    staffed           boolean not null,   -- a person answers, never a voicemail
    status            text not null default 'active' check (status in ('active', 'suspended')),
    line_ok           boolean not null default true,   -- false: the number is known not to ring
    around_the_clock  boolean not null default false,  -- true: opening hours do not matter
    created_at        timestamptz not null,
    check ((kind = 'service') = (service is not null))
);

-- Where a provider comes to: one row per place.
create table service_area (
    provider_id  uuid not null references provider,
    street_code  text references street,  -- null: the whole district
    community    text,                    -- null: the whole street
    check (community is null or street_code is not null),
    unique nulls not distinct (provider_id, street_code, community)
);

-- When a provider answers, Shanghai time. Past midnight is more than 1440: 22:00 to 06:00 is 1320 to 1800.
create table opening_hours (
    provider_id    uuid not null references provider,
    weekday        smallint not null check (weekday between 0 and 6),  -- 0: Monday, the day on which it opens
    opens_minute   smallint not null check (opens_minute between 0 and 1439),
    closes_minute  smallint not null,
    check (closes_minute > opens_minute and closes_minute <= opens_minute + 1440),
    primary key (provider_id, weekday, opens_minute)
);
