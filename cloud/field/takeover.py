"""Takes a running fleet over: checked rows in; homes, elders, terminals in homes and foreign units out, all or none.

Rows are sealed one by one and copied into a staging table, and everything after is set-based: memory does not grow with
the file. Passwords of newly registered terminals are handed to the caller once and kept nowhere.
"""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING, Any

from psycopg.rows import class_row

from cloud.devices.actions import PASSWORD_BYTES, credential
from cloud.elders.store import merged_facts, open_facts, sealed_facts
from cloud.field.rows import Problem, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from cloud.db import Conn
    from cloud.sealed import Box

PROBLEMS_MAX = 200  # what a person corrects at a sitting
NEW_AT_ONCE = 2_000  # passwords that are in memory together
_STAGING = """
create temp table staging (
    line integer, ours boolean, device_id text, maker text, home_id uuid, elder_id uuid, installation_id uuid,
    street_code text, community text, address bytea, alone boolean, name bytea, phone bytea, phone_hash bytea,
    birth bytea, care bytea, msisdn bytea, msisdn_hash bytea, iccid text, installed_on date,
    label1 text, number1 bytea, label2 text, number2 bytea
) on commit drop
"""

# Each finds lines: (line, column, code). None of them reads what is sealed.
_CHECKS = (
    # in the file itself
    """select line, 'device_id', 'twice' from (select line, row_number() over (
        partition by ours, case when ours then '' else maker end, device_id order by line) as n from staging) s
        where n > 1""",
    """select line, 'msisdn', 'twice' from (select line, row_number() over (partition by msisdn_hash order by line)
        as n from staging where msisdn_hash is not null) s where n > 1""",
    """select line, 'iccid', 'twice' from (select line, row_number() over (partition by iccid order by line)
        as n from staging where iccid is not null) s where n > 1""",
    """select line, 'address', 'home_twice' from (select line, row_number() over (partition by home_id order by line)
        as n from staging where ours) s where n > 1""",
    # against the registry
    """select s.line, 'device_id', case when d.device_id is null then 'unknown_device'
            when d.status = 'reserved' then 'reserved'
            when d.status = 'retired' or d.revoked_at is not null then 'retired' else 'in_a_home' end
        from staging s left join device d using (device_id)
        where s.ours and ((d.device_id is null and not %(register)s) or d.status <> 'stock'
                          or d.revoked_at is not null)""",
    """select s.line, 'installed_on', 'still_elsewhere' from staging s where s.ours and exists (
        select from installation i where i.device_id = s.device_id and i.removed_on - 1 > s.installed_on)""",
    """select s.line, 'address', 'home_has_one' from staging s where s.ours and exists (
        select from installation i where i.home_id = s.home_id and i.removed_on is null)""",
    """select s.line, 'msisdn', 'number_taken' from staging s join device d on d.msisdn_hash = s.msisdn_hash
        where not (s.ours and d.device_id = s.device_id)""",
    """select s.line, 'msisdn', 'number_differs' from staging s join device d using (device_id)
        where s.ours and s.msisdn_hash is not null and d.msisdn_hash is not null and d.msisdn_hash <> s.msisdn_hash""",
    """select s.line, 'msisdn', 'number_differs' from staging s join sim using (iccid)
        where s.msisdn_hash is not null and sim.msisdn_hash <> s.msisdn_hash""",
    """select s.line, 'iccid', 'iccid_taken' from staging s join device d on d.iccid = s.iccid
        where d.status <> 'retired' and not (s.ours and d.device_id = s.device_id)""",
    """select s.line, 'device_id', 'known_unit' from staging s join foreign_unit f
        on f.maker = s.maker and f.unit_id = s.device_id where not s.ours""",
)

_APPLY = (
    """insert into home (home_id, street_code, community, address_sealed, lives_alone, created_at)
        select distinct on (home_id) home_id, street_code, community, address, alone, %(now)s from staging
        order by home_id, line on conflict do nothing""",
    # An assessment is renewed every few years: the newer list's word about a person who is known.
    """insert into elder as known (elder_id, home_id, name_sealed, phone_sealed, phone_hash, birth_sealed, care_sealed,
            created_at)
        select distinct on (elder_id) elder_id, home_id, name, phone, phone_hash, birth, care, %(now)s from staging
        order by elder_id, line on conflict (elder_id) do update set
            birth_sealed = coalesce(excluded.birth_sealed, known.birth_sealed),
            care_sealed = coalesce(excluded.care_sealed, known.care_sealed)
        where excluded.birth_sealed is not null or excluded.care_sealed is not null""",
    """insert into contact (home_id, position, label, number_sealed)
        select distinct on (home_id) home_id, 1, label1, number1 from staging where label1 is not null
        order by home_id, line on conflict do nothing""",
    """insert into contact (home_id, position, label, number_sealed)
        select distinct on (home_id) home_id, 2, label2, number2 from staging where label2 is not null
        order by home_id, line on conflict do nothing""",
    """update device d set status = 'installed', msisdn_sealed = coalesce(d.msisdn_sealed, s.msisdn),
            msisdn_hash = coalesce(d.msisdn_hash, s.msisdn_hash), iccid = coalesce(d.iccid, s.iccid)
        from staging s where s.ours and s.device_id = d.device_id""",
    """insert into installation (installation_id, device_id, home_id, installed_on)
        select installation_id, device_id, home_id, installed_on from staging where ours""",
    """insert into takeover (takeover_id, sha256, actor, at, ours, foreign_)
        select %(id)s, %(sha256)s, %(actor)s, %(now)s, count(*) filter (where ours), count(*) filter (where not ours)
        from staging""",
    """insert into foreign_unit (maker, unit_id, home_id, number_sealed, iccid, installed_on, takeover_id)
        select maker, device_id, home_id, msisdn, iccid, installed_on, %(id)s from staging where not ours""",
)


async def known_file(conn: Conn, sha256: bytes) -> tuple[int, int] | None:
    """What a file of this hash gave when it was taken over before: (ours, foreign).

    Holds back every other takeover to the end of the transaction: two files at once would not see each other's rows.
    """
    await conn.execute("lock table takeover in exclusive mode")
    cursor = await conn.execute("select ours, foreign_ from takeover where sha256 = %(sha256)s", {"sha256": sha256})
    row = await cursor.fetchone()
    return (row[0], row[1]) if row else None


async def streets(conn: Conn) -> dict[str, str]:
    """Code of a street by its code and by its name."""
    cursor = await conn.execute("select street_code, name from street")
    return {key: code for code, name in await cursor.fetchall() for key in (code, name)}


async def stage(conn: Conn, box: Box, rows: Iterable[Row | list[Problem]]) -> tuple[list[Problem], int, int]:
    """Copy the good rows into the staging table; (first problems, how many in all, rows staged)."""
    await conn.execute(_STAGING)
    problems: list[Problem] = []
    bad = staged = 0
    async with conn.cursor() as cursor, cursor.copy("copy staging from stdin") as copy:
        for row in rows:
            if isinstance(row, list):
                bad += len(row)
                problems.extend(row[: max(0, PROBLEMS_MAX - len(problems))])
            else:
                staged += 1
                await copy.write_row(_sealed(box, row))
    await _keep_known(conn, box)
    await conn.execute("create index on staging (device_id)")
    await conn.execute("analyze staging")
    return problems, bad, staged


async def _keep_known(conn: Conn, box: Box) -> None:
    """Whoever is known keeps what her row does not say anew: a level without notes does not forget the notes."""
    cursor = await conn.execute(
        "select s.line, k.birth_sealed, k.care_sealed, s.birth, s.care from staging s join elder k using (elder_id)"
        " where s.care is not null and k.care_sealed is not null"
    )
    lines, cares = [], []
    for line, *sealed in await cursor.fetchall():
        facts = merged_facts(open_facts(box, *sealed[:2]), open_facts(box, *sealed[2:]))
        lines.append(line)
        cares.append(sealed_facts(box, facts)[1])
    await conn.execute(
        "update staging set care = each.care from unnest(%(lines)s::integer[], %(cares)s::bytea[]) as each (line, care)"
        " where staging.line = each.line",
        {"lines": lines, "cares": cares},
    )


async def check(conn: Conn, *, register: bool) -> tuple[list[Problem], int]:
    """What the registry and the other lines have against staged rows: (first problems, how many in all)."""
    query = " union all ".join(_CHECKS)
    async with conn.cursor(row_factory=class_row(Problem)) as cursor:
        await cursor.execute(
            f'select line, "column", code from ({query}) as p (line, "column", code) order by line, 2, 3'
            " limit %(most)s",
            {"register": register, "most": PROBLEMS_MAX},
        )
        problems = await cursor.fetchall()
    total = await conn.execute(f"select count(*) from ({query}) as p (line, col, code)", {"register": register})
    row = await total.fetchone()
    return problems, int(row[0]) if row else 0


async def register_new(conn: Conn, now: datetime, keep: Callable[[str, str], Any]) -> int:
    """Register staged terminals of ours that the registry does not know; `keep(device id, password)` for each."""
    made, after = 0, ""
    while True:
        cursor = await conn.execute(
            "select device_id from staging s where s.ours and device_id > %(after)s"
            " and not exists (select from device d where d.device_id = s.device_id) order by device_id limit %(most)s",
            {"after": after, "most": NEW_AT_ONCE},
        )
        fresh = [row[0] for row in await cursor.fetchall()]
        if not fresh:
            return made
        async with cursor.copy(
            "copy device (device_id, status, credential, config_version, created_at) from stdin"
        ) as copy:
            for device_id in fresh:
                password = secrets.token_urlsafe(PASSWORD_BYTES)
                keep(device_id, password)
                await copy.write_row((device_id, "stock", credential(password), 0, now))
        made, after = made + len(fresh), fresh[-1]


async def apply(conn: Conn, sha256: bytes, actor: str, now: datetime) -> tuple[int, int]:
    """Put what is staged in its place; (ours, foreign)."""
    values = {"id": uuid.uuid4(), "sha256": sha256, "actor": actor, "now": now}
    for statement in _APPLY:
        await conn.execute(statement.encode(), values)
    return await known_file(conn, sha256) or (0, 0)


async def closed_since_first(conn: Conn) -> int:
    """Days that are closed already and lie in the time of staged installations: they must be closed again."""
    cursor = await conn.execute(
        "select count(distinct day) from usage_day where day >= (select min(installed_on) from staging where ours)"
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


def home_of(box: Box, street_code: str, community: str, address: str) -> uuid.UUID:
    """The same home for the same address, in this file and the next, without keeping the address readable."""
    digest = box.digest("\x1f".join(("home", street_code, community, "".join(address.split()))))
    return uuid.UUID(bytes=digest[:16], version=5)


def _sealed(box: Box, row: Row) -> tuple[object, ...]:
    home_id = home_of(box, row.street_code, row.community, row.address)
    person = box.digest("\x1f".join(("elder", str(home_id), row.elder)))
    contacts = [part for label, number in row.contacts for part in (label, box.seal(number))]
    return (
        row.line, row.ours, row.device_id, row.maker, home_id, uuid.UUID(bytes=person[:16], version=5), uuid.uuid4(),
        row.street_code, row.community, box.seal(row.address), row.alone, box.seal(row.elder),
        *_number(box, row.elder_phone), *sealed_facts(box, row.facts), *_number(box, row.msisdn),
        row.iccid, row.installed_on, *contacts, *([None] * (4 - len(contacts))),
    )  # fmt: skip


def _number(box: Box, number: str | None) -> tuple[bytes | None, bytes | None]:
    """Sealed, and by which it is found."""
    return (box.seal(number), box.digest(number)) if number else (None, None)
