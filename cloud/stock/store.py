"""All SQL of this room. Takes a transaction, returns models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.rows import class_row, dict_row

from cloud.stock.models import Bench, Kept, StoredCard, Unit

if TYPE_CHECKING:
    from datetime import date, datetime

    from cloud.db import Conn

# One at a time: who reserves or merges sees everything that was reserved or merged before.
_LOCK = 0x0CC0_0006

_UNIT = (
    "select device_id, status, bench, revoked_at, serial, mac, imei, iccid, msisdn_hash is not null as has_msisdn,"
    " unlock_round from device"
)


async def lock(conn: Conn) -> None:
    """Wait for anybody else who changes the stock; held to the end of the transaction."""
    await conn.execute("select pg_advisory_xact_lock(%(number)s)", {"number": _LOCK})


async def bench(conn: Conn, name: str) -> Bench | None:
    """One bench."""
    async with conn.cursor(row_factory=class_row(Bench)) as cursor:
        await cursor.execute(
            "select bench, public_key, created_at, closed_at from bench where bench = %(bench)s", {"bench": name}
        )
        return await cursor.fetchone()


async def add_bench(conn: Conn, name: str, public_key: bytes, now: datetime) -> None:
    """Register who may sign."""
    await conn.execute(
        "insert into bench (bench, public_key, created_at) values (%(bench)s, %(key)s, %(now)s)",
        {"bench": name, "key": public_key, "now": now},
    )


async def close_bench(conn: Conn, name: str, now: datetime) -> int | None:
    """Nothing that it signs counts any more, and what is still reserved for it is revoked: how many; None: no such."""
    cursor = await conn.execute(
        "update bench set closed_at = %(now)s where bench = %(bench)s and closed_at is null",
        {"bench": name, "now": now},
    )
    if cursor.rowcount != 1:
        return None
    cursor = await conn.execute(
        "update device set revoked_at = %(now)s, credential = null"
        " where bench = %(bench)s and status = 'reserved' and revoked_at is null",
        {"bench": name, "now": now},
    )
    return cursor.rowcount


async def benches(conn: Conn) -> list[dict[str, Any]]:
    """Every bench with what is left to it and what came from it."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            """
            select b.bench, b.created_at, b.closed_at, b.public_key,
                   (select count(*) from device d where d.bench = b.bench and d.status = 'reserved'
                    and d.revoked_at is null) as reserved,
                   (select count(*) from device d where d.bench = b.bench and d.status <> 'reserved') as provisioned,
                   r.last_n, r.records, r.refused, r.last_signed_at
            from bench b left join (
                select bench, max(n) as last_n, count(*) as records, count(refused) as refused,
                       max(signed_at) as last_signed_at
                from bench_record group by bench
            ) r using (bench) order by b.bench
            """
        )
        return await cursor.fetchall()


async def stock(conn: Conn) -> list[dict[str, Any]]:
    """Terminals that are not in homes, and those reserved, by bench, board and state."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            """
            select bench, status, board, image_kind, passed_at is not null as passed, count(*) as terminals
            from device where status in ('reserved', 'stock') and revoked_at is null
            group by 1, 2, 3, 4, 5 order by 1 nulls last, 2, 3, 4, 5
            """
        )
        return await cursor.fetchall()


async def last_number(conn: Conn, prefix: str, digits: int) -> int:
    """The highest number of a prefix that was ever given out; 0 for none."""
    cursor = await conn.execute(
        "select max(right(device_id, %(digits)s)::integer) from device where device_id ~ %(form)s",
        {"digits": digits, "form": f"^{prefix}[0-9]{{{digits}}}$"},
    )
    row = await cursor.fetchone()
    return int(row[0]) if row and row[0] is not None else 0


async def add_reserved(
    conn: Conn, name: str, rows: list[tuple[str, str]], *, config_version: int, now: datetime
) -> None:
    """Ids (first of each pair) with what the broker checks their passwords against."""
    await conn.execute(
        "insert into device (device_id, credential, status, bench, config_version, created_at)"
        " select id, credential, 'reserved', %(bench)s, %(version)s, %(now)s"
        "  from unnest(%(ids)s::text[], %(credentials)s::text[]) as r (id, credential)",
        {
            "bench": name,
            "version": config_version,
            "now": now,
            "ids": [device_id for device_id, _ in rows],
            "credentials": [credential for _, credential in rows],
        },
    )


async def shared_config(conn: Conn) -> tuple[int, bytes] | None:
    """The newest configuration of the whole fleet: version and sealed payload."""
    cursor = await conn.execute(
        "select version, body_sealed from device_config where device_id is null order by version desc limit 1"
    )
    row = await cursor.fetchone()
    return (int(row[0]), bytes(row[1])) if row else None


async def add_first_config(conn: Conn, body_sealed: bytes, heartbeat_s: int, now: datetime) -> None:
    """Version 1 of the fleet's configuration. It changes nobody: who is to run it is said in `device`."""
    await conn.execute(
        "insert into device_config (device_id, version, body_sealed, heartbeat_s, created_at)"
        " values (null, 1, %(body)s, %(beat)s, %(now)s)",
        {"body": body_sealed, "beat": heartbeat_s, "now": now},
    )


async def unit(conn: Conn, device_id: str) -> Unit | None:
    """One terminal as a board."""
    async with conn.cursor(row_factory=class_row(Unit)) as cursor:
        await cursor.execute(f"{_UNIT} where device_id = %(device_id)s for update", {"device_id": device_id})
        return await cursor.fetchone()


async def owners(conn: Conn, fields: dict[str, Any], msisdn_hash: bytes | None) -> tuple[str | None, ...]:
    """Which terminals MAC, serial, IMEI, ICCID, number belong to. Card and modem of a retired one are free again."""
    cursor = await conn.execute(
        """
        select (select device_id from device where mac = %(mac)s),
               (select device_id from device where serial = %(serial)s),
               (select device_id from device where imei = %(imei)s and status <> 'retired'),
               (select device_id from device where iccid = %(iccid)s and status <> 'retired'),
               (select device_id from device where msisdn_hash = %(hash)s and status <> 'retired')
        """,
        {**{name: fields[name] for name in ("mac", "serial", "imei", "iccid")}, "hash": msisdn_hash},
    )
    row = await cursor.fetchone()
    return row or (None,) * 5


async def provision(conn: Conn, fields: dict[str, Any], card: StoredCard, at: datetime) -> None:
    """The terminal gets its parts and its number; a reserved one is in stock."""
    await conn.execute(
        "update device set msisdn_sealed = null, msisdn_hash = null"
        " where msisdn_hash = %(hash)s and status = 'retired'",
        {"hash": card.msisdn_hash},
    )
    await conn.execute(
        """
        update device set serial = %(serial)s, mac = %(mac)s, imei = %(imei)s, iccid = %(iccid)s, board = %(board)s,
               image = %(image)s, image_kind = %(image_kind)s, provisioned_at = %(at)s,
               msisdn_sealed = %(sealed)s, msisdn_hash = %(hash)s,
               status = case status when 'reserved' then 'stock' else status end
        where device_id = %(device)s
        """,
        {
            **{name: fields[name] for name in ("device", "serial", "mac", "imei", "iccid", "board")},
            "image": fields["image"]["name"],
            "image_kind": fields["image"]["kind"],
            "at": at,
            "sealed": card.msisdn_sealed,
            "hash": card.msisdn_hash,
        },
    )


async def judge(conn: Conn, device_ids: list[str]) -> None:
    """When each terminal passed its latest test, from all records that count, in whatever order they were handed in.

    A test is void once the terminal was provisioned with another modem, card or image. A bench's clock that is ahead
    would let a test outlast the visits after it: none is younger than its record here.
    """
    await conn.execute(
        """
        update device d set passed_at = (
            select case when (t.line::jsonb->>'passed')::boolean and not exists (
                       select from bench_record p where p.device_id = t.device_id and p.bench = t.bench
                          and p.kind = 'provision' and p.refused is null and p.n > t.n
                          and (p.line::jsonb->>'imei', p.line::jsonb->>'iccid', p.line::jsonb->'image'->>'name')
                              <> (t.line::jsonb->>'imei', t.line::jsonb->>'iccid', t.line::jsonb->'image'->>'name')
                   ) then least(t.signed_at, t.merged_at) end
            from bench_record t where t.device_id = d.device_id and t.bench = d.bench and t.kind = 'accept'
                  and t.refused is null order by t.n desc limit 1
        ) where d.device_id = any(%(ids)s)
        """,
        {"ids": device_ids},
    )


async def kept(conn: Conn, name: str) -> dict[int, Kept]:
    """What is kept of a bench's records, by number."""
    async with conn.cursor(row_factory=class_row(Kept)) as cursor:
        await cursor.execute("select n, line_hash, refused from bench_record where bench = %(bench)s", {"bench": name})
        return {row.n: row for row in await cursor.fetchall()}


async def keep(
    conn: Conn, fields: dict[str, Any], line: str, line_hash: bytes, *, refused: str | None, at: datetime, now: datetime
) -> None:
    """Keep a record with what became of it; one that was refused before may count now."""
    await conn.execute(
        """
        insert into bench_record (bench, n, line_hash, line, kind, device_id, signed_at, refused, merged_at)
        values (%(bench)s, %(n)s, %(hash)s, %(line)s, %(kind)s, %(device)s, %(at)s, %(refused)s, %(now)s)
        on conflict (bench, n) do update set refused = excluded.refused, merged_at = excluded.merged_at
        """,
        {
            **{name: fields[name] for name in ("bench", "n", "kind", "device")},
            "hash": line_hash,
            "line": line,
            "at": at,
            "refused": refused,
            "now": now,
        },
    )


async def later_record(conn: Conn, name: str, device_id: str, kind: str, n: int) -> bool:
    """Whether the bench has said something newer of this kind about the terminal, and it counts."""
    cursor = await conn.execute(
        "select exists (select from bench_record where bench = %(bench)s and device_id = %(device_id)s"
        "  and kind = %(kind)s and n > %(n)s and refused is null)",
        {"bench": name, "device_id": device_id, "kind": kind, "n": n},
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def new_credential(conn: Conn, device_id: str, credential: str) -> bool:
    """Another password and another unlock code from now on; False for a revoked or unknown terminal."""
    cursor = await conn.execute(
        "update device set credential = %(credential)s, unlock_round = unlock_round + 1"
        " where device_id = %(device_id)s and revoked_at is null",
        {"device_id": device_id, "credential": credential},
    )
    return cursor.rowcount == 1


async def log_unlock(conn: Conn, given: Unit, reason: str, actor: str, now: datetime) -> None:
    """Who was given the code of which console, and why."""
    await conn.execute(
        "insert into unlock_given (device_id, round, reason, actor, given_at)"
        " values (%(device_id)s, %(round)s, %(reason)s, %(actor)s, %(now)s)",
        {
            "device_id": given.device_id, "round": given.unlock_round, "reason": reason, "actor": actor, "now": now,
        },
    )  # fmt: skip


_CARD = (
    "select s.iccid, s.msisdn_sealed, s.msisdn_hash, s.plan, s.pool, s.expires_on, d.device_id"
    " from sim s left join device d on d.iccid = s.iccid and d.status <> 'retired'"
)


async def card(conn: Conn, iccid: str) -> StoredCard | None:
    """One card of the stock."""
    async with conn.cursor(row_factory=class_row(StoredCard)) as cursor:
        await cursor.execute(f"{_CARD} where s.iccid = %(iccid)s", {"iccid": iccid})
        return await cursor.fetchone()


async def cards(conn: Conn) -> list[StoredCard]:
    """Every card of the stock, by ICCID."""
    async with conn.cursor(row_factory=class_row(StoredCard)) as cursor:
        await cursor.execute(f"{_CARD} order by s.iccid")
        return await cursor.fetchall()


async def card_hashes(conn: Conn) -> list[tuple[str, bytes]]:
    """(ICCID, keyed hash of its number) of every card."""
    cursor = await conn.execute("select iccid, msisdn_hash from sim")
    return [(row[0], bytes(row[1])) for row in await cursor.fetchall()]


async def save_cards(conn: Conn, rows: list[tuple[str, bytes, bytes, str, str, date]], now: datetime) -> None:
    """Cards as (ICCID, sealed number, its hash, plan, pool, last day); what is known of one already is replaced."""
    async with conn.cursor() as cursor:
        await cursor.execute("create temp table card_in (like sim) on commit drop")
        async with cursor.copy("copy card_in from stdin") as copy:
            for row in rows:
                await copy.write_row((*row, now))
        await cursor.execute(
            """
            insert into sim select * from card_in
            on conflict (iccid) do update set plan = excluded.plan, pool = excluded.pool,
                expires_on = excluded.expires_on
            """
        )
        await cursor.execute("drop table card_in")
