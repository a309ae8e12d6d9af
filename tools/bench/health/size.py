"""A district's size: how long a whole look takes, and a page and a sheet of the report. Rows are made in the database.

In: terminals, days, the share that is ill. Out: seconds and milliseconds, each with a reference of the same run: a bare
read of the terminals' state beside the look, a page that asks the database for one figure beside the report.
"""

from __future__ import annotations

import asyncio
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from cloud import clock, db
from cloud.days import shanghai_day
from cloud.devices.models import DOORS
from cloud.health import actions as health
from tools.bench.health.judged import KEY
from tools.embedded import children
from tools.embedded.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tools.embedded.postgres import Postgres

    Tell = Callable[[str, float], None]

ROOT = Path(__file__).resolve().parents[3]
SETTINGS = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size")
REQUESTS = 200
STEADY_LOOKS = 5
REFERENCE_PAGE = "/healthz"  # one `select 1` in a transaction, by the same process
PAGES = ("/health", "/health/report")
_LINK = re.compile(r'(?:href|hx-get)="(/health/[^"?#{]+)"')
ANSWER_S = 120.0
SHEET = "xlsx"

DISTRICT = Path(__file__).with_name("district.sql")
WAYS = 8  # to be ill


@dataclass(frozen=True, slots=True)
class Size:
    """Of a district."""

    terminals: int
    days: int
    ill: float = 0.1


def figures(server: Postgres, size: Size, tell: Tell, folder: Path) -> dict[str, Any]:
    """Every figure once."""
    dsn = server.create_database("okc_health_size")
    db.migrate(dsn)
    now = clock.now()
    begun = time.monotonic()
    with psycopg.connect(dsn, autocommit=True) as conn:
        _fill(conn, size, now, tell)
        rows = {name: _count(conn, name) for name in ("device", "device_day", "heartbeat_day")}
    filled_s = time.monotonic() - begun
    tell("size", 0.7)
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        looks = runner.run(_looks(dsn, now))
    tell("size", 0.9)
    pages = _pages(dsn, folder)
    tell("size", 1.0)
    return {
        "sweep_s": looks["steady_s"],
        "sweep": looks,
        **pages,
        **_sheet(dsn, folder),
        "size": {"terminals": size.terminals, "days": size.days, "ill": size.ill, "rows": rows,
                 "filled_s": round(filled_s, 1), **_settings(dsn)},
    }  # fmt: skip


def _fill(conn: psycopg.Connection[Any], size: Size, now: datetime, tell: Tell) -> None:
    """A healthy district with its year behind it; then some of it falls ill."""
    every = max(WAYS, round(WAYS / size.ill))
    values = {"count": size.terminals, "now": now, "days": size.days, "today": shanghai_day(now), "every": every}
    steps = DISTRICT.read_text(encoding="utf-8").split(";\n")
    for place, step in enumerate(steps[:-1]):
        conn.execute(step.encode(), values)
        tell("size", 0.6 * (place + 1) / len(steps))
    for door in DOORS:
        conn.execute("insert into service_health (process, beat_at) values (%s, %s)", [door, now])
    conn.execute("vacuum analyze")


async def _looks(dsn: str, now: datetime) -> dict[str, Any]:
    """The first look opens what is ill; the next ones change nothing; then every terminal falls silent at once."""
    async with await db.connect(dsn) as conn:
        first = await _look(conn, now)
        steady = [await _look(conn, now) for _ in range(STEADY_LOOKS)]
        bare = await _bare(conn)
        before = "update device_state set last_seen_at = last_seen_at - %s, last_beat_at = last_beat_at - %s"
        away = timedelta(hours=2)
        await conn.execute(before.encode(), [away, away])
        worst = await _look(conn, now)
        await conn.execute(before.encode(), [-away, -away])
        back = await _look(conn, now)
        await conn.execute("vacuum analyze")
        times = sorted(each[0] for each in steady)
        return {
            "steady_s": times[len(times) // 2],
            "steady_most_s": times[-1],
            "open": steady[-1][1].still,
            "first_s": first[0],
            "first_opened": first[1].opened,
            "all_open_s": worst[0],
            "all_opened": worst[1].opened,
            "all_close_s": back[0],
            "all_closed": back[1].closed,
            "bare_read_s": bare,
        }


async def _look(conn: db.Conn, now: datetime) -> tuple[float, health.Looked]:
    begun = time.monotonic()
    async with conn.transaction():
        looked = await health.look(conn, now)
    return round(time.monotonic() - begun, 2), looked


async def _bare(conn: db.Conn) -> float:
    """Seconds of a bare read of what is known of every terminal now."""
    begun = time.monotonic()
    query = "copy (select * from device join device_state using (device_id)) to stdout"
    async with conn.cursor() as cursor, cursor.copy(query.encode()) as copy:
        async for _block in copy:
            pass
    return round(time.monotonic() - begun, 2)


def report_pages(port: int) -> list[str]:
    """What after-sales people open: the day's list, the report, and what these two link to below them."""
    found = set()
    for path in PAGES:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=ANSWER_S) as answer:
                linked = _LINK.findall(answer.read().decode(errors="replace"))
        except urllib.error.HTTPError:
            continue  # this program has no such page
        found |= {path, *linked}
    return sorted(found)


def _pages(dsn: str, folder: Path) -> dict[str, Any]:
    """Each page and the reference by turns, over HTTP, against the process as its users start it."""
    port = free_port()
    env = {"PATH": os.environ["PATH"], "OKC_DATABASE_URL": dsn, "OKC_DATA_KEY": KEY, "OKC_WEB_PORT": str(port),
           "OKC_HOTLINE_NUMBER": "01055500009", "OKC_METRICS_PORT": "0"}  # fmt: skip
    with (folder / "web.log").open("ab") as log:
        words = [sys.executable, "-m", "tools", "serve", "web"]
        web = children.start(words, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=log)
    try:
        if web.stdout is None or b"ready" not in web.stdout.readline():
            raise RuntimeError(f"web did not start: {(folder / 'web.log').read_text()[-500:]}")
        pages = report_pages(port)
        shown = [path for path in pages if SHEET not in path]
        taken: dict[str, list[float]] = {path: [] for path in (*shown, REFERENCE_PAGE)}
        for _ in range(REQUESTS):
            for path, times in taken.items():
                times.append(_get(port, path)[0])
        sheets = {path: _get(port, path) for path in pages if SHEET in path}
        figures = {path: {"p50_ms": _rank(times, 50), "p95_ms": _rank(times, 95)} for path, times in taken.items()}
        slowest = max(shown, key=lambda path: figures[path]["p95_ms"])
        return {"report_p95_ms": figures[slowest]["p95_ms"], "report_page": slowest, "pages": figures,
                "web_rss_mb": round(children.rss_mb(web)),
                "sheets": {path: {"s": round(ms / 1000, 2), "bytes": size} for path, (ms, size) in sheets.items()},
                }  # fmt: skip
    finally:
        children.stop(web)
        if web.stdout is not None:
            web.stdout.close()


def _get(port: int, path: str) -> tuple[float, int]:
    """Milliseconds until the last byte, and how many there were."""
    begun = time.monotonic()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=ANSWER_S) as answer:
        size = len(answer.read())
    return (time.monotonic() - begun) * 1000, size


def _rank(times: list[float], percent: int) -> float:
    found = sorted(times)
    return round(found[-(-len(found) * percent // 100) - 1], 1)


def _sheet(dsn: str, folder: Path) -> dict[str, Any]:
    """The report as a sheet by its command; None with the reason where this program has no such command."""
    env = {**os.environ, "OKC_DATABASE_URL": dsn, "OKC_DATA_KEY": KEY, "OKC_HOTLINE_NUMBER": "01055500009"}
    words = [sys.executable, "-m", "tools", "health", "report"]
    said = subprocess.run([*words, "--help"], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    option = next((each for each in ("--xlsx", "--out") if each in said.stdout), None)
    if option is None or SHEET not in said.stdout.lower():
        return {"xlsx_s": None, "xlsx_why": "`onekey health report` writes no sheet"}
    path = folder / f"report.{SHEET}"
    begun = time.monotonic()
    done = subprocess.run([*words, option, str(path)], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    took = round(time.monotonic() - begun, 2)
    if done.returncode != 0 or not path.exists():
        return {"xlsx_s": None, "xlsx_why": f"refused: {(done.stdout + done.stderr)[-200:]}"}
    return {"xlsx_s": took, "xlsx_bytes": path.stat().st_size}


def _settings(dsn: str) -> dict[str, Any]:
    with psycopg.connect(dsn) as conn:
        found: dict[str, Any] = dict(
            conn.execute("select name, current_setting(name) from pg_settings where name = any(%s)", [list(SETTINGS)])
        )
    free_gb = round(shutil.disk_usage("/").free / 1e9)
    return {"settings": {**found, "python": platform.python_version(), "cpus": os.cpu_count(), "disk_free_gb": free_gb}}


def _count(conn: psycopg.Connection[Any], table: str) -> int:
    row = conn.execute(f"select count(*) from {table}".encode()).fetchone()
    return int(row[0]) if row else 0
