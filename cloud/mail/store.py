"""All SQL of letters. Takes a transaction, returns models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud.errors import BadInput
from cloud.mail.models import Attachment, Letter, Outgoing, Waiting
from cloud.mail.rules import ATTACHED_BYTES_MAX, TRIED_FOR, again_after

if TYPE_CHECKING:
    from datetime import date, datetime

    from cloud.db import Conn


async def is_written(conn: Conn, kind: str, day: date) -> bool:
    """Whether there is a letter of that day."""
    cursor = await conn.execute(
        "select exists (select from mail_out where kind = %(kind)s and day = %(day)s)", {"kind": kind, "day": day}
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def write(conn: Conn, letter: Letter, message_id: str, now: datetime) -> bool:
    """Put a letter on its way; False where there is one of that day, which stays as it is."""
    if sum(len(each.content) for each in letter.attachments) > ATTACHED_BYTES_MAX:
        raise BadInput("附件过大")
    cursor = await conn.execute(
        "insert into mail_out (kind, day, message_id, subject, text_body, html_body, created_at, due_at)"
        " values (%(kind)s, %(day)s, %(message_id)s, %(subject)s, %(text)s, %(html)s, %(now)s, %(now)s)"
        " on conflict (kind, day) do nothing returning mail_id",
        {
            "kind": letter.kind, "day": letter.day, "message_id": message_id, "subject": letter.subject,
            "text": letter.text, "html": letter.html, "now": now,
        },
    )  # fmt: skip
    row = await cursor.fetchone()
    if row is None:
        return False
    for position, each in enumerate(letter.attachments):
        await conn.execute(
            "insert into mail_attachment (mail_id, position, name, media, content)"
            " values (%(mail_id)s, %(position)s, %(name)s, %(media)s, %(content)s)",
            {
                "mail_id": row[0], "position": position, "name": each.name, "media": each.media,
                "content": each.content,
            },
        )  # fmt: skip
    return True


async def claim(conn: Conn, now: datetime) -> Outgoing | None:
    """The next letter that is due, for one try. Committed before the try: whoever dies in it is followed later."""
    cursor = await conn.execute(
        "select mail_id, tries from mail_out where sent_at is null and due_at <= %(now)s and created_at > %(oldest)s"
        " order by due_at, mail_id limit 1 for update skip locked",
        {"now": now, "oldest": now - TRIED_FOR},
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    mail_id, tries = row[0], row[1] + 1
    cursor = await conn.execute(
        "update mail_out set tries = %(tries)s, due_at = %(due)s where mail_id = %(mail_id)s"
        " returning message_id, created_at, kind, day, subject, text_body, html_body",
        {"mail_id": mail_id, "tries": tries, "due": now + again_after(tries)},
    )
    found = await cursor.fetchone()
    if found is None:
        return None
    id_, created_at, kind, day, subject, text, html = found
    letter = Letter(
        kind=kind, day=day, subject=subject, text=text, html=html, attachments=await _attachments(conn, mail_id)
    )
    return Outgoing(mail_id=mail_id, message_id=id_, created_at=created_at, tries=tries, letter=letter)


async def mark_sent(conn: Conn, mail_id: int, now: datetime) -> None:
    """The server has it."""
    await conn.execute(
        "update mail_out set sent_at = %(now)s, last_error = null where mail_id = %(mail_id)s and sent_at is null",
        {"mail_id": mail_id, "now": now},
    )


async def mark_failed(conn: Conn, mail_id: int, why: str) -> None:
    """It does not have it; the next try is due already."""
    await conn.execute(
        "update mail_out set last_error = %(why)s where mail_id = %(mail_id)s and sent_at is null",
        {"mail_id": mail_id, "why": why},
    )


async def waiting(conn: Conn, now: datetime) -> Waiting:
    """Letters that were tried, did not go, and will be tried again."""
    cursor = await conn.execute(
        "select count(*), coalesce(max(tries), 0), (array_agg(last_error order by mail_id desc))[1] from mail_out"
        " where sent_at is null and last_error is not null and created_at > %(oldest)s",
        {"oldest": now - TRIED_FOR},
    )
    row = await cursor.fetchone()
    return (
        Waiting(letters=row[0], tries=row[1], last_error=row[2])
        if row
        else Waiting(letters=0, tries=0, last_error=None)
    )


async def _attachments(conn: Conn, mail_id: int) -> tuple[Attachment, ...]:
    cursor = await conn.execute(
        "select name, media, content from mail_attachment where mail_id = %(mail_id)s order by position",
        {"mail_id": mail_id},
    )
    return tuple(Attachment(name, media, bytes(content)) for name, media, content in await cursor.fetchall())
