"""How figures are shown: a progress line while they are taken, a table when they are there."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from tools.bench.terminal import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[str, float], None]]:
    """What takes (step, done 0..1) and shows it on standard error, at a terminal only."""
    if quiet or not sys.stderr.isatty():
        yield lambda _step, _done: None
        return
    console = Console(stderr=True)
    tasks: dict[str, TaskID] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:

        def tell(step: str, done: float) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step, total=1.0)
            bar.update(tasks[step], completed=done)

        yield tell


def table(found: dict[str, Any]) -> None:
    """Figure, target, verdict, reference; below them what they depend on."""
    console = Console()
    shown = Table(title="The terminal, in simulated time")
    for head in ("figure", "value", "target", "", "reference"):
        shown.add_column(head)
    for name, (target, unit, reference, larger) in TARGETS.items():
        sign = "≥" if larger else "≤"
        verdict = "ok" if found["met"][name] else "not"
        value = "not taken" if found[name] is None else f"{found[name]} {unit}"
        shown.add_row(name, value, f"{sign} {target:g} {unit}", verdict, reference)
    console.print(shown)
    beside = ("feedback_from_edge_ms", "fire_from_edge_ms", "dial_ms_data_down_median", "dial_ms_single_channel")
    console.print(", ".join(f"{name} {found[name]}" for name in beside))
    console.print(f"presses {found['presses']}, traffic {found['traffic']}")
    console.print(f"settings {found['settings']}")
    console.print(f"wall time {found['wall_s']} s")


def fleet(found: dict[str, Any]) -> None:
    """Seconds, memory and the bare COPY beside them; below, what they depend on."""
    console = Console()
    shown = Table(title=f"Tools for whole fleets, {found['rows']} rows")
    for head in ("command", "s", f"MB (≤ {found['rss_limit_mb']})", "bare COPY, s", "times", "rows"):
        shown.add_column(head, justify="left" if head == "command" else "right")
    for name, each in found["figures"].items():
        shown.add_row(name, *(str(each[key]) for key in ("seconds", "rss_mb", "bare_s", "times", "count")))
    console.print(shown)
    console.print(f"a command that does nothing: {found['idle']}; signatures alone: {found['verify_s']} s")
    console.print(f"settings {found['settings']}")


def ingest(found: dict[str, Any]) -> None:
    """Rows a second beside the bare pipe's; below, what was lost or doubled, and what they depend on."""
    console = Console()
    shown = Table(title="A backlog of heartbeats")
    for head in ("", "rows a second", "of the pipe"):
        shown.add_column(head, justify="right" if head else "left")
    shown.add_row("onekey serve ingest", str(found["committed_per_s"]), f"{found['ratio']} (≥ {found['ratio_wanted']})")
    shown.add_row("mosquitto_sub | psql copy", str(found["pipe_per_s"]), "1")
    for peer in found["peers"]:
        per_s = peer.get("per_s", "not taken")
        shown.add_row(f"{peer['name']} {peer.get('version', '')}", str(per_s), "")
    console.print(shown)
    for peer in found["peers"]:
        console.print(", ".join(f"{name} {value}" for name, value in peer.items() if name != "settings"))
    whole = {name: found[name] for name in ("lost", "doubled", "altered", "miscounted")}
    console.print(f"compared with what was written down: {whole}; after a kill -9: {found['after_kill']}")
    console.print(f"memory {found['rss_mb']} MB (≤ {found['rss_limit_mb']}); settings {found['settings']}")


def outage(found: dict[str, Any]) -> None:
    """What became of an outage, and where its backlog lay."""
    console = Console()
    shown = Table(title=f"The database {found['how']} for {found['seconds_down']} s")
    for head in ("", "figure", "beside it"):
        shown.add_column(head)
    shown.add_row("sent, stored", f"{found['sent']}, {found['stored']}", f"lost {found['lost']}")
    shown.add_row("doubled, altered, miscounted", *(f"{found[n]}" for n in ("doubled",)), f"{found['altered']}")
    shown.add_row("backlog", f"{found['backlog']}", found["held_by"])
    shown.add_row("drained after", f"{found['drain_s']} s", f"{found['drain_per_s']}/s, pipe {found['pipe_per_s']}/s")
    shown.add_row("memory of ingest", f"{found['rss_mb']} MB", f"≤ {found['rss_limit_mb']}")
    shown.add_row("memory of the broker", f"{found['broker_rss_mb']} MB", "")
    console.print(shown)
    console.print(f"press to receipt, ms: {found['press_ms']}; presses {found['presses']}")
    console.print(f"settings {found['settings']}")


def connections(found: dict[str, Any]) -> None:
    """Connected, back, memory; beside them the bare handshakes."""
    console = Console()
    wanted = found["wanted"]
    shown = Table(title="Terminals with TLS, and a broker that is killed")
    for head in ("figure", "value", "wanted", "reference"):
        shown.add_column(head)
    brokers = found["settings"]["brokers"]
    shown.add_row("connected", f"{found['connected']} on {brokers}", f"{wanted['terminals']} on one broker", "")
    alone = f"{found['handshakes_alone_s']} s for as many handshakes and nothing else"
    back = f"{found['back']} after {found['back_s']} s" if found["back_s"] else f"{found['back']} at the end"
    shown.add_row("back", back, f"all in ≤ {wanted['back_s']:.0f} s", alone)
    shown.add_row("memory of the broker", f"{found['broker_rss_mb']} MB", "", "")
    shown.add_row("receipted messages lost", f"{found['lost']} of {found['sent']}", "0", "")
    console.print(shown)
    console.print(f"settings {found['settings']}")


def press(found: dict[str, Any]) -> None:
    """Milliseconds under each load beside the reference's; below, what was lost or doubled."""
    console = Console()
    shown = Table(title="From a press to its route on the terminal, ms")
    for head in ("", "p50", "p99", "wanted", "reference p50", "reference p99"):
        shown.add_column(head, justify="right" if head else "left")
    for name, beside in found["reference"].items():
        ours, most = found[name], found["wanted_p99_ms"].get(name)
        wanted = f"≤ {most:.0f}" if most else ""
        shown.add_row(name, *(str(each) for each in (ours["p50_ms"], ours["p99_ms"], wanted)),
                      str(beside["p50_ms"]), str(beside["p99_ms"]))  # fmt: skip
    console.print(shown)
    console.print("reference: the same broker there and back, and one row committed between")
    console.print(f"presses {found['presses']}; heartbeats {found['heartbeats']}; loads {found['loads']}")
    console.print(f"memory {found['rss_mb']} MB; settings {found['settings']}")


def health(found: dict[str, Any]) -> None:
    """Figure, target and verdict; below, every rule that missed something, every difference, and the settings."""
    console = Console()
    shown = Table(title="Device health: what was planted and what was found")
    for head in ("figure", "value", "target", ""):
        shown.add_column(head)
    for name, target in found["wanted"].items():
        value = "not taken" if found[name] is None else str(found[name])
        sign = "≥" if name == "recall" else "≤"
        shown.add_row(name, value, f"{sign} {target:g}", "ok" if found["met"][name] else "not")
    incidents = f"{found['incidents_found']} of {found['incidents_planted']}"
    shown.add_row("incidents", incidents, "all, and no other", "ok" if found["met"]["incidents"] else "not")
    console.print(shown)
    console.print(f"findings {found['findings']}; of a rule (planted, found): {found['by_rule']}")
    for name in ("missed", "false", "incidents_wrong"):
        for each in found[name]:
            console.print(f"{name}: {each}")
    beside = {name: found[name] for name in ("sweep", "pages", "sheets", "xlsx_why", "size") if name in found}
    console.print(f"{beside}; history {found['history']}")


def soak_text(outcome: dict[str, Any]) -> str:
    """A soak in a few lines, its broken rules first."""
    lines = [f"{name}: {value}" for name, value in outcome.items() if name != "broken"]
    return "\n".join([*(f"BROKEN {one}" for one in outcome["broken"]), *lines])
