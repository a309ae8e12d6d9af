"""How the processes start and end: with what they lack named, and without a trace."""

from __future__ import annotations

import subprocess
import sys
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.flow.parts import environment

if TYPE_CHECKING:
    from tests.fixtures.broker import Mosquitto
    from tests.flow.conftest import Walk
    from tools.embedded.postgres import Postgres

PROCESSES = ("ingest", "send", "sweep")


def serve(name: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools", "serve", name], env=env, capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_names_the_migration_that_is_missing_and_does_not_start(
    name: str, postgres: Postgres, broker: Mosquitto
) -> None:
    """Taking messages that cannot be stored would fill the quarantine with presses."""
    empty = postgres.create_database("s" + uuid.uuid4().hex[:12])
    done = serve(name, environment(empty, broker.port))
    assert (done.returncode, done.stdout) == (2, "")
    assert "onekey db migrate" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_names_the_setting_that_is_missing(name: str) -> None:
    """And nothing of those that are there."""
    env = environment("postgresql:///x", 1)
    del env["OKC_HOTLINE_NUMBER"]
    done = serve(name, env)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == ["OKC_HOTLINE_NUMBER: Field required"]


async def test_processes_end_cleanly_while_broker_and_database_work(walk: Walk) -> None:
    """SIGTERM is how an operator restarts them, several times a day."""
    services = [walk.service(name) for name in PROCESSES]
    for service in services:
        await service.start()
    assert [service.stop() for service in services] == [0, 0, 0]
    assert not any("Traceback" in service.log() for service in services)
