"""What the commands of the stock share: one transaction, one readable line for what can go wrong, private files.

In: work on a connection. Out: its result, committed, or exit code 2 with a line on stderr.
"""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any, Self, TypeVar

import psycopg
import typer

from cloud import db
from cloud.errors import AppError
from cloud.sealed import Box
from cloud.settings import RegistrySettings, SettingsError, load

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from cloud.db import Conn

REFUSED = 2  # nothing was begun, or all of it was taken back
PRIVATE = 0o600
T = TypeVar("T")
SettingsT = TypeVar("SettingsT", bound=RegistrySettings)


def do(work: Callable[[Conn, Box, SettingsT], Awaitable[T]], kind: type[SettingsT]) -> T:
    """One transaction with the settings of the environment."""

    async def inside(settings: SettingsT) -> T:
        async with await db.connect(settings.database_url) as conn, conn.transaction():
            return await work(conn, Box(settings.data_key_bytes), settings)

    try:
        settings = load(kind)
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            return runner.run(inside(settings))
    except (SettingsError, AppError) as error:
        raise refused("无法完成", str(error)) from None
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        raise refused("数据库尚未升级", "the database is not migrated; run `onekey db migrate`") from None
    except psycopg.OperationalError:
        raise refused("无法连接数据库", "the database that OKC_DATABASE_URL names cannot be reached") from None


def refused(chinese: str, english: str) -> typer.Exit:
    """Say why on stderr; to be raised."""
    typer.echo(f"失败：{chinese} / failed: {english}", err=True)
    return typer.Exit(REFUSED)


def say(as_json: bool, data: dict[str, Any], text: str) -> None:
    """The answer on stdout."""
    typer.echo(json.dumps(data, ensure_ascii=False, default=str) if as_json else text)


class NewFile:
    """A private file that must not be there yet; gone again if the work does not end well."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        try:
            self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
        except OSError as error:
            raise refused(f"无法新建 {self._path}", f"{self._path}: {error.strerror}") from None
        return self

    def write(self, value: dict[str, Any]) -> None:
        """On the disk when this returns: before the commit, for what is in it is nowhere else."""
        text = json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"
        while text:
            text = text[os.write(self._handle, text) :]
        os.fsync(self._handle)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        os.close(self._handle)
        if kind is not None:
            self._path.unlink(missing_ok=True)
