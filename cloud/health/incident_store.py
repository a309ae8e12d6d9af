"""All SQL of incidents, set by set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.rows import class_row

from cloud.devices.rules import HEARTBEAT_S, SILENT_BEATS
from cloud.health.incident_models import DISTRICT, FAMILIES, Ill, Incident

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cloud.db import Conn
    from cloud.health.incident_models import NewIncident
    from cloud.health.models import Limits

_RULES = sorted({rule for family in FAMILIES for rule in family.rules | family.followers})
_SCOPES = ("cell", "community", "batch", "sim_pool", "firmware", "street", "district")
# What each terminal in a home has in common with others.
_COMMON = """
    select d.device_id, s.cell, street.name || ' · ' || h.community as community,
        d.bench || ' ' || to_char(d.provisioned_at at time zone 'Asia/Shanghai', 'YYYY-MM') as batch,
        nullif(sim.pool, '') as sim_pool, s.firmware, street.name as street, %(district)s::text as district
    from device d left join device_state s using (device_id)
    left join installation i on i.device_id = d.device_id and i.removed_on is null
    left join home h using (home_id) left join street using (street_code)
    left join sim on sim.iccid = coalesce(s.iccid, d.iccid)
    where d.status = 'installed'
"""


async def ill(conn: Conn, limits: Limits) -> list[Ill]:
    """Every open finding that may belong to an incident."""
    cursor = await conn.execute(
        "select f.device_id, f.rule, f.since, f.incident_id, coalesce(s.heartbeat_s, %(beat)s)"
        " from finding f left join device_state s using (device_id)"
        " where f.closed_at is null and f.rule = any(%(rules)s)",
        {"rules": _RULES, "beat": HEARTBEAT_S},
    )
    found = []
    for device_id, rule, since, incident_id, beat_s in await cursor.fetchall():
        slack_s, limit_s = 0.0, limits.get(f"{rule}_s", 0.0)
        if rule == "silent":
            slack_s, limit_s = float(beat_s), max(limit_s, float(SILENT_BEATS * beat_s))
        found.append(
            Ill(device_id=device_id, rule=rule, since=since, slack_s=slack_s, limit_s=limit_s, incident_id=incident_id)
        )
    return found


async def groups(conn: Conn, device_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """What these terminals have in common with others; what is not known is left out."""
    cursor = await conn.execute(
        f"{_COMMON} and d.device_id = any(%(ids)s)", {"district": DISTRICT, "ids": list(device_ids)}
    )
    return {
        row[0]: {scope: place for scope, place in zip(_SCOPES, row[1:], strict=True) if place}
        for row in await cursor.fetchall()
    }


async def sizes(conn: Conn) -> dict[tuple[str, str], int]:
    """How many terminals in homes there are of each."""
    sets = ", ".join(f"({scope})" for scope in _SCOPES)
    cursor = await conn.execute(
        f"select {', '.join(_SCOPES)}, count(*) from ({_COMMON}) common group by grouping sets ({sets})",
        {"district": DISTRICT},
    )
    return {
        (scope, place): row[-1]
        for row in await cursor.fetchall()
        for scope, place in zip(_SCOPES, row, strict=False)
        if place is not None
    }


async def who_is_well(conn: Conn, now: datetime) -> None:
    """Members of which nothing is open any more have left; who is ill again is back."""
    await conn.execute(
        "update incident_member m set left_at = case when still.device_id is null then %(now)s::timestamptz end"
        " from incident i, incident_member n left join (select distinct incident_id, device_id from finding"
        "   where closed_at is null and incident_id is not null) still using (incident_id, device_id)"
        " where i.incident_id = m.incident_id and i.closed_at is null"
        "  and n.incident_id = m.incident_id and n.device_id = m.device_id"
        "  and (still.device_id is null) <> (m.left_at is not null)",
        {"now": now},
    )


async def open_incidents(conn: Conn) -> list[Incident]:
    """What is open, and when a member last came back."""
    async with conn.cursor(row_factory=class_row(Incident)) as cursor:
        await cursor.execute(
            "select incident_id, family, scope, place, since, members_high,"
            " (select max(left_at) from incident_member m where m.incident_id = i.incident_id) as last_left_at"
            " from incident i where closed_at is null order by incident_id"
        )
        return await cursor.fetchall()


async def open_(conn: Conn, new: NewIncident, now: datetime) -> int:
    """A new incident; its number. Its members come with `join`."""
    cursor = await conn.execute(
        "insert into incident (family, scope, place, since, opened_at, members_high, group_size)"
        " values (%(family)s, %(scope)s, %(place)s, %(since)s, %(now)s, 0, %(group)s) returning incident_id",
        {
            "family": new.family, "scope": new.scope, "place": new.place, "since": new.since, "now": now,
            "group": new.group,
        },
    )  # fmt: skip
    row = await cursor.fetchone()
    if row is None:
        raise RuntimeError("an insert that returned nothing")
    return int(row[0])


async def join(conn: Conn, incident_id: int, found: Sequence[tuple[str, str]], now: datetime) -> None:
    """These findings (device, rule) wait for this incident from now on."""
    values = {
        "id": incident_id, "devices": [device for device, _ in found], "rules": [rule for _, rule in found], "now": now,
    }  # fmt: skip
    await conn.execute(
        "update finding set incident_id = %(id)s from unnest(%(devices)s::text[], %(rules)s::text[])"
        " as each (device_id, rule) where finding.device_id = each.device_id and finding.rule = each.rule"
        " and closed_at is null",
        values,
    )
    await conn.execute(
        "insert into incident_member (incident_id, device_id, joined_at)"
        " select distinct %(id)s::bigint, device_id, %(now)s::timestamptz from unnest(%(devices)s::text[]) device_id"
        " on conflict (incident_id, device_id) do update set left_at = null",
        values,
    )
    await conn.execute(
        "update incident set members_high = (select count(*) from incident_member where incident_id = %(id)s)"
        " where incident_id = %(id)s",
        values,
    )


async def close(conn: Conn, incident_ids: Sequence[int], now: datetime) -> None:
    """They are over. What is left open of their members stands on its own again."""
    await conn.execute(
        "update incident set closed_at = greatest(%(now)s, opened_at)"
        " where incident_id = any(%(ids)s) and closed_at is null",
        {"ids": list(incident_ids), "now": now},
    )
