"""The corridor: what happens, in order, when a terminal's message has been checked, dated and stored.

In: one new message inside its transaction (or one that came again, or was refused). Out: what each room makes of
it, and the receipt. Everything below is committed together by the front door, or not at all.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from cloud.calls import actions as calls
from cloud.calls import store as cases
from cloud.devices import actions as devices
from cloud.devices import commands, configs
from cloud.down import queue
from protocol import codes

if TYPE_CHECKING:
    from datetime import date, datetime

    from cloud.db import Conn
    from cloud.devices.models import Received
    from cloud.sealed import Box
    from cloud.settings import Settings


async def on_message(conn: Conn, box: Box, settings: Settings, message: Received) -> None:
    """A message that is new."""
    # 1. The terminal: last contact, latest state, the day's count.
    await devices.take(conn, box, message)
    # 2. The case: a press opens or joins one, whoever's it is; calls and events are its further facts.
    if message.kind == "press":
        await calls.on_press(conn, box, settings, message)
    elif message.kind == "call":
        await calls.on_call_progress(conn, message)
        if message.body["src"] == "route" and message.body["ref"] is not None:
            await queue.answered(conn, message.device_id, "route", message.body["ref"], message.received_at)
    elif message.kind == "event":
        await calls.on_event(conn, message)
        await configs.heard(conn, message)
    elif message.kind == "result":
        await queue.answered(conn, message.device_id, "cmd", message.body["cid"], message.received_at)
        await commands.heard(conn, message)
    # 3. The receipt: it leaves after the commit, and only then does the terminal forget.
    if message.kind in codes.RECEIPTED_KINDS:
        await queue.receipt(conn, message.device_id, message.id, message.received_at)


async def on_id_clash(conn: Conn, device_id: str) -> None:
    """An id that was used before for other content: the message is new all the same, and counted."""
    await devices.count(conn, device_id, id_clashes=1)


async def on_duplicate(conn: Conn, device_id: str, kind: str, message_id: str, now: datetime) -> None:
    """A message that is stored already: nothing changes, but the terminal must hear the receipt that it missed."""
    await devices.count(conn, device_id, duplicates=1)
    if kind in codes.RECEIPTED_KINDS:
        await queue.receipt(conn, device_id, message_id, now)


async def on_replayed(
    conn: Conn, device_id: str, kind: str, message_id: str, *, days: list[date], now: datetime
) -> None:
    """A message out of quarantine was taken, as of then. Who closed these days without it closes them again."""
    await devices.retold(conn, device_id, days, now)
    if kind in codes.RECEIPTED_KINDS:
        await queue.receipt(conn, device_id, message_id, now)  # the one of then may be too old to leave


async def on_refused(conn: Conn, device_id: str, message_id: str | None, now: datetime) -> None:
    """A message of a registered terminal that went to quarantine: receipted, so that it is not sent for ever."""
    await devices.count(conn, device_id, quarantined=1)
    if message_id is not None:
        await queue.receipt(conn, device_id, message_id, now)


async def on_refused_press(conn: Conn) -> None:
    """A press that went to quarantine may be a call for help: a person must see that there was one."""
    await devices.tell_refused(conn)


async def on_link(conn: Conn, device_id: str, message_id: str, status: str, now: datetime, *, retained: bool) -> None:
    """The broker's word that a terminal is connected or gone: shown, never an alarm."""
    await devices.link(conn, device_id, message_id, status, now, retained=retained)


async def is_foreign_case(conn: Conn, device_id: str, case: str) -> bool:
    """Whether a message names a case of another terminal. A text that names no case of ours is nobody's."""
    try:
        case_id = uuid.UUID(case)
    except ValueError:
        return False
    found = await cases.case(conn, case_id)
    return found is not None and found.device_id != device_id
