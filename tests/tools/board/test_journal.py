"""What a bench knows of a board after its power was cut."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.board import bench as benches
from tools.board.journal import Journal

MAC = "24:6f:28:00:00:01"


@pytest.fixture
def bench(tmp_path: Path) -> benches.Bench:
    """Empty."""
    return benches.find(tmp_path)


def test_a_step_that_began_again_is_not_done(bench: benches.Bench) -> None:
    """What it was before does not count."""
    one = Journal(bench, MAC)
    one.done("write", {"image": "a"})
    one.begin("write")
    two = Journal(bench, MAC)
    assert two.facts("write") is None
    assert two.open("write")


def test_cut_at_every_byte_it_is_read_and_goes_on(bench: benches.Bench) -> None:
    """Whatever is left of the last line: those before it hold, and what is written next is read."""
    journal = Journal(bench, MAC)
    journal.done("write", {"image": "a"})
    first = journal.path.stat().st_size
    journal.done("verify", {"image": "a"})
    whole = journal.path.read_bytes()
    for length in range(first, len(whole) + 1):
        journal.path.write_bytes(whole[:length])
        again = Journal(bench, MAC)
        assert again.facts("write") == {"image": "a"}
        again.done("install", {"n": 1})
        assert Journal(bench, MAC).facts("install") == {"n": 1}
        assert Journal(bench, MAC).facts("verify") == ({"image": "a"} if length >= len(whole) - 1 else None)


def test_what_was_undone_is_not_done(bench: benches.Bench) -> None:
    """Only what was there is struck out."""
    journal = Journal(bench, MAC)
    journal.done("write", {})
    journal.undo("write", "verify")
    assert Journal(bench, MAC).facts("write") is None
    assert "verify" not in journal.path.read_text()
    assert all(json.loads(line) for line in journal.path.read_text().splitlines())
