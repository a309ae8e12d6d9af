"""What was wrong with one terminal, and which calls proved its keys: the past, for whoever looks back. Reads only.

In: an open transaction, a terminal, a stretch of time. Out: findings with their ends, and proofs. Nothing personal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from psycopg.rows import class_row

from cloud.health.models import Finding
from cloud.health.store import TALKED_S

if TYPE_CHECKING:
    from cloud.db import Conn


@dataclass(frozen=True, kw_only=True)
class Past:
    """A finding with its life."""

    finding_id: int
    opened_at: datetime
    closed_at: datetime | None  # None: it holds
    finding: Finding


@dataclass(frozen=True)
class Proof:
    """A call from a key on which two people talked."""

    at: datetime
    key: str


async def findings(conn: Conn, device_id: str, from_at: datetime, until_at: datetime, most: int) -> list[Past]:
    """Those that held at any moment of the stretch, what is open and what began last first."""
    cursor = await conn.execute(
        "select finding_id, opened_at, closed_at, device_id, rule, rule_version, since, evidence, owner from finding"
        " where device_id = %(device_id)s and since < %(until)s and (closed_at is null or closed_at > %(from)s)"
        " order by closed_at is not null, since desc, finding_id limit %(most)s",
        {"device_id": device_id, "from": from_at, "until": until_at, "most": most},
    )
    names = ("device_id", "rule", "rule_version", "since", "evidence", "owner")
    return [
        Past(
            finding_id=row[0],
            opened_at=row[1],
            closed_at=row[2],
            finding=Finding(**dict(zip(names, row[3:], strict=True))),
        )
        for row in await cursor.fetchall()
    ]


async def proofs(conn: Conn, device_id: str, from_at: datetime, until_at: datetime) -> list[Proof]:
    """Calls that proved a key, as `store.fold_key_use` counts them."""
    async with conn.cursor(row_factory=class_row(Proof)) as cursor:
        await cursor.execute(
            "select coalesce(f.happened_at, f.at) as at, p.body->>'key' as key from case_fact p"
            " join case_file c on c.case_id = p.case_id"
            " join case_fact f on f.case_id = p.case_id and f.ref = p.message_id and f.kind = 'step'"
            "  and f.body->>'step' = 'end' and (f.body->>'dur')::integer >= %(talked)s"
            " where p.device_id = %(device_id)s and p.kind = 'press' and p.body->>'key' <> 'cancel'"
            "  and (p.body->>'key' <> 'sos' or c.accepted_at is not null)"
            "  and coalesce(f.happened_at, f.at) >= %(from)s and coalesce(f.happened_at, f.at) < %(until)s order by 1",
            {"device_id": device_id, "from": from_at, "until": until_at, "talked": TALKED_S},
        )
        return await cursor.fetchall()
