"""`onekey bench press`: how long until a press has its route on the terminal: alone, at a district's load, flooded.

In: how many presses, the load, how large a flood. Out: milliseconds from the PUBLISH of a press over its commit to its
route on the terminal's topic, through broker, `onekey serve ingest`, PostgreSQL and `onekey serve send`. In the same
run, by turns and under the same load: a message through the same broker, a row committed on the same server, and back.
What was written down before it was published is compared with what is stored, presses and heartbeats, id and content.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from cloud import clock, db
from cloud.sealed import Box
from cloud.settings import Settings
from tools import seed as town
from tools.bench.ingest import KEY, ROOT, SETTINGS, Machine, Sizes, compare, counted_days, stored
from tools.bench.presses import Presses, Taken
from tools.bench.stream import Stream, Streaming
from tools.embedded import children
from tools.embedded.mosquitto import SETTINGS as BROKER_SETTINGS
from tools.embedded.mosquitto import Mosquitto
from tools.embedded.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Callable

    Tell = Callable[[str, float], None]

FLOOD = 10  # times the load
WANTED_P99_MS = {"at_833": 50.0, "flood": 250.0}
EACH, ONE = ("messages", "heartbeats"), ("both",)  # OKC_INGEST_LANES of each process of ingest
HOMES = 200  # where presses come from, in turn
HOTLINE = "01055500009"
LEAD_S = 3.0  # of load before the first press
PATIENCE_S = 600.0  # for what the flood has left to be stored
LOOK_S = 0.5


@dataclass(frozen=True)
class Load:
    """Of one run. `rate`: heartbeats a second, of so many terminals; `per_s`: presses and echoes together."""

    presses: int
    per_s: float
    rate: float
    devices: int
    seed: int
    lanes: tuple[str, ...] = EACH


def figures(load: Load, tell: Tell) -> dict[str, Any]:
    """Everything once."""
    # Two: as root the server runs as nobody, who must not read what lies in the other.
    folder, beside = Path(tempfile.mkdtemp(prefix="okcpress")), Path(tempfile.mkdtemp(prefix="okcpg"))
    server, broker = Postgres(beside, durable=True), Mosquitto(folder)
    try:
        server.start()
        broker.start()
        machine = Machine(folder, server, broker, Sizes(1, load.devices, load.seed))
        asyncio.run(_people(machine))
        return _run(machine, load, tell)
    finally:
        broker.stop()
        server.stop()
        for each in (folder, beside):
            shutil.rmtree(each, ignore_errors=True)


def _run(machine: Machine, load: Load, tell: Tell) -> dict[str, Any]:
    services = [machine.ingest(OKC_INGEST_LANES=each) for each in load.lanes] + [machine.ingest("send")]
    bare = _echo(machine)
    presses = Presses(machine.broker.port, town.device_ids(HOMES), machine.folder / "presses.jsonl", load.seed)
    found: dict[str, Any] = {}
    try:
        _nothing_due(machine)
        sent: set[tuple[Any, ...]] = set()
        taken: dict[str, Taken] = {}
        loads: dict[str, Any] = {}
        for place, (name, rate) in enumerate((("idle", 0.0), ("at_833", load.rate), ("flood", FLOOD * load.rate)), 1):
            tell("presses", (place - 1) / 3)
            taken[name], loads[name], rows = _phase(machine, load, presses, rate, place)
            sent |= rows
        found = {name: percentiles(each.ours) for name, each in taken.items()}
        found["reference"] = {name: percentiles(each.bare) for name, each in taken.items()}
        of_presses = compare(presses.sent, _pressed(machine), _presses_counted(machine))
        of_beats = compare(sent, stored(machine), counted_days(machine))
        rss_mb = max(each.rss_mb() for each in services)
    finally:
        presses.close()
        for each in services:
            each.stop()
        children.stop(bare)
    clean = not any((*of_presses.values(), *of_beats.values()))
    quick = all((found[name]["p99_ms"] or float("inf")) <= most for name, most in WANTED_P99_MS.items())
    unanswered = sum(each.ours.count(None) + each.bare.count(None) for each in taken.values())
    return {
        **found,
        "presses": {"sent": len(presses.sent), "unanswered": unanswered, **of_presses},
        "heartbeats": {"sent": len(sent), **of_beats},
        "loads": loads,
        "rss_mb": rss_mb,
        "wanted_p99_ms": WANTED_P99_MS,
        "met": clean and quick and not unanswered,
        "settings": _settings(machine, load),
    }


def _phase(
    machine: Machine, load: Load, presses: Presses, rate: float, boot: int
) -> tuple[Taken, dict[str, Any], set[tuple[Any, ...]]]:
    """Presses under one load; how it went with the load; heartbeats as they were written down."""
    if not rate:
        return presses.phase(load.presses, load.per_s), {"per_s": 0}, set()
    path = machine.folder / f"sent{boot}.jsonl"
    before = counted_days(machine)
    stream = Streaming(Stream(machine.broker.port, rate, load.devices, boot, load.seed, str(path)))
    try:
        time.sleep(LEAD_S)
        taken = presses.phase(load.presses, load.per_s)
        told = stream.stop()
    finally:
        stream.kill()
    behind = before + told["sent"] - counted_days(machine)
    began = time.monotonic()
    while counted_days(machine) < before + told["sent"] and time.monotonic() - began < PATIENCE_S:
        time.sleep(LOOK_S)
    rows = {tuple(json.loads(line)) for line in path.read_text(encoding="ascii").splitlines()}
    return taken, {**told, "not_yet_stored_at_its_end": behind}, rows


def percentiles(values: list[float | None]) -> dict[str, Any]:
    """What never came took longer than all that did: null."""
    ranked = sorted((each is None, round(each or 0.0, 1)) for each in values)
    last = len(ranked)

    def at(place: int) -> float | None:
        missing, ms = ranked[place]
        return None if missing else ms

    return {"p50_ms": at(last // 2), "p99_ms": at(last * 99 // 100), "max_ms": at(-1), "n": last}


async def _people(machine: Machine) -> None:
    """Homes with a key, a family and a desk, so that a route has something to say."""
    config = Settings(database_url=machine.dsn, data_key=KEY, hotline_number=HOTLINE)
    async with await db.connect(machine.dsn) as conn, conn.transaction():
        await town.seed(conn, Box(config.data_key_bytes), config, town.device_ids(HOMES), clock.now())


def _nothing_due(machine: Machine) -> None:
    """Until the configurations of the homes are out."""
    deadline = time.monotonic() + PATIENCE_S
    with psycopg.connect(machine.dsn, autocommit=True) as conn:
        query = "select count(*) from down where sent_at is null and dropped_at is null and due_at <= now()"
        while conn.execute(query).fetchone() != (0,):
            if time.monotonic() > deadline:
                raise RuntimeError("the sender does not get done")
            time.sleep(LOOK_S)


def _echo(machine: Machine) -> subprocess.Popen[bytes]:
    env = {"PATH": os.environ["PATH"], "OKC_DATABASE_URL": machine.dsn}
    words = [sys.executable, "-m", "tools.bench.echo", str(machine.broker.port)]
    process = children.start(words, env=env, cwd=ROOT, stdout=subprocess.PIPE)
    if process.stdout is None or b"ready" not in process.stdout.readline():
        raise RuntimeError("the reference did not start")
    return process


def _pressed(machine: Machine) -> list[tuple[Any, ...]]:
    with psycopg.connect(machine.dsn) as conn:
        return conn.execute(
            "select device_id, id, body->>'key', (body->>'hold')::int from message where kind = 'press'"
        ).fetchall()


def _presses_counted(machine: Machine) -> int:
    with psycopg.connect(machine.dsn) as conn:
        row = conn.execute("select coalesce(sum(presses), 0) from device_day").fetchone()
    return int(row[0]) if row else 0


def _settings(machine: Machine, load: Load) -> dict[str, Any]:
    with psycopg.connect(machine.dsn) as conn:
        found: dict[str, Any] = dict(
            conn.execute("select name, current_setting(name) from pg_settings where name = any(%s)", [list(SETTINGS)])
        )
    return {
        **found,
        "broker": BROKER_SETTINGS,
        "heartbeats_per_s": {"idle": 0, "at_833": load.rate, "flood": FLOOD * load.rate},
        "presses": load.presses,
        "presses_and_echoes_per_s": load.per_s,
        "devices": load.devices,
        "homes": HOMES,
        "processes": {"ingest": load.lanes, "send": 1},
        "on_the_same_machine": "the broker, the database, the load, the presses and the reference",
        "seed": load.seed,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
    }
