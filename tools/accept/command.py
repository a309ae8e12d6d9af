"""`onekey check-terminal`: the guided acceptance test of one terminal that this bench has provisioned.

In: a port, the bench's folder. Out: a signed record; after a pass the label, and the console locked. A locked terminal
is opened first, with a code of the registry (`onekey provision --unlock`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from tools.accept import bench as room
from tools.accept.errors import AcceptError
from tools.board import bench as folders
from tools.board import ports, texts
from tools.board.console import Console
from tools.board.texts import BenchError
from tools.provision import on_board, records, reservation, work

# What starts the program on an official image; flashing puts it last, after the test. A label on a terminal without it
# would stand on one that calls nobody.
MAIN = "/main.py"

app = typer.Typer(add_completion=False)


@app.command("check-terminal")
def check_terminal(
    *,
    port: Annotated[str, typer.Option(help="Serial port or pyserial URL; found if there is just one.")] = "",
    bench: Annotated[
        Path | None, typer.Option(help="The bench's folder; else OKC_BENCH, else ~/.onekey-bench.")
    ] = None,
    keep_open: Annotated[bool, typer.Option("--keep-open", help="Do not lock the console after a pass.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
) -> None:
    """Guide a technician through the acceptance test; print the label after a pass."""
    try:
        place = folders.find(bench)
        room.ready(place)
        told = _one(ports.choose([port] if port else [], several=False)[0], place, keep_open=keep_open)
    except BenchError as error:
        typer.echo(error.line, err=True)
        raise typer.Exit(error.code) from None
    except KeyboardInterrupt:
        typer.echo("已中断，请重新验收 / interrupted; test it again", err=True)
        raise typer.Exit(texts.INTERRUPTED) from None
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        typer.echo(f"{told['device']} 验收通过，标签：{told['label'][0]} / passed; its label is there")


def _one(port: str, bench: folders.Bench, *, keep_open: bool) -> dict[str, Any]:
    with Console(port) as console:
        facts = known(console, bench)
        if facts["image"]["kind"] == "trial" and MAIN not in console.listing():
            raise AcceptError("not_finished")
        told = room.run(console, bench, facts)
    if not keep_open:
        reserved = reservation.find(bench.folder, facts["mac"])
        if reserved is None:
            raise AcceptError("not_ours")
        with Console(port) as console:
            work.lock_console(console, reserved.lock_hash)
    return {"device": facts["device"], **told}


def known(console: Console, bench: folders.Bench) -> dict[str, Any]:
    """What this bench recorded when it provisioned the board on the port. Raises AcceptError."""
    asked = json.loads(console.run(on_board.FACTS).strip().splitlines()[-1])
    last = records.latest(bench.folder, asked["device"] or "", "provision")
    if last is None or last["mac"] != asked["mac"]:
        raise AcceptError("not_ours")
    return last
