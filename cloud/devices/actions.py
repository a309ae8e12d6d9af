"""What can happen to a terminal: it says something, it is told by the broker, it is registered or revoked.

In: an open transaction. Out: rows. No commit; `now` comes in.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import secrets
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from cloud.days import shanghai_day
from cloud.devices import rules, store
from cloud.devices.models import Device, DeviceState, Gap
from cloud.down import queue
from cloud.errors import BadInput, Conflict, NotFound
from cloud.sealed import SealBroken
from protocol import messages, topics
from protocol.errors import ProtocolError

if TYPE_CHECKING:
    from datetime import datetime

    from cloud.db import Conn
    from cloud.devices.models import Received
    from cloud.sealed import Box

log = logging.getLogger(__name__)

LIVE_CHANNEL = "live"

# A terminal that cannot take a configuration would otherwise be sent 1.4 kB with every heartbeat, 6 MB a month.
CONFIG_AGAIN = timedelta(hours=1)
CONFIG_EXPIRES = timedelta(hours=1)  # by then it is decided anew; an absent terminal's queue stays short

# Ingest beats every few seconds: a longer silence of its own means that terminals could not be heard.
INGEST_SILENCE_ALLOWED = timedelta(seconds=30)

PASSWORD_BYTES = 24
# The password is 192 random bits, so that rounds add nothing; the broker pays them at each of 50,000 logins, and for
# every connected terminal at once, standing still, whenever it reads its list again (decision 0009).
_CREDENTIAL_ROUNDS = 1
_SALT_BYTES = 12


async def take(conn: Conn, box: Box, message: Received) -> None:
    """One new message: latest state, its day, a configuration if another is wanted, and a word to the live page."""
    before = await store.get_state(conn, message.device_id, lock=True)
    after = rules.advance(before, message, overtaken=await _overtaken(conn, message))
    after = await _with_heartbeat(conn, before, after)
    await store.save_state(conn, after)
    received_day = shanghai_day(message.received_at)
    count = rules.day_count(message, received_day)
    at = message.happened_at or message.received_at
    await store.count_day(conn, message.device_id, message.day, count=count, at=at, now=message.received_at)
    if message.kind == "day":
        await _keep_report(conn, message)
    if message.kind in {"hb", "boot"}:
        await _configure(conn, box, after, message.received_at)
    if rules.worth_showing(before, after):
        await tell_live(conn, message.device_id)


async def link(conn: Conn, device_id: str, message_id: str, status: str, now: datetime, *, retained: bool) -> None:
    """The broker's word on the connection. It alone alarms nobody, and the same word again changes nothing."""
    before = await store.get_state(conn, device_id, lock=True)
    if before is not None and before.link_id == message_id:
        return
    if before is None and (retained or status == "offline"):
        return  # nothing was heard from the terminal itself yet
    state = before or DeviceState(device_id=device_id, first_seen_at=now, last_seen_at=now)
    after = replace(state, link=status, link_at=now, link_id=message_id)
    await store.save_state(conn, after)
    if not retained and rules.line_changed(before, after, now):
        await store.note_link(conn, device_id, shanghai_day(now), now)
    if rules.worth_showing(before, after):
        await tell_live(conn, device_id)


async def retold(conn: Conn, device_id: str, days: list[date], now: datetime) -> None:
    """These days hold more since now than they did when they may have been closed."""
    await store.mark_days(conn, device_id, days, now)


async def count(conn: Conn, device_id: str, *, duplicates: int = 0, id_clashes: int = 0, quarantined: int = 0) -> None:
    """Count what came to nothing. A terminal of which nothing was ever taken has no row to count in."""
    state = await store.get_state(conn, device_id, lock=True)
    if state is not None:
        state = replace(
            state,
            duplicates=state.duplicates + duplicates,
            id_clashes=state.id_clashes + id_clashes,
            quarantined=state.quarantined + quarantined,
        )
        await store.save_state(conn, state)


async def register(conn: Conn, box: Box, device_id: str, msisdn: str | None, now: datetime) -> str:
    """Add a terminal to the registry and return its password, which is kept nowhere."""
    if not topics.is_device_id(device_id):
        raise BadInput(f"a device id is {topics.DEVICE_CHARS_MIN} to {topics.DEVICE_CHARS_MAX} capitals and digits")
    if msisdn is not None and not (msisdn.isascii() and msisdn.isdigit() and 5 <= len(msisdn) <= 15):
        raise BadInput("a phone number is 5 to 15 digits, without country code prefix or spaces")
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    device = Device(
        device_id=device_id,
        status="stock",
        credential=credential(password),
        revoked_at=None,
        msisdn_sealed=None if msisdn is None else box.seal(msisdn),
        config_version=0,
        created_at=now,
    )
    if not await store.add_device(conn, device, None if msisdn is None else box.digest(msisdn)):
        raise Conflict(f"{device_id}: this id or this phone number is registered already")
    return password


async def revoke(conn: Conn, device_id: str, now: datetime) -> None:
    """Take a terminal's credential away for ever."""
    if not await store.revoke(conn, device_id, now):
        known = await store.get_device(conn, device_id)
        raise (NotFound if known is None else Conflict)(f"{device_id}: {'unknown' if known is None else 'revoked'}")


async def want_config(conn: Conn, box: Box, device_id: str | None, fields: dict[str, Any], now: datetime) -> None:
    """Make this the configuration of one terminal, or (None) of every one that has none of its own."""
    body = messages.encode("down", "config", fields)
    await store.add_config(
        conn, device_id, fields["ver"], body_sealed=box.seal_bytes(body), heartbeat_s=fields["hb"], now=now
    )


def credential(password: str) -> str:
    """The line that Mosquitto checks a password against: `$7$`, PBKDF2-SHA512."""
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _CREDENTIAL_ROUNDS, 64)
    return f"$7${_CREDENTIAL_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


async def ingest_works(
    conn: Conn,
    door: str,
    now: datetime,
    counted: dict[str, int],
    mine: tuple[datetime, timedelta] | None = None,
    *,
    present: dict[str, float] | None = None,
) -> None:
    """One of DOORS beats. Where it had been silent too long, the stretch is a gap that no terminal answers for.

    `mine`: when this process last beat, and how long ago by a clock that never steps. It counts only where nobody else
    has beaten at this door since; else the wall clock does.
    """
    last = await store.last_beat(conn, door)
    silent = mine[1] if mine and mine[0] == last else timedelta(0) if last is None else now - last
    if silent > INGEST_SILENCE_ALLOWED:
        await store.add_gap(conn, Gap(from_at=now - silent, until_at=now))
    await store.beat(conn, door, now, counted, present)


async def session_was_new(conn: Conn, door: str, at: datetime) -> None:
    """The broker knew no session of this door: lost, unless the door had never worked before."""
    last = await store.last_beat(conn, door)
    if last is not None:
        await store.add_session_lost(conn, door, last, at)


async def configure_if_wanted(conn: Conn, box: Box, device_id: str, now: datetime) -> None:
    """Queue the wanted configuration for a terminal that has reported another one."""
    state = await store.get_state(conn, device_id)
    if state is not None:
        await _configure(conn, box, state, now)


async def look_at_refused(conn: Conn, quarantine_id: int, actor: str, now: datetime) -> None:
    """A person has looked at a press that could not be taken. Of two who say so one gets Conflict."""
    if not await store.mark_seen(conn, quarantine_id, actor, now):
        raise Conflict("该按键记录已有人查看，或已不在")
    await tell_refused(conn)


async def tell_refused(conn: Conn) -> None:
    """Wake the pages that show presses which could not be taken."""
    await conn.execute(
        "select pg_notify(%(channel)s, %(text)s)",
        {"channel": LIVE_CHANNEL, "text": json.dumps({"what": "refused"})},
    )


async def tell_live(conn: Conn, *device_ids: str) -> None:
    """Wake the pages that show terminals, all in one statement: after an outage these are thousands."""
    if device_ids:
        await conn.execute(
            "select pg_notify(%(channel)s, text) from unnest(%(texts)s::text[]) as text",
            {"channel": LIVE_CHANNEL, "texts": [json.dumps({"what": "device", "device": each}) for each in device_ids]},
        )


async def _with_heartbeat(conn: Conn, before: DeviceState | None, after: DeviceState) -> DeviceState:
    """How often the terminal beats, looked up when it says that it runs another configuration."""
    if before is not None and before.config_version == after.config_version:
        return after
    return replace(after, heartbeat_s=await store.config_heartbeat(conn, after.device_id, after.config_version))


async def _overtaken(conn: Conn, message: Received) -> bool:
    twin = rules.twin(message.body["ev"]) if message.kind == "event" else None
    if twin is None or message.happened_at is None:
        return False
    return await store.later_event(conn, message.device_id, twin, message.happened_at)


async def _keep_report(conn: Conn, message: Received) -> None:
    names = ("on", "reg", "beats", "presses", "answered", "stuck", "faults")
    told = {name: message.body[name] for name in names}
    day = date.fromisoformat(message.body["day"])
    known = await store.report_of(conn, message.device_id, day)
    report = rules.merged_report(known, told)
    if report != known:
        await store.save_report(conn, message.device_id, day, report, message.received_at)


async def _configure(conn: Conn, box: Box, state: DeviceState, now: datetime) -> None:
    """Queue the wanted configuration if the terminal reports another one and was not sent it lately."""
    wanted = await store.wanted_config(conn, state.device_id)
    if wanted in {0, state.config_version}:
        return
    if await store.config_sent_since(conn, state.device_id, wanted, now - CONFIG_AGAIN):
        return
    body = await store.config_body(conn, state.device_id, wanted)
    if body is None:
        return
    try:
        fields = messages.decode("down", "config", box.open_bytes(body))
    except (SealBroken, ProtocolError):
        # A configuration that cannot be read must not cost us the heartbeat that asked for it.
        log.error("configuration %d cannot be read", wanted)  # noqa: TRY400 - the place is known
    else:
        await queue.send(conn, box, state.device_id, "config", fields, now, now + CONFIG_EXPIRES, str(wanted))
