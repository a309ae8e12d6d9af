"""Keys, ladder, orders and voice together, over a modem in memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.firmware.app.bench import Bare, Live, build, waiting
from tests.firmware.modem.peer import settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

DESK = "01055500001"
SON, STRANGER = "13800000001", "13800000099"
CONFIG = {
    "ver": 1,
    "hb": 600,
    "plan": {"sos": [["值班台", DESK, 30, 1]], "k1": [["儿子", SON, 30, 0]]},
    "allow": ["+86" + DESK],
    "back": 30,
}


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    one = Live(tmp_path)
    assert one.terminal.config.apply(CONFIG, one.terminal.ladder.set_plans) == ""
    try:
        yield one
    finally:
        await one.close()


async def test_an_sos_answers_the_desk_that_is_ringing(live: Live) -> None:
    """It rang before the press: an allowed caller, who only rings while there is no alarm."""
    live.ring(DESK)
    await settle(lambda: ("beep", {"name": "ringing"}) in live.board.notes)
    live.fire("sos")
    await settle(lambda: "ATA" in live.peer.commands())
    live.show(f'1,1,0,0,0,"{DESK}",129,""')
    await settle(lambda: live.notes("talking") != [])
    assert live.notes("talking")[0]["label"] == "值班台"
    assert live.dials() == []
    assert "ATH" not in live.peer.commands()


async def test_an_sos_in_a_talk_with_the_desk_that_rang_back_keeps_the_talk(live: Live) -> None:
    """The hand that shakes must not cut the voice that helps."""
    live.alarm.back.pressed(live.board.now())
    live.ring(DESK)
    await settle(lambda: "ATA" in live.peer.commands())
    live.show(f'1,1,0,0,0,"{DESK}",129,""')
    await settle(lambda: live.terminal.voice.state == "talking")
    live.fire("sos")
    await settle(lambda: live.notes("talking") != [])
    assert "ATH" not in live.peer.commands()
    live.listed = ""
    live.peer.say("\r\nNO CARRIER\r\n")
    await settle(lambda: live.notes("ended") != [])
    await settle(lambda: live.dials() == [DESK], 8.0)  # short: not yet help


async def test_who_waits_while_we_talk_does_not_end_the_talk(live: Live) -> None:
    """A stranger's call is refused when it is alone; in a talk it is left to wait."""
    live.alarm.back.pressed(live.board.now())
    live.ring(DESK)
    await settle(lambda: "ATA" in live.peer.commands())
    live.show(f'1,1,0,0,0,"{DESK}",129,""')
    await settle(lambda: live.terminal.voice.state == "talking")
    live.peer.say(f'\r\n+CLIP: "{STRANGER}",129,"",0,"",0\r\n')
    await asyncio.sleep(0.3)
    assert live.terminal.voice.state == "talking"
    assert "ATH" not in live.peer.commands()


@pytest.mark.parametrize("key", ["cancel", "sos"])
async def test_cancel_and_sos_do_not_wait_for_a_dial_without_an_answer(live: Live, key: str) -> None:
    """ATD may be silent for 20 s; one character ends it."""
    live.peer.answers[f"ATD{SON};"] = None
    live.peer.answers[""] = "\r\nNO CARRIER\r\n"
    live.fire("k1")
    await settle(lambda: live.dials() == [SON])
    begun = live.board.now()
    live.fire(key)
    await settle(lambda: live.notes("ended") != [])
    if key == "sos":
        await settle(lambda: live.dials() == [SON, DESK])
    assert live.board.now() - begun < 1000
    commands = live.peer.commands()
    assert commands[commands.index("") :][:3] == ["", "ATH", "AT+CLCC"]
    if key == "cancel":
        await asyncio.sleep(0.3)
        assert live.dials() == [SON]
        assert not live.terminal.voice.in_call()


async def test_a_dial_that_waited_behind_another_is_taken_back_by_cancel(live: Live) -> None:
    """It must not go out after the alarm has ended."""
    live.peer.answers["ATH"] = None  # the worker is busy clearing the line
    live.fire("k1")
    await settle(lambda: "ATH" in live.peer.commands())
    live.alarm.act(live.terminal.ladder.fire("sos", "0123abcd.1.1", live.board.now(), False))
    live.fire("cancel")
    await settle(lambda: not live.terminal.ladder.in_call, 8.0)
    await asyncio.sleep(0.2)
    assert live.dials() == []


async def test_a_call_that_was_ringing_at_the_restart_is_hung_up_before_the_alarm_goes_on(tmp_path: Path) -> None:
    """Two calls at once are no call at all."""
    first = build(Bare(tmp_path))
    first.modem.ready, first.modem.reg = True, 1
    first.alarm._facts(1000)
    first.alarm._fire("sos", "hold", 700, 1000)
    first.sender.store()
    first.alarm.store()
    live = Live(tmp_path)
    live.listed = '\r\n+CLCC: 1,0,3,0,0,"01055500000",129,""\r\n'
    try:
        await live.alarm.before.resume()
        await settle(lambda: live.dials() != [], 8.0)
        commands = live.peer.commands()
        assert commands.index("ATH") < commands.index("ATD01055500000;")
        assert live.notes("ended")[0]["cause"] == "terminal_reset"
    finally:
        await live.close()


@pytest.mark.parametrize("key", ["cancel", "k1"])
async def test_a_key_before_the_modem_answers_finds_the_alarm_of_before_the_restart(tmp_path: Path, key: str) -> None:
    """Cancel ends it, a family key does not push it aside."""
    first = build(Bare(tmp_path))
    first.alarm._fire("sos", "hold", 700, 1000)
    ref = first.ladder.ref
    first.sender.store()
    first.alarm.store()
    live = Live(tmp_path)
    live.terminal.modem.ready = False
    resume = asyncio.create_task(live.alarm.before.resume())
    await asyncio.sleep(0)
    live.fire(key)
    live.terminal.modem.ready = True
    await resume
    assert live.terminal.ladder.ref == (None if key == "cancel" else ref)
    assert [fields["ref"] for _, fields in waiting(live.terminal) if fields.get("key") == "cancel"] in ([], [ref])
    await live.close()


def test_a_route_for_a_press_that_could_not_be_noted_still_counts(tmp_path: Path) -> None:
    """The ladder and the message must speak of the same press, whatever fails between them."""
    terminal = build(Bare(tmp_path))

    def fail(*_: object) -> None:
        raise MemoryError

    terminal.board.note = fail  # type: ignore[method-assign, assignment]
    terminal.alarm._fire("sos", "hold", 700, terminal.board.now())
    ((kind, fields),) = waiting(terminal)
    assert (kind, fields["id"]) == ("press", terminal.ladder.ref)


def test_a_report_that_cannot_be_made_does_not_take_the_dial_with_it(tmp_path: Path) -> None:
    """Orders first."""
    terminal = build(Bare(tmp_path))
    given: list[tuple[object, ...]] = []
    terminal.alarm.orders.give = given.append  # type: ignore[method-assign, assignment]
    terminal.modem.ready, terminal.modem.reg = True, 1
    terminal.alarm._facts(1000)

    def fail(*_: object) -> str:
        raise MemoryError

    terminal.mail.post = fail  # type: ignore[method-assign, assignment]
    terminal.alarm.sounds.indicator.tone = fail  # type: ignore[method-assign, assignment]
    terminal.alarm._fire("sos", "hold", 700, 1000)
    assert [order[0] for order in given] == ["dial"]
