"""Short messages and spoken prompts, over a modem in memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from firmware.core.words import ucs2_hex
from firmware.modem.sms import Sms
from firmware.modem.tts import Tts
from tests.firmware.modem.peer import Bench, Clock, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NUMBER, TEXT = "13800000001", "按下紧急键"
ORDER = f'AT+CMGS="{ucs2_hex(NUMBER)}"'
OK = "\r\nOK\r\n"


class Desk:
    """A modem with its messages; `held` is what the rest of the firmware says about calls."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.peer = self.bench.peer
        self.held = False
        self.sms = Sms(self.bench.channels, lambda: self.held)
        self.peer.answers[ORDER] = "\r\n> "

    async def send(self, *, result: str) -> bool:
        """Send one; the network answers so."""
        sending = asyncio.create_task(self.sms.send(NUMBER, TEXT))
        await settle(lambda: self.peer.told != [] and self.peer.told[-1].endswith(b"\x1a"))
        self.peer.say(result)
        return await sending


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    one = Desk()
    try:
        yield one
    finally:
        await one.bench.close()


async def test_a_message_goes_out_in_ucs2_and_the_character_set_is_put_back(desk: Desk) -> None:
    """Number and text as four hex digits a character, then the modem's own set again."""
    assert await desk.send(result="\r\n+CMGS: 12\r\n" + OK)
    assert desk.peer.commands() == ["AT+CMGF=1", "AT+CSMP=17,167,0,8", 'AT+CSCS="UCS2"', ORDER, 'AT+CSCS="GSM"']
    assert ucs2_hex(TEXT).encode() + b"\x1a" in desk.peer.told
    assert desk.sms.counts["sent"] == 1


@pytest.mark.parametrize("result", ["\r\n+CMS ERROR: 530\r\n", "\r\n+CMS ERROR: 331\r\n", "\r\nERROR\r\n"])
async def test_a_refused_message_is_told_and_the_character_set_is_put_back(desk: Desk, result: str) -> None:
    """530: data is suspended; 331: no service."""
    assert not await desk.send(result=result)
    assert desk.peer.commands()[-1] == 'AT+CSCS="GSM"'
    assert desk.sms.counts["failed"] == 1


async def test_a_message_that_is_refused_before_its_prompt_sends_no_text(desk: Desk) -> None:
    """The text would be taken for a command."""
    desk.peer.answers[ORDER] = "\r\n+CMS ERROR: 310\r\n"
    assert not await desk.sms.send(NUMBER, TEXT)
    assert [data for data in desk.peer.told if data.endswith(b"\x1a")] == []


async def test_no_message_goes_out_while_a_call_holds_the_only_channel(desk: Desk) -> None:
    """Any character would end a dial."""
    desk.held = True
    assert not await desk.sms.send(NUMBER, TEXT)
    assert desk.peer.told == []
    assert desk.sms.untidy


async def test_a_dial_does_not_wait_for_a_message_without_an_end(desk: Desk) -> None:
    """The engine gives the message up for it."""
    sending = asyncio.create_task(desk.sms.send(NUMBER, TEXT))
    await settle(lambda: desk.peer.told != [] and desk.peer.told[-1].endswith(b"\x1a"))
    await desk.bench.at.command("ATD13800000002;", 5.0, 0)
    assert not await sending


async def test_messages_that_arrive_are_deleted_unread(desk: Desk) -> None:
    """A full card lets no further one in, and nobody reads them: whoever knows the number could write."""
    await desk.sms.tidy()
    assert not desk.sms.untidy
    assert desk.peer.commands()[-1] == "AT+CMGD=1,4"
    desk.peer.say('\r\n+CMTI: "SM",3\r\n')
    await settle(lambda: desk.sms.untidy)
    assert desk.sms.counts["arrived"] == 1
    assert not [one for one in desk.peer.commands() if one.startswith("AT+CMGR")]


async def test_a_card_that_cannot_be_emptied_is_not_tried_for_ever(desk: Desk) -> None:
    """Refused once is enough until the next start or message."""
    desk.peer.answers["AT+CMGD=1,4"] = "\r\n+CMS ERROR: 310\r\n"
    await desk.sms.tidy()
    assert not desk.sms.untidy


async def test_a_prompt_is_spoken_in_ucs2_until_the_modem_says_that_it_is_over(desk: Desk) -> None:
    """`OK` is the beginning, `+CTTS: 0` the end."""
    tts = Tts(desk.bench.channels, Clock(), lambda: desk.held)
    assert await tts.say("呼叫已取消")
    assert desk.peer.commands() == ["AT+CTTSPARAM=100,0,50,50", f'AT+CTTS=1,"{ucs2_hex("呼叫已取消")}"']
    assert tts.speaking
    desk.peer.say("\r\n+CTTS: 0\r\n")
    await settle(lambda: not tts.speaking)


async def test_no_prompt_is_spoken_in_a_call_and_a_refused_one_blocks_nothing(desk: Desk) -> None:
    """Whoever helps is not talked over."""
    tts = Tts(desk.bench.channels, Clock(), lambda: desk.held)
    desk.held = True
    assert not await tts.say("呼叫已取消")
    assert desk.peer.told == []
    desk.held = False
    desk.peer.default = "\r\nERROR\r\n"
    assert not await tts.say("呼叫已取消")
    assert not tts.speaking
    assert tts.refused == 2


async def test_a_dial_goes_before_a_prompt_that_waits(desk: Desk) -> None:
    """And nothing waits for its end."""
    tts = Tts(desk.bench.channels, Clock(), lambda: desk.held)
    first = asyncio.create_task(desk.bench.at.command("AT+CSQ"))
    speaking = asyncio.create_task(tts.say("呼叫已取消"))
    dial = asyncio.create_task(desk.bench.at.command("ATD13800000002;", 5.0, 0))
    await asyncio.gather(first, speaking, dial)
    order = [one[:4] for one in desk.peer.commands()]
    assert order.index("ATD1") < order.index("AT+C", order.index("ATD1"))
    assert desk.peer.commands()[-1].startswith("AT+CTTS")
