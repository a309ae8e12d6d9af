"""`onekey bench fleet`: the tools for whole fleets, each as a process of its own on a real PostgreSQL.

In: how many rows. Out: seconds and the most memory of each command, what it left in the registry, and beside it a bare
COPY of the same rows on the same server; and the settings that such figures depend on.
"""

from __future__ import annotations

import asyncio
import csv
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
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg.rows import scalar_row

from cloud import clock, db
from cloud.sealed import Box
from cloud.stock import actions as stock
from cloud.stock import record
from cloud.stock.rules import COUNT_MAX
from tools.bench import fleet_files as files
from tools.embedded.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Callable

    Tell = Callable[[str, float], None]

ROOT = Path(__file__).resolve().parents[2]
WATCH = Path(__file__).with_name("watch.py")
RSS_LIMIT_MB = 500  # beside a database and a broker on a small server
KEY = "5e" * 32
HOTLINE = ("坐席", "01055500009")
TEMPLATE = "okc_bench"
SETTINGS = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size")
BLOCK = 1 << 20
# What an export reads, without its opening and masking.
_READ = (
    "select i.device_id, i.installed_on, h.street_code, h.community, h.address_sealed, e.name_sealed, e.phone_sealed,"
    " d.msisdn_sealed, d.iccid from installation i join home h using (home_id) join device d using (device_id)"
    " left join elder e using (home_id)"
)


@dataclass(frozen=True)
class Ran:
    """A command that came to its end."""

    seconds: float
    rss_mb: float


class Machine:
    """A server and a folder, both gone afterwards."""

    def __init__(self, folder: Path, server: Postgres) -> None:
        self.folder = folder
        self.server = server
        db.migrate(server.create_database(TEMPLATE))
        server.create_database(TEMPLATE + "_bare")

    def registry(self, name: str, template: str = TEMPLATE) -> str:
        """Another registry, empty or as another one is."""
        return self.server.create_database(name, template)

    def onekey(self, dsn: str, *words: str) -> Ran:
        """Run a command. Raises RuntimeError with what it said where it fails."""
        env = {**os.environ, "OKC_DATABASE_URL": dsn, "OKC_DATA_KEY": KEY, "OKC_HOTLINE_NUMBER": HOTLINE[1]}
        words = (sys.executable, "-S", str(WATCH), sys.executable, "-m", "tools", *words)
        done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{words[5:8]}: {(done.stdout + done.stderr)[-500:]}")
        found = json.loads(done.stdout.splitlines()[-1])
        return Ran(found["seconds"], found["rss_mb"])


def figures(rows: int, tell: Tell) -> dict[str, Any]:
    """Every figure once."""
    # Two: as root the server runs as nobody, who must not read what lies in the other.
    folder, beside = Path(tempfile.mkdtemp(prefix="okcfleet")), Path(tempfile.mkdtemp(prefix="okcpg"))
    server = Postgres(beside, durable=True)
    try:
        server.start()
        machine = Machine(folder, server)
        steps = (_terminals, _homes, _cards, _records)
        found: dict[str, Any] = {}
        for place, step in enumerate(steps):
            tell("fleet", place / len(steps))
            found |= step(machine, rows)
        tell("fleet", 1.0)
        verify_s = found.pop("verify_s")
        idle = machine.onekey(server.dsn(TEMPLATE), "device", "list", "--json")
        return {
            "rows": rows,
            "figures": found,
            "idle": {"seconds": round(idle.seconds, 2), "rss_mb": round(idle.rss_mb)},
            "verify_s": verify_s,
            "rss_limit_mb": RSS_LIMIT_MB,
            "met": all(each["rss_mb"] <= RSS_LIMIT_MB for each in found.values()),
            "settings": _settings(server),
        }
    finally:
        server.stop()
        for each in (folder, beside):
            shutil.rmtree(each, ignore_errors=True)


def _terminals(machine: Machine, rows: int) -> dict[str, Any]:
    path = files.write_csv(machine.folder / "terminals.csv", files.TERMINALS, files.terminals(rows))
    dsn = machine.registry("terminals")
    ran = machine.onekey(dsn, "device", "import", str(path), "--passwords", str(machine.folder / "p0"))
    return {"register_csv": _figure(ran, _copy(machine, path), _count(dsn, "device"))}


def _homes(machine: Machine, rows: int) -> dict[str, Any]:
    streets = _column(machine.server.dsn(TEMPLATE), "select name from street order by street_code")
    paths = {
        "csv": files.write_csv(machine.folder / "homes.csv", files.HOMES, files.homes(rows, streets)),
        "xlsx": files.write_xlsx(machine.folder / "homes.xlsx", files.HOMES, files.homes(rows, streets)),
    }
    bare, found = _copy(machine, paths["csv"]), {}
    for kind, path in paths.items():
        dsn = machine.registry(f"homes_{kind}")
        ran = machine.onekey(
            dsn, "device", "import", str(path), "--by", "bench", "--passwords", str(machine.folder / f"p_{kind}")
        )
        found[f"take_over_{kind}"] = _figure(ran, bare, _count(dsn, "installation") + _count(dsn, "foreign_unit"))
    dsn = machine.server.dsn("homes_csv")
    read = _read(dsn)
    for kind in paths:
        path = machine.folder / f"out.{kind}"
        ran = machine.onekey(dsn, "device", "export", str(path), "--reason", "benchmark", "--by", "bench")
        exported = _column(dsn, "select rows from data_access order by access_id desc limit 1")[0]
        found[f"export_{kind}"] = _figure(ran, read, exported)
    return found


def _cards(machine: Machine, rows: int) -> dict[str, Any]:
    path = files.write_csv(machine.folder / "cards.csv", files.CARDS, files.cards(rows))
    bare, dsn = _copy(machine, path), machine.registry("cards")
    found = {"sim_import_csv": _figure(machine.onekey(dsn, "sim", "import", str(path)), bare, _count(dsn, "sim"))}
    again = machine.onekey(dsn, "sim", "import", str(path))
    return {**found, "sim_import_again": _figure(again, bare, _count(dsn, "sim"))}


def _records(machine: Machine, rows: int) -> dict[str, Any]:
    """Half of them say that a board was provisioned, half that it passed; of several benches, one after the other."""
    dsn = machine.registry("records", "cards")
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        made = runner.run(_reserved(dsn, max(1, rows // 2)))
    lines = list(files.records(made, clock.now()))
    path = machine.folder / "records.jsonl"
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    bare = _copy(machine, files.write_csv(machine.folder / "records.csv", ["line"], ([line] for line in lines)))
    found = {}
    for name in ("merge", "merge_again"):
        ran = machine.onekey(dsn, "stock", "merge", str(path))
        found[name] = _figure(ran, bare, _count(dsn, "bench_record where refused is null"))
    return {**found, "verify_s": round(_verified(made, lines), 2)}


async def _reserved(dsn: str, count: int) -> list[dict[str, Any]]:
    """Benches with so many ids together."""
    made = []
    async with await db.connect(dsn) as conn, conn.transaction():
        for number in range(-(-count // COUNT_MAX)):
            some = min(COUNT_MAX, count - number * COUNT_MAX)
            box, name = Box(bytes.fromhex(KEY)), f"B{number:02d}"
            made.append(await stock.reserve(conn, box, name, "XC", some, hotline=HOTLINE, now=clock.now()))
    return made


def _verified(made: list[dict[str, Any]], lines: list[str]) -> float:
    """Seconds for the signatures alone."""
    keys = {
        each["bench"]: Ed25519PrivateKey.from_private_bytes(bytes.fromhex(each["key"])).public_key().public_bytes_raw()
        for each in made
    }
    begun = time.monotonic()
    for line in lines:
        fields = record.parse(line)
        record.verify(fields, keys[fields["bench"]])
    return time.monotonic() - begun


def _copy(machine: Machine, path: Path) -> float:
    """Seconds of a bare COPY of a CSV's rows as text, committed."""
    with path.open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    columns = ", ".join(f'"{name}" text' for name in header)
    with psycopg.connect(machine.server.dsn(TEMPLATE + "_bare"), autocommit=True) as conn:
        conn.execute(f"drop table if exists bare; create table bare ({columns})".encode())
        begun = time.monotonic()
        with path.open("rb") as raw, conn.cursor().copy("copy bare from stdin (format csv, header)") as copy:
            while block := raw.read(BLOCK):
                copy.write(block)
        return time.monotonic() - begun


def _read(dsn: str) -> float:
    """Seconds of a bare COPY out of what an export reads."""
    with psycopg.connect(dsn) as conn:
        begun = time.monotonic()
        with conn.cursor().copy(f"copy ({_READ}) to stdout".encode()) as copy:
            for _block in copy:
                pass
        return time.monotonic() - begun


def _settings(server: Postgres) -> dict[str, Any]:
    with psycopg.connect(server.dsn()) as conn:
        found: dict[str, Any] = dict(
            conn.execute("select name, current_setting(name) from pg_settings where name = any(%s)", [list(SETTINGS)])
        )
    return {**found, "python": platform.python_version(), "cpus": os.cpu_count(), "one_transaction": True}


def _figure(ran: Ran, bare_s: float, count: int) -> dict[str, Any]:
    return {
        "seconds": round(ran.seconds, 2),
        "rss_mb": round(ran.rss_mb),
        "bare_s": round(bare_s, 2),
        "times": round(ran.seconds / bare_s, 1),
        "count": count,
    }


def _count(dsn: str, table: str) -> int:
    return int(_column(dsn, f"select count(*) from {table}")[0])


def _column(dsn: str, query: str) -> list[Any]:
    with psycopg.connect(dsn) as conn, conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(query.encode()).fetchall()
