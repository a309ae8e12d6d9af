"""`onekey provision`: one board on a port becomes a terminal; or a reservation is loaded; or a console is opened.

In: a port, the bench's folder. Out: identity and parts of the terminal, one record for the registry. The password is
shown nowhere. One clear line and an exit code of its own for whatever goes wrong; running it again repairs.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console as Screen
from rich.progress import Progress

from cloud.stock import record, rules
from tools.board import bench as folders
from tools.board import ports, texts
from tools.board.console import Console
from tools.board.texts import BenchError, usage
from tools.provision import reservation, unlock, work

app = typer.Typer(add_completion=False)


@app.command()
def provision(
    *,
    port: Annotated[str, typer.Option(help="Serial port or pyserial URL; found if there is just one.")] = "",
    bench: Annotated[
        Path | None, typer.Option(help="The bench's folder; else OKC_BENCH, else ~/.onekey-bench.")
    ] = None,
    load: Annotated[
        Path | None, typer.Option("--reservation", help="Load this file of the registry, destroy it.")
    ] = None,
    serial: Annotated[str, typer.Option(help="What stands on the case; without it, the MAC.")] = "",
    board: Annotated[str, typer.Option(help="Board, if not the reservation's: lilygo-tcall-sim800l.")] = "",
    image: Annotated[str, typer.Option(help="Name of the image that is on it, if not the recorded one.")] = "",
    kind: Annotated[str, typer.Option(help="home: our frozen build; trial: official MicroPython.")] = "",
    sha256: Annotated[str, typer.Option(help="SHA-256 of that image.")] = "",
    keep_open: Annotated[bool, typer.Option("--keep-open", help="Do not lock the console yet.")] = False,
    code: Annotated[str, typer.Option("--unlock", help="Open the console with a code of `onekey stock`.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a board a terminal: identity, roots, server, plan; read back, recorded, locked."""
    try:
        written = _image(image, sha256, kind)
        _fits("serial", serial)
        if not port and (load is None or code):
            port = ports.choose([], several=False)[0]
        folder = folders.find(bench).folder
        told: dict[str, Any] = {}
        if load is not None:
            told["free"] = reservation.load(folder, load)
            _line(as_json, f"预留编号已装入，可用 {told['free']} 个 / {told['free']} ids free; {load} is destroyed")
        if code:
            unlock.unlock(port, rules.plain_code(code))
            told["unlocked"] = True
            _line(
                as_json,
                "控制台已解锁，用完请再运行 onekey provision 上锁 / unlocked; onekey provision locks it again",
            )
        elif port:
            told |= _one(port, folder, written, serial, board, lock=not keep_open)
            _line(
                as_json,
                f"{told['device_id']}  {told['mac']}  {told['serial']}  {'已上锁 / locked' if told['locked'] else ''}",
            )
    except BenchError as error:
        typer.echo(error.line, err=True)
        raise typer.Exit(error.code) from None
    except KeyboardInterrupt:
        typer.echo("已中断，再次运行会从断点继续 / interrupted; run it again to go on", err=True)
        raise typer.Exit(texts.INTERRUPTED) from None
    if as_json:
        typer.echo(json.dumps(told))


def _image(name: str, sha256: str, kind: str) -> dict[str, str] | None:
    """As a record has it; None where nothing was said: then the bench's own record of the board holds."""
    if not (name or sha256 or kind):
        return None
    image = {"name": name or work.UNKNOWN["name"], "sha256": sha256.lower() or work.UNKNOWN["sha256"]}
    image["kind"] = kind or work.UNKNOWN["kind"]
    try:
        record.check_image(image)
    except record.RecordError as error:
        raise usage(f"镜像参数不对（{error}）", f"not an image as records have it: {error}") from None
    return image


def _fits(name: str, text: str) -> None:
    if text and not record.fits(name, text):
        raise usage(f"--{name} 的写法不对：{text}", f"--{name} has not the form of records: {text}")


def _one(
    port: str, folder: Path, image: dict[str, str] | None, serial: str, board: str, *, lock: bool
) -> dict[str, Any]:
    with Progress(console=Screen(stderr=True), transient=True) as bar, Console(port) as console:
        task = bar.add_task(port, total=len(work.STEPS))

        def step(name: str) -> None:
            bar.update(task, advance=1, description=f"{port} {name}")

        made = work.provision(
            console, folder, image=image, now=datetime.now(UTC), serial=serial, board=board, lock=lock, step=step
        )
    return asdict(made)


def _line(as_json: bool, text: str) -> None:
    if not as_json:
        typer.echo(text)
