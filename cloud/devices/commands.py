"""First aid from afar: what somebody asks a terminal to do, and what it answers.

In: an open transaction. Out: a row, the message down beside it, the answer when it comes. No commit. A command is asked
once: a second click is refused for as long as the first is under way.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from cloud.devices import store
from cloud.devices.aid import DONE_FROM_AFAR, Command
from cloud.down import queue
from cloud.errors import BadInput, Conflict, NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from cloud.db import Conn
    from cloud.devices.models import Received
    from cloud.sealed import Box

CID_BYTES = 8  # 16 characters, which is what the wire has room for
# Somebody waits for it. A terminal that comes back tomorrow must not restart in the middle of somebody's day.
VALID = timedelta(minutes=30)
ACTOR_CHARS_MAX = 64
SHOWN_MAX = 50  # the latest of one terminal
# A terminal of these is in nobody's home, or not to be touched.
NOT_REACHED = frozenset({"reserved", "retired"})

_COLUMNS = "cid, device_id, do_what, asked_by, asked_at, expires_at, faults, answered_at, result, why, figures"


async def ask(  # noqa: PLR0917 - in this order in every room
    conn: Conn, box: Box, device_id: str, do_what: str, by: str, now: datetime
) -> str:
    """Queue it; its `cid`. Raises BadInput, NotFound, Conflict: revoked, retired, or the same is under way."""
    if do_what not in DONE_FROM_AFAR:
        raise BadInput(f"远端可做：{'、'.join(DONE_FROM_AFAR)}")
    by = by.strip()
    if not 0 < len(by) <= ACTOR_CHARS_MAX:
        raise BadInput("请填写操作人")
    device = await store.get_device(conn, device_id)
    if device is None:
        raise NotFound("没有这台设备")
    if device.revoked_at is not None or device.status in NOT_REACHED:
        raise Conflict("设备已停用或凭据已吊销，无法下发指令")
    # Of two who click at once the second waits here, and then finds the first one's.
    state = await store.get_state(conn, device_id, lock=True)
    if state is None:
        raise Conflict("设备从未上线，无法下发指令")
    if await _under_way(conn, device_id, do_what, now):
        raise Conflict("同一指令正在执行，请等待结果")
    cid, until = secrets.token_hex(CID_BYTES), now + VALID
    await conn.execute(
        "insert into device_command (cid, device_id, do_what, asked_by, asked_at, expires_at, faults)"
        " values (%(cid)s, %(device_id)s, %(do_what)s, %(by)s, %(now)s, %(until)s, %(faults)s)",
        {
            "cid": cid, "device_id": device_id, "do_what": do_what, "by": by, "now": now, "until": until,
            "faults": state.open_faults,
        },
    )  # fmt: skip
    fields = {"cid": cid, "do": do_what, "exp": int(until.timestamp())}
    await queue.send(conn, box, device_id, "cmd", fields, now, until, cid)
    return cid


async def heard(conn: Conn, message: Received) -> None:
    """A terminal's `result`. The first one of its own command counts; any other names nothing of ours."""
    body: dict[str, Any] = message.body
    figures = {str(name): value for name, value in body["vals"] or []}
    await conn.execute(
        "update device_command set answered_at = %(at)s, result = %(st)s, why = %(why)s, figures = %(figures)s"
        " where cid = %(cid)s and device_id = %(device_id)s and answered_at is null",
        {
            "at": message.received_at, "st": body["st"], "why": body["why"], "figures": Jsonb(figures),
            "cid": body["cid"], "device_id": message.device_id,
        },
    )  # fmt: skip


async def of_device(conn: Conn, device_id: str, most: int = SHOWN_MAX) -> list[Command]:
    """The latest commands of a terminal, the newest first, each with the faults that are open now."""
    async with conn.cursor(row_factory=class_row(Command)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS}, coalesce(s.open_faults, '{{}}') as faults_now"
            " from device_command c left join device_state s using (device_id)"
            " where device_id = %(device_id)s order by asked_at desc, cid limit %(most)s",
            {"device_id": device_id, "most": most},
        )
        return await cursor.fetchall()


async def one(conn: Conn, cid: str) -> Command:
    """One command. Raises NotFound."""
    async with conn.cursor(row_factory=class_row(Command)) as cursor:
        await cursor.execute(
            f"select {_COLUMNS}, coalesce(s.open_faults, '{{}}') as faults_now"
            " from device_command c left join device_state s using (device_id) where cid = %(cid)s",
            {"cid": cid},
        )
        found = await cursor.fetchone()
    if found is None:
        raise NotFound("没有这条指令")
    return found


async def _under_way(conn: Conn, device_id: str, do_what: str, now: datetime) -> bool:
    cursor = await conn.execute(
        "select exists (select from device_command where device_id = %(device_id)s and do_what = %(do_what)s"
        " and answered_at is null and expires_at > %(now)s)",
        {"device_id": device_id, "do_what": do_what, "now": now},
    )
    row = await cursor.fetchone()
    return bool(row and row[0])
