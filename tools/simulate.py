"""`onekey simulate`: a fleet of terminals without hardware, against any broker.

Prints `ready` once every terminal is connected and a JSON object of counts at the end (with --json only the latter).
With --sent every receipted message is written to a file before it is sent. SIGTERM and Ctrl-C end it in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from protocol.codes import KEYS
from protocol.topics import is_device_id
from tools.simulated.fleet import STARTS_PER_S, Fleet
from tools.simulated.household import Pace
from tools.simulated.terminal import Link

TERMINALS_MAX = 1000  # sockets of one process under the usual limit of 1,024 files; start more processes for more
CONNECT_S = 30.0
DRAIN_S = 60.0  # calls end and receipts come within that after the last press, at the usual pace
STOPPED_DRAIN_S = 1.0  # who sends SIGTERM wants it gone
FAILED_EXIT = 2

app = typer.Typer(add_completion=False)


@app.command()
def simulate(  # noqa: PLR0917 - each is an option, none is positional for the user
    broker: Annotated[str, typer.Option(help="HOST:PORT of any MQTT broker.")],
    terminals: Annotated[int, typer.Option(min=1, max=TERMINALS_MAX, help="How many.")] = 20,
    credentials: Annotated[Path | None, typer.Option(help="CSV: device_id,password. Its first rows are used.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="One password for all; ids are made up.")] = None,
    prefix: Annotated[str, typer.Option(help="Of made-up ids.")] = "SIM",
    interval: Annotated[
        float | None, typer.Option(help="Seconds between heartbeats; else the configuration's.")
    ] = None,
    duration: Annotated[float | None, typer.Option(help="Seconds, then end; else until stopped.")] = None,
    press_every: Annotated[float | None, typer.Option(help="Seconds between presses of each terminal.")] = None,
    pace: Annotated[float, typer.Option(min=0.001, help="Time of ringing and talking, 1: real.")] = 1.0,
    sent: Annotated[Path | None, typer.Option(help="File for what is sent, JSON lines.")] = None,
    sent_heartbeats: Annotated[bool, typer.Option(help="Heartbeats are written to that file too.")] = False,
    keys: Annotated[bool, typer.Option(help="Read `sos 1200` or `DEVICE k1 200` from standard input.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """A fleet of terminals without hardware."""
    passwords = _passwords(terminals, credentials, password_file, prefix)
    link = _link(broker)

    def say(line: str) -> None:
        if not as_json:
            print(line, flush=True)

    async def play() -> dict[str, Any]:
        fleet = Fleet(
            passwords,
            link,
            sent=sent,
            sent_heartbeats=sent_heartbeats,
            heartbeat_s=interval,
            press_every_s=press_every,
            pace=Pace(ring=4.0 * pace, talk=20.0 * pace),
            tell=(lambda line: say(json.dumps(line, ensure_ascii=False))) if keys else None,
        )
        return await _play(fleet, say, duration, keys=keys)

    print(json.dumps(asyncio.run(play())))


async def _play(fleet: Fleet, say: Any, duration: float | None, *, keys: bool) -> dict[str, Any]:
    """Run a fleet until its time is over or it is stopped; what it counted."""
    stop = asyncio.Event()
    _on_signals(stop)
    async with fleet:
        if keys:
            _read_keys(fleet)
        connecting = asyncio.ensure_future(_tell_ready(fleet, say))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), duration)
        connecting.cancel()
        await fleet.settled(STOPPED_DRAIN_S if stop.is_set() else DRAIN_S)
        # Before the farewell: afterwards nobody is connected.
        return fleet.summary()


async def _tell_ready(fleet: Fleet, say: Any) -> None:
    while not await fleet.connected(CONNECT_S + len(fleet.terminals) / STARTS_PER_S):
        print(f"{fleet.counts.connected} of {len(fleet.terminals)} connected", file=sys.stderr, flush=True)
    say("ready")


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        if os.name == "nt":  # its event loop takes no signals
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
        else:
            loop.add_signal_handler(number, stop.set)


def _read_keys(fleet: Fleet) -> None:
    """Key lines from standard input, in a thread: it can't be waited for on every platform."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in sys.stdin:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(_work_key, fleet, line)

    threading.Thread(target=read, daemon=True).start()


def _work_key(fleet: Fleet, line: str) -> None:
    words = line.split()
    device_id = words.pop(0) if words and is_device_id(words[0]) else next(iter(fleet.terminals))
    terminal = fleet.terminals.get(device_id)
    if terminal is None or not words or words[0] not in KEYS or not all(word.isdecimal() for word in words[1:]):
        print("a key line is: [DEVICE] KEY [MILLISECONDS]", file=sys.stderr, flush=True)
        return
    terminal.press(words[0], min(int(words[1]), 600_000) if words[1:] else 1200)


def _passwords(count: int, credentials: Path | None, password_file: Path | None, prefix: str) -> dict[str, str | None]:
    try:
        if credentials is not None:
            return _from_csv(credentials, count)
        password = password_file.read_text(encoding="utf-8").split("\n", 1)[0].strip() if password_file else None
    except (OSError, UnicodeDecodeError, csv.Error):
        _fail("the credentials cannot be read")
    made_up: dict[str, str | None] = {f"{prefix}{number:06d}": password for number in range(1, count + 1)}
    if not all(map(is_device_id, made_up)):
        _fail("the prefix makes no device ids of 6 to 20 capitals and digits")
    return made_up


def _from_csv(path: Path, count: int) -> dict[str, str | None]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.reader(file) if row and row != ["device_id", "password"]]
    known: dict[str, str | None] = {row[0]: row[1] for row in rows if len(row) == 2 and is_device_id(row[0])}
    if len(known) < count or len(known) != len(rows):
        _fail(f"{path}: {len(known)} good rows of {len(rows)}, {count} wanted")
    return dict(list(known.items())[:count])


def _link(broker: str) -> Link:
    host, _, port = broker.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65_535:
        _fail("the broker is named HOST:PORT")
    return Link(host.strip("[]"), int(port))


def _fail(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(FAILED_EXIT)
