"""Calls as the modem tells them: answered means `+CLCC` active, and nothing else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from firmware.core import limits
from firmware.modem import voice as voice_
from firmware.modem.command import VOICE
from firmware.modem.replies import parse_clcc
from firmware.modem.voice import Voice
from tests.firmware.modem.peer import Bench, end, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NUMBER = "01055500001"
DIAL = f"ATD{NUMBER};"
RING = f'\r\nRING\r\n\r\n+CLIP: "{NUMBER}",129,"",0,"",0\r\n'
OURS = f'\r\n+CLCC: 1,0,2,0,0,"{NUMBER}",129,""\r\n'
THEIRS = f'\r\n+CLCC: 1,1,4,0,0,"{NUMBER}",129,""\r\n'


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
        await end(one.task)


async def test_an_ok_after_atd_is_only_a_beginning(call: Call) -> None:
    """A call that the list never shows is neither answered nor over: the ladder's ring time hangs it up."""
    await call.voice.dial(NUMBER)
    assert call.steps == [("dial", None)]
    polls = call.bench.peer.commands().count("AT+CLCC") + voice_._ABSENT_POLLS + 1
    await settle(lambda: call.bench.peer.commands().count("AT+CLCC") > polls, 12.0)
    assert call.voice.state == "dialling"
    await call.voice.hang_up("no_answer")
    assert call.steps == [("dial", None), ("fail", "no_answer")]
    assert "ATH" in call.bench.peer.commands()


async def test_a_word_right_behind_the_ok_of_a_dial_ends_the_call(call: Call) -> None:
    """Both in one piece of the UART: nobody who waits for the OK has had a turn between them."""
    call.bench.peer.answers[DIAL] = "\r\nOK\r\n\r\nBUSY\r\n"
    await call.voice.dial(NUMBER)
    assert call.steps == [("dial", None), ("fail", "busy")]


async def test_a_call_that_leaves_the_list_without_a_word_is_over(call: Call) -> None:
    """Shown once and then no more: the word was lost, and the line is hung up before the next dial to be sure."""
    await call.voice.dial(NUMBER)
    call.show(3)
    await settle(lambda: call.voice.state == "ringing")
    await settle(lambda: call.bench.peer.commands().count("AT+CLCC") > 1)
    call.listed = ""
    await settle(lambda: call.voice.state == "idle", 8.0)
    assert call.steps[-1] == ("fail", "no_carrier")
    await call.voice.dial(NUMBER)
    commands = call.bench.peer.commands()
    assert commands.index("ATH") < len(commands) - 1 - commands[::-1].index(DIAL)


async def test_a_modem_without_a_list_is_believed_by_its_reports(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """`AT+CLCC` refused is no silence: a talk goes on until its end is reported."""
    monkeypatch.setattr(limits, "MUTE_TALK_MS", 10)
    call.bench.peer.answers["AT+CLCC"] = "\r\nERROR\r\n"
    await call.voice.dial(NUMBER)
    call.show(0)
    await settle(lambda: call.voice.state == "talking")
    polls = call.bench.peer.commands().count("AT+CLCC") + 2
    await settle(lambda: call.bench.peer.commands().count("AT+CLCC") > polls, 8.0)
    assert call.voice.state == "talking"
    call.bench.peer.say("\r\nNO CARRIER\r\n")
    await settle(lambda: call.voice.state == "idle")
    assert call.steps[-1] == ("end", "remote_hangup")


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
    call.listed = ""
    call.bench.peer.answers["ATH"] = "\r\nNO CARRIER\r\n\r\nOK\r\n"
    await call.voice.hang_up("preempted")
    assert call.steps[-1] == ("end", "preempted")
    assert not call.voice.in_call()


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
    assert not call.voice.in_call()


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


async def test_a_hang_up_aborts_a_dial_that_has_no_answer_yet(call: Call) -> None:
    """One character ends the set-up; then the line is hung up and looked at before anybody dials again."""
    peer = call.bench.peer
    peer.answers[DIAL] = None
    peer.answers[""] = "\r\nNO CARRIER\r\n"
    dial = asyncio.create_task(call.voice.dial(NUMBER))
    await settle(lambda: DIAL in peer.commands())
    begun = asyncio.get_running_loop().time()
    call.voice.abort()
    await dial
    assert asyncio.get_running_loop().time() - begun < 0.5
    assert call.steps == [("fail", "local_hangup")]
    assert peer.commands()[-4:] == [DIAL, "", "ATH", "AT+CLCC"]


async def test_an_abort_that_comes_too_late_hangs_up_what_is_being_set_up(call: Call) -> None:
    """The character crosses the OK: the call stands, and must not be forgotten."""
    peer = call.bench.peer
    peer.answers[DIAL] = None
    peer.answers[""] = "\r\nOK\r\n"
    dial = asyncio.create_task(call.voice.dial(NUMBER))
    await settle(lambda: DIAL in peer.commands())
    call.voice.abort()
    await dial
    assert ("dial", None) not in call.steps
    assert call.steps == [("fail", "local_hangup")]
    assert peer.commands()[-2:] == ["ATH", "AT+CLCC"]


async def test_a_dial_that_waits_for_the_channel_is_taken_back_unsent(call: Call) -> None:
    """What was cancelled before it left must not ring anywhere."""
    peer = call.bench.peer
    await call.voice.hang_up("local_hangup")
    peer.answers["AT+CSQ"] = None
    running = asyncio.create_task(call.bench.at.command("AT+CSQ", 5.0, VOICE))
    await settle(lambda: "AT+CSQ" in peer.commands())
    dial = asyncio.create_task(call.voice.dial(NUMBER))
    await asyncio.sleep(0.05)
    call.voice.abort()
    await asyncio.wait_for(dial, 0.5)
    assert call.steps == [("fail", "local_hangup")]
    peer.say("\r\nOK\r\n")
    await running
    assert DIAL not in peer.commands()


async def test_a_line_that_does_not_clear_is_hung_up_again_and_waited_for_three_seconds_at_most(call: Call) -> None:
    """The next dial is worth more than certainty."""
    await call.voice.dial(NUMBER)
    call.listed = OURS
    begun = asyncio.get_running_loop().time()
    await call.voice.hang_up("preempted")
    assert 2.9 <= asyncio.get_running_loop().time() - begun < 3.5
    assert "AT+CHUP" in call.bench.peer.commands()
    assert call.voice.unclear == 1
    assert call.steps[-1] == ("fail", "preempted")


async def test_the_line_is_cleared_before_the_first_dial_of_a_start(call: Call) -> None:
    """A call of before the restart may be ringing somewhere; of a line known to be clear nothing is asked again."""
    await call.voice.dial(NUMBER)
    assert call.bench.peer.commands()[:3] == ["ATH", "AT+CLCC", DIAL]
    call.bench.peer.say("\r\nBUSY\r\n")
    await settle(lambda: call.voice.state == "idle")
    told = len(call.bench.peer.told)
    await call.voice.dial(NUMBER)
    assert [one for one in call.bench.peer.commands()[told:] if one != "AT+CLCC"] == [DIAL]


async def test_words_of_the_call_before_do_not_end_a_dial_that_waits_for_its_ok(call: Call) -> None:
    """A late NO CARRIER or stat 6 would leave a call in the modem of which nobody knows."""
    peer = call.bench.peer
    await call.voice.hang_up("local_hangup")
    peer.answers["AT+CSQ"] = None
    running = asyncio.create_task(call.bench.at.command("AT+CSQ", 5.0, VOICE))
    await settle(lambda: "AT+CSQ" in peer.commands())
    dial = asyncio.create_task(call.voice.dial(NUMBER))
    await asyncio.sleep(0.02)
    peer.say("\r\nNO CARRIER\r\n" + OURS.replace("1,0,2", "1,0,6"))
    await asyncio.sleep(0.7)
    assert call.voice.state == "dialling"
    peer.say("\r\nOK\r\n")
    await asyncio.gather(running, dial)
    assert call.steps == [("dial", None)]


async def test_a_late_stat_6_is_checked_before_a_call_is_given_up(call: Call) -> None:
    """The list says whether it was ours."""
    await call.voice.dial(NUMBER)
    call.listed = OURS
    call.bench.peer.say(OURS.replace("1,0,2", "1,0,6"))
    asked = len(call.bench.peer.told)
    await settle(lambda: call.bench.peer.commands()[asked:].count("AT+CLCC") >= 2)
    assert call.voice.state == "dialling"


async def test_a_refused_dial_leaves_a_doubt_that_the_next_one_clears(call: Call) -> None:
    """The refusal may have been a late word of the call before, and the modem goes on dialling."""
    call.bench.peer.answers[DIAL] = "\r\nNO CARRIER\r\n"
    await call.voice.dial(NUMBER)
    assert call.steps == [("fail", "no_carrier")]
    call.bench.peer.told.clear()
    await call.voice.dial(NUMBER)
    assert call.bench.peer.commands()[:2] == ["ATH", "AT+CLCC"]


async def test_nothing_is_dialled_into_a_ringing_line(call: Call) -> None:
    """Whoever rings is decided on first; ATD now would be refused, or hold that call."""
    call.listed = THEIRS
    call.bench.peer.say(RING)
    await settle(lambda: call.callers != [])
    await call.voice.dial(NUMBER)
    assert DIAL not in call.bench.peer.commands()
    assert call.steps == [("fail", "no_carrier")]


async def test_the_next_caller_is_announced_after_one_was_answered(call: Call) -> None:
    """The desk may have to ring twice."""
    for _ in range(2):
        call.callers.clear()
        call.listed = THEIRS
        call.bench.peer.say(RING)
        await settle(lambda: call.callers == [NUMBER])
        call.listed = THEIRS.replace("1,1,4", "1,1,0")
        await call.voice.answer()
        await settle(lambda: call.voice.state == "talking")
        call.listed = ""
        call.bench.peer.say("\r\nNO CARRIER\r\n")
        await settle(lambda: call.voice.state == "idle")


async def test_a_caller_is_answered_once(call: Call) -> None:
    """A second ATA would be refused and taken for a caller who is gone."""
    call.listed = THEIRS
    call.bench.peer.say(RING)
    await settle(lambda: call.callers != [])
    await call.voice.answer()
    call.bench.peer.answers["ATA"] = "\r\nNO CARRIER\r\n"
    await call.voice.answer()
    assert call.missed == 0
    assert call.bench.peer.commands().count("ATA") == 1


async def test_a_caller_without_any_number_is_told_as_withheld(call: Call) -> None:
    """Without CLIP there is nothing but the list."""
    call.listed = "\r\n+CLCC: 1,1,4,0,0\r\n"
    call.bench.peer.say("\r\nRING\r\n")
    await settle(lambda: call.callers == [""])


async def test_a_call_of_a_modem_that_says_nothing_any_more_ends(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else an alarm would wait for ever for the end of a talk with a dead modem."""
    monkeypatch.setattr(limits, "MUTE_TALK_MS", 1000)
    await call.voice.dial(NUMBER)
    call.show(0)
    await settle(lambda: call.voice.state == "talking")
    call.bench.peer.default = call.bench.peer.answers["AT+CLCC"] = call.bench.peer.answers["AT"] = None
    await settle(lambda: call.voice.state == "idle", 20.0)
    assert call.steps[-1] == ("end", "timeout")


async def test_a_call_found_after_a_restart_is_adopted_or_cleared(call: Call) -> None:
    """A talk goes on; a dial of before is hung up before the next."""
    call.listed = OURS
    assert not await call.voice.adopt()

    def clear(_: str) -> str:
        call.listed = ""
        return "\r\nOK\r\n"

    call.bench.peer.answers["ATH"] = clear
    await call.voice.dial(NUMBER)
    assert call.bench.peer.commands()[:4] == ["AT+CLCC", "ATH", "AT+CLCC", DIAL]


async def test_a_restart_of_the_modem_by_the_board_is_not_cut_by_the_end_of_the_dial(bench: Bench) -> None:
    """Half of a power cycle leaves it switched off."""
    done: list[bool] = []

    async def restart() -> None:
        bench.at.fail_all("reset")
        await asyncio.sleep(0.05)
        done.append(True)

    voice = Voice(bench.at, lambda *_: None, lambda _: None, lambda: None, restart)
    voice._doubt = False
    bench.peer.answers["AT+CIMI"] = None
    other = asyncio.create_task(bench.at.command("AT+CIMI", 20.0, VOICE))
    await settle(lambda: "AT+CIMI" in bench.peer.commands())
    await voice.dial(NUMBER)
    await settle(lambda: done == [True])
    await asyncio.gather(other, return_exceptions=True)


def test_lines_that_are_no_voice_call_are_ignored() -> None:
    """Data calls and damage."""
    assert parse_clcc('+CLCC: 1,0,2,0,0,"1",129') == (0, 2, "1")
    assert parse_clcc("+CLCC: 1,1,4,0,0") == (1, 4, "")
    for line in ("+CLCC: 1,0,2,1,0", "+CLCC: 1,0,9,0,0", "+CLCC: x", "+CLCC:"):
        assert parse_clcc(line) is None
