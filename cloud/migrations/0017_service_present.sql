-- How a process stood at its last beat, beside what it counted ever: lag, what waits, percentiles, since when.
alter table service_health add column present jsonb not null default '{}';
