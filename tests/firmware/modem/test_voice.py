"""Calls as the modem tells them: answered means `+CLCC` active, and nothing else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from firmware.modem.voice import Voice, parse_clcc
from tests.firmware.modem.peer import Bench, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NUMBER = "01055500001"


class Call:
    """A Voice and what it told."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.steps: list[tuple[str, str | None]] = []
        self.callers: list[str] = []
        self.missed = 0
        self.listed = ""  # what AT+CLCC answers
        bench.peer.answers["AT+CLCC"] = lambda _: self.listed + "\r\nOK\r\n"
        self.voice = Voice(bench.at, lambda *step: self.steps.append(step), self.callers.append, self._miss)
        self.task = asyncio.create_task(self.voice.run())

    def _miss(self) -> None:
        self.missed += 1

    def show(self, stat: int, direction: int = 0) -> None:
        """The call in the modem has a new state, and the modem reports it."""
        line = f'\r\n+CLCC: 1,{direction},{stat},0,0,"{NUMBER}",129,""\r\n'
        self.listed = "" if stat == 6 else line
        self.bench.peer.say(line)


@pytest.fixture
async def call(bench: Bench) -> AsyncIterator[Call]:
    one = Call(bench)
    try:
        yield one
    finally:
        one.task.cancel()
        await asyncio.gather(one.task, return_exceptions=True)


async def test_an_ok_after_atd_is_only_a_beginning(call: Call) -> None:
    """Three polls without a call in the list end it as failed, never as answered."""
    await call.voice.dial(NUMBER)
    assert call.steps == [("dial", None)]
    await settle(lambda: call.voice.state == "idle", 8.0)
    assert call.steps == [("dial", None), ("fail", "no_carrier")]


async def test_ring_talk_and_the_others_hanging_up_are_told_in_order(call: Call) -> None:
    """Reports and polls overlap; each step is told once."""
    await call.voice.dial(NUMBER)
    for stat in (2, 3, 3, 0, 0):
        call.show(stat)
    await settle(lambda: call.voice.state == "talking")
    call.show(6)
    call.bench.peer.say("\r\nNO CARRIER\r\n")
    await settle(lambda: call.voice.state == "idle")
    assert call.steps == [("dial", None), ("ring", None), ("talk", None), ("end", "remote_hangup")]


async def test_an_answer_whose_report_was_lost_is_found_by_polling(call: Call) -> None:
    """The URC can be lost."""
    await call.voice.dial(NUMBER)
    call.listed = f'\r\n+CLCC: 1,0,0,0,0,"{NUMBER}",129,""\r\n'
    await settle(lambda: call.voice.state == "talking")
    assert call.steps[-1] == ("talk", None)


async def test_the_word_connected_alone_is_not_believed(call: Call) -> None:
    """It makes us look; +CLCC decides."""
    await call.voice.dial(NUMBER)
    call.listed = f'\r\n+CLCC: 1,0,3,0,0,"{NUMBER}",129,""\r\n'
    call.bench.peer.say("\r\nMO CONNECTED\r\n")
    await settle(lambda: call.voice.state == "ringing")
    assert ("talk", None) not in call.steps


@pytest.mark.parametrize(
    ("word", "cause"), [("BUSY", "busy"), ("NO ANSWER", "no_answer"), ("NO DIALTONE", "no_dialtone")]
)
async def test_the_networks_words_become_causes(call: Call, word: str, cause: str) -> None:
    """As a report later or as the result of ATD itself."""
    await call.voice.dial(NUMBER)
    call.show(3)
    call.bench.peer.say(f"\r\n{word}\r\n")
    await settle(lambda: call.voice.state == "idle")
    assert call.steps[-1] == ("fail", cause)
    call.bench.peer.answers[f"ATD{NUMBER};"] = f"\r\n{word}\r\n"
    await call.voice.dial(NUMBER)
    assert call.steps[-1] == ("fail", cause)


async def test_hanging_up_carries_the_cause_that_was_given(call: Call) -> None:
    """The modem's NO CARRIER after ATH is ours."""
    await call.voice.dial(NUMBER)
    call.show(0)
    await settle(lambda: call.voice.state == "talking")
    call.bench.peer.answers["ATH"] = "\r\nNO CARRIER\r\n\r\nOK\r\n"
    await call.voice.hang_up("preempted")
    assert call.steps[-1] == ("end", "preempted")
    assert call.voice.idle.is_set()


async def test_a_restart_of_the_modem_ends_the_call(call: Call) -> None:
    """No call survives it."""
    await call.voice.dial(NUMBER)
    call.show(0)
    await settle(lambda: call.voice.state == "talking")
    call.voice.forget()
    assert call.steps[-1] == ("end", "modem_reset")


async def test_a_caller_is_announced_once_and_missed_when_gone(call: Call) -> None:
    """RING repeats every five seconds."""
    ring = f'\r\nRING\r\n\r\n+CLIP: "{NUMBER}",129,"",0,"",0\r\n'
    call.listed = f'\r\n+CLCC: 1,1,4,0,0,"{NUMBER}",129,""\r\n'
    call.bench.peer.say(ring + ring)
    await settle(lambda: call.callers != [])
    assert call.voice.in_call()
    call.listed = ""
    await settle(lambda: call.missed == 1)
    assert call.callers == [NUMBER]
    assert call.voice.idle.is_set()


async def test_an_answered_caller_is_talk_when_the_modem_shows_it(call: Call) -> None:
    """Same rule as for a dial."""
    call.listed = f'\r\n+CLCC: 1,1,4,0,0,"{NUMBER}",129,""\r\n'
    call.bench.peer.say(f'\r\nRING\r\n\r\n+CLIP: "{NUMBER}",129,"",0,"",0\r\n')
    await settle(lambda: call.callers != [])
    call.listed = f'\r\n+CLCC: 1,1,0,0,0,"{NUMBER}",129,""\r\n'
    await call.voice.answer()
    await settle(lambda: call.voice.state == "talking")
    assert call.steps == [("talk", None)]
    call.listed = ""
    call.bench.peer.say("\r\nNO CARRIER\r\n")
    await settle(lambda: call.voice.state == "idle")
    assert call.steps[-1] == ("end", "remote_hangup")
    assert call.missed == 0


def test_lines_that_are_no_voice_call_are_ignored() -> None:
    """Data calls and damage."""
    assert parse_clcc('+CLCC: 1,0,2,0,0,"1",129') == (0, 2, "1")
    assert parse_clcc("+CLCC: 1,1,4,0,0") == (1, 4, "")
    for line in ("+CLCC: 1,0,2,1,0", "+CLCC: 1,0,9,0,0", "+CLCC: x", "+CLCC:"):
        assert parse_clcc(line) is None
