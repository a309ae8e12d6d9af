"""All SQL of the registry, the latest state, the days and our own gaps. Takes a transaction, returns models."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from cloud.devices.models import DOORS, Contact, DayCount, Device, DeviceState, Gap, RefusedPress

if TYPE_CHECKING:
    from datetime import date, datetime, timedelta

    from cloud.db import Conn

_LINK_CHANGES_MAX = 64  # of one terminal and day: ten times what is remarkable
_DEVICE = "select device_id, status, credential, revoked_at, msisdn_sealed, config_version, created_at from device"


async def add_device(conn: Conn, device: Device, msisdn_hash: bytes | None) -> bool:
    """Register a terminal; False where the id, or the number of its SIM, is taken."""
    cursor = await conn.execute(
        "insert into device (device_id, status, credential, msisdn_sealed, msisdn_hash, config_version, created_at)"
        " values (%(device_id)s, %(status)s, %(credential)s, %(msisdn_sealed)s, %(msisdn_hash)s,"
        "   %(config_version)s, %(created_at)s) on conflict do nothing",
        {**asdict(device), "msisdn_hash": msisdn_hash},
    )
    return cursor.rowcount == 1


async def get_device(conn: Conn, device_id: str) -> Device | None:
    """One terminal of the registry."""
    async with conn.cursor(row_factory=class_row(Device)) as cursor:
        await cursor.execute(f"{_DEVICE} where device_id = %(device_id)s", {"device_id": device_id})
        return await cursor.fetchone()


async def find_by_msisdn(conn: Conn, msisdn_hash: bytes) -> Device | None:
    """The terminal with this phone number."""
    async with conn.cursor(row_factory=class_row(Device)) as cursor:
        await cursor.execute(f"{_DEVICE} where msisdn_hash = %(hash)s", {"hash": msisdn_hash})
        return await cursor.fetchone()


async def revoke(conn: Conn, device_id: str, now: datetime) -> bool:
    """Take the credential away for ever; False where there is no such terminal or it was revoked before."""
    cursor = await conn.execute(
        "update device set revoked_at = %(now)s, credential = null"
        " where device_id = %(device_id)s and revoked_at is null",
        {"device_id": device_id, "now": now},
    )
    return cursor.rowcount == 1


async def set_status(conn: Conn, device_id: str, status: str) -> None:
    """Where a terminal stands from now on; who may decide that is the caller's business."""
    await conn.execute(
        "update device set status = %(status)s where device_id = %(device_id)s",
        {"device_id": device_id, "status": status},
    )


async def wanted_config(conn: Conn, device_id: str) -> int:
    """The version of the configuration that the terminal should run."""
    cursor = await conn.execute(
        "select config_version from device where device_id = %(device_id)s", {"device_id": device_id}
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def config_body(conn: Conn, device_id: str, version: int) -> bytes | None:
    """The sealed payload of a version: the terminal's own, else everybody's."""
    cursor = await conn.execute(
        "select body_sealed from device_config where version = %(version)s"
        " and (device_id = %(device_id)s or device_id is null) order by device_id nulls last limit 1",
        {"device_id": device_id, "version": version},
    )
    row = await cursor.fetchone()
    return bytes(row[0]) if row else None


async def config_heartbeat(conn: Conn, device_id: str, version: int) -> int | None:
    """Seconds between heartbeats in a version: the terminal's own, else everybody's."""
    cursor = await conn.execute(
        "select heartbeat_s from device_config where version = %(version)s"
        " and (device_id = %(device_id)s or device_id is null) order by device_id nulls last limit 1",
        {"device_id": device_id, "version": version},
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def add_config(
    conn: Conn, device_id: str | None, version: int, *, body_sealed: bytes, heartbeat_s: int, now: datetime
) -> None:
    """Store a version, for one terminal or (None) for every one that has none of its own, and want it there."""
    values = {"device_id": device_id, "version": version, "body": body_sealed, "beat": heartbeat_s, "now": now}
    await conn.execute(
        "insert into device_config (device_id, version, body_sealed, heartbeat_s, created_at)"
        " values (%(device_id)s, %(version)s, %(body)s, %(beat)s, %(now)s)"
        " on conflict (device_id, version) do update set body_sealed = excluded.body_sealed,"
        "  heartbeat_s = excluded.heartbeat_s",
        values,
    )
    await conn.execute(
        "update device set config_version = %(version)s where device_id = %(device_id)s"
        " or (%(device_id)s::text is null and not exists"
        "   (select from device_config own where own.device_id = device.device_id))",
        values,
    )


async def district_config(conn: Conn) -> bytes | None:
    """The sealed payload of the newest version for terminals that have none of their own."""
    cursor = await conn.execute(
        "select body_sealed from device_config where device_id is null order by version desc limit 1"
    )
    row = await cursor.fetchone()
    return bytes(row[0]) if row else None


async def newest_own_config(conn: Conn, device_id: str) -> int:
    """The highest version ever stored for this terminal alone; 0: none."""
    cursor = await conn.execute(
        "select coalesce(max(version), 0) from device_config where device_id = %(device_id)s", {"device_id": device_id}
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def lock_device(conn: Conn, device_id: str) -> None:
    """Until the end of the transaction nobody else wants another status or configuration of this terminal."""
    await conn.execute("select from device where device_id = %(device_id)s for no key update", {"device_id": device_id})


async def config_sent_since(conn: Conn, device_id: str, version: int, since: datetime) -> bool:
    """Whether this version was queued for the terminal after a moment."""
    cursor = await conn.execute(
        "select exists (select from down where device_id = %(device_id)s and kind = 'config'"
        "  and of_id = %(version)s and created_at > %(since)s)",
        {"device_id": device_id, "version": str(version), "since": since},
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def get_state(conn: Conn, device_id: str, *, lock: bool = False) -> DeviceState | None:
    """The latest state of a terminal; `lock` it to write it again: heartbeats come on a lane of their own."""
    async with conn.cursor(row_factory=class_row(DeviceState)) as cursor:
        await cursor.execute(
            "select device_id, first_seen_at, last_seen_at, last_beat_at, boot_epoch, boot_count, booted_at,"
            " reset_cause, firmware, board, imei, iccid, config_version, link, link_at, link_id, in_call_until,"
            " battery_mv, battery_pct, on_mains, csq, registration, cell, drops, clock_offset_ms, open_faults,"
            " duplicates, id_clashes, late, quarantined, heartbeat_s from device_state"
            f" where device_id = %(device_id)s{' for no key update' if lock else ''}",
            {"device_id": device_id},
        )
        return await cursor.fetchone()


async def save_state(conn: Conn, state: DeviceState) -> None:
    """Write a state over the one before, which the caller has locked."""
    await conn.execute(
        "insert into device_state (device_id, first_seen_at, last_seen_at, last_beat_at, boot_epoch, boot_count,"
        "  booted_at, reset_cause, firmware, board, imei, iccid, config_version, link, link_at, link_id,"
        "  in_call_until, battery_mv, battery_pct, on_mains, csq, registration, cell, drops, clock_offset_ms,"
        "  open_faults, duplicates, id_clashes, late, quarantined, heartbeat_s)"
        " values (%(device_id)s, %(first_seen_at)s, %(last_seen_at)s, %(last_beat_at)s, %(boot_epoch)s,"
        "  %(boot_count)s, %(booted_at)s, %(reset_cause)s, %(firmware)s, %(board)s, %(imei)s, %(iccid)s,"
        "  %(config_version)s, %(link)s, %(link_at)s, %(link_id)s, %(in_call_until)s, %(battery_mv)s,"
        "  %(battery_pct)s, %(on_mains)s, %(csq)s, %(registration)s, %(cell)s, %(drops)s, %(clock_offset_ms)s,"
        "  %(open_faults)s, %(duplicates)s, %(id_clashes)s, %(late)s, %(quarantined)s,"
        "  %(heartbeat_s)s)"
        " on conflict (device_id) do update set (last_seen_at, last_beat_at, boot_epoch, boot_count, booted_at,"
        "  reset_cause, firmware, board, imei, iccid, config_version, link, link_at, link_id, in_call_until,"
        "  battery_mv, battery_pct, on_mains, csq, registration, cell, drops, clock_offset_ms, open_faults,"
        "  duplicates, id_clashes, late, quarantined, heartbeat_s)"
        " = (excluded.last_seen_at, excluded.last_beat_at, excluded.boot_epoch, excluded.boot_count,"
        "  excluded.booted_at, excluded.reset_cause, excluded.firmware, excluded.board, excluded.imei,"
        "  excluded.iccid, excluded.config_version, excluded.link, excluded.link_at, excluded.link_id,"
        "  excluded.in_call_until, excluded.battery_mv, excluded.battery_pct, excluded.on_mains, excluded.csq,"
        "  excluded.registration, excluded.cell, excluded.drops, excluded.clock_offset_ms, excluded.open_faults,"
        "  excluded.duplicates, excluded.id_clashes, excluded.late, excluded.quarantined, excluded.heartbeat_s)",
        vars(state),
    )


async def count_day(conn: Conn, device_id: str, day: date, *, count: DayCount, at: datetime, now: datetime) -> None:
    """Add one message, of the moment `at`, to its day."""
    await conn.execute(
        "insert into device_day (device_id, day, beats, presses, calls, messages, late, undated, first_at, last_at,"
        "  changed_at)"
        " values (%(device_id)s, %(day)s, %(beats)s, %(presses)s, %(calls)s, %(messages)s, %(late)s, %(undated)s,"
        "  %(at)s, %(at)s, %(now)s)"
        " on conflict (device_id, day) do update set beats = device_day.beats + excluded.beats,"
        "  presses = device_day.presses + excluded.presses, calls = device_day.calls + excluded.calls,"
        "  messages = device_day.messages + excluded.messages, late = device_day.late + excluded.late,"
        "  undated = device_day.undated + excluded.undated,"
        "  first_at = least(device_day.first_at, excluded.first_at),"
        "  last_at = greatest(device_day.last_at, excluded.last_at),"
        "  changed_at = greatest(device_day.changed_at, excluded.changed_at)",
        {**asdict(count), "device_id": device_id, "day": day, "at": at, "now": now},
    )


async def report_of(conn: Conn, device_id: str, day: date) -> dict[str, int] | None:
    """The terminal's own record of a day, as far as it has been told."""
    cursor = await conn.execute(
        "select report from device_day where device_id = %(device_id)s and day = %(day)s",
        {"device_id": device_id, "day": day},
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def save_report(conn: Conn, device_id: str, day: date, report: dict[str, int], now: datetime) -> None:
    """Keep the terminal's own record of a day. It counts no message: that is done on the day that it was sent."""
    await conn.execute(
        "insert into device_day (device_id, day, report, changed_at)"
        " values (%(device_id)s, %(day)s, %(report)s, %(now)s)"
        " on conflict (device_id, day) do update set report = excluded.report,"
        "  changed_at = greatest(device_day.changed_at, excluded.changed_at)",
        {"device_id": device_id, "day": day, "report": Jsonb(report), "now": now},
    )


async def mark_days(conn: Conn, device_id: str, days: list[date], now: datetime) -> None:
    """More was told of these days at this moment, whenever it was received."""
    await conn.execute(
        "update device_day set changed_at = greatest(changed_at, %(now)s)"
        " where device_id = %(device_id)s and day = any(%(days)s)",
        {"device_id": device_id, "days": days, "now": now},
    )


async def note_link(conn: Conn, device_id: str, day: date, at: datetime) -> None:
    """Its connection began or ended. Of a wild day the first changes are enough."""
    await conn.execute(
        "insert into link_day as known (device_id, day, changes) values (%(device_id)s, %(day)s, array[%(at)s])"
        " on conflict (device_id, day) do update set changes = known.changes || excluded.changes"
        "  where cardinality(known.changes) < %(most)s",
        {"device_id": device_id, "day": day, "at": at, "most": _LINK_CHANGES_MAX},
    )


async def later_event(conn: Conn, device_id: str, event: str, happened_at: datetime) -> bool:
    """Whether this event is known to have happened after a moment."""
    cursor = await conn.execute(
        "select exists (select from message where device_id = %(device_id)s and kind = 'event'"
        "  and body->>'ev' = %(event)s and happened_at > %(happened_at)s)",
        {"device_id": device_id, "event": event, "happened_at": happened_at},
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def contacts(conn: Conn) -> list[Contact]:
    """What is known about the contact of every terminal of the registry, by id; a reserved id is no terminal yet."""
    async with conn.cursor(row_factory=class_row(Contact)) as cursor:
        await cursor.execute(
            "select device_id, status, last_seen_at, in_call_until, link, link_at, heartbeat_s"
            " from device left join device_state using (device_id) where status <> 'reserved' order by device_id"
        )
        return await cursor.fetchall()


async def calls_presumed_over(conn: Conn, after: datetime, until: datetime) -> list[str]:
    """Terminals whose presumed call ran out in this stretch."""
    cursor = await conn.execute(
        "select device_id from device_state where in_call_until > %(after)s and in_call_until <= %(until)s",
        {"after": after, "until": until},
    )
    return [row[0] for row in await cursor.fetchall()]


async def gaps(conn: Conn, since: datetime, now: datetime, allowed: timedelta) -> list[Gap]:
    """When our front door was not healthy: the closed gaps, and the one that is open if it has not worked since."""
    async with conn.cursor(row_factory=class_row(Gap)) as cursor:
        await cursor.execute(
            "select from_at, until_at from ingest_gap where until_at > %(since)s"
            " union all select beat_at, %(now)s from service_health"
            "  where process = any(%(doors)s) and beat_at < %(now)s - %(allowed)s order by 1",
            {"since": since, "now": now, "allowed": allowed, "doors": list(DOORS)},
        )
        return await cursor.fetchall()


async def add_gap(conn: Conn, gap: Gap) -> None:
    """Remember that our front door was not healthy. What two doors say of one outage is one gap."""
    await conn.execute("lock table ingest_gap in share row exclusive mode")  # both doors come back at once
    await conn.execute(
        "with same as (delete from ingest_gap where from_at <= %(until_at)s and until_at >= %(from_at)s"
        "  returning from_at, until_at)"
        " insert into ingest_gap (from_at, until_at)"
        " select least(%(from_at)s, min(from_at)), greatest(%(until_at)s, max(until_at)) from same",
        {"from_at": gap.from_at, "until_at": gap.until_at},
    )


async def last_beat(conn: Conn, process: str) -> datetime | None:
    """When a process last worked."""
    cursor = await conn.execute("select beat_at from service_health where process = %(process)s", {"process": process})
    row = await cursor.fetchone()
    return row[0] if row else None


async def beat(
    conn: Conn, process: str, now: datetime, counted: dict[str, int], present: dict[str, float] | None = None
) -> None:
    """A process worked now; what it counted since the last time is added to what it counted ever."""
    await conn.execute(
        "insert into service_health (process, beat_at, counters, present)"
        " values (%(process)s, %(now)s, %(counted)s, %(present)s)"
        " on conflict (process) do update set beat_at = excluded.beat_at, present = excluded.present, counters = ("
        "  select coalesce(jsonb_object_agg(name, total), '{}') from ("
        "    select name, sum(value::bigint) as total from ("
        "      select * from jsonb_each_text(service_health.counters)"
        "      union all select * from jsonb_each_text(excluded.counters)) as each (name, value)"
        "    group by name) as sums)",
        {"process": process, "now": now, "counted": Jsonb(counted), "present": Jsonb(present or {})},
    )


async def add_session_lost(conn: Conn, door: str, from_at: datetime, at: datetime) -> None:
    """The broker had forgotten a door's session."""
    await conn.execute(
        "insert into session_lost (door, from_at, at) values (%(door)s, %(from_at)s, %(at)s)",
        {"door": door, "from_at": min(from_at, at), "at": at},
    )


# A press without a readable id cannot be told from the one before: it is shown again when it comes again.
_PRESS_UNSEEN = (
    "split_part(q.topic, '/', 4) = 'press' and (q.seen_at is null or (q.message_id is null and q.last_at > q.seen_at))"
)


async def refused_presses(conn: Conn, since: datetime, most: int) -> list[RefusedPress]:
    """Presses in quarantine at which nobody has looked, the latest first; also of a terminal nobody registered."""
    async with conn.cursor(row_factory=class_row(RefusedPress)) as cursor:
        await cursor.execute(
            "select q.quarantine_id, q.device_id, q.received_at as first_at, q.last_at, q.times, q.reason"
            f" from quarantine q where q.device_id is not null and {_PRESS_UNSEEN} and q.last_at > %(since)s"
            " order by q.last_at desc, q.quarantine_id limit %(most)s",
            {"since": since, "most": most},
        )
        return await cursor.fetchall()


async def count_refused_presses(conn: Conn, since: datetime) -> int:
    """How many `refused_presses` there are without a limit."""
    cursor = await conn.execute(
        f"select count(*) from quarantine q where q.device_id is not null and {_PRESS_UNSEEN}"
        " and q.last_at > %(since)s",
        {"since": since},
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def mark_seen(conn: Conn, quarantine_id: int, actor: str, now: datetime) -> bool:
    """Somebody looked at this press; False where somebody had, or where there is none."""
    cursor = await conn.execute(
        "update quarantine q set seen_at = greatest(%(now)s, q.last_at), seen_by = %(actor)s"
        f" where q.quarantine_id = %(id)s and {_PRESS_UNSEEN}",
        {"id": quarantine_id, "actor": actor, "now": now},
    )
    return cursor.rowcount == 1
