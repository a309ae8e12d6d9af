"""One transaction on the registry for a command: settings from the environment, one readable line for what goes wrong.

In: the work to do with a connection and a box. Out: what it returns, committed; or an error line and an exit code.
A connection string, a key or a row is never part of a message.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
import typer

from cloud import db
from cloud.errors import AppError
from cloud.sealed import Box
from cloud.settings import RegistrySettings, SettingsError, load

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloud.db import Conn

SettingsT = TypeVar("SettingsT", bound=RegistrySettings)
T = TypeVar("T")

REFUSED_EXIT = 2  # nothing was begun, or all of it was taken back
BAD_ROWS_EXIT = 3  # the file was read, and nothing of it was imported


def transact(kind: type[SettingsT], work: Callable[[Conn, Box, SettingsT], Awaitable[T]]) -> T:
    """Do the work in one transaction. Raises what psycopg, the settings and the cloud's rooms raise."""

    async def inside(settings: SettingsT) -> T:
        async with await db.connect(settings.database_url) as conn, conn.transaction():
            return await work(conn, Box(settings.data_key_bytes), settings)

    settings = load(kind)
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(inside(settings))


def do(work: Callable[[Conn, Box], Awaitable[Any]]) -> Any:
    """As `transact`, for a command: whatever goes wrong is one line on standard error and exit code 2."""
    try:
        return transact(RegistrySettings, lambda conn, box, _settings: work(conn, box))
    except (SettingsError, AppError) as error:
        raise refused(str(error)) from None
    except psycopg.errors.UndefinedTable:
        raise refused("the database is not migrated; run `onekey db migrate`") from None
    except psycopg.OperationalError:
        raise refused("the database that OKC_DATABASE_URL names cannot be reached") from None


def refused(text: str) -> typer.Exit:
    """Say why on standard error; the caller raises what is returned."""
    typer.echo(text, err=True)
    return typer.Exit(REFUSED_EXIT)


def say(as_json: bool, data: dict[str, Any], text: str) -> None:
    """The answer: one JSON object and nothing else, or text."""
    typer.echo(json.dumps(data, ensure_ascii=False) if as_json else text)
