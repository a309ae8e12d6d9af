-- What of a person makes a broken terminal more urgent, and how urgent each terminal with findings is for its people.

alter table elder
    add column birth_sealed bytea,  -- year or date of birth, YYYY or YYYY-MM-DD
    add column care_sealed bytea;   -- JSON: level of the district's ability assessment, health and care notes

-- One row for each terminal that has open findings; cloud/health/risk.py says how it is made.
create table terminal_risk (
    device_id   text primary key references device,
    score       smallint not null check (score between 0 and 1000),
    level       smallint not null check (level between 0 and 3),  -- 0: most urgent
    parts       jsonb not null,          -- [[name, points], …]: bands and weights, never a date or a note
    judged_at   timestamptz not null     -- when it became so
);
create index terminal_risk_by_score on terminal_risk (score desc);
