"""All SQL of visits and their evidence. Takes a transaction, returns models; no decisions.

Pictures and who was agreed with at 120 are sealed before they reach a row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.rows import class_row

from cloud.field.models import Call120, Job, Picture, Press, Terminal, Visit

if TYPE_CHECKING:
    from datetime import date, datetime
    from uuid import UUID

    from cloud.db import Conn
    from cloud.sealed import Box

_VISIT = (
    "select visit_id, kind, device_id, old_device_id, home_id, on_day, begun_at, job_hash, applied_at,"
    " press_id, press_at, finished_at, bench from field_visit"
)
PRESSES_MAX = 100  # of one terminal while a technician waits: an elder who tries a key presses it a few times


async def lock(conn: Conn, device_ids: list[str], home_id: UUID | None) -> None:
    """Hold these terminals and this home to the end of the transaction; always in the same order."""
    await conn.execute(
        "select from device where device_id = any(%(ids)s) order by device_id for update", {"ids": device_ids}
    )
    if home_id is not None:
        await conn.execute("select from home where home_id = %(home_id)s for update", {"home_id": home_id})


async def terminal(conn: Conn, device_id: str) -> Terminal | None:
    """What decides where a terminal may go; None: the registry does not know it."""
    async with conn.cursor(row_factory=class_row(Terminal)) as cursor:
        await cursor.execute(
            """
            select d.device_id, d.status, d.revoked_at is not null as revoked, i.home_id, i.installed_on,
                   (select max(removed_on) from installation o where o.device_id = d.device_id) as left_on,
                   (select max(begun_at) from field_visit v
                    where (v.device_id = d.device_id and v.kind = 'remove') or v.old_device_id = d.device_id
                   ) as left_at,
                   d.passed_at, d.image_kind = 'trial' as trial,
                   exists (select from bench_record r where r.device_id = d.device_id and r.kind = 'accept'
                           and r.refused is null) as tested
            from device d
            left join installation i on i.device_id = d.device_id and i.removed_on is null
            where d.device_id = %(device_id)s
            """,
            {"device_id": device_id},
        )
        return await cursor.fetchone()


async def add_visit(
    conn: Conn, job: Job, home_id: UUID | None, job_hash: bytes, now: datetime, *, bench: str | None
) -> None:
    """The row of a job that is being applied."""
    await conn.execute(
        """
        insert into field_visit (visit_id, kind, device_id, old_device_id, home_id, on_day, begun_at, actor, reason,
                                 without_acceptance, offline, job_hash, applied_at, bench)
        values (%(visit_id)s, %(kind)s, %(device_id)s, %(old)s, %(home_id)s, %(on)s, %(begun_at)s, %(actor)s,
                %(reason)s, %(without)s, %(offline)s, %(hash)s, %(now)s, %(bench)s)
        """,
        {
            "visit_id": job.visit_id,
            "kind": job.kind,
            "device_id": job.device_id,
            "old": job.old_device_id,
            "home_id": home_id,
            "on": job.on,
            "begun_at": job.begun_at,
            "actor": job.actor,
            "reason": job.reason,
            "without": job.without_acceptance,
            "offline": job.offline,
            "hash": job_hash,
            "now": now,
            "bench": bench,
        },
    )


async def visit(conn: Conn, visit_id: UUID, *, lock_row: bool = False) -> Visit | None:
    """A job that was applied."""
    async with conn.cursor(row_factory=class_row(Visit)) as cursor:
        await cursor.execute(
            f"{_VISIT} where visit_id = %(visit_id)s" + (" for update" if lock_row else ""), {"visit_id": visit_id}
        )
        return await cursor.fetchone()


async def evidence(conn: Conn, visit_id: UUID) -> set[str]:
    """Names of what a visit has: press, photo, signature, call_120."""
    cursor = await conn.execute(
        """
        select kind from field_file where visit_id = %(id)s
        union select 'call_120' from field_call_120 where visit_id = %(id)s
        union select 'press' from field_visit where visit_id = %(id)s and press_id is not null
        """,
        {"id": visit_id},
    )
    return {row[0] for row in await cursor.fetchall()}


async def presses(conn: Conn, device_id: str, received_after: datetime) -> list[Press]:
    """SOS presses of a terminal that reached us after a moment, the earliest first.

    Neither those of a bench's test, nor one that proved another visit.
    """
    async with conn.cursor(row_factory=class_row(Press)) as cursor:
        await cursor.execute(
            """
            select id, happened_at, received_at from message m
            where device_id = %(device_id)s and kind = 'press' and body->>'key' = 'sos'
              and body->>'how' is distinct from 'test' and received_at > %(after)s
              and not exists (select from field_visit v where v.device_id = m.device_id and v.press_id = m.id)
            order by received_at, id limit %(most)s
            """,
            {"device_id": device_id, "after": received_after, "most": PRESSES_MAX},
        )
        return await cursor.fetchall()


async def keep_press(conn: Conn, visit_id: UUID, press: Press) -> None:
    """The elder's test press was seen."""
    await conn.execute(
        "update field_visit set press_id = %(press)s, press_at = %(at)s"
        " where visit_id = %(visit_id)s and press_id is null",
        {"visit_id": visit_id, "press": press.id, "at": press.happened_at},
    )


async def keep_picture(conn: Conn, box: Box, visit_id: UUID, picture: Picture, *, sha256: bytes, now: datetime) -> None:
    """A picture, sealed; the same one twice is one."""
    await conn.execute(
        """
        insert into field_file (visit_id, kind, sha256, media, bytes, content_sealed, at)
        values (%(visit_id)s, %(kind)s, %(sha256)s, %(media)s, %(bytes)s, %(sealed)s, %(now)s)
        on conflict do nothing
        """,
        {
            "visit_id": visit_id,
            "kind": picture.kind,
            "sha256": sha256,
            "media": picture.media,
            "bytes": len(picture.content),
            "sealed": box.seal_bytes(picture.content),
            "now": now,
        },
    )


async def picture_hashes(conn: Conn, visit_id: UUID) -> set[tuple[str, bytes]]:
    """Kind and SHA-256 of every picture that a visit has."""
    cursor = await conn.execute("select kind, sha256 from field_file where visit_id = %(id)s", {"id": visit_id})
    return {(row[0], bytes(row[1])) for row in await cursor.fetchall()}


async def keep_refused(conn: Conn, content: str, code: str, now: datetime) -> None:
    """The content of a job that was refused as suspect; the same again is one."""
    await conn.execute(
        "insert into field_refused (sha256, content, code, at) values (sha256(%(raw)s), %(text)s, %(code)s, %(now)s)"
        " on conflict do nothing",
        {"raw": content.encode(), "text": content, "code": code, "now": now},
    )


async def keep_call(conn: Conn, box: Box, visit: Visit, call: Call120) -> None:
    """The call to 120. One that was not made may be replaced by one that was; nothing else is overwritten."""
    await conn.execute(
        """
        insert into field_call_120 (visit_id, device_id, called_at, agreed_sealed, result, note)
        values (%(visit_id)s, %(device_id)s, %(at)s, %(agreed)s, %(result)s, %(note)s)
        on conflict (visit_id) do update set called_at = excluded.called_at, agreed_sealed = excluded.agreed_sealed,
            result = excluded.result, note = excluded.note
        where field_call_120.result = 'not_made' and excluded.result <> 'not_made'
        """,
        {
            "visit_id": visit.visit_id,
            "device_id": visit.device_id,
            "at": call.called_at,
            "agreed": box.seal(call.agreed_with),
            "result": call.result,
            "note": call.note,
        },
    )


async def finish(conn: Conn, visit_id: UUID, now: datetime) -> None:
    """A visit has all that it needs."""
    await conn.execute(
        "update field_visit set finished_at = %(now)s where visit_id = %(visit_id)s and finished_at is null",
        {"visit_id": visit_id, "now": now},
    )


async def days_to_close_again(conn: Conn, device_id: str, since: date, now: datetime) -> list[date]:
    """Days from one on that were closed already and are not frozen: marked, so that billing closes them again."""
    cursor = await conn.execute(
        """
        insert into device_day (device_id, day, changed_at)
        select %(device_id)s, day, %(now)s from usage_day where day >= %(since)s and frozen_at is null
        group by day
        on conflict (device_id, day) do update set changed_at = excluded.changed_at
        returning day
        """,
        {"device_id": device_id, "since": since, "now": now},
    )
    return sorted(row[0] for row in await cursor.fetchall())


async def frozen_days(conn: Conn, since: date) -> list[date]:
    """Days from one on that are frozen: what a visit changes in them is an adjustment."""
    cursor = await conn.execute(
        "select distinct day from usage_day where day >= %(since)s and frozen_at is not null order by 1",
        {"since": since},
    )
    return [row[0] for row in await cursor.fetchall()]


async def log_access(
    conn: Conn, *, at: datetime, actor: str, what: str, reason: str, rows: int, revealed: bool
) -> None:
    """Somebody sees personal data outside an emergency, and why."""
    await conn.execute(
        "insert into data_access (at, actor, what, reason, rows, revealed)"
        " values (%(at)s, %(actor)s, %(what)s, %(reason)s, %(rows)s, %(revealed)s)",
        {"at": at, "actor": actor, "what": what, "reason": reason, "rows": rows, "revealed": revealed},
    )
