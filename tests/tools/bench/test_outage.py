"""The bench of an outage at a small size: it runs, compares what it says, and sorts presses by when they left."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from tools.bench import app
from tools.bench.outage import HOWS, latencies


@pytest.mark.parametrize("how", HOWS)
def test_nothing_is_lost_or_doubled_and_it_is_said_where_the_backlog_lay(how: str) -> None:
    """A short one; no time is asserted."""
    words = ["outage", "--json", "--down", "2", "--how", how, "--rate", "100", "--presses", "5", "--devices", "40"]
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 0, said.output
    found = json.loads(said.stdout)
    clean = {"lost": 0, "doubled": 0, "altered": 0, "miscounted": 0}
    assert {name: found[name] for name in clean} == clean
    assert found["presses"] == {"sent": found["presses"]["sent"], **clean}
    assert found["sent"] == found["stored"] > 0
    assert (found["quarantined"], found["how"]) == (0, how)
    assert found["backlog"] > 0
    assert "okc-beats" in found["held_by"]
    assert found["press_ms"]["during"]["n"] > 0
    assert {found["settings"][name] for name in ("fsync", "synchronous_commit", "full_page_writes")} == {"on"}
    assert found["met"] == (found["rss_mb"] <= found["rss_limit_mb"])


def test_a_press_counts_where_it_left_and_one_without_receipt_nowhere() -> None:
    """The moments are those of the sender."""
    left = {("BJ1", f"a.9.{number}"): float(number) for number in range(1, 9)}
    told = {press: at + 0.5 for press, at in left.items() if press[1] != "a.9.8"} | {("BJ1", "a.9.3"): 6.0}
    found = latencies(left, told, 3.0, 5.0, 7.0)
    assert {part: figures and (figures["n"], figures["max"]) for part, figures in found.items()} == {
        "before": (2, 500),
        "during": (2, 3000),
        "draining": (2, 500),
        "after": (1, 500),
    }
