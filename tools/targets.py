"""`onekey health target`: which program terminals of a board should run; without one nobody is behind.

In: the registry that OKC_DATABASE_URL names. Out: the list, or one row changed. Sends nothing to any terminal.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cloud import clock
from cloud.health import trendstore
from tools.findings import FAILED_EXIT, AsJson, with_database
from tools.registry import say

if TYPE_CHECKING:
    from datetime import datetime

    from cloud.db import Conn

ACTOR_CHARS_MAX = 64


def add_to(app: typer.Typer) -> None:
    """Hang the command into `onekey health`."""
    app.command("target")(target)


def target(
    board: Annotated[str | None, typer.Option(help="Name of the board, as terminals report it.")] = None,
    version: Annotated[str | None, typer.Option(help="Program that they should run.")] = None,
    none: Annotated[bool, typer.Option("--none", help="No longer any for this board.")] = False,
    by: Annotated[str, typer.Option(help="Who decided it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show the wanted program of each board, or want another one."""
    if board is not None:
        if (version is None) != none or not 0 < len(by.strip()) <= ACTOR_CHARS_MAX:
            typer.echo("give --board, --by and one of --version and --none", err=True)
            raise typer.Exit(FAILED_EXIT)
        with_database(lambda conn, now: trendstore.set_target(conn, board, version, by.strip(), now))
    elif version is not None or none:
        typer.echo("of which --board?", err=True)
        raise typer.Exit(FAILED_EXIT)
    found: list[trendstore.Target] = with_database(_read)
    rows: list[dict[str, Any]] = [asdict(each) | {"set_at": each.set_at.isoformat()} for each in found]
    lines = [f"{each.board:<16} {each.version:<24} {each.set_at.astimezone():%Y-%m-%d} {each.author}" for each in found]
    say(as_json, {"at": clock.now().isoformat(), "targets": rows}, "\n".join(lines) or "没有目标版本")


async def _read(conn: Conn, _now: datetime) -> list[trendstore.Target]:
    return await trendstore.targets(conn)
