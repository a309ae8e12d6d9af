"""What a figure is made of. No target is asserted here: targets live in the bench."""

from __future__ import annotations

import sys

import pytest
from typer.testing import CliRunner

from tools.bench import app, day, size, times
from tools.bench.terminal import TARGETS, met
from tools.modem.pace import PACES
from tools.virtual.home import Home, Options

linux = pytest.mark.skipif(sys.platform != "linux", reason="the unix port is installed on Linux only")


def test_a_figure_that_was_not_taken_is_not_met() -> None:
    """Neither for a limit from above nor from below."""
    for name, (target, _, _, larger) in TARGETS.items():
        assert met(name, target)
        assert not met(name, target + (-1 if larger else 1))
        assert not met(name, None)


@linux
def test_the_share_of_code_is_most_of_a_desks_heap() -> None:
    """Bytecode that a frozen image keeps in flash lies on the heap here, and is measured, not guessed."""
    share = size.desk_share()
    assert share["code"] > 5 * share["rig"] > 0
    assert size.mpy_bytes() > 10_000


@linux
def test_a_press_is_measured_from_the_moment_its_rule_fires() -> None:
    """Edge, rule, sign and dial come in this order, and a sample that saw no dial says so."""

    def scene(home: Home) -> list[times.Sample]:
        home.modem.data.set_service("off")
        home.until(120, note="disconnected")
        found = [times.press(home, "down")]
        home.wait(120)
        return [*found, times.press(home, "nothing", "sos", 100)]

    good, nothing = times.with_home(Options(), scene)
    assert good.edge_to_feedback is not None
    assert good.edge_to_fire is not None
    assert good.edge_to_feedback < good.edge_to_fire
    assert good.fire_to_dial is not None
    assert nothing.fire_to_dial is None


@linux
def test_a_day_counts_what_it_did_and_what_arrived() -> None:
    """Presses written down, presses received, connections, heap samples, bytes on the air."""
    lived = day.live(Options(tls=True, pace=PACES["2g"], more=("--sample", "500")), 0.5, 3, 2, lambda _s, _d: None)
    assert (lived.presses, lived.lost, lived.reconnects) == (3, [], 2)
    assert lived.connects >= 3
    assert lived.bytes_on_air > 5_000
    assert lived.heap_least() > 0
    assert lived.faults == []


def test_the_command_says_what_it_can_do() -> None:
    """`onekey bench terminal --help`."""
    shown = CliRunner().invoke(app, ["terminal", "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    for option in ("--json", "--quick", "--soak", "--seed", "--keep"):
        assert option in shown
