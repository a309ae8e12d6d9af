"""The emergency path of the real firmware in simulated time: a modem that dies, stutters or loses words in a call."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING, Any

import pytest

from firmware.core import limits
from tools.modem.faults import Faults
from tools.modem.network import Plan
from tools.virtual.home import DESK, FAMILY, Home, Options
from tools.virtual.world import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the unix port is installed on Linux only")

TO_DESK: list[list[Any]] = [["值班台", DESK, 40, 1]]


class Case(Home):
    """Connected and at rest; the desk answers, the family is busy."""

    def __init__(self, folder: Path, **options: Any) -> None:
        super().__init__(folder, Options(**options))
        self.network.set_plan(DESK, Plan(after=3.0, talk=60.0))
        self.network.set_plan(FAMILY, Plan(kind="busy"))

    def all(self, since: int, **like: object) -> list[dict[str, Any]]:
        """Every line since a mark that is like this."""
        return [line for line in self.world.lines[since:] if like.items() <= line.items()]

    def seconds(self, one: dict[str, Any], other: dict[str, Any]) -> float:
        return float(other["us"] - one["us"]) / SECOND


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Callable[..., Case]]:
    """Cases that are switched off at the end of the test."""
    made: list[Case] = []

    def build(*, started: bool = True, **options: Any) -> Case:
        one = Case(tmp_path, **options)
        made.append(one)
        if started:
            one.start()
            one.wait(20)
        return one

    yield build
    for one in made:
        one.close()


def test_a_modem_that_loses_power_in_a_talk_does_not_end_the_alarm(case: Callable[..., Case]) -> None:
    """Three seconds with the desk, eight without a modem: the desk is called again, before anybody else."""
    home = case()
    mark = home.press()
    home.until(60, mark, note="talking")
    home.wait(3)
    home.modem.lines.supply(on=False)
    home.wait(8)
    home.modem.lines.supply(on=True)
    home.modem.power_on()
    cut = home.mark()
    assert home.find(mark, note="ended", cause="modem_reset")
    assert home.find(mark, note="done") is None
    again = home.until(60, cut, note="dial")
    assert again["number"] == DESK
    home.until(60, cut, note="talking")
    assert home.until(120, cut, note="done")["why"] == "answered"


def test_a_modem_that_dies_while_it_rings_is_restarted_within_ten_seconds(case: Callable[..., Case]) -> None:
    """And the next target is called."""
    home = case()
    home.network.set_plan(FAMILY, Plan(after=100.0, talk=60.0))
    mark = home.press()
    home.until(60, mark, who="terminal", lamp="ringing")
    home.modem.silent = True
    silent = home.mark()
    begun = home.world.now
    ended = home.until(60, silent, note="ended")
    assert ended["cause"] == "timeout"
    assert ended["us"] - begun <= (limits.MUTE_RING_MS + 3_000) * 1_000
    home.until(30, silent, who="modem", ev="power")
    home.modem.silent = False
    assert home.until(60, silent, note="talking")["number"] == DESK


def test_a_lost_ok_does_not_hide_a_desk_that_answers(case: Callable[..., Case]) -> None:
    """Ten seconds of silence from the dial on: the talk is seen as soon as the modem says anything again."""
    home = case(route=TO_DESK)
    mark = home.press()
    home.until(60, mark, who="modem", ev="dial")
    home.modem.silent = True
    home.wait(10)
    home.modem.silent = False
    heard = home.mark()
    home.until(3, heard, note="talking")
    assert home.until(120, heard, note="done")["why"] == "answered"
    assert len(home.all(mark, who="modem", ev="dial")) == 1


def test_a_dial_that_takes_the_modem_its_longest_time_is_not_aborted(case: Callable[..., Case]) -> None:
    """20 s until it dials: no restart, one dial, a talk."""
    home = case(route=TO_DESK)
    home.modem.blocks["D"] = limits.ATD_MS / 1_000
    mark = home.press()
    home.until(60, mark, note="talking")
    assert len(home.all(mark, who="modem", ev="dial")) == 1
    assert home.all(mark, who="modem", ev="power") == []


def test_a_busy_desk_is_called_every_few_seconds_for_a_minute(case: Callable[..., Case]) -> None:
    """Three cycles of it are not over in a second."""
    home = case(route=TO_DESK)
    home.network.set_plan(DESK, Plan(kind="busy"))
    mark = home.press()
    home.until(120, mark, note="exhausted")
    dials = home.all(mark, who="modem", ev="dial")
    pauses = [home.seconds(one, other) for one, other in itertools.pairwise(dials)]
    assert home.seconds(dials[0], dials[-1]) >= 50
    assert min(pauses) >= limits.AGAIN_MS / 1_000
    assert max(pauses) < 12


def test_pieces_of_a_uart_that_come_late_cost_neither_the_channels_nor_a_call(case: Callable[..., Case]) -> None:
    """Every word of the modem in two pieces, up to 400 ms apart."""
    faults = Faults()
    home = case(started=False, faults=faults, route=TO_DESK)
    home.modem.power_on()
    home.world.power_on()
    faults.start("split", seconds=1000.0)
    home.until(200, 0, note="connected")
    assert len(home.all(0, who="modem", ev="mux", state="on")) == 1
    mark = home.press()
    dial = home.until(30, mark, who="modem", ev="dial")
    assert home.seconds(home.until(1, mark, note="press"), dial) < 4
    home.until(60, mark, note="talking")
