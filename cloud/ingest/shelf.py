"""What lies in quarantine: looked at, corrected, handed to the front door again, or dropped. No commit here.

In: an open transaction, who, why, now. Out: rows of `quarantine_act`, and what the message asks for, once. What was
received is never changed and never deleted. A message taken again keeps its moment of receipt, and with it its day;
only a press is as old as it is by now, so that nobody is rung up for a call for help of yesterday: its case opens late.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, LiteralString

from psycopg.rows import class_row

from cloud import db, flow
from cloud.errors import BadInput, Conflict, NotFound, described
from cloud.ingest import store
from cloud.ingest.careful import blamed
from cloud.ingest.decode import decode
from cloud.ingest.models import Arrival, Quarantine
from cloud.ingest.take import again

if TYPE_CHECKING:
    from cloud.db import Conn
    from cloud.sealed import Box
    from cloud.settings import Settings

REPLAYED, DROPPED, CORRECTED = "replayed", "dropped", "corrected"
TEXT_MAX = 500  # of a name or a reason: a sentence or two
_FIELDS: LiteralString = (
    "quarantine_id, received_at, last_at, topic, device_id, message_id, reason, field, payload_bytes, times, settled"
)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A message in quarantine, without what it says."""

    quarantine_id: int
    received_at: datetime
    last_at: datetime
    topic: str
    device_id: str | None
    message_id: str | None
    reason: str
    field: str | None
    payload_bytes: int  # 0: only counted, beyond the bound of its terminal's day
    times: int
    settled: str | None


@dataclass(frozen=True, kw_only=True)
class Act:
    """What somebody did with it."""

    at: datetime
    author: str
    kind: str
    note: str
    outcome: str | None


async def find(
    conn: Conn,
    *,
    kind: str | None = None,
    reason: str | None = None,
    device_id: str | None = None,
    since: datetime | None = None,
    settled: bool = False,
    most: int,
) -> list[Kept]:
    """The oldest first; without `settled` only those with which nothing was done for good."""
    async with conn.cursor(row_factory=class_row(Kept)) as cursor:
        await cursor.execute(
            f"select {_FIELDS} from quarantine where (%(kind)s::text is null or split_part(topic, '/', 4) = %(kind)s)"
            " and (%(reason)s::text is null or reason = %(reason)s)"
            " and (%(device_id)s::text is null or device_id = %(device_id)s)"
            " and (%(since)s::timestamptz is null or last_at >= %(since)s) and (%(settled)s or settled is null)"
            " order by received_at, quarantine_id limit %(most)s",
            {"kind": kind, "reason": reason, "device_id": device_id, "since": since, "settled": settled, "most": most},
        )
        return await cursor.fetchall()


async def show(conn: Conn, box: Box, quarantine_id: int) -> tuple[Kept, bytes, list[Act]]:
    """(the row, what was said or its last correction, what was done). May hold personal data. Raises NotFound."""
    row = await _row(conn, quarantine_id)
    _, payload = await _as_corrected(conn, box, row)
    async with conn.cursor(row_factory=class_row(Act)) as cursor:
        await cursor.execute(
            "select at, author, kind, note, outcome from quarantine_act where quarantine_id = %s order by act_id",
            [quarantine_id],
        )
        return row, payload, await cursor.fetchall()


async def correct(
    conn: Conn,
    box: Box,
    quarantine_id: int,
    payload: bytes,
    *,
    topic: str | None = None,
    author: str,
    note: str,
    now: datetime,
) -> None:
    """Keep this beside what was received; it is taken in its place. Raises BadInput, Conflict, NotFound."""
    row = await _open_row(conn, quarantine_id, author, note)
    topic = topic or row.topic
    found = decode(topic, payload)
    if isinstance(found, Quarantine):
        where = f", field {found.field}" if found.field else ""
        raise BadInput(f"the correction would be refused too: {found.reason}{where}")
    if row.device_id is not None and found.device_id != row.device_id:
        raise BadInput(f"the correction speaks for {found.device_id}, the message came from {row.device_id}")
    await conn.execute(
        "insert into quarantine_act (quarantine_id, at, author, kind, note, topic, payload_sealed)"
        " values (%s, %s, %s, %s, %s, %s, %s)",
        [quarantine_id, now, author, CORRECTED, note, topic, box.seal_bytes(payload)],
    )


async def replay(conn: Conn, box: Box, settings: Settings, quarantine_id: int, *, author: str, now: datetime) -> str:
    """Hand it to the front door again; one of take.OUTCOMES. Where it is refused again: `quarantined`, and it stays.

    Raises Conflict for one that is settled or of which not everything was kept, NotFound.
    """
    row = await _open_row(conn, quarantine_id, author, "")
    topic, payload = await _as_corrected(conn, box, row)
    if not payload:
        raise Conflict("only its number was kept; there is nothing to take")
    arrival = Arrival(topic=topic, payload=payload, retained=False, received_at=row.received_at)
    why = ""
    try:
        async with conn.transaction():
            found = await again(conn, box, settings, arrival, now)
    except Exception as error:  # it broke us once; its text may quote a row
        if db.is_outage(error, conn):
            raise
        found, why = blamed(arrival, error), described(error)
    if isinstance(found, Quarantine):
        await _note(conn, row, now, author, "refused", found.reason, why)
        await conn.execute(
            "update quarantine set reason = %s, field = %s where quarantine_id = %s",
            [found.reason, found.field, quarantine_id],
        )
        return "quarantined"
    await _note(conn, row, now, author, REPLAYED, found)
    await _settle(conn, row, REPLAYED, author, now)
    return found


async def drop(conn: Conn, quarantine_id: int, *, author: str, note: str, now: datetime) -> None:
    """It is not wanted: the row stays, with who said so and why. Raises BadInput, Conflict, NotFound."""
    row = await _open_row(conn, quarantine_id, author, note)
    if not note.strip():
        raise BadInput("say why it is dropped")
    await _note(conn, row, now, author, DROPPED, None, note)
    await _settle(conn, row, DROPPED, author, now)


async def _row(conn: Conn, quarantine_id: int, *, lock: bool = False) -> Kept:
    async with conn.cursor(row_factory=class_row(Kept)) as cursor:
        await cursor.execute(
            f"select {_FIELDS} from quarantine where quarantine_id = %s{' for update' if lock else ''}",
            [quarantine_id],
        )
        row = await cursor.fetchone()
    if row is None:
        raise NotFound(f"nothing in quarantine has the number {quarantine_id}")
    return row


async def _open_row(conn: Conn, quarantine_id: int, author: str, note: str) -> Kept:
    """Locked: of two people who replay it the second is told that it is done."""
    if not author.strip() or len(author) > TEXT_MAX or len(note) > TEXT_MAX:
        raise BadInput(f"say who you are, and why in at most {TEXT_MAX} characters")
    row = await _row(conn, quarantine_id, lock=True)
    if row.settled is not None:
        raise Conflict(f"number {quarantine_id} is {row.settled} already")
    return row


async def _as_corrected(conn: Conn, box: Box, row: Kept) -> tuple[str, bytes]:
    cursor = await conn.execute(
        "select topic, payload_sealed from quarantine_act where quarantine_id = %(id)s and kind = 'corrected'"
        " order by act_id desc limit 1",
        {"id": row.quarantine_id},
    )
    found = await cursor.fetchone()
    if found is None:
        cursor = await conn.execute(
            "select topic, payload_sealed from quarantine where quarantine_id = %(id)s", {"id": row.quarantine_id}
        )
        found = await cursor.fetchone()
    assert found is not None  # noqa: S101 - the row was read before
    return str(found[0]), box.open_bytes(found[1])


async def _note(  # noqa: PLR0917 - a row, in the order of its columns
    conn: Conn, row: Kept, now: datetime, author: str, kind: str, outcome: str | None, note: str = ""
) -> None:
    await conn.execute(
        "insert into quarantine_act (quarantine_id, at, author, kind, note, outcome) values (%s, %s, %s, %s, %s, %s)",
        [row.quarantine_id, now, author, kind, note, outcome],
    )


async def _settle(conn: Conn, row: Kept, how: str, author: str, now: datetime) -> None:
    """Also off the desk's list of presses that could not be taken: somebody has looked."""
    await conn.execute(
        "update quarantine set settled = %s, seen_at = coalesce(seen_at, greatest(%s, last_at)),"
        " seen_by = coalesce(seen_by, %s) where quarantine_id = %s",
        [how, now, author, row.quarantine_id],
    )
    if store.is_press_topic(row.topic):
        await flow.on_refused_press(conn)
