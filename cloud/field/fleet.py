"""What is known of the whole fleet: who has which terminal, another maker's units, progress by street. Read only.

Rows come one by one from the database: the caller writes them on, and memory does not grow with the fleet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg.rows import class_row, dict_row

from cloud.elders.rules import masked_address, masked_fact, masked_name, masked_number
from cloud.elders.store import open_facts
from cloud.field.rows import OUR_NAME
from cloud.sealed import SealBroken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import date

    from cloud.db import Conn
    from cloud.sealed import Box

HEADER = [
    "设备编号", "厂家", "街道", "社区", "地址", "独居", "老人姓名", "老人电话", "出生年份", "能力等级",
    "健康备注", "终端号码", "ICCID", "安装日期",
    "联系人1", "联系人1电话", "联系人2", "联系人2电话", "状态",
]  # fmt: skip
STATUS_NAMES = {"installed": "在用", "paused": "暂停", "foreign": "外来设备", "replaced": "外来设备（已换我方终端）"}
UNREADABLE = "（无法读取）"
AT_ONCE = 1_000  # rows fetched together
ICCID_SHOWN = 4  # last digits, as people tell cards apart

_PEOPLE = """
    street.name as street, h.community, h.address_sealed, h.lives_alone, e.name_sealed, e.phone_sealed,
    e.birth_sealed, e.care_sealed,
    c1.label as label1, c1.number_sealed as number1, c2.label as label2, c2.number_sealed as number2
"""
_JOINS = """
    join home h using (home_id) join street using (street_code)
    left join lateral (select name_sealed, phone_sealed, birth_sealed, care_sealed
                       from elder where elder.home_id = h.home_id order by created_at, elder_id limit 1) e on true
    left join contact c1 on c1.home_id = h.home_id and c1.position = 1
    left join contact c2 on c2.home_id = h.home_id and c2.position = 2
"""
_OURS = f"""
    select d.device_id, d.status, d.msisdn_sealed, d.iccid, i.installed_on, %(ours)s::text as maker, {_PEOPLE}
    from installation i join device d using (device_id) {_JOINS}
    where i.removed_on is null order by d.device_id
"""
# Nobody told us that it was taken away, but the home has a terminal of ours now.
_REPLACED = "exists (select from installation i where i.home_id = f.home_id and i.removed_on is null)"
_FOREIGN = f"""
    select f.unit_id as device_id, case when {_REPLACED} then 'replaced' else 'foreign' end as status,
           f.number_sealed as msisdn_sealed, f.iccid, f.installed_on,
           f.maker, {_PEOPLE}
    from foreign_unit f {_JOINS} order by f.maker, f.unit_id
"""


@dataclass(frozen=True)
class Street:
    """One street; `street` None: in no home of any street."""

    street: str | None
    planned: int | None
    in_stock: int
    installed: int
    accepted: int  # of those in stock or installed: the latest test passed
    removed: int  # terminals that left a home
    retired: int
    this_week: int  # put in since Monday
    open_visits: int  # evidence is missing
    proven_120: int  # of those installed: a call to 120 got through
    foreign: int  # homes that still rely on another maker's unit


async def homes(conn: Conn, box: Box, *, foreign: bool, reveal: bool) -> AsyncIterator[list[str]]:
    """A row under HEADER for each terminal of ours in a home, or for each foreign unit; masked unless reveal."""
    async with conn.cursor(name="fleet", row_factory=dict_row) as cursor:
        cursor.itersize = AT_ONCE
        await cursor.execute(_FOREIGN if foreign else _OURS, {} if foreign else {"ours": OUR_NAME})
        async for row in cursor:
            yield _cells(box, row, reveal=reveal)


async def progress(conn: Conn, monday: date, planned: dict[str, int]) -> list[Street]:
    """Every street that has a plan or terminals, then one row for what is in no home."""
    async with conn.cursor(row_factory=class_row(Street)) as cursor:
        await cursor.execute(
            """
            with place as (
                select i.device_id, i.removed_on is null as here, i.installed_on, h.street_code, d.status,
                       d.passed_at is not null as passed,
                       row_number() over (partition by i.device_id order by i.installed_on desc, i.installation_id) as n
                from installation i join home h using (home_id) join device d using (device_id)
            ), proven as (
                select distinct device_id from field_call_120 where result = 'connected'
            ), counted as (
                select street_code,
                       count(*) filter (where here) as installed,
                       count(*) filter (where here and passed) as accepted,
                       count(*) filter (where not here) as removed,
                       count(*) filter (where n = 1 and not here and status = 'retired') as retired,
                       count(*) filter (where here and installed_on >= %(monday)s) as this_week,
                       count(*) filter (where here and proven.device_id is not null) as proven_120
                from place left join proven using (device_id) group by street_code
            ), visits as (
                select h.street_code, count(*) as open_visits from field_visit join home h using (home_id)
                where finished_at is null group by 1
            ), others as (
                select h.street_code, count(*) as units from foreign_unit f join home h using (home_id)
                where not exists (
                    select from installation i where i.home_id = f.home_id and i.removed_on is null) group by 1
            ), plan as (
                select * from unnest(%(codes)s::text[], %(plans)s::integer[]) as p (street_code, planned)
            )
            select street.name as street, plan.planned, 0 as in_stock, coalesce(installed, 0) as installed,
                   coalesce(accepted, 0) as accepted, coalesce(removed, 0) as removed, coalesce(retired, 0) as retired,
                   coalesce(this_week, 0) as this_week, coalesce(open_visits, 0) as open_visits,
                   coalesce(proven_120, 0) as proven_120, coalesce(units, 0) as foreign
            from street left join counted using (street_code) left join visits using (street_code)
            left join others using (street_code) left join plan using (street_code)
            where coalesce(counted.street_code, visits.street_code, others.street_code, plan.street_code) is not null
            order by street.street_code
            """,
            {"monday": monday, "codes": list(planned), "plans": list(planned.values())},
        )
        found = await cursor.fetchall()
        await cursor.execute(
            """
            select null as street, null::integer as planned, count(*) filter (where status = 'stock') as in_stock,
                   0 as installed, count(*) filter (where status = 'stock' and passed_at is not null) as accepted,
                   0 as removed, 0 as this_week, 0 as open_visits, 0 as proven_120, 0 as foreign,
                   count(*) filter (where status = 'retired' and not exists (
                       select from installation i where i.device_id = d.device_id)) as retired
            from device d
            """
        )
        return found + await cursor.fetchall()


async def without_plan(conn: Conn, after: str, most: int) -> list[str]:
    """Terminals in homes that have no plan of their own, after an id."""
    cursor = await conn.execute(
        "select device_id from device d where status in ('installed', 'paused') and device_id > %(after)s"
        " and not exists (select from device_config c where c.device_id = d.device_id) order by 1 limit %(most)s",
        {"after": after, "most": most},
    )
    return [row[0] for row in await cursor.fetchall()]


def _cells(box: Box, row: dict[str, Any], *, reveal: bool) -> list[str]:
    def number(blob: bytes | None) -> str:
        text = _opened(box, blob)
        return text if reveal or text == UNREADABLE else masked_number(text)

    name, address = _opened(box, row["name_sealed"]), _opened(box, row["address_sealed"])
    facts = _facts(box, row["birth_sealed"], row["care_sealed"])
    iccid = row["iccid"] or ""
    return [
        row["device_id"], row["maker"], row["street"], row["community"],
        address if reveal else masked_address(), "是" if row["lives_alone"] else "否",
        name if reveal else masked_name(name), number(row["phone_sealed"]),
        *(text if reveal else masked_fact(text) for text in facts), number(row["msisdn_sealed"]),
        iccid if reveal else "*" * max(0, len(iccid) - ICCID_SHOWN) + iccid[-ICCID_SHOWN:],
        row["installed_on"].isoformat() if row["installed_on"] else "",
        row["label1"] or "", number(row["number1"]), row["label2"] or "", number(row["number2"]),
        STATUS_NAMES.get(row["status"], row["status"]),
    ]  # fmt: skip


def _facts(box: Box, birth: bytes | None, care: bytes | None) -> tuple[str, str, str]:
    facts = open_facts(box, birth, care)
    level, notes = facts.care_level or "", facts.care_notes or ""
    lost = care is not None and not (level or notes)
    return facts.birth or (UNREADABLE if birth else ""), UNREADABLE if lost else level, notes


def _opened(box: Box, blob: bytes | None) -> str:
    if blob is None:
        return ""
    try:
        return box.open(blob)
    except SealBroken:
        return UNREADABLE
