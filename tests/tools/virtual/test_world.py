"""The real firmware in simulated time: repeatable to the microsecond, forward only, not a byte lost."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tools.modem.pace import PACES
from tools.terminal import find_runtime
from tools.virtual.home import DESK, FAMILY, Home, Options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the unix port is installed on Linux only")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Callable[..., Home]]:
    """Homes that are switched off at the end of the test."""
    assert find_runtime(None) is not None
    made: list[Home] = []

    def build(name: str = "home", **more: Any) -> Home:
        shutil.rmtree(tmp_path / name, ignore_errors=True)
        one = Home(tmp_path / name, Options(**more))
        made.append(one)
        return one

    yield build
    for one in made:
        one.close()


def story(home: Home) -> list[dict[str, Any]]:
    """A start, a press that the family does not settle, a power cut, another press."""
    home.start()
    mark = home.press()
    home.settle(mark)
    home.world.restart("power")
    home.until(300, note="connected")
    home.settle(home.press("k1", 300))
    return home.world.lines


def test_a_press_goes_through_to_the_people_and_the_cloud(home: Callable[..., Home]) -> None:
    """Key, route, family, desk, receipts: the whole chain without a second of waiting."""
    one = home()
    one.start()
    mark = one.press()
    one.settle(mark)
    lines = one.world.lines[mark:]
    assert [line["number"] for line in lines if line.get("ev") == "dial"] == [FAMILY, DESK]
    assert next(line["source"] for line in lines if line.get("note") == "route") == "route"
    assert [body["key"] for body in one.responder.of("press")] == ["sos"]
    assert one.responder.refused == 0


def test_the_same_seed_gives_the_same_transcript(home: Callable[..., Home]) -> None:
    """Two runs, power cut included, line by line and microsecond by microsecond."""
    assert story(home("one", seed=5)) == story(home("two", seed=5))


def test_time_never_runs_back(home: Callable[..., Home]) -> None:
    """Nobody's line is older than the one before it, with the interpreter's time counted too."""
    lines = story(home(factor=60.0, tls=True, pace=PACES["2g"]))
    stamps = [line["us"] for line in lines]
    assert stamps == sorted(stamps)
    uptimes: list[int] = []
    for line in lines:
        if "boot" in line and line["who"] == "world":
            uptimes = []
        elif line["who"] == "terminal":
            uptimes.append(line["ms"])
            assert uptimes == sorted(uptimes)


def test_no_byte_is_lost_on_the_line(home: Callable[..., Home]) -> None:
    """Everything that either side wrote has arrived, but for what a cut caught."""
    one = home()
    story(one)
    one.wait(1)
    for line, lost in ((one.world.up, 0), (one.world.down, one.world.lost)):
        assert line.sent - line.arrived <= lost


def test_a_terminal_that_stops_feeding_its_watchdog_is_reset(home: Callable[..., Home]) -> None:
    """The world bites when it has heard nothing for the watchdog's time; a terminal that feeds is left alone."""
    one = home()
    one.start()
    one.wait(120)
    assert one.world.watchdog_resets == 0
    one.world.feed_at(one.world.now - 3_600_000_000)
    one.wait(1)
    assert one.world.watchdog_resets == 1
    one.until(300, note="connected")


def test_a_cut_in_the_middle_of_a_write_is_survived(home: Callable[..., Home]) -> None:
    """The start that dies at its third write is followed by one that connects."""
    one = home()
    one.start()
    one.world.next_cut = 3
    one.world.restart("power")
    mark = one.mark()
    one.until(300, note="connected")
    assert one.world.boots == 3
    assert one.find(mark, who="world", cut=2) is not None
