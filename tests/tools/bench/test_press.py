"""The bench of a press at a small size: every press is answered, nothing is lost, and each figure has its reference."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from tools.bench import app
from tools.bench.press import percentiles
from tools.bench.stream import BODIES, bodies

LOADS = ("idle", "at_833", "flood")


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    words = ["press", "--json", "--presses", "8", "--rate", "40", "--devices", "50", "--per-s", "20"]
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 0, said.output
    answer: dict[str, Any] = json.loads(said.stdout)
    return answer


def test_every_press_is_stored_once_and_has_its_route(found: dict[str, Any]) -> None:
    """What was written down before it was sent is what is stored, under every load."""
    clean = {"lost": 0, "doubled": 0, "altered": 0, "miscounted": 0}
    assert found["presses"] == {"sent": 24, "unanswered": 0, **clean}
    assert found["heartbeats"] == {"sent": sum(found["loads"][name]["sent"] for name in LOADS[1:]), **clean}
    assert found["heartbeats"]["sent"] > 0


def test_each_load_has_two_figures_beside_those_of_the_reference(found: dict[str, Any]) -> None:
    """With durable settings, and said. No time is asserted."""
    for name in LOADS:
        assert 0 < found[name]["p50_ms"] <= found[name]["p99_ms"]
        assert 0 < found["reference"][name]["p50_ms"] <= found["reference"][name]["p99_ms"]
    assert {found["settings"][name] for name in ("fsync", "synchronous_commit", "full_page_writes")} == {"on"}
    assert found["loads"]["flood"]["sent"] > found["loads"]["at_833"]["sent"]


def test_a_press_without_an_answer_is_the_slowest_of_all() -> None:
    """And never left out; as JSON knows no infinity it is null."""
    assert percentiles([5.0, None, 3.0]) == {"p50_ms": 5.0, "p99_ms": None, "max_ms": None, "n": 3}
    assert percentiles([5.0] * 300)["p99_ms"] == 5.0


def test_the_bodies_of_a_stream_take_any_id() -> None:
    """The same seed draws the same ones."""
    made = bodies(3)
    assert len(made) == BODIES
    assert made == bodies(3) != bodies(4)
    fields = json.loads(made[0].head + b"0badcafe.7.9" + made[0].tail)
    assert fields["id"] == "0badcafe.7.9"
    assert json.loads(b"[" + made[0].kept)[0] == fields["bat"]
