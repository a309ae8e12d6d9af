"""The SQL of the front door: whose device, seen before or not, and the quarantine. No commit here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from datetime import datetime

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
    """Store a heartbeat once."""
    body = checked.body
    cursor = await conn.execute(
        "with same_id as ("
        "  select 1 from heartbeat where device_id = %(device_id)s and id = %(id)s limit 1"
        "), added as ("
        "  insert into heartbeat (device_id, id, content_hash, received_at, happened_at, dating, day, battery_mv,"
        "    battery_pct, on_mains, csq, registration, network, cell, temperature_c, heap_bytes, outbox, drops,"
        "    in_call, config_version, rtt_ms, selftest, missed)"
        "  values (%(device_id)s, %(id)s, %(content_hash)s, %(received_at)s, %(happened_at)s, %(dating)s, %(day)s,"
        "    %(bat)s, %(pct)s, %(on_mains)s, %(csq)s, %(reg)s, %(net)s, %(cell)s, %(temp)s, %(heap)s, %(box)s,"
        "    %(drops)s, %(in_call)s, %(cfg)s, %(rtt)s, %(test)s, %(missed)s)"
        "  on conflict do nothing returning 1"
        ") select exists (select from added), exists (select from same_id)",
        {
            **body,
            "device_id": checked.device_id,
            "content_hash": checked.content_hash,
            "received_at": received_at,
            "happened_at": dated.happened_at,
            "dating": dated.dating,
            "day": dated.day,
            "on_mains": None if body["mains"] is None else body["mains"] == 1,
            "in_call": body["call"] == 1,
        },
    )
    return _stored(await cursor.fetchone())


async def add_quarantine(conn: Conn, box: Box, arrival: Arrival, found: Quarantine) -> bool:
    """Keep a bad message whole; True where these very bytes were not there yet."""
    cursor = await conn.execute(
        "insert into quarantine (received_at, last_at, topic, device_id, message_id, reason, field, payload_sealed,"
        "  payload_bytes, payload_hash)"
        " values (%(now)s, %(now)s, %(topic)s, %(device_id)s, %(message_id)s, %(reason)s, %(field)s, %(payload)s,"
        "  %(payload_bytes)s, %(payload_hash)s)"
        " on conflict (payload_hash) do update set times = quarantine.times + 1, last_at = excluded.last_at"
        " returning times",
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
            "payload_hash": box.digest_bytes(arrival.topic.encode(errors="replace") + b"\x00" + arrival.payload),
        },
    )
    row = await cursor.fetchone()
    return bool(row and row[0] == 1)


def _stored(row: tuple[Any, ...] | None) -> Stored:
    new, same_id = bool(row and row[0]), bool(row and row[1])
    return Stored(new=new, clash=new and same_id)
