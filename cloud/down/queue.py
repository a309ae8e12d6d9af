"""Rows of what to tell a terminal. In: an open transaction. Out: a row in `down`, and a NOTIFY that wakes the sender.

The row and the fact behind it are committed together, so a crash loses neither. Nothing is published here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocol import messages

if TYPE_CHECKING:
    from datetime import datetime

    from cloud.db import Conn
    from cloud.sealed import Box

CHANNEL = "down"


async def receipt(conn: Conn, device_id: str, message_id: str, now: datetime) -> None:
    """Tell the terminal that this id is committed. The sender gathers several into one message."""
    await conn.execute(
        "insert into down (device_id, kind, of_id, created_at, due_at)"
        " values (%(device_id)s, 'receipt', %(of_id)s, %(now)s, %(now)s)",
        {"device_id": device_id, "of_id": message_id, "now": now},
    )
    await _wake(conn)


async def send(  # noqa: PLR0917 - called with names or in this order by every room
    conn: Conn,
    box: Box,
    device_id: str,
    kind: str,
    fields: dict[str, Any],
    now: datetime,
    expires_at: datetime | None,
    of_id: str | None,
) -> int:
    """Queue any other message; raises LocalProtocolError for fields that the wire forbids. Returns the row's number."""
    body = messages.encode("down", kind, fields)
    cursor = await conn.execute(
        "insert into down (device_id, kind, of_id, body_sealed, created_at, expires_at, due_at)"
        " values (%(device_id)s, %(kind)s, %(of_id)s, %(body)s, %(now)s, %(expires_at)s, %(now)s) returning down_id",
        {
            "device_id": device_id,
            "kind": kind,
            "of_id": of_id,
            "body": box.seal_bytes(body),
            "now": now,
            "expires_at": expires_at,
        },
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - `returning` of one inserted row
    await _wake(conn)
    return int(row[0])


async def answered(conn: Conn, device_id: str, kind: str, of_id: str, now: datetime) -> None:
    """The terminal acted on this route or command: it is not sent again."""
    await conn.execute(
        "update down set answered_at = %(now)s, again_at = null where device_id = %(device_id)s and kind = %(kind)s"
        " and kind <> 'receipt' and of_id = %(of_id)s and answered_at is null and unanswered_at is null",
        {"device_id": device_id, "kind": kind, "of_id": of_id, "now": now},
    )


async def _wake(conn: Conn) -> None:
    # Equal notifications of one transaction are delivered once.
    await conn.execute("select pg_notify(%(channel)s, '')", {"channel": CHANNEL})
