"""All SQL of the reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.rows import class_row

from cloud.stats.models import Terminal

if TYPE_CHECKING:
    from psycopg import AsyncConnection


async def terminals(conn: AsyncConnection[Any]) -> list[Terminal]:
    """Every terminal of the registry with its latest state and its home's place; a reserved id is none yet."""
    async with conn.cursor(row_factory=class_row(Terminal)) as cursor:
        await cursor.execute(
            """
            select d.device_id, d.status, d.created_at, d.revoked_at, d.credential is not null as has_credential,
                   s.last_seen_at, s.in_call_until, s.link, s.link_at, s.battery_pct, s.on_mains, s.csq,
                   s.registration, s.open_faults, s.heartbeat_s, h.lives_alone, street.name as street, h.community
            from device d
            left join device_state s using (device_id)
            left join installation i on i.device_id = d.device_id and i.removed_on is null
            left join home h using (home_id)
            left join street using (street_code)
            where d.status <> 'reserved'
            order by d.device_id
            """
        )
        return await cursor.fetchall()


async def quarantined(conn: AsyncConnection[Any]) -> dict[str, int]:
    """How many messages could not be taken, by reason, the most frequent first."""
    cursor = await conn.execute("select reason, sum(times)::bigint from quarantine group by reason order by 2 desc, 1")
    return dict(await cursor.fetchall())
