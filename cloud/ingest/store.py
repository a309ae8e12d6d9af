"""The SQL of the front door: whose device, seen before or not, and the quarantine. No commit here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from cloud.days import SHANGHAI, shanghai_day
from cloud.ingest.models import QUARANTINED_WHOLE_A_DAY

if TYPE_CHECKING:
    from cloud.db import Conn
    from cloud.ingest.models import Arrival, Checked, Dated, Quarantine
    from cloud.sealed import Box

# Kept of a payload that is far over the wire's limit: enough to see what it is.
PAYLOAD_KEPT_BYTES = 64 * 1024
TOPIC_KEPT_CHARS = 200


@dataclass(frozen=True)
class Stored:
    """Whether this content was new, and whether its id had been used for other content."""

    new: bool
    clash: bool


async def is_registered(conn: Conn, device_id: str) -> bool:
    """Whether the registry knows the device. Locks its row: one message of a device at a time, ever."""
    cursor = await conn.execute(
        "select 1 from device where device_id = %(device_id)s for no key update", {"device_id": device_id}
    )
    return await cursor.fetchone() is not None


async def is_foreign(conn: Conn, device_id: str, ref: str) -> bool:
    """Whether a reference names a press of another device and none of this one.

    Ids are a device's own, so this device's press of that id comes first; a press that nobody has sent yet may
    still be on its way.
    """
    cursor = await conn.execute(
        "select coalesce(bool_or(device_id <> %(device_id)s) and not bool_or(device_id = %(device_id)s), false)"
        " from message where id = %(ref)s and kind = 'press'",
        {"device_id": device_id, "ref": ref},
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def add_message(conn: Conn, checked: Checked, dated: Dated, received_at: datetime) -> Stored:
    """Store a receipted message once."""
    values: dict[str, Any] = {
        "device_id": checked.device_id,
        "id": checked.id,
        "content_hash": checked.content_hash,
        "kind": checked.kind,
        "body": Jsonb({name: value for name, value in checked.body.items() if value is not None}),
        "happened_at": dated.happened_at,
        "dating": dated.dating,
        "day": dated.day,
        "received_at": received_at,
    }
    cursor = await conn.execute(
        "with same_id as ("
        "  select 1 from message where device_id = %(device_id)s and id = %(id)s limit 1"
        "), added as ("
        "  insert into message"
        "    (device_id, id, content_hash, kind, body, happened_at, dating, day, received_at)"
        "  values (%(device_id)s, %(id)s, %(content_hash)s, %(kind)s, %(body)s, %(happened_at)s, %(dating)s,"
        "    %(day)s, %(received_at)s)"
        "  on conflict do nothing returning 1"
        ") select exists (select from added), exists (select from same_id)",
        values,
    )
    return _stored(await cursor.fetchone())


async def add_heartbeat(conn: Conn, checked: Checked, dated: Dated, received_at: datetime) -> Stored:
    """Store a heartbeat once: by looking, under the terminal's lock. No index over all time forbids a second."""
    body = checked.body
    cursor = await conn.execute(
        "with same_id as ("
        "  select content_hash from heartbeat where device_id = %(device_id)s and id = %(id)s"
        "), added as ("
        "  insert into heartbeat (device_id, id, content_hash, received_at, happened_at, dating, day, battery_mv,"
        "    battery_pct, on_mains, csq, registration, network, cell, temperature_c, heap_bytes, outbox, drops,"
        "    in_call, config_version, rtt_ms, selftest, missed)"
        "  select %(device_id)s, %(id)s, %(content_hash)s, %(received_at)s, %(happened_at)s, %(dating)s, %(day)s,"
        "    %(bat)s, %(pct)s, %(on_mains)s, %(csq)s, %(reg)s, %(net)s, %(cell)s, %(temp)s, %(heap)s, %(box)s,"
        "    %(drops)s, %(in_call)s, %(cfg)s, %(rtt)s, %(test)s, %(missed)s"
        "  where not exists (select from same_id where content_hash = %(content_hash)s)"
        "  returning 1"
        ") select exists (select from added), exists (select from same_id)",
        {
            **body,
            "device_id": checked.device_id,
            "id": checked.id,
            "content_hash": checked.content_hash,
            "received_at": received_at,
            "happened_at": dated.happened_at,
            "dating": dated.dating,
            "day": dated.day,
            "on_mains": None if body["mains"] is None else body["mains"] == 1,
            "in_call": body["call"] == 1,
        },
    )
    stored = _stored(await cursor.fetchone())
    if stored.new:
        await note_hours(conn, [received_at.replace(minute=0, second=0, microsecond=0)])
    return stored


async def add_event(conn: Conn, checked: Checked, dated: Dated, received_at: datetime) -> None:
    """The row of an event that was stored as a message, for questions over many terminals and long times."""
    await conn.execute(
        "insert into event (device_id, id, code, val, ref, happened_at, received_at)"
        " values (%(device_id)s, %(id)s, %(ev)s, %(val)s, %(ref)s, %(happened_at)s, %(received_at)s)",
        {
            **checked.body,
            "device_id": checked.device_id,
            "id": checked.id,
            "happened_at": dated.happened_at,
            "received_at": received_at,
        },
    )


# Lock what is there, put there what is not. Locks are shared and hold until the commit; who sums an hour takes its row
# away, and so waits for all who add to it.
NOTE_HOURS = """
with there as materialized (
    select at from heartbeat_due where step = 'hour' and at = any(%(hours)s) order by at for key share
), added as (
    insert into heartbeat_due (step, at)
    select 'hour', at from unnest(%(hours)s::timestamptz[]) as at where at not in (select at from there) order by at
    on conflict do nothing returning at
)
select at from there union all select at from added
"""


async def note_hours(conn: Conn, hours: list[datetime]) -> None:
    """The sums of these hours of receipt, each once, have to be made again."""
    noted = 0
    while noted < len(hours):  # another transaction may put one there, or take one away, at the same moment
        noted = (await conn.execute(NOTE_HOURS, {"hours": hours})).rowcount


async def add_quarantine(conn: Conn, box: Box, arrival: Arrival, found: Quarantine) -> bool:
    """Keep a bad message whole; True where it was not there yet. Beyond the bound of its day it is only counted."""
    whole = box.digest_bytes(arrival.topic.encode(errors="replace") + b"\x00" + (found.content_hash or arrival.payload))
    if await _again(conn, whole, arrival.received_at):
        return False
    day = shanghai_day(arrival.received_at)
    is_press = is_press_topic(arrival.topic)
    if (is_press and found.message_id is not None) or await _has_room(conn, found.device_id, day):
        await _insert_quarantine(conn, box, arrival, found, whole)
        return True
    # One row for each terminal, day and reason, without what was said.
    bare = replace(arrival, payload=b"")
    counted = f"{found.device_id} {day} {found.reason} {is_press}"
    counted_hash = box.digest_bytes(b"counted only\x00" + counted.encode())
    if not await _again(conn, counted_hash, arrival.received_at):
        await _insert_quarantine(conn, box, bare, replace(found, message_id=None, field=None), counted_hash)
    return True


def is_press_topic(topic: str) -> bool:
    """Whether a topic, of whatever version, is that of presses. The live page asks the same of the database."""
    return topic.split("/")[3:4] == ["press"]


async def _again(conn: Conn, payload_hash: bytes, now: datetime) -> bool:
    """Count a message that is in quarantine already; False where it is not."""
    cursor = await conn.execute(
        "update quarantine set times = times + 1, last_at = greatest(last_at, %(now)s) where payload_hash = %(hash)s",
        {"hash": payload_hash, "now": now},
    )
    return cursor.rowcount == 1


async def _has_room(conn: Conn, device_id: str | None, day: date) -> bool:
    """Whether another message of this terminal (None: of nobody that can be named) is kept whole on this day."""
    cursor = await conn.execute(
        "select count(*) from (select from quarantine where received_at >= %(start)s"
        f" and device_id {'is null' if device_id is None else '= %(device_id)s'} limit %(most)s) as kept",
        {"device_id": device_id, "start": datetime.combine(day, time(), SHANGHAI), "most": QUARANTINED_WHOLE_A_DAY},
    )
    row = await cursor.fetchone()
    return bool(row and row[0] < QUARANTINED_WHOLE_A_DAY)


async def _insert_quarantine(conn: Conn, box: Box, arrival: Arrival, found: Quarantine, payload_hash: bytes) -> None:
    await conn.execute(
        "insert into quarantine (received_at, last_at, topic, device_id, message_id, reason, field, payload_sealed,"
        "  payload_bytes, payload_hash)"
        " values (%(now)s, %(now)s, %(topic)s, %(device_id)s, %(message_id)s, %(reason)s, %(field)s, %(payload)s,"
        "  %(payload_bytes)s, %(payload_hash)s)",
        {
            "now": arrival.received_at,
            # A broker should have refused such a topic; what cannot be stored as text must not stop us.
            "topic": arrival.topic.replace("\x00", "\ufffd")[:TOPIC_KEPT_CHARS],
            "device_id": found.device_id,
            "message_id": found.message_id,
            "reason": found.reason,
            "field": found.field,
            "payload": box.seal_bytes(arrival.payload[:PAYLOAD_KEPT_BYTES]),
            "payload_bytes": len(arrival.payload),
            "payload_hash": payload_hash,
        },
    )


def _stored(row: tuple[Any, ...] | None) -> Stored:
    new, same_id = bool(row and row[0]), bool(row and row[1])
    return Stored(new=new, clash=new and same_id)
