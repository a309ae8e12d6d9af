"""`onekey device import`: a lorry of new terminals, or a fleet that is running in homes already; all of it or nothing.

In: CSV or xlsx. `device_id,msisdn` registers new terminals into stock; a header with a column `maker` takes a fleet
over with its households, and where the district knows them 出生年份, 能力等级, 健康备注 of the elder. Out: rows of the
registry, and passwords in a new file that only its owner reads.
"""

from __future__ import annotations

import csv
import hashlib
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.progress import Progress

from cloud import clock
from cloud.days import shanghai_day
from cloud.devices import actions
from cloud.errors import AppError, BadInput
from cloud.field import rows as fields
from cloud.field import takeover
from tools.device import sheets
from tools.device.command import Json, app
from tools.install import options
from tools.install.texts import FailedError
from tools.registry import BAD_ROWS_EXIT, do, refused, say

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from cloud.db import Conn
    from cloud.field.rows import Problem, Row
    from cloud.sealed import Box

# Lines of one file: a lorry of terminals is a few thousand, and the whole district 50,000.
IMPORT_MOST = sheets.ROWS_MAX


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: device_id,msisdn; or a fleet, CSV or xlsx.")],
    passwords: Annotated[
        Path | None, typer.Option(help="New file for device_id,password; readable by you only.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who takes a fleet over; else the name of this login.")] = None,
    as_json: Json = False,
) -> None:
    """Import a file: all of it, or nothing if a line is wrong; every bad line is named."""
    if _is_fleet(file):
        _take_over(file, passwords, by, as_json)
        return
    if passwords is None:
        raise refused("new terminals need --passwords FILE")
    found = _read(file)
    with _password_file(passwords) as out:
        made = do(lambda conn, box: _register_all(conn, box, file, found, out))
    say(as_json, {"registered": made}, f"{made} registered, passwords in {passwords}")


def _is_fleet(file: Path) -> bool:
    """Whether the header names who made each unit: only then can a row be told ours or not."""
    try:
        _line, header = next(sheets.rows(file), (0, []))
    except sheets.SheetError as error:
        raise refused(f"{file}: {error.text}") from None
    return file.suffix.lower() == ".xlsx" or "maker" in map(fields.column_of, header)


@contextmanager
def _password_file(path: Path) -> Iterator[TextIO]:
    """A new file for passwords; gone again if the import fails."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise refused(f"{path}: {error.strerror}") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            yield out
    except BaseException:
        path.unlink()
        raise


def _read(file: Path) -> list[tuple[int, str, str | None]]:
    """(line, device id, number or None) of each row. Duplicates and bad forms are found here or by `register`."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise refused(f"{file}: cannot be read as UTF-8 text ({type(error).__name__})") from None
    reader = csv.reader(text.splitlines())
    header = next(reader, [])
    if [name.strip() for name in header] not in (["device_id", "msisdn"], ["device_id"]):
        raise refused(f"{file}:1: the header must be device_id,msisdn")
    rows: list[tuple[int, str, str | None]] = []
    for row in reader:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise refused(f"{file}:{reader.line_num}: {len(header)} columns, not {len(row)}")
        if len(rows) == IMPORT_MOST:
            raise refused(f"{file}:{reader.line_num}: more than {IMPORT_MOST} terminals")
        number = row[1].strip() if len(row) > 1 else ""
        rows.append((reader.line_num, row[0].strip(), number or None))
    return rows


async def _register_all(conn: Conn, box: Box, file: Path, rows: list[tuple[int, str, str | None]], out: TextIO) -> int:
    now, writer = clock.now(), csv.writer(out)
    writer.writerow(("device_id", "password"))
    for line, device_id, msisdn in rows:
        try:
            writer.writerow((device_id, await actions.register(conn, box, device_id, msisdn, now)))
        except AppError as error:
            raise BadInput(f"{file}:{line}: {error}") from None
    # On the disk before the commit: a password that is lost means a terminal that must be registered again.
    out.flush()
    os.fsync(out.fileno())
    return len(rows)


def _take_over(file: Path, passwords: Path | None, by: str | None, as_json: bool) -> None:
    try:
        actor = options.actor(by)
    except FailedError as error:
        raise refused(error.line()) from None
    if passwords is None:
        done = do(lambda conn, box: _taken(conn, box, file, actor, None))
    else:
        with _password_file(passwords) as out:
            done = do(lambda conn, box: _taken(conn, box, file, actor, out))
        if not done.get("registered"):
            passwords.unlink()  # nobody was new: an empty file only raises questions
    if "problems" in done:
        tell_problems(file, done, as_json)
        raise typer.Exit(BAD_ROWS_EXIT)
    ours, foreign = done["ours"], done["foreign"]
    text = f"接管 {ours} 台，外来设备 {foreign} 台 / taken over {ours}, foreign {foreign}"
    if done["again"]:
        text = f"该文件已导入过，未再导入 / imported before, nothing changed: {text}"
    if done["closed_days"]:
        text += f"\n{done['closed_days']} 个已结日需重新结算 / closed days to close again: onekey billing close"
    if ours and not done["again"]:
        text += "\n下一步 / next: onekey device plans"
    say(as_json, done, text)


async def _taken(conn: Conn, box: Box, file: Path, actor: str, out: TextIO | None) -> dict[str, Any]:
    """Everything in the caller's transaction; an answer with problems has changed nothing."""
    now, sha256 = clock.now(), _sha256(file)
    streets = await takeover.streets(conn)
    if (before := await takeover.known_file(conn, sha256)) is not None:
        return {"ours": before[0], "foreign": before[1], "registered": 0, "again": True, "closed_days": 0}
    problems, bad, staged = await takeover.stage(conn, box, _rows(file, streets))
    more, wrong = await takeover.check(conn, register=out is not None)
    if bad or wrong:
        problems = sorted([*problems, *more], key=lambda each: (each.line, each.column))[: takeover.PROBLEMS_MAX]
        return {"problems": problems, "count": bad + wrong, "rows": staged}
    made = await takeover.register_new(conn, now, _keeper(out)) if out is not None else 0
    if out is not None:
        # On the disk before the commit: a password that is lost means a terminal that must be registered again.
        out.flush()
        os.fsync(out.fileno())
    closed = await takeover.closed_since_first(conn)
    ours, foreign = await takeover.apply(conn, sha256, actor, now)
    return {"ours": ours, "foreign": foreign, "registered": made, "again": False, "closed_days": closed}


def _keeper(out: TextIO) -> Callable[[str, str], Any]:
    writer = csv.writer(out)
    writer.writerow(("device_id", "password"))
    return lambda device_id, password: writer.writerow((device_id, password))


def _rows(file: Path, streets: dict[str, str]) -> Iterator[Row | list[Problem]]:
    """Checked rows, with a bar that moves. Raises BadInput where the file is no list of a fleet."""
    today = shanghai_day(clock.now())
    try:
        found = sheets.rows(file)
        columns = columns_of(next(found, (1, []))[1], fields.COLUMNS, fields.REQUIRED)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            for line, cells in progress.track(found, description="读取 / reading"):
                if len(cells) != len(columns) and any(cells[len(columns) :]):
                    yield [fields.Problem(line, "", "cells")]
                    continue
                yield fields.read_row(line, dict(zip(columns, cells, strict=False)), streets, today)
    except sheets.SheetError as error:
        raise BadInput(f"{file}:{error.line}: {error.text}") from None


def columns_of(header: list[str], allowed: Collection[str], required: Collection[str]) -> list[str]:
    """The columns that a header means. An unknown one is refused: what it holds would be lost without a word."""
    while header and not header[-1]:
        header = header[:-1]
    columns = [fields.column_of(heading) for heading in header]
    unknown = [heading for heading, column in zip(header, columns, strict=True) if column not in allowed]
    known = [column for column in columns if column is not None]
    missing = [name for name in required if name not in known]
    twice = sorted({name for name in known if known.count(name) > 1})
    if unknown or missing or twice:
        raise sheets.SheetError(1, f"columns unknown: {unknown}, missing: {missing}, twice: {twice}")
    return known


def tell_problems(file: Path, done: dict[str, Any], as_json: bool) -> None:
    """The first `problems` of `count`, each with its line and column; nothing of a cell."""
    problems, count = done["problems"], done["count"]
    for each in problems:
        typer.echo(f"{file}:{each.line}: {each.column or '-'}: {each.text()}", err=True)
    left = f"，只显示前 {len(problems)} 处 / first {len(problems)} shown" if count > len(problems) else ""
    typer.echo(f"失败：{count} 处有误，未导入任何一行 / failed: {count} problems, nothing imported{left}", err=True)
    if as_json:
        listed = [{"line": each.line, "column": each.column, "code": each.code} for each in problems]
        say(True, {"failed": "bad_rows", "count": count, "problems": listed}, "")


def _sha256(file: Path) -> bytes:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").digest()
