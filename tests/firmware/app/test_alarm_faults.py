"""The emergency path while something in it fails: every press still dials, and nobody waits for what cannot come."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.firmware.app.bench import Bare, Live, build, waiting
from tests.firmware.modem.peer import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

DESK, NEIGHBOUR = "01055500001", "13800000009"
CONFIG = {
    "ver": 1,
    "hb": 600,
    "plan": {"sos": [["值班台", DESK, 30, 1]]},
    "allow": [NEIGHBOUR],
    "back": 30,
}


def fail(*_: Any, **__: Any) -> Any:
    raise MemoryError


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    one = Live(tmp_path)
    assert one.terminal.config.apply(CONFIG, one.terminal.ladder.set_plans) == ""
    try:
        yield one
    finally:
        await one.close()


async def test_a_modem_that_restarts_in_a_talk_takes_no_dial_before_it_is_registered(live: Live) -> None:
    """Its RDY ends the call; a dial in the same moment would be refused and cost the rung."""
    live.fire("sos")
    await settle(lambda: live.dials() == [DESK])
    live.show(f'1,0,0,0,0,"{DESK}",129,""')
    await settle(lambda: live.notes("talking") != [])
    live.listed = ""
    live.peer.say("\r\nRDY\r\n")
    await settle(lambda: live.notes("ended") != [])
    assert live.notes("ended")[0]["cause"] == "modem_reset"
    await asyncio.sleep(0.3)
    assert live.dials() == [DESK]
    live.terminal.modem.ready, live.terminal.modem.reg = True, 1
    await settle(lambda: live.dials() == [DESK, DESK])


def test_a_lamp_or_tone_that_fails_takes_no_press_with_it(tmp_path: Path) -> None:
    """The key was felt; whether it was seen and heard is second."""
    terminal = build(Bare(tmp_path))
    alarm, board = terminal.alarm, terminal.board
    given: list[str] = []
    alarm.orders.give = lambda order: given.append(str(order[0]))  # type: ignore[method-assign]
    terminal.modem.ready, terminal.modem.reg = True, 1
    board.lamp = board.beep = fail  # type: ignore[method-assign]
    board.levels = lambda: [True] + [False] * (len(board.keys) - 1)  # type: ignore[method-assign]
    for now in range(1_000, 2_500, 10):
        board.ms = now  # type: ignore[attr-defined]
        alarm.look(now)
    assert given == ["dial"]
    assert alarm.faults > 0


def test_a_fact_that_cannot_be_had_stops_neither_keys_nor_ladder_but_the_watchdogs_food(tmp_path: Path) -> None:
    """A round that fails again and again is what the watchdog is there for."""
    terminal = build(Bare(tmp_path))
    alarm = terminal.alarm
    given: list[str] = []
    alarm.orders.give = lambda order: given.append(str(order[0]))  # type: ignore[method-assign]
    terminal.modem.ready, terminal.modem.reg = True, 1
    terminal.telemetry.has_fault = fail  # type: ignore[method-assign]
    alarm._fire("sos", "hold", 700, 1_000)
    alarm.look(1_200)
    assert given == ["dial"]
    assert not alarm._well
    terminal.telemetry.has_fault = lambda: False  # type: ignore[method-assign]
    alarm.look(1_400)
    assert alarm._well


def test_an_alarm_of_before_the_restart_that_cannot_be_taken_up_keeps_no_press_from_dialling(tmp_path: Path) -> None:
    """Whatever is wrong with it."""
    terminal = build(Bare(tmp_path))
    given: list[str] = []
    terminal.alarm.orders.give = lambda order: given.append(str(order[0]))  # type: ignore[method-assign]
    terminal.modem.ready, terminal.modem.reg = True, 1
    terminal.alarm._facts(1_000)
    terminal.alarm.before.left = {"key": "sos"}
    terminal.ladder.restore = fail  # type: ignore[method-assign]
    terminal.alarm._fire("sos", "hold", 700, 1_000)
    assert given == ["dial"]


async def test_an_order_that_fails_ends_its_attempt(live: Live) -> None:
    """The ladder goes on; it does not wait half a minute for a call that nobody makes."""
    dial = live.terminal.voice.dial
    live.terminal.voice.dial = fail  # type: ignore[method-assign]
    live.fire("sos")
    await settle(lambda: live.notes("ended") != [])
    assert live.notes("ended")[0]["cause"] == "modem_error"
    live.terminal.voice.dial = dial  # type: ignore[method-assign]
    await settle(lambda: live.dials() == [DESK], 8)


async def test_a_call_of_an_alarm_that_was_called_off_just_before_a_restart_is_hung_up(tmp_path: Path) -> None:
    """Nobody would know of it: the phone at the other end rings, and the line is not free."""
    live = Live(tmp_path)
    live.listed = f'\r\n+CLCC: 1,0,3,0,0,"{DESK}",129,""\r\n'
    try:
        await live.alarm.before.resume()
        await settle(lambda: "ATH" in live.peer.commands())
        assert live.listed == ""
    finally:
        await live.close()


def test_while_an_alarm_waits_for_the_modem_after_a_restart_the_elder_hears_that_it_goes_on(tmp_path: Path) -> None:
    """A modem takes up to half a minute to start."""
    first = build(Bare(tmp_path))
    first.alarm._fire("sos", "hold", 700, 1_000)
    first.sender.store()
    first.alarm.store()
    second = build(Bare(tmp_path))
    board = second.board
    second.alarm.before.left = second.alarm.kept.load()
    for now in range(1_000, 11_000, 50):
        board.ms = now  # type: ignore[attr-defined]
        second.alarm.look(now)
    tones = [fields["name"] for what, fields in board.notes if what == "beep"]  # type: ignore[attr-defined]
    assert tones.count("calling") >= 2


async def test_a_talk_with_a_caller_lasts_as_long_as_the_modem_showed_it(live: Live) -> None:
    """A modem that restarts eight seconds after it fell silent had no call in them."""
    live.alarm.back.pressed(live.board.now())
    live.ring(NEIGHBOUR)
    await settle(lambda: "ATA" in live.peer.commands())
    live.show(f'1,1,0,0,0,"{NEIGHBOUR}",129,""')
    await settle(lambda: live.terminal.voice.state == "talking")
    live.alarm.incoming._talk_ms = live.board.now() - 60_000
    live.alarm.incoming._shown_ms = live.board.now() - 8_000
    live.terminal.voice.forget()
    ends = [fields for kind, fields in waiting(live.terminal) if fields.get("step") == "end"]
    assert [fields["dur"] for fields in ends] == [52]
