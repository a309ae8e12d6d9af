"""The registry as a district's people would have filled it: the only rows that a history does not tell by messages.

In: a plan and a migrated database. Out: homes, terminals, cards, batches, pauses, the configuration of all.
"""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import TYPE_CHECKING

from cloud.billing import store as billing
from cloud.billing.models import Pause
from cloud.days import shanghai_day
from cloud.devices import actions as devices
from cloud.health import actions as health
from tools.bench.health.town import START

if TYPE_CHECKING:
    from cloud.db import Conn
    from cloud.sealed import Box
    from tools.bench.health.plan import Plan

FIRST_DAY = shanghai_day(START)
FAR = 400  # days until the plan of a card ends that nobody speaks of
_TOWN = uuid.UUID("6f6e656b-6579-4361-8c6c-746f776e0002")
KEYS = ("sos", "k1", "k2", "k3", "k4")


def day(number: int) -> date:
    """A day of the history, by the calendar."""
    return FIRST_DAY + timedelta(days=number)


def config(version: int, beat_s: int) -> dict[str, object]:
    """What every terminal runs by."""
    ladder = [["坐席", "01055500009", 30, 1]]
    return {"ver": version, "hb": beat_s, "plan": dict.fromkeys(KEYS, ladder)}


async def fill(conn: Conn, box: Box, plan: Plan) -> None:
    """Everything that is registered before the first terminal is switched on."""
    sealed = box.seal("示例楼1单元101室")  # the same for all: nobody lives there
    await conn.execute(
        "insert into bench (bench, public_key, created_at) select distinct batch, '\\x00'::bytea, %s::timestamptz"
        " from unnest(%s::text[]) batch",
        [START, [it.batch for it in plan.town]],
    )
    async with conn.cursor() as cursor:
        await cursor.executemany(
            "insert into device (device_id, status, created_at, imei, iccid, image_kind, bench)"
            " values (%s, 'installed', %s, %s, %s, %s, %s)",
            [
                (it.device, START, it.imei, it.iccid, "trial" if it.number in plan.trial else "home", it.batch)
                for it in plan.town
            ],
        )
        await cursor.executemany(
            "insert into sim (iccid, msisdn_sealed, msisdn_hash, plan, pool, expires_on, created_at)"
            " values (%s, %s, %s, '共享流量', %s, %s, %s)",
            [
                (it.iccid, sealed, box.digest(it.device), it.pool, day(plan.expires.get(it.number, FAR)), START)
                for it in plan.town
            ],
        )
        await cursor.executemany(
            "insert into home (home_id, street_code, community, address_sealed, lives_alone, created_at)"
            " values (%s, %s, %s, %s, %s, %s)",
            [(_home(it.device), it.street, it.community, sealed, it.alone, START) for it in plan.town],
        )
        await cursor.executemany(
            "insert into installation (installation_id, device_id, home_id, installed_on) values (%s, %s, %s, %s)",
            [(uuid.uuid5(_TOWN, "in " + it.device), it.device, _home(it.device), FIRST_DAY) for it in plan.town],
        )
    for number, first, back in plan.pauses:
        pause = Pause(plan.town[number].device, day(first), day(back), "travel")
        await billing.add_pause(conn, pause, START)
    await devices.want_config(conn, box, None, config(1, plan.sizes.beat_s), START)
    if plan.sizes.thresholds:
        await health.change_thresholds(conn, START, plan.sizes.thresholds, "bench", "短的历史")


def _home(device: str) -> uuid.UUID:
    return uuid.uuid5(_TOWN, "home " + device)
