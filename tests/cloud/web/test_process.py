"""`onekey serve web` as a process: ready, quick to stop, this machine only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from tools.embedded import children
from tools.embedded.ports import free_port

COMMAND = [sys.executable, "-m", "tools", "serve", "web"]
STOP_S = 10  # a bound for a loaded machine; the process aims at two


def environment(database: str, **more: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OKC_")}
    own = {"OKC_DATABASE_URL": database, "OKC_DATA_KEY": "33" * 32, "OKC_HOTLINE_NUMBER": "01055500001"}
    return {**clean, **own, "OKC_WEB_PORT": str(free_port()), "OKC_METRICS_PORT": "0", **more}


def test_it_says_ready_answers_and_stops_with_a_stream_open(database: str) -> None:
    settings = environment(database)
    process = subprocess.Popen(COMMAND, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        url = f"http://127.0.0.1:{settings['OKC_WEB_PORT']}"
        with urllib.request.urlopen(url + "/live/stream", timeout=5) as stream:
            assert stream.readline().startswith(b"event:")
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOP_S) == 0
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
    finally:
        children.stop(process)
        process.communicate()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org"])
def test_it_refuses_to_be_reached_from_elsewhere_in_one_line(database: str, host: str) -> None:
    done = subprocess.run(
        COMMAND, env=environment(database, OKC_WEB_HOST=host), capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("OKC_WEB_HOST: ")


def test_it_says_in_one_line_that_its_port_is_taken(database: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            COMMAND,
            env=environment(database, OKC_WEB_PORT=port),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 2
    assert f"127.0.0.1:{port}" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_it_refuses_a_database_that_was_not_migrated(postgres: object) -> None:
    dsn = postgres.create_database(f"bare{time.monotonic_ns()}")  # type: ignore[attr-defined]
    done = subprocess.run(COMMAND, env=environment(dsn), capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "onekey db migrate" in done.stderr
