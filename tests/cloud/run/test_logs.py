"""What a process logs when everything breaks: lines that a machine can read, and no row of the database in them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROW = ("王小明", "13800000077", "示例路 7 号")
# The database's own error is let loose in each way in which a process can lose one.
_BREAKS = """
import asyncio, gc, logging, sys, threading
import psycopg
from cloud.db import connect
from cloud.run.process import run

log = logging.getLogger("a.library")


class Clumsy:
    def __init__(self, error):
        self.error = error

    def __del__(self):
        raise self.error


def throw(error):
    raise error


async def fails(error):
    raise error


async def main(settings, ready):
    conn = await connect(settings.database_url)
    await conn.execute("create temp table person (name text, phone text, address text, check (phone like '%-%'))")
    try:
        await conn.execute("insert into person values (%s, %s, %s)", sys.argv[1:4])
    except psycopg.Error as error:
        broken = error
    print(broken, flush=True)  # what must be nowhere else
    log.warning("error ignored: %s", broken)
    log.error(broken)
    log.error("Traceback\\n" + str(broken))
    try:
        raise broken
    except psycopg.Error:
        log.exception("caught")
    log.error("too few arguments: %s %s", broken)
    task = asyncio.ensure_future(fails(broken))
    await asyncio.wait({task})
    del task
    gc.collect()
    asyncio.get_running_loop().call_soon(throw, broken)
    await asyncio.sleep(0)
    thread = threading.Thread(target=throw, args=(broken,))
    thread.start()
    thread.join()
    clumsy = Clumsy(broken)
    del clumsy
    raise broken


if __name__ == "__main__":
    run(main)
"""


@pytest.fixture
def lines(database: str, tmp_path: Path) -> list[dict[str, Any]]:
    script = tmp_path / "breaks.py"
    script.write_text(_BREAKS)
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd()), "OKC_DATABASE_URL": database}
    env |= {"OKC_DATA_KEY": "6b" * 32, "OKC_HOTLINE_NUMBER": "01055500001"}
    command = [sys.executable, str(script), *ROW]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert all(word in done.stdout for word in ROW), "the error itself does quote the row"
    assert not [word for word in ROW if word in done.stderr], done.stderr
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_every_way_to_lose_an_error_is_told_by_its_kind_and_place(lines: list[dict[str, Any]]) -> None:
    told = [re.sub(r"^breaks\.py:\d+ ?", "", f"{line['text']} {line.get('error', '')}".strip()) for line in lines]
    assert told[:3] == ["error ignored: %s", "", "Traceback"]
    kinds = [text.split(": ")[0] for text in told if "CheckViolation 23514" in text]
    assert kinds == [
        "caught CheckViolation 23514",
        "a task or callback broke",
        "a task or callback broke",
        "a thread broke",
        "a clean-up broke",
        "ends",
    ]


def test_every_line_says_when_how_bad_and_where(lines: list[dict[str, Any]]) -> None:
    assert {line["process"] for line in lines} == {"breaks"}
    assert {line["level"] for line in lines} == {"warning", "error", "critical"}
    assert all(line["at"].endswith("+00:00") and line["part"] for line in lines)
