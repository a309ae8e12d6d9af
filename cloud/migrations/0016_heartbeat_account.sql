-- Heartbeats have no receipt: a broker that is killed may take some with it, and a terminal without a line does not send
-- them. The terminal's own record of the day says how many it tried; what is missing of them is counted here.
create view heartbeat_account as
select device_id, day, (report->>'beats')::integer as tried, beats as stored,
    greatest((report->>'beats')::integer - beats, 0) as missing
from device_day where report is not null;
