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
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from protocol.topics import is_device_id
from tools.simulated import control, machine
from tools.simulated.control import Planned
from tools.simulated.fleet import STARTS_PER_S, Fleet, Life
from tools.simulated.household import Pace
from tools.simulated.line import Link, trust
from tools.simulated.processes import PartError, Parts

if TYPE_CHECKING:
    from collections.abc import Callable

    Say = Callable[[str], None]

TERMINALS_MAX = 1_000_000  # ids of six digits
PROCESSES_MAX = 64
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
    ca: Annotated[Path | None, typer.Option(help="TLS: the roots that are believed, PEM.")] = None,
    source: Annotated[list[str] | None, typer.Option(help="Address of ours to call from; several times.")] = None,
    interval: Annotated[
        float | None, typer.Option(help="Seconds between heartbeats; else the configuration's.")
    ] = None,
    duration: Annotated[float | None, typer.Option(help="Seconds, then end; else until stopped.")] = None,
    settle: Annotated[float, typer.Option(min=0, help="Seconds after that for the last receipts.")] = DRAIN_S,
    starts: Annotated[float, typer.Option(min=0.1, help="Terminals that start in a second.")] = STARTS_PER_S,
    press_every: Annotated[float | None, typer.Option(help="Seconds between presses of each terminal.")] = None,
    rhythm: Annotated[bool, typer.Option(help="Fewer presses at night, by the clock of Shanghai.")] = False,
    fault_every: Annotated[float | None, typer.Option(help="Seconds between faults of each terminal.")] = None,
    seed: Annotated[str, typer.Option(help="Of everything that is drawn.")] = "",
    pace: Annotated[float, typer.Option(min=0.001, help="Time of ringing and talking, 1: real.")] = 1.0,
    cut: Annotated[list[str] | None, typer.Option(help="SHARE@SECOND+SECONDS: without data; several times.")] = None,
    storm: Annotated[list[str] | None, typer.Option(help="PRESSES_PER_S@SECOND+SECONDS; several times.")] = None,
    sent: Annotated[Path | None, typer.Option(help="File for what is sent, JSON lines.")] = None,
    sent_heartbeats: Annotated[bool, typer.Option(help="Heartbeats into that file too.")] = False,
    processes: Annotated[int, typer.Option(min=1, max=PROCESSES_MAX, help="To spread them over.")] = 1,
    keys: Annotated[bool, typer.Option(help="Obey lines of standard input, and tell what terminals show.")] = False,
    commands: Annotated[bool, typer.Option("--control", help="Obey lines of standard input.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    part: Annotated[str | None, typer.Option(hidden=True, help="K/N: one of several processes.")] = None,
) -> None:
    """A fleet without hardware. Lines: `sos 1200`, `DEVICE k1 200`, `cut 0.3 60`, `storm 20 30`, `count`."""
    reads = keys or commands
    say = _silence if as_json else _say
    try:
        weather = [control.planned("cut", each) for each in cut or []]
        weather += [control.planned("storm", each) for each in storm or []]
        machine.enough_files(terminals, processes)
        if processes > 1:
            print(json.dumps(Parts(machine.commands(sys.argv[1:], processes), say, reads=reads).run()))
            return
    except (ValueError, PartError) as error:
        _fail(str(error))
    share = machine.Share.of(part)
    passwords = share.cut(_passwords(terminals, credentials, password_file, prefix))
    make = partial(
        Fleet,
        passwords,
        _link(broker, ca, source, share),
        sent=sent,
        sent_heartbeats=sent_heartbeats,
        heartbeat_s=interval,
        life=Life(press_every, rhythm, fault_every, seed),
        pace=Pace(ring=4.0 * pace, talk=20.0 * pace, slow=30.0 * pace),
        starts_per_s=starts / share.of_all,
        tell=(lambda line: say(json.dumps(line, ensure_ascii=False))) if keys else None,
    )
    found = asyncio.run(_play(make, share, say, duration=duration, settle=settle, weather=weather, reads=reads))
    print(json.dumps(found), flush=True)


async def _play(make: Callable[[], Fleet], share: machine.Share, say: Say, **run: Any) -> dict[str, Any]:
    """A fleet is made inside the loop that it lives in."""
    return await _Play(make(), share, say).run(**run)


def _say(line: str) -> None:
    print(line, flush=True)


def _silence(line: str) -> None:
    del line


class _Play:
    """A fleet from its start to its end."""

    def __init__(self, fleet: Fleet, share: machine.Share, say: Say) -> None:
        self._fleet = fleet
        self._share = share
        self._say = say

    async def run(
        self, *, duration: float | None, settle: float, weather: list[Planned], reads: bool
    ) -> dict[str, Any]:
        """Until its time is over or it is stopped; what it counted."""
        fleet, stop = self._fleet, asyncio.Event()
        _on_signals(stop)
        loop = asyncio.get_running_loop()
        async with fleet:
            if reads:
                self._read_lines()
            for each in weather:
                amount = self._share.part_of(each.amount) if each.word == "storm" else each.amount
                loop.call_later(each.at_s, self._obey, f"{each.word} {amount} {each.for_s}")
            connecting = asyncio.ensure_future(self._tell_ready())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), duration)
            connecting.cancel()
            await fleet.settled(STOPPED_DRAIN_S if stop.is_set() else settle)
            # Before the farewell: afterwards nobody is connected.
            return self._summary(last=True)

    async def _tell_ready(self) -> None:
        fleet = self._fleet
        while not await fleet.connected(CONNECT_S + len(fleet.terminals) / STARTS_PER_S):
            print(f"{fleet.counts.connected} of {len(fleet.terminals)} connected", file=sys.stderr, flush=True)
        self._say("ready")

    def _read_lines(self) -> None:
        """Lines from standard input, in a thread: it can't be waited for on every platform."""
        loop = asyncio.get_running_loop()

        def read() -> None:
            for line in sys.stdin:
                with contextlib.suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(self._obey, line)

        threading.Thread(target=read, daemon=True).start()

    def _obey(self, line: str) -> None:
        if line.strip() == "count":
            print(json.dumps(self._summary(last=False)), flush=True)
        elif not control.obey(self._fleet, line, first=self._share.first) and not self._share.is_part:
            print(control.WORDS, file=sys.stderr, flush=True)

    def _summary(self, *, last: bool) -> dict[str, Any]:
        rss_mb = machine.rss_mb()
        if not self._share.is_part:
            return {**self._fleet.summary(), "rss_mb": rss_mb}
        fleet = self._fleet
        sizes = {"terminals": len(fleet.terminals), "outstanding": fleet.outstanding, "rss_mb": rss_mb}
        return {"raw": fleet.counts.raw(), "last": last, **sizes}


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        if os.name == "nt":  # its event loop takes no signals
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
        else:
            loop.add_signal_handler(number, stop.set)


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


def _link(broker: str, ca: Path | None, source: list[str] | None, share: machine.Share) -> Link:
    host, _, port = broker.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65_535:
        _fail("the broker is named HOST:PORT")
    try:
        link = Link(host.strip("[]"), int(port), trust(ca) if ca is not None else None)
        sources = tuple(source) if source else machine.sources(link.address[1][0], share)
    except OSError as error:
        _fail(f"the broker's name or its roots cannot be had: {error.strerror or type(error).__name__}")
    return Link(link.host, link.port, link.tls, sources)


def _fail(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(FAILED_EXIT)
