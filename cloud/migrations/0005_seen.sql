-- Who looked at a press that could not be taken, how often each terminal beats, and when a day's evidence last grew.

alter table quarantine
    add column seen_at timestamptz,           -- a person at the desk looked at it; null: nobody did
    add column seen_by text;
create index quarantine_by_device on quarantine (device_id, received_at);
create index quarantine_press on quarantine (last_at) where split_part(topic, '/', 4) = 'press';

-- What the sealed body says, in the clear: silence is judged by it.
alter table device_config add column heartbeat_s integer;  -- null: stored before this column, taken as shipped
alter table device_state add column heartbeat_s integer;   -- of the configuration that the terminal runs; null: shipped

-- A day that was closed before this must be closed again.
alter table device_day add column changed_at timestamptz;  -- null: last changed before this column
