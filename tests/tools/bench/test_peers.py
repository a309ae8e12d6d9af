"""The judge of peers sees what a peer loses, doubles and alters: tiny ones, of which one acknowledges too soon.

The real peers are built and run by `./tools/test --long`.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tools.bench import app
from tools.bench.ingest import Machine, Sizes, publish
from tools.bench.peers.judge import Judge
from tools.bench.peers.peer import AbsentError, Place
from tools.bench.peers.telegraf import Telegraf
from tools.embedded.mosquitto import Mosquitto
from tools.embedded.postgres import Postgres

SCRIPT = Path(__file__).with_name("tiny_peer.py")
SIZES = Sizes(beats=600, devices=30, seed=1)
TWICE = 30  # of them are published twice
QUIET_S = 4.0  # a tiny peer starts in well under a second

Found = dict[str, dict[str, Any]]


@dataclass
class Tiny:
    """Its manner is its name."""

    name: str
    keyed: bool = False
    session: str = ""

    def __post_init__(self) -> None:
        self.session = self.name

    def prepare(self, cache: Path) -> str:
        if self.name == "missing":
            raise AbsentError("nobody has it")
        return "1"

    def settings(self) -> dict[str, Any]:
        return {}

    def command(self, place: Place) -> list[str]:
        manner = "right" if self.name == "broken" else self.name
        table = "nowhere" if self.name == "broken" else place.table
        return [sys.executable, str(SCRIPT), manner, str(place.port), self.session, place.dsn, table]


@pytest.fixture(scope="module")
def found() -> Iterator[Found]:
    """All of them through both backlogs."""
    folder, beside = Path(tempfile.mkdtemp(prefix="okcpeers")), Path(tempfile.mkdtemp(prefix="okcpg"))
    server, broker = Postgres(beside), Mosquitto(folder)
    try:
        server.start()
        broker.start()
        machine = Machine(folder, server, broker, SIZES)
        judge = Judge([Tiny(name) for name in ("right", "hasty", "careless", "missing", "broken")], folder, QUIET_S)
        judge.open(machine)
        sent = publish(machine, 1)
        judge.timed(machine, sent)
        judge.killed(machine, sent | publish(machine, 2))
        yield {each["name"]: each for each in judge.found()}
    finally:
        broker.stop()
        server.stop()
        for each in (folder, beside):
            shutil.rmtree(each, ignore_errors=True)


def test_a_peer_that_acknowledges_what_is_committed_loses_nothing_by_a_kill(found: Found) -> None:
    """Though it was killed in the middle of its work. What was published twice is stored twice by it."""
    right = found["right"]
    assert (right["lost"], right["doubled"], right["altered"]) == (0, TWICE, 0)
    assert right["missing_at_kill"] > 0
    assert right["lost_after_kill"] == 0
    assert right["after_kill"]["altered"] == 0
    assert right["after_kill"]["doubled"] >= 2 * TWICE
    assert right["per_s"] > 0
    assert right["rss_mb"] > 0


def test_a_peer_that_acknowledges_before_it_commits_is_seen_to_lose(found: Found) -> None:
    """It loses nothing while all goes well: only the kill shows it."""
    assert found["hasty"]["lost"] == 0
    assert found["hasty"]["lost_after_kill"] > 0


def test_a_peer_that_stores_other_figures_is_seen(found: Found) -> None:
    """Compared by content, not by number alone."""
    assert found["careless"]["lost"] == 0
    assert found["careless"]["altered"] > 0


def test_a_peer_that_cannot_be_had_is_told_with_its_reason(found: Found) -> None:
    """And has no figures."""
    assert found["missing"] == {"name": "missing", "absent": "nobody has it"}


def test_a_peer_that_breaks_down_is_told_with_its_last_words(found: Found) -> None:
    """It has no table to write to."""
    assert 'relation "nowhere" does not exist' in found["broken"]["failed"]
    assert "per_s" not in found["broken"]


def test_without_go_telegraf_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is tried."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AbsentError, match="Go is missing"):
        Telegraf().prepare(tmp_path / "cache")


def test_a_build_that_fails_is_told_and_leaves_nothing_that_looks_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the next run tries again."""
    go = tmp_path / "go"
    go.write_text("#!/bin/sh\necho no such module >&2\nexit 1\n")
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    for _ in range(2):
        with pytest.raises(AbsentError, match="no such module"):
            Telegraf().prepare(tmp_path / "cache")


@pytest.mark.long
def test_the_real_peers_run_beside_us() -> None:
    """Built or fetched where they are not yet; what holds a message until it is committed loses none."""
    said = CliRunner().invoke(app, ["ingest", "--json", "--beats", "20000", "--devices", "1000"])
    assert said.exit_code == 0, said.output
    peers = {each["name"]: each for each in json.loads(said.stdout)["peers"]}
    assert set(peers) == {"Telegraf", "Node-RED"}
    telegraf, node_red = peers["Telegraf"], peers["Node-RED"]
    assert (telegraf["lost"], telegraf["lost_after_kill"], telegraf["altered"]) == (0, 0, 0)
    assert (node_red["lost"], node_red["altered"]) == (0, 0)
    assert node_red["lost_after_kill"] > 0
