"""The bench of connections at a small size: with TLS from several addresses, through a killed broker, nothing lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from tools.bench import app

TERMINALS = 12


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    words = ["connections", "--json", "--terminals", str(TERMINALS), "--starts", "100", "--quick"]
    said = CliRunner().invoke(app, words)
    assert said.exit_code == 0, said.output
    answer: dict[str, Any] = json.loads(said.stdout)
    return answer


def test_all_are_connected_cut_off_and_back_and_every_message_arrives(found: dict[str, Any]) -> None:
    """Also those that were pressed while the broker was away."""
    assert found["connected"] == TERMINALS
    assert found["tries"] >= TERMINALS
    assert found["sent"] > TERMINALS
    assert (found["lost"], found["outstanding"]) == (0, 0)
    assert found["broker_rss_mb"] > 0


def test_it_says_how_many_it_could_beside_how_many_were_wanted(found: dict[str, Any]) -> None:
    """A small run does not meet the target, and bare handshakes stand beside it."""
    assert found["wanted"]["terminals"] == 50_000
    assert found["met"] is False
    assert found["handshakes_per_s"] > 0
    assert found["settings"]["brokers"] == 1
