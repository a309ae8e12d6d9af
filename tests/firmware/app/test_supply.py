"""What is shed on an empty battery, told and taken back; and what never is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from firmware.core import power
from firmware.net import mqtt
from tests.firmware.app.bench import Bare, build, waiting

if TYPE_CHECKING:
    from pathlib import Path

    from firmware.main import Terminal


class Powered(Bare):
    """A board that can measure."""

    plugged = 1
    mv = 4_000

    def mains(self) -> int:
        return self.plugged

    def cell_mv(self) -> int:
        return self.mv


class Home:
    """A terminal whose supply the test decides about."""

    def __init__(self, folder: Path) -> None:
        self.board = Powered(folder)
        self.terminal = build(self.board)
        self.supply = self.terminal.telemetry.supply

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            self.board.ms += 1_000
            self.supply.tick(self.board.ms, None, busy=self.terminal.alarm.wanted())

    def ended(self) -> str:
        """Why the session was given up, or nothing."""
        client = self.terminal.link.client
        return "" if client is None else client.failed

    def beats_stopped(self) -> bool:
        return self.terminal.telemetry.beats._silent

    def told(self) -> list[str]:
        return [str(fields["ev"]) for kind, fields in waiting(self.terminal) if kind == "event"]

    def session(self) -> None:
        client = mqtt.Client(mqtt.Stream(), self.board.now, lambda *_: None, lambda: False)
        self.terminal.link.client = client


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_power_cut_in_the_home_is_told_at_once_and_its_end(home: Home) -> None:
    """With the voltage that is left, and dated to when the plug was pulled."""
    home.run(10)
    home.board.plugged = 0
    home.run(4)
    ((_, fields),) = waiting(home.terminal)
    assert (fields["ev"], fields["val"], fields["u"]) == ("mains_lost", 4_000, 12_000)
    home.board.plugged = 1
    home.run(4)
    assert home.told() == ["mains_back"]


def test_heartbeats_thin_out_and_stop_and_come_back(home: Home) -> None:
    """With the level; a configuration does not undo it."""
    beats = home.terminal.telemetry.beats
    assert beats.heartbeat._every_ms == 600_000
    home.board.plugged, home.board.mv = 0, 3_550
    home.run(70)
    assert beats.heartbeat._every_ms == 1_500_000
    home.terminal.telemetry.pace(home.board.ms)
    assert beats.heartbeat._every_ms == 1_500_000
    home.board.mv = 3_400
    home.run(30)
    assert home.beats_stopped()
    home.board.plugged = 1
    home.run(10)
    assert not home.beats_stopped()
    assert beats.heartbeat._every_ms == 600_000


def test_on_the_last_charge_data_is_there_for_a_press_only(home: Home) -> None:
    """The word of it gets out first; a press takes the link back, for a quarter of an hour."""
    home.session()
    home.board.plugged, home.board.mv = 0, 3_400
    home.run(70)
    assert home.supply.level is power.CRITICAL
    assert not home.ended(), "battery_critical is still waiting for its receipt"
    terminal = home.terminal
    terminal.outbox.receipt([entry.id for entry in terminal.outbox._entries], home.board.ms)
    home.run(1)
    assert home.ended() == "shed"
    terminal.modem.ready, terminal.modem.reg, terminal.channels.voice.silent = True, 1, False
    assert not terminal.link.ready()
    terminal.alarm._fire("k1", "short", 100, home.board.ms)
    assert home.supply.data()
    assert terminal.ladder.running
    terminal.alarm._fire("cancel", "short", 0, home.board.ms)
    home.board.ms += 15 * 60_000
    assert not home.supply.data()


def test_data_that_the_battery_does_not_allow_is_no_fault(home: Home) -> None:
    """Nobody is sent to repair it."""
    home.board.plugged, home.board.mv = 0, 3_400
    home.run(60)
    telemetry = home.terminal.telemetry
    telemetry.beats.heartbeat.next_ms = 10**9
    for _ in range(100):
        home.board.ms += 1_000
        telemetry.tick(home.board.ms)
    assert "data_lost" not in home.told()


def test_a_call_is_never_cut_for_the_battery(home: Home) -> None:
    """Nor data given up in the middle of an alarm."""
    home.session()
    home.terminal.alarm._fire("sos", "hold", 700, home.board.ms)
    home.board.plugged, home.board.mv = 0, 3_400
    home.run(800)
    assert home.terminal.ladder.running
    assert not home.ended()


def test_mains_lost_before_a_restart_and_back_before_it_ends(tmp_path: Path) -> None:
    """The twin is told by the next boot."""
    home = Home(tmp_path)
    home.board.plugged = 0
    home.run(10)
    terminal: Terminal = home.terminal
    assert home.told() == ["mains_lost"]
    terminal.outbox.receipt([entry.id for entry in terminal.outbox._entries], home.board.ms)
    terminal.sender.store()
    again = Home(tmp_path)
    again.run(10)
    assert again.told() == ["mains_back"]
