"""`onekey device export | progress | plans`: the fleet as files, how far the installation is, plans for all homes.

In: the registry. Out: CSV or xlsx readable by their owner only. Personal data leaves masked; every export has a reason
and is logged before its file has its name.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cloud import clock
from cloud.days import shanghai_day
from cloud.field import actions, fleet, store, takeover
from cloud.settings import Settings
from tools.device import sheets
from tools.device.command import Json, app
from tools.install import options
from tools.install.run import registry_errors
from tools.install.texts import FailedError
from tools.registry import do, refused, say, transact

if TYPE_CHECKING:
    from cloud.db import Conn
    from cloud.field.fleet import Street
    from cloud.sealed import Box

PLANS_AT_ONCE = 200  # terminals of one transaction: an interruption costs seconds
WAREHOUSE = "（库房）"
PROGRESS_HEADER = [
    "街道", "计划", "库存", "已安装", "验收通过", "拆除", "报废", "本周安装", "资料待补", "120已证", "外来设备",
]  # fmt: skip
Out = Annotated[Path, typer.Argument(metavar="FILE", help="New .csv or .xlsx.")]


@app.command("export")
def export(
    file: Out,
    reason: Annotated[str, typer.Option(help="Why; logged with who and when.")],
    reveal: Annotated[bool, typer.Option("--reveal", help="Names, numbers and addresses in clear.")] = False,
    by: Annotated[str | None, typer.Option(help="Who; else the name of this login.")] = None,
    as_json: Json = False,
) -> None:
    """Every terminal in a home with its household, and apart from them other makers' units; masked unless --reveal."""
    try:
        actor, why = options.actor(by), options.reason(reason, "--reason")
    except FailedError as error:
        raise refused(error.line()) from None
    part = file.with_name(f".{file.stem}.part{file.suffix}")
    writer = sheets.Writer(part)
    try:
        ours, foreign = do(lambda conn, box: _written(conn, box, writer, actor=actor, why=why, reveal=reveal))
        files = _named(writer.files)
    except FileExistsError:
        raise refused(f"{part}: exists already, of an export that was cut off") from None
    except BaseException:
        writer.discard()
        raise
    names = [str(each) for each in files]
    data = {"files": names, "ours": ours, "foreign": foreign, "revealed": reveal}
    say(as_json, data, f"{ours} 台，外来设备 {foreign} 台 / terminals, foreign units: {'  '.join(names)}")


def _named(parts: list[Path]) -> list[Path]:
    """Give finished files their names. One that exists is never replaced: it may be another day's."""
    files = [each.with_name(each.name.removeprefix(".").replace(".part", "", 1)) for each in parts]
    if taken := [each for each in files if each.exists()]:
        raise refused(f"{taken[0]}: exists already")
    for made, final in zip(parts, files, strict=True):
        made.rename(final)
    return files


async def _written(
    conn: Conn, box: Box, writer: sheets.Writer, *, actor: str, why: str, reveal: bool
) -> tuple[int, int]:
    counts, now = [0, 0], clock.now()
    with Progress(
        SpinnerColumn(), TextColumn("{task.description} {task.completed}"), TimeElapsedColumn(),
        console=Console(stderr=True), transient=True,
    ) as progress:  # fmt: skip
        task = progress.add_task("导出 / exporting", total=None)
        for place, (title, suffix) in enumerate((("终端", ""), ("外来设备", "-foreign"))):
            writer.sheet(title, suffix, fleet.HEADER)
            async for cells in fleet.homes(conn, box, foreign=place == 1, reveal=reveal):
                writer.row(cells)
                counts[place] += 1
                progress.advance(task)
        if writer.path.suffix.lower() == ".xlsx":
            writer.sheet("说明", "", ["导出人", "导出时间", "用途", "是否脱敏"])
            writer.row([actor, now.isoformat(timespec="seconds"), why, "否" if reveal else "是"])
        writer.close()
    await store.log_access(
        conn, at=now, actor=actor, what="fleet_export", reason=why, rows=sum(counts), revealed=reveal
    )
    return counts[0], counts[1]


@app.command("progress")
def progress(
    planned: Annotated[Path | None, typer.Option(help="CSV or xlsx: street,planned.")] = None,
    xlsx: Annotated[Path | None, typer.Option(help="Also as a new .xlsx (or .csv).")] = None,
    as_json: Json = False,
) -> None:
    """Stock and installation by street: planned, in stock, installed, accepted, removed, retired, this week."""
    today = shanghai_day(clock.now())
    monday = today - timedelta(days=today.weekday())
    found: list[Street] = do(lambda conn, _box: _progress(conn, monday, planned))
    if xlsx is not None:
        _progress_file(found, xlsx)
    lines = ["  ".join(PROGRESS_HEADER), *("  ".join(_progress_cells(each)) for each in found)]
    data = {"since": monday.isoformat(), "streets": [asdict(each) for each in found]}
    say(as_json, data, "\n".join(lines))


async def _progress(conn: Conn, monday: Any, planned: Path | None) -> list[Street]:
    wanted = _planned(planned, await takeover.streets(conn)) if planned is not None else {}
    return await fleet.progress(conn, monday, wanted)


def _progress_file(found: list[Street], path: Path) -> None:
    writer = sheets.Writer(path)
    try:
        writer.sheet("安装进度", "", PROGRESS_HEADER)
        for each in found:
            writer.row(_progress_cells(each))
        writer.close()
    except OSError as error:
        raise refused(f"{path}: {error.strerror}") from None


def _progress_cells(each: Street) -> list[str]:
    _street, *numbers = asdict(each).values()
    return [each.street or WAREHOUSE, *("" if number is None else str(number) for number in numbers)]


def _planned(path: Path, streets: dict[str, str]) -> dict[str, int]:
    """Street code to how many terminals it is to get."""
    found: dict[str, int] = {}
    try:
        for line, cells in sheets.rows(path):
            if line == 1 and cells[:2] in (["street", "planned"], ["街道", "计划"]):
                continue
            code = streets.get(cells[0].removesuffix("街道"))
            if code is None or code in found or len(cells) < 2 or not (cells[1].isascii() and cells[1].isdigit()):
                raise refused(f"{path}:{line}: a street of this district, once, and a number")
            found[code] = int(cells[1])
    except sheets.SheetError as error:
        raise refused(f"{path}:{error.line}: {error.text}") from None
    return found


@app.command("plans")
def plans(as_json: Json = False) -> None:
    """Make the stored plan of every terminal in a home that has none of its own; run again to go on."""
    made, after = 0, ""
    try:
        with Progress(
            SpinnerColumn(), TextColumn("呼叫方案 / plans {task.completed}"), TimeElapsedColumn(),
            console=Console(stderr=True), transient=True,
        ) as bar:  # fmt: skip
            task = bar.add_task("", total=None)
            while True:
                done = _some_plans(after)
                if not done:
                    break
                made, after = made + len(done), done[-1]
                bar.update(task, completed=made)
    except FailedError as error:
        typer.echo(error.line(), err=True)
        raise typer.Exit(error.exit_code) from None
    say(as_json, {"plans": made}, f"{made} 台已有呼叫方案 / plans made: {made}")


def _some_plans(after: str) -> list[str]:
    async def work(conn: Conn, box: Box, settings: Settings) -> list[str]:
        found = await fleet.without_plan(conn, after, PLANS_AT_ONCE)
        for device_id in found:
            await actions.make_plan(conn, box, settings, device_id, clock.now())
        return found

    with registry_errors():
        return transact(Settings, work)
