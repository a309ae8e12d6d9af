"""`onekey bench`: figures of the product, each with its target, its reference and the settings that matter.

In: options. Out: one JSON object or a table. A figure that could not be taken is shown as missing, never as good.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.callback()
def bench() -> None:
    """Figures of the product against their targets."""


@app.command()
def terminal(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else.")] = False,
    quick: Annotated[bool, typer.Option(help="An hour in the place of the day, fewer presses: for a look.")] = False,
    soak: Annotated[int, typer.Option(min=0, help="So many presses under random faults, instead of figures.")] = 0,
    seed: Annotated[int, typer.Option(min=1, help="Of everything that is drawn.")] = 1,
    keep: Annotated[Path | None, typer.Option(help="Folder for transcripts of episodes that broke a rule.")] = None,
) -> None:
    """The whole terminal in simulated time: its times, traffic, heap and size."""
    if sys.platform != "linux":
        raise typer.BadParameter("MicroPython's unix port is installed on Linux only")
    # Imported here: a table of commands must not need the terminal's libraries.
    from tools.bench import report  # noqa: PLC0415

    if soak:
        from tools.bench.soak import run  # noqa: PLC0415

        with report.progress(quiet=as_json) as tell:
            outcome = run(soak, seed, tell, keep)
        print(json.dumps(outcome, ensure_ascii=False) if as_json else report.soak_text(outcome))
        raise typer.Exit(0 if outcome["ok"] else 1)
    from tools.bench.terminal import figures  # noqa: PLC0415

    with report.progress(quiet=as_json) as tell:
        found = figures(seed=seed, quick=quick, tell=tell)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        report.table(found)


@app.command()
def fleet(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else.")] = False,
    rows: Annotated[int, typer.Option(min=20, max=100_000, help="Terminals, homes, cards, records.")] = 50_000,
) -> None:
    """Import, take-over, export, SIM stock and merge at the district's size, on a PostgreSQL of its own."""
    from tools.bench import report  # noqa: PLC0415 - as above
    from tools.bench.fleet import figures  # noqa: PLC0415

    with report.progress(quiet=as_json) as tell:
        found = figures(rows, tell)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        report.fleet(found)


@app.command()
def ingest(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else.")] = False,
    beats: Annotated[int, typer.Option(min=100, max=5_000_000, help="Heartbeats of each of the two runs.")] = 200_000,
    devices: Annotated[int, typer.Option(min=1, max=100_000, help="Terminals that send them in turn.")] = 50_000,
    seed: Annotated[int, typer.Option(min=1, help="Of everything that is drawn.")] = 1,
    postgres: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="The bin of an installed PostgreSQL; its TimescaleDB is used."),
    ] = None,
    peers: Annotated[
        Path, typer.Option(file_okay=False, help="Where other programs are made ready that do the same work.")
    ] = Path("~/.cache/onekey/bench-peers"),
    no_peers: Annotated[bool, typer.Option("--no-peers", help="Only us and the bare pipe.")] = False,
) -> None:
    """A backlog of heartbeats through broker, ingest and database, beside a pipe and others; and through a kill -9."""
    if sys.platform != "linux":
        raise typer.BadParameter("Mosquitto is looked for on Linux only")
    from tools.bench import report  # noqa: PLC0415 - as above
    from tools.bench.ingest import Sizes, figures  # noqa: PLC0415
    from tools.bench.peers import KNOWN  # noqa: PLC0415
    from tools.bench.peers.judge import Judge  # noqa: PLC0415

    judge = Judge([] if no_peers else KNOWN, peers.expanduser())
    with report.progress(quiet=as_json) as tell:
        found = figures(Sizes(beats, devices, seed), tell, postgres, judge)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        report.ingest(found)


@app.command()
def outage(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else.")] = False,
    down: Annotated[float, typer.Option(min=1, max=36_000, help="Seconds without a database.")] = 600,
    how: Annotated[str, typer.Option(help="`stopped`, or `frozen`: it keeps its sockets and says nothing.")] = "frozen",
    rate: Annotated[int, typer.Option(min=1, max=20_000, help="Heartbeats a second.")] = 833,
    presses: Annotated[float, typer.Option(min=0.01, max=100, help="Presses a second.")] = 1.0,
    devices: Annotated[int, typer.Option(min=1, max=100_000, help="Terminals that send them in turn.")] = 50_000,
    seed: Annotated[int, typer.Option(min=1, help="Of everything that is drawn.")] = 1,
) -> None:
    """The database is away under load: what is lost, what is held where, how long it takes to be as before."""
    if sys.platform != "linux":
        raise typer.BadParameter("Mosquitto is looked for on Linux only")
    from tools.bench import report  # noqa: PLC0415 - as above
    from tools.bench.outage import HOWS, Load, figures  # noqa: PLC0415

    if how not in HOWS:
        raise typer.BadParameter(f"how is one of {', '.join(HOWS)}")
    with report.progress(quiet=as_json) as tell:
        found = figures(Load(rate, presses, devices, seed), down, how, tell)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        report.outage(found)


@app.command()
def connections(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else.")] = False,
    terminals: Annotated[int, typer.Option(min=1, max=200_000, help="With TLS.")] = 50_000,
    starts: Annotated[float, typer.Option(min=1, help="Of them that connect in a second at first.")] = 300.0,
    quick: Annotated[bool, typer.Option(help="Seconds of presses and handshakes: for a look.")] = False,
    seed: Annotated[int, typer.Option(min=1, help="Of everything that is drawn.")] = 1,
) -> None:
    """A district's terminals on Mosquitto with TLS; it is killed and started, and all come back."""
    if sys.platform != "linux":
        raise typer.BadParameter("Mosquitto is looked for on Linux only")
    from tools.bench import report  # noqa: PLC0415 - as above
    from tools.bench.connections import Sizes, figures  # noqa: PLC0415

    with report.progress(quiet=as_json) as tell:
        sizes = Sizes(terminals, starts, seed)
        found = figures(sizes.quick() if quick else sizes, tell)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        report.connections(found)


@app.command()
def press(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else.")] = False,
    presses: Annotated[int, typer.Option(min=1, max=100_000, help="In each of the three loads.")] = 300,
    per_s: Annotated[float, typer.Option(min=0.1, max=200, help="Of them and the reference's, together.")] = 10.0,
    rate: Annotated[
        float, typer.Option(min=1, max=10_000, help="Heartbeats a second; ten times that in the flood.")
    ] = 833.0,
    devices: Annotated[int, typer.Option(min=1, max=100_000, help="Terminals that send them in turn.")] = 50_000,
    seed: Annotated[int, typer.Option(min=1, help="Of everything that is drawn.")] = 1,
    one_process: Annotated[bool, typer.Option(help="One ingest for both lanes, not one for each.")] = False,
) -> None:
    """From a press to its route on the terminal: alone, at a district's load, in ten times that."""
    if sys.platform != "linux":
        raise typer.BadParameter("Mosquitto is looked for on Linux only")
    from tools.bench import report  # noqa: PLC0415 - as above
    from tools.bench.press import EACH, ONE, Load, figures  # noqa: PLC0415

    with report.progress(quiet=as_json) as tell:
        found = figures(Load(presses, per_s, rate, devices, seed, ONE if one_process else EACH), tell)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        report.press(found)


@app.command()
def health(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else.")] = False,
    terminals: Annotated[int, typer.Option(min=20, max=20_000, help="Of the judged history.")] = 300,
    days: Annotated[int, typer.Option(min=3, max=365, help="Of the judged history.")] = 20,
    beat_s: Annotated[int, typer.Option(min=300, max=7_200, help="Seconds between heartbeats of it.")] = 1_800,
    look_minutes: Annotated[int, typer.Option(min=1, max=60, help="Simulated minutes between two looks.")] = 10,
    seed: Annotated[int, typer.Option(min=1, help="Of everything that is drawn.")] = 1,
    size_terminals: Annotated[
        int, typer.Option(min=0, max=200_000, help="Of the district whose looks and pages are timed; 0: none.")
    ] = 50_000,
    size_days: Annotated[int, typer.Option(min=8, max=1_000, help="Days that it has behind it.")] = 365,
    size_ill: Annotated[float, typer.Option(min=0.01, max=0.9, help="Share of it that has a finding.")] = 0.1,
    keep: Annotated[Path | None, typer.Option(help="Folder for the truth and every difference.")] = None,
) -> None:
    """What the health rules find of planted faults; how long a look, a report and a sheet take at a district's size."""
    from tools.bench import report  # noqa: PLC0415 - as above
    from tools.bench.health import figures  # noqa: PLC0415
    from tools.bench.health.plan import Sizes  # noqa: PLC0415
    from tools.bench.health.size import Size  # noqa: PLC0415

    sizes = Sizes(terminals, days, seed, beat_s, look_minutes * 60)
    district = Size(size_terminals, size_days, size_ill) if size_terminals else None
    with report.progress(quiet=as_json) as tell:
        found = figures(sizes, district, tell, keep)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        report.health(found)


@app.command()
def credentials(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else.")] = False,
    terminals: Annotated[int, typer.Option(min=2, max=100_000, help="Credentials.")] = 50_000,
    connected: Annotated[int, typer.Option(min=2, help="Of them on the line; open files bound it.")] = 10_000,
) -> None:
    """A district's passwords made, written and read by the broker; one revoked while others are on the line."""
    if sys.platform != "linux":
        raise typer.BadParameter("Mosquitto is looked for on Linux only")
    from tools.bench import report  # noqa: PLC0415 - as above
    from tools.bench.credentials import figures  # noqa: PLC0415

    with report.progress(quiet=as_json) as tell:
        found = figures(terminals, connected, tell)
    print(json.dumps(found, indent=None if as_json else 1))
