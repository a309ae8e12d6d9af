-- Technicians' jobs come signed by the bench that did them, their personal parts sealed.

alter table field_visit
    add column bench text references bench;   -- which signed it; null: the visit is of before, or not of a bench

-- Jobs that were altered, forged, or of a bench that does not count: nothing of them was applied.
create table field_refused (
    sha256   bytea primary key,           -- of the content: the same one that comes again is one
    content  text not null,               -- as it came: people in it are sealed; pictures stay on the notebook
    code     text not null,               -- why; see tools/install/texts.py
    at       timestamptz not null
);
