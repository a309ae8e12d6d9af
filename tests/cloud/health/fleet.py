"""Rows for device health: healthy terminals in homes, and what goes wrong with them. Invented ids only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cloud.db import Conn

NOW = datetime(2026, 3, 31, 4, 0, tzinfo=UTC)


async def ingest_works(conn: Conn, at: datetime = NOW) -> None:
    """Both doors said so a moment ago."""
    await conn.execute(
        "insert into service_health (process, beat_at) select unnest('{ingest,beats}'::text[]), %s"
        " on conflict (process) do update set beat_at = excluded.beat_at",
        [at],
    )


async def healthy(conn: Conn, count: int, now: datetime = NOW) -> list[str]:
    """So many terminals in homes of their own, each with a good week behind it."""
    values = {"count": count, "now": now}
    await conn.execute(
        "insert into device (device_id, status, created_at)"
        " select 'BJCY' || lpad(n::text, 6, '0'), 'installed', %(now)s - interval '60 days'"
        " from generate_series(1, %(count)s) n",
        values,
    )
    await conn.execute(
        "with place as (insert into home select gen_random_uuid(), '110102007', '示例社区', '\\x00', false, %(now)s"
        "  from generate_series(1, %(count)s) returning home_id)"
        " insert into installation select gen_random_uuid(), 'BJCY' || lpad(row_number() over ()::text, 6, '0'),"
        "  home_id, (%(now)s - interval '50 days')::date, null from place",
        values,
    )
    await conn.execute(
        "insert into device_state (device_id, first_seen_at, last_seen_at, last_beat_at, battery_pct, on_mains, csq,"
        "  registration, clock_offset_ms)"
        " select device_id, %(now)s - interval '50 days', %(now)s - interval '5 minutes',"
        "  %(now)s - interval '5 minutes', 90, true, 20, 1, 200 from device",
        values,
    )
    await conn.execute(
        "insert into device_day (device_id, day, beats, presses, messages, report)"
        " select device_id, ((%(now)s at time zone 'Asia/Shanghai')::date - n), 144, 1, 3,"
        '  \'{"on": 1440, "reg": 1440, "beats": 144}\' from device, generate_series(0, 8) n',
        values,
    )
    await conn.execute(
        "insert into key_use select device_id, key, %(now)s - interval '9 days', %(now)s - interval '9 days'"
        " from device, (select distinct key from key_binding) k",
        values,
    )
    cursor = await conn.execute("select device_id from device order by 1")
    return [row[0] for row in await cursor.fetchall()]


async def state(conn: Conn, device_id: str, **columns: Any) -> None:
    """Another latest state."""
    for name, value in columns.items():
        await conn.execute(
            f"update device_state set {name} = %(value)s where device_id = %(device_id)s".encode(),
            {"value": value, "device_id": device_id},
        )


async def event(conn: Conn, device_id: str, code: str, at: datetime, received: datetime | None = None) -> None:
    """A row of the event table, as ingest writes it."""
    await conn.execute(
        "insert into event (device_id, id, code, happened_at, received_at) values (%s, %s, %s, %s, %s)",
        [device_id, f"0badcafe.1.{int(at.timestamp())}", code, at, received or at],
    )


async def boot(conn: Conn, device_id: str, cause: str, at: datetime) -> None:
    """The terminal started."""
    await conn.execute(
        "insert into message (device_id, id, content_hash, kind, body, happened_at, dating, day, received_at)"
        " values (%(device)s, %(id)s, '\\x00', 'boot', jsonb_build_object('cause', %(cause)s::text), %(at)s, 'clock',"
        "  %(at)s::date, %(at)s)",
        {"device": device_id, "id": f"0badcafe.{int(at.timestamp())}.1", "cause": cause, "at": at},
    )


async def talked(conn: Conn, device_id: str, key: str, at: datetime, *, accepted: bool, seconds: int = 40) -> None:
    """A case in which two people talked."""
    press = f"0badcafe.2.{int(at.timestamp())}"
    values = {
        "device": device_id, "key": key, "at": at, "press": press, "seconds": seconds,
        "accepted": at + timedelta(seconds=20) if accepted else None,
    }  # fmt: skip
    await conn.execute(
        "with opened as (insert into case_file (case_id, device_id, opened_at, key, urgency, state, late, presses,"
        "   escalation, accepted_at) values (gen_random_uuid(), %(device)s, %(at)s, %(key)s, 'emergency', 'ended',"
        "   false, 1, 0, %(accepted)s) returning case_id)"
        " insert into case_fact (case_id, device_id, kind, message_id, ref, happened_at, at, body, fact_hash)"
        " select case_id, %(device)s, 'press', %(press)s, %(press)s, %(at)s, %(at)s,"
        "   jsonb_build_object('key', %(key)s::text), '\\x01'::bytea from opened union all"
        " select case_id, %(device)s, 'step', %(press)s || '1', %(press)s, %(at)s, %(at)s,"
        "   jsonb_build_object('step', 'end', 'dur', %(seconds)s::integer), '\\x02'::bytea from opened",
        values,
    )
