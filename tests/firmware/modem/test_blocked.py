"""When a dial that meets a blocked channel costs the modem its power: never for data that has a channel of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from firmware.modem import line as line_
from firmware.modem.command import CONTROL, DATA
from firmware.modem.voice import Voice
from tests.firmware.modem.framed import FramedPeer
from tests.firmware.modem.peer import Bench, end, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NUMBER = "01055500001"


class Line(Bench):
    """Voice over three channels, on a board with a power switch."""

    def __init__(self) -> None:
        self.modem = FramedPeer()
        super().__init__(self.modem)
        self.steps: list[tuple[str, str | None]] = []
        self.restarts = 0
        self.voice = Voice(
            self.channels.voice, lambda *step: self.steps.append(step), lambda _: None, lambda: None, self.restart
        )
        self.voice._doubt = False

    async def restart(self) -> None:
        self.restarts += 1
        self.modem.deaf.clear()
        self.modem.reset()
        self.channels.fail_all("reset")
        self.voice.forget()


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    one = Line()
    assert await one.channels.open()
    try:
        yield one
    finally:
        await one.close()


async def test_blocked_data_is_no_reason_to_restart_the_modem(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network takes its time for both: the dial is still being set up, on a free channel."""
    monkeypatch.setattr(line_, "_BLOCKED_MS", 20)
    line.modem.answers["AT+CIICR"] = line.modem.answers[f"ATD{NUMBER};"] = None
    data = asyncio.create_task(line.channels.data.command("AT+CIICR", 85.0, DATA))
    await settle(lambda: (2, "AT+CIICR") in line.modem.asked)
    dial = asyncio.create_task(line.voice.dial(NUMBER))
    await asyncio.sleep(0.1)  # past the bound that a dial waits behind another command
    assert (line.restarts, line.voice.blocked) == (0, 0)
    line.modem.on(1, "\r\nOK\r\n")
    await dial
    assert line.steps == [("dial", None)]
    line.modem.on(2, "\r\nOK\r\n")
    await data


async def test_a_dead_voice_channel_is_left_before_that_and_costs_no_restart(line: Line) -> None:
    """The modem is well and only the channel is gone: within the second the dial goes out plainly."""
    line.modem.deaf.add(1)
    other = asyncio.create_task(line.at.command("AT+CREG?", 60.0, CONTROL))
    await settle(lambda: line.modem.frames[-1][2] == b"AT+CREG?\r")
    await line.voice.dial(NUMBER)
    assert line.steps == [("dial", None)]
    assert (0, f"ATD{NUMBER};") in line.modem.asked
    assert line.restarts == 0
    await end(asyncio.create_task(asyncio.wait_for(other, 1)))  # type: ignore[arg-type]


async def test_a_modem_that_hears_nothing_any_more_is_restarted_for_a_dial(line: Line) -> None:
    """Neither frames nor plain words: after a second its power goes, and the ladder hears why."""
    write = line.modem.write

    async def nothing(data: bytes) -> None:
        line.modem.told.append(data)

    line.modem.write = nothing  # type: ignore[method-assign]
    other = asyncio.create_task(line.at.command("AT+CREG?", 60.0, CONTROL))
    await settle(lambda: len(line.modem.told[-1]) > 10)
    await line.voice.dial(NUMBER)
    assert line.restarts == 1
    assert line.steps == [("fail", "modem_reset")]
    line.modem.write = write  # type: ignore[method-assign]
    await asyncio.gather(other, return_exceptions=True)
