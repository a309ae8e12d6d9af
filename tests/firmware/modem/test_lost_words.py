"""Calls whose words are lost: an OK that never comes, a modem that falls silent, a channel that opens late."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from firmware.core import limits
from firmware.modem import mux
from firmware.modem.command import DATA
from firmware.modem.voice import Voice
from tests.firmware.modem.framed import SABM, FramedPeer
from tests.firmware.modem.peer import Bench, keep, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NUMBER = "01055500001"
DIAL = f"ATD{NUMBER};"


def listed(stat: int, direction: int = 0, number: str = NUMBER) -> str:
    """One line of the list."""
    return f'\r\n+CLCC: 1,{direction},{stat},0,0,"{number}",129,""\r\n'


class Line(Bench):
    """Voice over a modem of either kind, its line known to be clear."""

    def __init__(self, framed: bool) -> None:
        self.modem = FramedPeer()
        if not framed:
            self.modem.answers["AT+CMUX=0"] = "\r\nERROR\r\n"
        super().__init__(self.modem)
        self.steps: list[str] = []
        self.causes: list[str | None] = []
        self.shown = 0
        self.list = ""
        self.modem.answers["AT+CLCC"] = lambda _: self.list + "\r\nOK\r\n"
        self.modem.answers["ATH"] = self._hang_up
        self.voice = Voice(self.at, self._step, lambda _: None, lambda: None)
        self.voice._doubt = False
        self.voice.beside = self.channels.beside
        self.voice.on_shown = self._show
        self._tasks.append(asyncio.create_task(keep(self.voice.run)))

    def _hang_up(self, _: str) -> str:
        self.list = ""
        return "\r\nOK\r\n"

    def _step(self, step: str, cause: str | None) -> None:
        self.steps.append(step)
        self.causes.append(cause)

    def _show(self) -> None:
        self.shown += 1

    def dies(self) -> None:
        """No answer to anything any more."""

        async def nothing(data: bytes) -> None:
            self.modem.told.append(data)

        self.modem.write = nothing  # type: ignore[method-assign]


@pytest.fixture
async def three() -> AsyncIterator[Line]:
    one = Line(framed=True)
    assert await one.channels.open()
    try:
        yield one
    finally:
        await one.close()


@pytest.fixture
async def single() -> AsyncIterator[Line]:
    one = Line(framed=False)
    await one.channels.open()
    try:
        yield one
    finally:
        await one.close()


async def test_a_talk_whose_ok_was_lost_is_found_on_another_channel(three: Line) -> None:
    """The desk answered: it is no dial without an answer, and the voice's channel is free for what comes next."""
    three.modem.answers[DIAL] = None
    dial = asyncio.create_task(three.voice.dial(NUMBER))
    await settle(lambda: (1, DIAL) in three.modem.asked)
    three.list = listed(0)
    await settle(lambda: "talk" in three.steps)
    await dial
    assert three.steps == ["dial", "talk"]
    assert (3, "AT+CLCC") in three.modem.asked
    await settle(lambda: three.shown > 0)
    await three.voice.hang_up("local_hangup")
    assert three.steps == ["dial", "talk", "end"]


async def test_a_hang_up_of_a_call_whose_ok_was_lost_does_not_wait_for_it(three: Line) -> None:
    """It rings; one character ends the wait, and the line is cleared."""
    three.modem.answers[DIAL] = None
    dial = asyncio.create_task(three.voice.dial(NUMBER))
    await settle(lambda: (1, DIAL) in three.modem.asked)
    three.list = listed(3)
    await settle(lambda: "ring" in three.steps)
    three.voice.abort()
    await asyncio.wait_for(dial, 5)
    await three.voice.hang_up("local_hangup")
    assert three.steps == ["dial", "ring", "fail"]
    assert "ATH" in three.modem.commands()
    assert not three.voice.in_call()


async def test_a_busy_slot_for_messages_does_not_stand_in_the_way_of_the_question(three: Line) -> None:
    """A short message may take a minute: then the data's channel is asked."""
    three.modem.answers[DIAL] = three.modem.answers["AT+CMGS=1"] = None
    sending = asyncio.create_task(three.channels.texts.command("AT+CMGS=1", 60.0, DATA))
    await settle(lambda: (3, "AT+CMGS=1") in three.modem.asked)
    dial = asyncio.create_task(three.voice.dial(NUMBER))
    await settle(lambda: (1, DIAL) in three.modem.asked)
    three.list = listed(0)
    await settle(lambda: "talk" in three.steps)
    assert (2, "AT+CLCC") in three.modem.asked
    three.modem.on(3, "\r\nOK\r\n")
    await asyncio.gather(dial, sending)


async def test_on_one_channel_the_modems_own_report_is_believed(single: Line) -> None:
    """Nothing may be asked while ATD waits; of a line that was clear it can be no other call."""
    single.modem.answers[DIAL] = None
    dial = asyncio.create_task(single.voice.dial(NUMBER))
    await settle(lambda: DIAL in single.modem.commands())
    before = len(single.modem.told)
    single.modem.say(listed(3))
    await settle(lambda: single.steps == ["dial", "ring"])
    await asyncio.sleep(1.2)
    assert len(single.modem.told) == before  # any character would have ended the dial
    single.modem.say(listed(0))
    await settle(lambda: "talk" in single.steps)
    await dial


@pytest.mark.parametrize("line", [listed(0, 0, "13800000009"), listed(6), listed(1)])
async def test_what_is_no_sign_of_our_call_before_its_ok_is_not_believed(single: Line, line: str) -> None:
    """Another number, an end, a call on hold."""
    single.modem.answers[DIAL] = None
    dial = asyncio.create_task(single.voice.dial(NUMBER))
    await settle(lambda: DIAL in single.modem.commands())
    single.modem.say(line)
    await asyncio.sleep(0.05)
    assert single.steps == []
    single.modem.say("\r\nOK\r\n")
    await dial
    assert single.steps == ["dial"]


async def test_a_call_that_ended_before_its_lost_ok_leaves_the_line_in_doubt(three: Line) -> None:
    """And the voice's channel free within a second or two: the next dial waits for it."""
    three.modem.answers[DIAL] = None
    dial = asyncio.create_task(three.voice.dial(NUMBER))
    await settle(lambda: (1, DIAL) in three.modem.asked)
    three.list = listed(3)
    await settle(lambda: "ring" in three.steps)
    three.list = ""
    three.modem.on(2, "\r\nBUSY\r\n")
    await settle(lambda: three.steps == ["dial", "ring", "fail"])
    assert three.causes[-1] == "busy"
    await asyncio.wait_for(dial, 5)
    assert three.voice.stray


@pytest.mark.parametrize("stat", [3, 0])
async def test_a_modem_that_answers_nothing_ends_a_ringing_call_soon_and_a_talk_late(
    single: Line, stat: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is lost by a new start while it only rings."""
    monkeypatch.setattr(limits, "MUTE_RING_MS", 100)
    monkeypatch.setattr(limits, "MUTE_TALK_MS", 5_000)
    await single.voice.dial(NUMBER)
    single.list = listed(stat)
    single.modem.say(single.list)
    await settle(lambda: single.voice.state in ("ringing", "talking"))
    single.dies()
    await settle(lambda: single.at.silent, 10)
    await settle(lambda: single.voice.state == ("idle" if stat == 3 else "talking"))
    if stat == 3:
        assert single.causes[-1] == "timeout"


async def test_a_modem_whose_line_says_that_it_is_off_has_no_call(single: Line) -> None:
    """Then nobody needs to wait for it to answer."""
    await single.voice.dial(NUMBER)
    single.list = listed(0)
    single.modem.say(single.list)
    await settle(lambda: single.voice.state == "talking")
    single.voice.powered = lambda: False
    single.dies()
    await settle(lambda: single.voice.state == "idle", 10)
    assert single.causes[-1] == "modem_reset"


async def test_each_answer_and_the_word_of_the_end_show_the_talk_and_silence_does_not(single: Line) -> None:
    """That is the proof of a talk."""
    await single.voice.dial(NUMBER)
    single.list = listed(0)
    single.modem.say(single.list)
    await settle(lambda: single.shown >= 2)
    single.modem.answers["AT+CLCC"] = None
    await asyncio.sleep(0.1)
    shown = single.shown
    await settle(lambda: single.at.counts["timeout"] > 0, 10)
    assert single.shown == shown
    single.modem.say("\r\nNO CARRIER\r\n")
    await settle(lambda: single.voice.state == "idle")
    assert single.shown == shown + 1


async def test_an_answer_that_the_modem_holds_is_given_up_for_a_hang_up(single: Line) -> None:
    """ATA may take 20 s; an SOS does not wait for a neighbour's call."""
    single.modem.answers["ATA"] = None
    single.modem.answers[""] = "\r\nNO CARRIER\r\n"
    single.list = listed(4, 1, "13800000009")
    single.modem.say('\r\nRING\r\n\r\n+CLIP: "13800000009",129,"",0,"",0\r\n')
    await settle(lambda: single.voice.incoming)
    answer = asyncio.create_task(single.voice.answer())
    await settle(lambda: "ATA" in single.modem.commands())
    single.voice.abort()
    await asyncio.wait_for(answer, 3)
    await single.voice.hang_up("local_hangup")
    assert single.modem.commands()[-2:] == ["ATH", "AT+CLCC"]


@pytest.mark.parametrize("opens", [(), (0,)])
async def test_a_dial_that_meets_a_session_being_opened_leaves_plainly_if_that_does_not_open(
    opens: tuple[int, ...],
) -> None:
    """The modem has half a second to say a word, and less than one to open the voice's channel."""
    line = Line(framed=True)
    take = line.modem._frame

    def some(dlci: int, control: int, info: bytes) -> None:
        if control != SABM or dlci in opens:
            take(dlci, control, info)

    line.modem._frame = some  # type: ignore[method-assign]
    opening = asyncio.create_task(line.channels.open())
    await settle(lambda: line.channels.session is not None)
    await asyncio.wait_for(line.voice.dial(NUMBER), 3)
    assert line.steps == ["dial"]
    assert (0, DIAL) in line.modem.asked
    assert await opening is False
    await line.close()


async def test_whatever_else_meets_a_session_being_opened_waits_for_it() -> None:
    """A look at the card for short messages costs nobody the channels; a dial behind it does not wait longer for it."""
    line = Line(framed=True)
    take = line.modem._frame
    held: list[tuple[int, int, bytes]] = []
    line.modem._frame = lambda *frame: held.append(frame)  # type: ignore[method-assign]
    opening = asyncio.create_task(line.channels.open())
    await settle(lambda: line.channels.session is not None)
    look = asyncio.create_task(line.channels.texts.command("AT+CMGF=1", 2.0, DATA))
    await asyncio.sleep(1.1)
    assert line.channels.session is not None
    line.modem._frame = take  # type: ignore[method-assign]
    for frame in held:
        take(*frame)
    assert await opening
    await look
    await line.close()
    line = Line(framed=True)
    line.modem._frame = lambda *frame: held.append(frame) if frame[1] == SABM else take(*frame)  # type: ignore[method-assign]
    take = FramedPeer._frame.__get__(line.modem)
    opening = asyncio.create_task(line.channels.open())
    await settle(lambda: line.channels.session is not None)
    look = asyncio.create_task(line.channels.texts.command("AT+CMGF=1", 2.0, DATA))
    await asyncio.sleep(0.05)
    await asyncio.wait_for(line.voice.dial(NUMBER), 3)
    assert line.steps == ["dial"]
    assert await opening is False
    await look
    await line.close()


def test_pieces_that_come_late_do_not_cost_the_channels() -> None:
    """400 ms each way, for every channel: the session opens, with one question each."""
    now, late = 0, 800
    session = mux.Mux(now)
    asked = 0
    due: list[tuple[int, bytes]] = []
    while not session.up and now < 5_000:
        out, session.out = bytes(session.out), bytearray()
        for dlci in range(mux._DLCIS):
            if mux.frame(dlci, mux._SABM | mux._POLL) in out:
                asked += 1
                due.append((now + late, mux.frame(dlci, mux._UA | mux._POLL, b"", False)))
        now += 100
        for at, answer in list(due):
            if at <= now:
                due.remove((at, answer))
                session.receive(answer, now)
        session.tick(now)
    assert session.up
    assert asked == mux._DLCIS


async def test_a_late_report_of_the_call_before_makes_no_talk_of_the_next(single: Line) -> None:
    """What the list still shows as ringing was never active; from its own answer on it is a talk."""
    await single.voice.dial(NUMBER)
    single.list = listed(3)
    single.modem.say(listed(3))
    await settle(lambda: single.steps[-1] == "ring")
    single.modem.say(listed(0))
    await settle(lambda: single.steps[-2:] == ["talk", "ring"])
    assert single.voice.state == "ringing"
    single.list = listed(0)
    await settle(lambda: single.steps[-1] == "talk")
