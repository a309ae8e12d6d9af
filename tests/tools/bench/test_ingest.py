"""The bench of the front door at a small size: it runs, compares what it says it compares, and finds what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from tools.bench import app
from tools.bench.ingest import Sizes, beats, compare

SENT = {("BJ1", "a.1.1", 3900), ("BJ1", "a.1.2", 3800), ("BJ2", "a.1.1", 3700)}


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    said = CliRunner().invoke(app, ["ingest", "--json", "--no-peers", "--beats", "400", "--devices", "30"])
    assert said.exit_code == 0, said.output
    answer: dict[str, Any] = json.loads(said.stdout)
    return answer


def test_nothing_is_lost_doubled_or_altered_also_when_ingest_is_killed(found: dict[str, Any]) -> None:
    """What was written down before it was sent is what is stored, and the days count the same."""
    clean = {"lost": 0, "doubled": 0, "altered": 0, "miscounted": 0}
    assert {name: found[name] for name in clean} == clean
    assert found["after_kill"] == clean


def test_the_figure_stands_beside_its_reference_and_its_settings(found: dict[str, Any]) -> None:
    """Durable as in earnest, and said. No time is asserted."""
    assert found["committed_per_s"] > 0
    assert found["pipe_per_s"] > 0
    assert {found["settings"][name] for name in ("fsync", "synchronous_commit", "full_page_writes")} == {"on"}
    assert found["settings"]["beats"] == 400


@pytest.mark.parametrize(
    ("rows", "days", "what"),
    [
        (sorted(SENT), 3, {}),
        (sorted(SENT)[1:], 2, {"lost": 1, "miscounted": 1}),
        ([*sorted(SENT), ("BJ1", "a.1.1", 3900)], 3, {"doubled": 1}),
        ([*sorted(SENT), ("BJ1", "a.1.1", 3901)], 4, {"doubled": 1, "altered": 1, "miscounted": 1}),
        ([("BJ1", "a.1.1", 1), *sorted(SENT)[1:]], 3, {"altered": 1}),
        ([], 0, {"lost": 3, "miscounted": 3}),
    ],
)
def test_what_is_wrong_in_the_books_is_found(rows: list[tuple[Any, ...]], days: int, what: dict[str, int]) -> None:
    """By id and content."""
    assert compare(SENT, rows, days) == {"lost": 0, "doubled": 0, "altered": 0, "miscounted": 0} | what


def test_every_heartbeat_of_a_run_has_an_id_of_its_own() -> None:
    """And the same seed draws the same figures."""
    one, two = (list(beats(Sizes(100, 7, 3), boot)) for boot in (1, 2))
    assert len({(device_id, fields["id"]) for device_id, fields in one + two}) == 200
    again = [fields["bat"] for _, fields in beats(Sizes(100, 7, 3), 1)]
    assert again == [fields["bat"] for _, fields in one]
