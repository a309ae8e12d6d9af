"""The bench of device health at a small size: a history through the product, and every figure beside its target."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tools.bench import app
from tools.bench.health import TARGETS, truth
from tools.bench.health.calm import history
from tools.bench.health.plan import Sizes

SMALL = {"--terminals": "40", "--days": "6", "--look-minutes": "20", "--size-terminals": "200", "--size-days": "10"}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def found(kept: Path) -> dict[str, Any]:
    words = [word for pair in SMALL.items() for word in pair]
    said = CliRunner().invoke(app, ["health", "--json", *words, "--keep", str(kept)])
    assert said.exit_code == 0, said.output
    answer: dict[str, Any] = json.loads(said.stdout)
    return answer


def test_every_planted_fault_is_found_in_its_time_and_nothing_else_is(found: dict[str, Any]) -> None:
    """Through decode, take, the batches of the other lane, the sweep and the look, with our own outage in between."""
    assert (found["missed"], found["false"]) == ([], [])
    assert (found["recall"], found["false_rate"]) == (1.0, 0.0)
    assert found["findings"]["planted"] > 80
    assert len(found["by_rule"]) > 25
    assert found["history"]["our_outages"]
    assert found["history"]["counted"]["frozen"] > 0
    assert found["history"]["counted"]["duplicate"] > 0
    assert found["history"]["counted"]["restarts"] > 5


def test_the_truth_that_was_judged_by_is_that_of_the_seed(found: dict[str, Any], kept: Path) -> None:
    """The file was written before, and nothing that was found has changed it."""
    assert found["history"]["seed"] == 1
    assert truth.read(kept / "truth.jsonl") == history(Sizes(40, 6, look_s=1200)).truth
    assert (kept / "differences.jsonl").exists()


def test_what_was_made_shorter_for_the_history_is_said(found: dict[str, Any]) -> None:
    """Heartbeats and thresholds that differ from the shipped ones."""
    said = found["history"]
    assert (said["beat_s"], said["silent_s"]) == (1800, 5400)
    assert set(said["thresholds"]) == {"sos_unproven_days", "key_untested_days"}
    assert said["beat_why"]


def test_figures_of_size_stand_beside_a_reference_and_durable_settings(found: dict[str, Any]) -> None:
    """No time is asserted; what was counted is."""
    assert set(found["wanted"]) == set(TARGETS)
    assert found["sweep"]["first_opened"] == found["sweep"]["open"] > 0
    assert found["sweep"]["all_opened"] == found["sweep"]["all_closed"] > 100
    assert found["sweep"]["bare_read_s"] >= 0
    assert {"/health", "/healthz"} <= set(found["pages"])
    assert found["report_page"] in found["pages"]
    assert found["xlsx_s"] is not None or found["xlsx_why"]
    assert found["size"]["rows"] == {"device": 200, "device_day": 2000, "heartbeat_day": 2000}
    settings = found["size"]["settings"]
    assert {settings[name] for name in ("fsync", "synchronous_commit", "full_page_writes")} == {"on"}


def test_incidents_are_judged_where_the_program_knows_them(found: dict[str, Any]) -> None:
    """One for each outage of an area; None, and not met, where there are none in the schema."""
    assert found["incidents_planted"] >= 4
    if found["incidents_found"] is None:
        assert not found["met"]["incidents"]
    else:
        assert found["incidents_wrong"] == []
        assert found["incidents_found"] == found["incidents_planted"]
