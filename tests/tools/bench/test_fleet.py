"""The bench of the fleet's tools at a small size: it runs, and every count is what was put in. No time is asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from typer.testing import CliRunner

from cloud.stock.rules import is_msisdn, luhn
from tools.bench import app, fleet_files
from tools.bench.fleet import RSS_LIMIT_MB, WATCH

ROWS = 40
EVERY = {
    "register_csv", "take_over_csv", "take_over_xlsx", "export_csv", "export_xlsx", "sim_import_csv",
    "sim_import_again", "merge", "merge_again",
}  # fmt: skip


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    said = CliRunner().invoke(app, ["fleet", "--json", "--rows", str(ROWS)])
    assert said.exit_code == 0, said.output
    answer: dict[str, Any] = json.loads(said.stdout)
    return answer


def test_every_command_took_all_its_rows(found: dict[str, Any]) -> None:
    """A command that is quick because it did nothing is seen."""
    assert set(found["figures"]) == EVERY
    assert {name: each["count"] for name, each in found["figures"].items()} == dict.fromkeys(EVERY, ROWS)


def test_every_figure_stands_beside_its_reference_and_its_settings(found: dict[str, Any]) -> None:
    """Seconds and memory of the command, seconds of a bare COPY; durable as in earnest, and said."""
    for each in found["figures"].values():
        assert each["seconds"] > 0
        assert each["rss_mb"] > 10
        assert each["bare_s"] >= 0
    assert found["rows"] == ROWS
    assert found["verify_s"] > 0
    assert found["met"] == all(each["rss_mb"] <= RSS_LIMIT_MB for each in found["figures"].values())
    assert (found["settings"]["fsync"], found["settings"]["synchronous_commit"]) == ("on", "on")


def test_a_command_is_charged_with_its_own_memory_and_not_with_who_started_it() -> None:
    """A child's peak counts what its parent had when it was started: a small process stands between."""
    held = bytearray(b"x" * 200_000_000)
    used = {}
    for size in (0, 100_000_000):
        words = [sys.executable, "-S", str(WATCH), sys.executable, "-c", f"b'x' * {size}; print('said')"]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        assert done.stdout.startswith("said\n")
        used[size] = json.loads(done.stdout.splitlines()[-1])["rss_mb"]
    assert used[0] < 100 < used[100_000_000]
    assert len(held) == 200_000_000


def test_a_command_that_fails_fails_through_the_watch() -> None:
    """And is no figure."""
    done = subprocess.run([sys.executable, "-S", str(WATCH), sys.executable, "-c", "exit(3)"], check=False)
    assert done.returncode == 3


def test_the_files_hold_nobodys_numbers_and_cards_that_count() -> None:
    """Numbers of 15 digits are as long as the registry takes and longer than any in use."""
    for row in fleet_files.cards(50):
        assert luhn(row[0])
        assert is_msisdn(row[1])
        assert len(row[1]) == 15
