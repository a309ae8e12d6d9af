"""Migrations: once, in order, unchanged, from several machines at once; and what counts as an outage."""

from __future__ import annotations

import contextlib
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest

from cloud import db
from cloud.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from tools.embedded.postgres import Postgres


@pytest.fixture
def empty(postgres: Postgres) -> str:
    """A database without anything."""
    return postgres.create_database("e" + uuid.uuid4().hex[:12])


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two migrations in place of ours."""
    (tmp_path / "0001_first.sql").write_text("create table first (n int);")
    (tmp_path / "0003_third.sql").write_text("create table third (n int); insert into third values (3);")
    monkeypatch.setattr(db.migration_files, "__defaults__", (tmp_path,))
    return tmp_path


def tables(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as conn:
        rows = conn.execute("select tablename from pg_tables where schemaname = 'public' order by 1").fetchall()
    return [row[0] for row in rows]


def test_every_migration_is_applied_once(empty: str) -> None:
    """Running it again does nothing."""
    assert db.migrate(empty) == list(db.migration_files())
    assert db.migrate(empty) == []


def test_two_machines_at_once_apply_each_file_once(empty: str, files: Path) -> None:
    """The second waits for the first."""
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(db.migrate, [empty] * 4))
    assert sorted(name for names in applied for name in names) == ["0001_first.sql", "0003_third.sql"]


def test_a_file_that_fails_leaves_nothing_of_itself(empty: str, files: Path) -> None:
    """What came before it stays; it can be mended and applied again."""
    (files / "0004_broken.sql").write_text("create table half (n int); select 1 / 0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        db.migrate(empty)
    assert tables(empty) == ["first", "schema_migration", "third"]
    (files / "0004_broken.sql").write_text("create table half (n int);")
    assert db.migrate(empty) == ["0004_broken.sql"]


def test_a_file_that_changed_after_it_was_applied_is_an_error(empty: str, files: Path) -> None:
    """What ran is what can be read."""
    db.migrate(empty)
    (files / "0001_first.sql").write_text("create table first (n bigint);")
    with pytest.raises(db.MigrationError, match=r"changed.*0001_first"):
        db.migrate(empty)


def test_a_line_end_is_not_a_change(empty: str, files: Path) -> None:
    """A checkout on Windows is the same schema."""
    (files / "0004_lines.sql").write_bytes(b"create table\nlines ();")
    db.migrate(empty)
    (files / "0004_lines.sql").write_bytes(b"create table\r\nlines ();")
    assert db.migrate(empty) == []


def test_a_file_numbered_before_an_applied_one_is_an_error(empty: str, files: Path) -> None:
    """Every database has seen the same order."""
    db.migrate(empty)
    (files / "0002_second.sql").write_text("select 1;")
    with pytest.raises(db.MigrationError, match="before 0003_third"):
        db.migrate(empty)


def test_old_code_runs_on_a_newer_schema(empty: str, files: Path) -> None:
    """A deploy migrates first; the processes follow one by one."""
    (files / "0004_new.sql").write_text("create table new (n int);")
    db.migrate(empty)
    (files / "0004_new.sql").unlink()
    assert db.migrate(empty) == []


@pytest.mark.parametrize("name", ["4_short.sql", "0003_again.sql", "0004-dash.sql", "0004_Capital.sql"])
def test_a_bad_name_or_a_number_used_twice_is_an_error(files: Path, name: str) -> None:
    """Order must not depend on who merges first."""
    (files / name).write_text("select 1;")
    with pytest.raises(db.MigrationError, match="each number once"):
        db.migration_files()


async def test_a_process_says_what_is_not_migrated(empty: str, files: Path) -> None:
    """Instead of failing at the first message."""
    async with await db.connect(empty) as conn:
        with pytest.raises(db.MigrationError, match="onekey db migrate"):
            await db.check_schema(conn)
        db.migrate(empty)
        await db.check_schema(conn)


async def test_the_edge_commits_and_an_exception_rolls_back(database: str) -> None:
    """One request or message, one transaction."""
    settings = Settings(database_url=database, data_key="00" * 32, hotline_number="01055500001")
    insert = "insert into service_health (process, beat_at) values (%s, now())"
    async with db.connect_pool(settings) as pool:
        async with db.transaction(pool) as conn:
            await conn.execute(insert, ["kept"])
        with contextlib.suppress(LookupError):
            async with db.transaction(pool) as conn:
                await conn.execute(insert, ["lost"])
                raise LookupError
        async with db.transaction(pool) as conn:
            rows = await (await conn.execute("select process from service_health")).fetchall()
    assert rows == [("kept",)]


@pytest.mark.parametrize(
    ("error", "outage"),
    [
        (psycopg.OperationalError("cannot connect"), True),
        (psycopg.errors.AdminShutdown(), True),
        (psycopg.errors.DeadlockDetected(), True),
        (psycopg.errors.DiskFull(), True),
        (psycopg.errors.ReadOnlySqlTransaction(), True),
        (psycopg.errors.CheckViolation(), False),
        (psycopg.errors.UntranslatableCharacter(), False),
        (psycopg.errors.ProgramLimitExceeded(), False),
        (psycopg.errors.UndefinedTable(), False),
        (KeyError("ours"), False),
    ],
)
def test_an_outage_is_told_from_a_refusal(error: Exception, outage: bool) -> None:
    """One is waited for, the other goes to quarantine."""
    assert db.is_outage(error) is outage
