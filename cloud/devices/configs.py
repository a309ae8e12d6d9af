"""Settings of one terminal, changed from afar: asked for, sent at once, answered by the event applied or refused.

In: an open transaction. Out: a version of its configuration, the message down beside it, who asked for it; the answer
when it comes. No commit. The stored ladders go into the new version to the letter, or nothing does.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cloud.devices import store, tune
from cloud.devices.actions import CONFIG_EXPIRES, want_config
from cloud.devices.commands import ACTOR_CHARS_MAX, NOT_REACHED, VALID
from cloud.devices.tune import Change, Standing
from cloud.down import queue
from cloud.elders import store as elders
from cloud.errors import BadInput, Conflict, NotFound
from cloud.sealed import SealBroken
from protocol import messages
from protocol.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from cloud.db import Conn
    from cloud.devices.models import Device, DeviceState, Received
    from cloud.sealed import Box

SHOWN_MAX = 20  # the latest of one terminal


async def ask(  # noqa: PLR0917 - in this order in every room
    conn: Conn, box: Box, device_id: str, values: Mapping[str, str], by: str, now: datetime
) -> int:
    """Want these settings; the change's number. Raises BadInput, NotFound, Conflict: not now, or no change."""
    by = _who(by)
    typed = dict(values)
    callers = typed.pop(tune.CALLERS, None)
    numbers = {name: tune.number(name, text) for name, text in typed.items()}
    if callers is not None and callers not in tune.CALLER_CHOICES:
        raise BadInput(f"{tune.CALLERS_TITLE}：只能选 {'、'.join(tune.CALLER_CHOICES)}")
    if not numbers and callers is None:
        raise BadInput("没有要修改的设置")
    before, version = await _begin(conn, box, device_id, now)
    allow = None if callers is None else await _callers(conn, box, device_id, before, callers)
    after = tune.changed(before, numbers, allow, version)
    return await _want(conn, box, device_id, before, after, by=by, now=now, from_district=False)


async def back_to_district(conn: Conn, box: Box, device_id: str, by: str, now: datetime) -> int:
    """Want the district's settings again, over the terminal's own ladders; raises as `ask`."""
    by = _who(by)
    before, version = await _begin(conn, box, device_id, now)
    district = await _opened(box, await store.district_config(conn))
    after = tune.as_district(before, district or {}, version)
    return await _want(conn, box, device_id, before, after, by=by, now=now, from_district=True)


async def heard(conn: Conn, message: Received) -> None:
    """A terminal's word on a version. The first one counts; on a version that nobody asked for it changes nothing."""
    result = {"config_applied": "applied", "config_refused": "refused"}.get(message.body["ev"])
    if result is None or message.body["val"] is None:
        return
    await conn.execute(
        "update config_change set settled_at = %(at)s, result = %(result)s, why = %(why)s"
        " where device_id = %(device_id)s and version = %(version)s and settled_at is null",
        {
            "at": message.received_at, "result": result, "why": message.body["txt"],
            "device_id": message.device_id, "version": message.body["val"],
        },
    )  # fmt: skip


async def standing(conn: Conn, box: Box, device_id: str) -> Standing:
    """What it runs and what it should run. Raises NotFound."""
    device = await store.get_device(conn, device_id)
    if device is None:
        raise NotFound("没有这台设备")
    state = await store.get_state(conn, device_id)
    runs = None if state is None else state.config_version
    wanted = await _opened(box, await store.config_body(conn, device_id, device.config_version))
    ran = wanted
    if runs != device.config_version:
        ran = {} if runs == 0 else await _opened(box, await store.config_body(conn, device_id, runs or 0))
    return Standing(
        runs=runs, wanted=device.config_version, runs_fields=ran if runs is not None else None, wanted_fields=wanted,
        district_fields=await _opened(box, await store.district_config(conn)),
    )  # fmt: skip


async def of_device(conn: Conn, box: Box, device_id: str, most: int = SHOWN_MAX) -> list[Change]:
    """The latest changes of a terminal, the newest first."""
    return await _changes(conn, box, "c.device_id = %(device_id)s", {"device_id": device_id, "most": most})


async def one(conn: Conn, box: Box, change_id: int) -> Change:
    """One change. Raises NotFound."""
    found = await _changes(conn, box, "c.change_id = %(change_id)s", {"change_id": change_id, "most": 1})
    if not found:
        raise NotFound("没有这次修改")
    return found[0]


async def _changes(conn: Conn, box: Box, which: str, values: dict[str, Any]) -> list[Change]:
    cursor = await conn.execute(
        "select c.change_id, c.device_id, c.version, c.asked_by, c.asked_at, c.expires_at, c.from_district,"
        "  c.change_sealed, c.settled_at, c.result, c.why, d.config_version, s.config_version"
        " from config_change c join device d using (device_id) left join device_state s using (device_id)"
        f" where {which} order by c.asked_at desc, c.change_id desc limit %(most)s",
        values,
    )
    names = ("change_id", "device_id", "version", "asked_by", "asked_at", "expires_at", "from_district", "change")
    rest = ("settled_at", "result", "why", "wanted", "runs")
    found = []
    for row in await cursor.fetchall():
        known = dict(zip((*names, *rest), row, strict=True))
        found.append(Change(**{**known, "change": _unsealed(box, bytes(row[7]))}))
    return found


def _unsealed(box: Box, blob: bytes) -> dict[str, list[Any]]:
    """Before and after; numbers leave here only as how many there are."""
    try:
        held: dict[str, list[Any]] = json.loads(box.open_bytes(blob))
    except SealBroken:
        return {}  # who and when are still worth showing
    if tune.CALLERS in held:
        held[tune.CALLERS] = [len(each) for each in held[tune.CALLERS]]
    return held


def _who(by: str) -> str:
    by = by.strip()
    if not 0 < len(by) <= ACTOR_CHARS_MAX:
        raise BadInput("请填写操作人")
    return by


async def _begin(conn: Conn, box: Box, device_id: str, now: datetime) -> tuple[dict[str, Any], int]:
    """The configuration that is wanted now, and the next version's number."""
    # Whoever else makes a version for this terminal waits here, and then starts from ours: no ladder is overwritten.
    await store.lock_device(conn, device_id)
    device, state = await store.get_device(conn, device_id), await store.get_state(conn, device_id)
    if device is None:
        raise NotFound("没有这台设备")
    _check(device, state)
    if await _under_way(conn, device_id, now):
        raise Conflict("上一次修改还在等待设备应答，请等待结果")
    before = await _opened(box, await store.config_body(conn, device_id, device.config_version))
    if before is None:
        raise Conflict("平台没有这台设备的完整配置，请先完成安装登记")
    own = await store.newest_own_config(conn, device_id)
    return before, 1 + max(device.config_version, state.config_version if state else 0, own)


def _check(device: Device, state: DeviceState | None) -> None:
    if device.revoked_at is not None or device.status in NOT_REACHED:
        raise Conflict("设备已停用或凭据已吊销，无法下发配置")
    if state is None:
        raise Conflict("设备从未上线，无法下发配置")


async def _want(
    conn: Conn,
    box: Box,
    device_id: str,
    before: dict[str, Any],
    after: dict[str, Any],
    *,
    by: str,
    now: datetime,
    from_district: bool,
) -> int:
    change = tune.difference(before, after)
    if not change:
        raise Conflict("与平台要求的配置相同，无需下发")
    if not tune.desk_is_kept(before, after):
        raise Conflict("这台设备的红键呼叫顺序里没有坐席，请先修正登记")
    try:
        await want_config(conn, box, device_id, after, now)
        await queue.send(conn, box, device_id, "config", after, now, now + CONFIG_EXPIRES, str(after["ver"]))
    except ProtocolError as error:
        raise tune.refusal(error) from None
    cursor = await conn.execute(
        "insert into config_change (device_id, version, asked_by, asked_at, expires_at, from_district, change_sealed)"
        " values (%(device_id)s, %(version)s, %(by)s, %(now)s, %(until)s, %(from_district)s, %(change)s)"
        " returning change_id",
        {
            "device_id": device_id, "version": after["ver"], "by": by, "now": now, "until": now + VALID,
            "from_district": from_district, "change": box.seal_bytes(json.dumps(change).encode()),
        },
    )  # fmt: skip
    ((change_id,),) = await cursor.fetchall()
    return int(change_id)


async def _callers(conn: Conn, box: Box, device_id: str, fields: dict[str, Any], choice: str) -> list[str]:
    """Numbers of the registry: the desk's, and those of whoever is registered for this home."""
    found = tune.staffed_numbers(fields)
    home_id = await elders.home_of_device(conn, device_id)
    if choice == "contacts":
        household = None if home_id is None else await elders.household(conn, box, home_id)
        if household is None:
            raise Conflict("设备没有登记住户，没有联系人可选")
        found += [contact.number for contact in household.contacts]
    if not found:
        raise Conflict("登记里没有可用的号码")
    return list(dict.fromkeys(found))[: tune.CALLERS_MAX]


async def _opened(box: Box, body: bytes | None) -> dict[str, Any] | None:
    if body is None:
        return None
    try:
        return dict(messages.decode("down", "config", box.open_bytes(body)))
    except (SealBroken, ProtocolError):
        return None  # as good as none: nothing can be built on it


async def _under_way(conn: Conn, device_id: str, now: datetime) -> bool:
    cursor = await conn.execute(
        "select exists (select from config_change c join device d using (device_id) join device_state s"
        "  using (device_id) where c.device_id = %(device_id)s and c.settled_at is null and c.expires_at > %(now)s"
        "  and d.config_version = c.version and s.config_version <> c.version)",
        {"device_id": device_id, "now": now},
    )
    row = await cursor.fetchone()
    return bool(row and row[0])
