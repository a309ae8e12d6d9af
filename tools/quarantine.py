"""`onekey quarantine`: messages that could not be taken, looked at, corrected, taken after all, or dropped.

In: the settings of the processes. Out: rows without personal data, or one JSON object with --json; only `show` prints
what a terminal said. Each message is a transaction of its own: killed at any point, it was taken once or not at all.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections import Counter
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from cloud import clock
from cloud.days import SHANGHAI
from cloud.errors import AppError
from cloud.ingest import shelf
from cloud.settings import Settings, SettingsError
from tools.registry import refused, transact

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloud.db import Conn
    from cloud.ingest.shelf import Kept
    from cloud.sealed import Box

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Messages that could not be taken.")

T = TypeVar("T")
SHOWN_MAX = 200  # rows of a list that a person reads
AT_ONCE_MAX = 10_000  # of one replay: some minutes
TRIES = 3
PAYLOAD_MAX = 64 * 1024  # as much as is ever kept of one

Id = Annotated[int, typer.Argument(min=1, help="The number that `list` shows.")]
By = Annotated[str, typer.Option(help="Who you are; kept with what you do.")]
Why = Annotated[str, typer.Option("--why", help="Kept with it.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else.")]
Kind = Annotated[str | None, typer.Option(help="press, call, event, hb ...")]
Reason = Annotated[str | None, typer.Option(help="Why they are there.")]
Device = Annotated[str | None, typer.Option(help="Of one terminal.")]
Since = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M"], help="Seen since then, Beijing time.")
]


@app.command("list")
def list_command(
    *,
    kind: Kind = None,
    reason: Reason = None,
    device: Device = None,
    since: Since = None,
    settled: Annotated[bool, typer.Option("--all", help="Also what was replayed or dropped.")] = False,
    most: Annotated[int, typer.Option(min=1, max=AT_ONCE_MAX)] = SHOWN_MAX,
    as_json: AsJson = False,
) -> None:
    """What is there, the oldest first, without what it says."""

    async def work(conn: Conn, _box: Box, _settings: Settings) -> list[Kept]:
        at = _aware(since)
        return await shelf.find(
            conn, kind=kind, reason=reason, device_id=device, since=at, settled=settled, most=most
        )  # fmt: skip

    rows = _do(work)
    if as_json:
        print(json.dumps({"messages": [_row(each) for each in rows]}, ensure_ascii=False))
        return
    table = Table("number", "received", "terminal", "kind", "id", "reason", "times", "bytes", "settled")
    for each in rows:
        row = _row(each)
        where = f"{each.reason} ({each.field})" if each.field else each.reason
        table.add_row(
            str(each.quarantine_id), row["received_at"], each.device_id or "-", row["kind"], each.message_id or "-",
            where, str(each.times), str(each.payload_bytes), each.settled or "",
        )  # fmt: skip
    Console().print(table)
    if len(rows) == most:
        typer.echo(f"the first {most}; --most shows more", err=True)


@app.command()
def show(
    number: Id,
    *,
    out: Annotated[Path | None, typer.Option(help="Write the payload there, to correct it.")] = None,
    as_json: AsJson = False,
) -> None:
    """One message with what it says, or its last correction, and what was done with it. It may name a person.

    What it says goes to a person's terminal or into a file of one's own, not into a pipe and from there into a log.
    """
    if out is None and not _at_a_terminal():
        raise refused("what it says is shown on a terminal only; --out FILE writes it to a file that only you may read")
    row, payload, acts = _do(lambda conn, box, _settings: shelf.show(conn, box, number))
    told = {
        **_row(row),
        "topic": _printable(row.topic),
        "payload": _printable(payload.decode(errors="backslashreplace")),
        "acts": [{**asdict(act), "at": _time(act.at)} for act in acts],
    }
    if out is not None:
        _write(out, payload)
        told["payload"] = str(out)
        del told["topic"]
    if as_json:
        print(json.dumps(told, ensure_ascii=False))
        return
    typer.echo("what follows may name a person: it is not for mails or tickets", err=True)
    for name, value in told.items():
        if name != "acts":
            typer.echo(f"{name:<14}{value if value is not None else '-'}")
    for act in told["acts"]:
        typer.echo(f"{act['at']}  {act['kind']} by {act['author']}  {act['outcome'] or ''} {act['note']}".rstrip())


@app.command()
def correct(
    number: Id,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What the message should say.")],
    *,
    by: By,
    why: Why,
    topic: Annotated[str | None, typer.Option(help="Where it should have been published.")] = None,
) -> None:
    """Put another text in a message's place, beside what was received; `replay` takes that."""
    if file.stat().st_size > PAYLOAD_MAX:
        raise refused(f"{file} is longer than any message may be")
    data = file.read_bytes().strip()
    _do(
        lambda conn, box, _settings: shelf.correct(
            conn, box, number, data, topic=topic, author=by, note=why, now=clock.now()
        )
    )
    typer.echo(f"corrected; `onekey quarantine replay {number} --by ...` takes it")


@app.command()
def replay(
    number: Annotated[int | None, typer.Argument(min=1, help="One; or several by --kind, --reason ...")] = None,
    *,
    by: By,
    kind: Kind = None,
    reason: Reason = None,
    device: Device = None,
    since: Since = None,
    as_json: AsJson = False,
) -> None:
    """Hand messages to the front door again. Exit code 3 where one was refused again; it stays, with the new reason."""
    if (number is None) == (kind is None and reason is None and device is None and since is None):
        raise refused("say which: one number, or --kind, --reason, --device, --since")
    numbers = [number] if number is not None else _found(kind, reason, device, since)
    outcomes: Counter[str] = Counter()
    refusals: list[str] = []
    for each in numbers:
        try:
            outcomes[_transact(_replaying(each, by))] += 1
        except AppError as error:
            if number is not None:
                raise refused(str(error)) from None
            refusals.append(f"{each}: {error}")
    if as_json:
        print(json.dumps({"replayed": dict(outcomes), "refused": refusals}, ensure_ascii=False))
    else:
        typer.echo(", ".join(f"{count} {what}" for what, count in sorted(outcomes.items())) or "nothing to replay")
        typer.echo("\n".join(refusals), err=True, nl=bool(refusals))
    if outcomes["quarantined"] or refusals:
        raise typer.Exit(3)


@app.command()
def drop(number: Id, *, by: By, why: Why) -> None:
    """Not wanted. It is kept, with who said so and why, and not shown any more."""
    _do(lambda conn, _box, _settings: shelf.drop(conn, number, author=by, note=why, now=clock.now()))
    typer.echo("dropped")


def _at_a_terminal() -> bool:
    return sys.stdout.isatty()


def _printable(text: str) -> str:
    """Whoever sent it may have put orders to the reader's terminal into it."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _write(out: Path, payload: bytes) -> None:
    """Only its owner may read it, from the first byte on; a file that is there is not overwritten."""
    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(payload)
    except OSError as error:
        raise refused(f"{out}: {error.strerror}") from None


def _replaying(number: int, by: str) -> Callable[[Conn, Box, Settings], Awaitable[str]]:
    return lambda conn, box, settings: shelf.replay(conn, box, settings, number, author=by, now=clock.now())


def _found(kind: str | None, reason: str | None, device: str | None, since: datetime | None) -> list[int]:
    async def work(conn: Conn, _box: Box, _settings: Settings) -> list[Kept]:
        return await shelf.find(
            conn, kind=kind, reason=reason, device_id=device, since=_aware(since), most=AT_ONCE_MAX
        )  # fmt: skip

    rows = _do(work)
    return [each.quarantine_id for each in rows if each.payload_bytes]


def _aware(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=SHANGHAI) if at is not None else None


def _row(each: Kept) -> dict[str, Any]:
    """What may leave the house."""
    part = each.topic.split("/")[3:4]
    known = bool(part) and part[0].isalnum() and part[0].isascii()
    return {
        "number": each.quarantine_id,
        "received_at": _time(each.received_at),
        "last_at": _time(each.last_at),
        "device": each.device_id,
        "kind": part[0][:16] if known else "?",
        "id": each.message_id,
        "reason": each.reason,
        "field": each.field,
        "times": each.times,
        "bytes": each.payload_bytes,
        "settled": each.settled,
    }


def _time(at: datetime) -> str:
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def _transact(work: Callable[[Conn, Box, Settings], Awaitable[T]]) -> T:
    """As registry.transact; a database that refuses is one line and exit code 2."""
    try:
        for _ in range(TRIES - 1):
            # The front door may be at the same message and the same terminal, which it locks in either order.
            with contextlib.suppress(psycopg.errors.DeadlockDetected):
                return transact(Settings, work)
        return transact(Settings, work)
    except SettingsError as error:
        raise refused(str(error)) from None
    except psycopg.errors.UndefinedTable:
        raise refused("the database is not migrated; run `onekey db migrate`") from None
    except psycopg.OperationalError:
        raise refused("the database that OKC_DATABASE_URL names cannot be reached") from None


def _do(work: Callable[[Conn, Box, Settings], Awaitable[T]]) -> T:
    try:
        return _transact(work)
    except AppError as error:
        sys.stdout.flush()
        raise refused(str(error)) from None
