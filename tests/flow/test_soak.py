"""Presses under random faults, power cuts and people, in simulated time, against the real cloud: nobody is left."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools.bench.soak import Soak, outcome, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the unix port is installed on Linux only")

FEW, MANY = 150, 10_000


def test_every_press_of_a_few_hours_ends_with_somebody(database: str, tmp_path: Path) -> None:
    """Each ended with a human, an accept, Cancel or everything tried; each is in the database once."""
    soak = Soak(tmp_path, database, seed=1)
    try:
        soak.start()
        while soak.story.fingers < FEW:
            soak.episode()
        soak.drain()
        found = outcome(soak, 1, 0.0)
    finally:
        soak.close()
    assert found["broken"] == []
    assert found["presses"] > FEW * 0.9
    assert found["boots"] > 3
    assert found["failed_tasks"] == {}


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_every_press_of_ten_thousand_ends_with_somebody(tmp_path: Path) -> None:
    """The same for days on end."""
    found = run(MANY, 7, lambda _step, _done: None, tmp_path)
    assert found["broken"] == []
