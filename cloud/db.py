"""The database: the only file that opens a connection, and the migrations.

In: the settings. Out: connections; a transaction that commits at the edge and nowhere else.
Rooms are given an open transaction and never commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import socket
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from cloud.settings import DatabaseSettings

Conn: TypeAlias = AsyncConnection[TupleRow]
Pool: TypeAlias = AsyncConnectionPool[AsyncConnection[TupleRow]]

MIGRATIONS = Path(__file__).parent / "migrations"
CONNECT_S = 5  # a database on the same network answers in milliseconds
# Connections per process: pages are short, and PostgreSQL's default allows 100 in all.
POOL_MIN, POOL_MAX = 1, 8
POOL_WAIT_S = 5.0  # a page that cannot have a connection by then says so
# As much for an answer. Whoever keeps the socket alive and says nothing (a frozen server, a middleman that swallows
# packets) is never noticed by the kernel. A batch takes a hundredth of it.
ANSWER_S = 20.0
# Who migrates waits for the other: any number, but the same for ever.
_MIGRATE_LOCK = 0x0CC0_0001
# A peer that vanished without a word is noticed in about 20 s instead of the kernel's two hours.
_KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 20_000,
}


class MigrationError(Exception):
    """The database and the migration files do not belong together."""


async def connect(dsn: str, *, idle_s: float | None = None) -> Conn:
    """One connection in autocommit: `async with conn.transaction()` is then the edge that commits.

    `idle_s`: the server ends a transaction in which we say nothing for so long. A process that is frozen in the middle
    of one would otherwise hold its rows against whoever follows it.
    """
    conn = await AsyncConnection.connect(dsn, autocommit=True, connect_timeout=CONNECT_S, **_KEEPALIVE)
    if idle_s is not None:
        await conn.execute("select set_config('idle_in_transaction_session_timeout', %s, false)", [f"{idle_s}s"])
    return conn


@asynccontextmanager
async def in_time(conn: Conn, within_s: float = ANSWER_S) -> AsyncIterator[None]:
    """One transaction that ends in time: else its connection breaks as if the peer had gone, committed or not.

    It is no cancellation: that would ask the server, which does not answer.
    """
    timer = asyncio.get_running_loop().call_later(within_s, _break, conn)
    try:
        async with conn.transaction():
            yield
    finally:
        timer.cancel()


def _break(conn: Conn) -> None:
    if not conn.closed:
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(conn.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


def connect_pool(settings: DatabaseSettings) -> Pool:
    """A pool that opens with `async with`."""
    return AsyncConnectionPool(
        settings.database_url,
        kwargs={"autocommit": True, "connect_timeout": CONNECT_S, **_KEEPALIVE},
        min_size=POOL_MIN,
        max_size=POOL_MAX,
        timeout=POOL_WAIT_S,
        open=False,
        check=AsyncConnectionPool.check_connection,
    )


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Conn]:
    """One transaction: committed at the end, rolled back by an exception."""
    async with pool.connection() as conn, conn.transaction():
        yield conn


def is_outage(error: BaseException, conn: Conn | None = None) -> bool:
    """Whether the database is away or asks us to try again, as opposed to refusing what we gave it.

    Classes: 08 connection, 40 rollback (deadlock, serialization), 53 resources, 55 not in state (locks),
    57 operator (shutdown, cancel), 58 system; 25006 is a standby that has not been promoted yet.
    """
    if not isinstance(error, psycopg.Error):
        return False
    if conn is not None and conn.broken:
        return True
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate[:2] in {"08", "40", "53", "55", "57", "58"} or error.sqlstate == "25006"


def migrate(dsn: str, *, timescale: bool = False) -> list[str]:
    """Apply what is missing, in order, each file in a transaction of its own; return the names applied.

    Safe to call from several machines at once. An applied file that has changed since is an error, and so is a
    new file numbered before an applied one. Files that only the database knows are left alone: code one version
    back must run on the newer schema. `timescale`: make the extension first, and raise MigrationError where the tables
    are partitions already; without it, a database that has the extension is of that variant all the same.
    """
    files = migration_files()
    done: list[str] = []
    with psycopg.connect(dsn, autocommit=True, connect_timeout=CONNECT_S) as conn:
        conn.execute("select pg_advisory_lock(%s)", [_MIGRATE_LOCK])
        if timescale:
            _make_timescale(conn)
        conn.execute(
            "create table if not exists schema_migration (name text primary key, checksum text not null,"
            " applied_at timestamptz not null default now())"
        )
        applied: dict[str, str] = dict(conn.execute("select name, checksum from schema_migration").fetchall())
        for name in _missing(files, applied):
            with conn.transaction():
                # The text of our own files, without parameters: nobody else's words can be in it.
                conn.execute(files[name].encode())
                conn.execute("insert into schema_migration (name, checksum) values (%s, %s)", [name, _sum(files[name])])
            done.append(name)
    return done


def _make_timescale(conn: psycopg.Connection[TupleRow]) -> None:
    found = conn.execute("select relkind from pg_class where oid = to_regclass('heartbeat_hourly')").fetchone()
    there = conn.execute("select from pg_extension where extname = 'timescaledb'").fetchone()
    if found is not None and there is None:
        raise MigrationError("this database keeps its weeks as partitions already; TimescaleDB is chosen before that")
    conn.execute("create extension if not exists timescaledb")


async def server_time(conn: Conn) -> datetime:
    """The database's own clock at this moment, to judge another one by; rules never ask it."""
    cursor = await conn.execute("select clock_timestamp()")
    row = await cursor.fetchone()
    if row is None:
        raise psycopg.OperationalError("the database has no clock")
    at: datetime = row[0]
    return at


async def check_schema(conn: Conn) -> None:
    """Raise MigrationError unless every migration that this code knows has been applied, unchanged."""
    cursor = await conn.execute("select to_regclass('schema_migration') is not null")
    known = await cursor.fetchone()
    rows = await conn.execute("select name, checksum from schema_migration") if known and known[0] else None
    applied: dict[str, str] = dict(await rows.fetchall()) if rows else {}
    missing = _missing(migration_files(), applied)
    if missing:
        raise MigrationError(f"not migrated: {', '.join(missing)}; run `onekey db migrate`")


def migration_files(folder: Path = MIGRATIONS) -> dict[str, str]:
    """{name: text} in order of number. Raises MigrationError for a bad name or a number used twice."""
    files: dict[str, str] = {}
    numbers: set[str] = set()
    for path in sorted(folder.glob("*.sql")):
        match = re.fullmatch(r"(\d{4})_[a-z0-9_]+\.sql", path.name)
        if match is None or match[1] in numbers:
            raise MigrationError(f"{path.name}: migrations are NNNN_name.sql, each number once")
        numbers.add(match[1])
        files[path.name] = path.read_text(encoding="utf-8")
    return files


def _missing(files: dict[str, str], applied: dict[str, str]) -> list[str]:
    changed = [name for name, text in files.items() if name in applied and applied[name] != _sum(text)]
    if changed:
        raise MigrationError(f"changed after it was applied: {', '.join(changed)}")
    missing = [name for name in files if name not in applied]
    last = max(applied, default="")
    early = [name for name in missing if name < last]
    if early:
        raise MigrationError(f"numbered before {last}, which is applied: {', '.join(early)}")
    return missing


def _sum(text: str) -> str:
    # Line ends may differ between a checkout on Windows and one on Linux.
    return hashlib.sha256(text.replace("\r\n", "\n").encode()).hexdigest()
