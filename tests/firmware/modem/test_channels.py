"""One wire, three channels: what blocks one does not hold up another, and no dial is lost when they change."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from firmware.modem import channels, mux
from firmware.modem.command import CONTROL, DATA, EMERGENCY, ATError
from tests.firmware.modem import framed
from tests.firmware.modem.framed import FramedPeer
from tests.firmware.modem.peer import CMUX, Bench, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DIAL = "ATD01055500001;"


class Wire(Bench):
    """A bench whose modem multiplexes."""

    def __init__(self) -> None:
        self.modem = FramedPeer()
        super().__init__(self.modem)

    def forget(self) -> None:
        """As after a start: nothing is known of the modem."""
        self.at.unsure = self.channels._framed = True

    async def open(self) -> None:
        assert await self.channels.open() is True


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    one = Wire()
    try:
        yield one
    finally:
        await one.close()


async def test_each_of_voice_data_and_texts_has_a_channel(wire: Wire) -> None:
    """Asked on one, answered on the same."""
    await wire.open()
    assert wire.modem.opened == {0, 1, 2, 3}
    assert wire.channels.multiplexed
    await wire.channels.voice.command("AT+V")
    await wire.channels.data.command("AT+D")
    await wire.channels.texts.command("AT+T")
    assert wire.modem.asked[-3:] == [(1, "AT+V"), (2, "AT+D"), (3, "AT+T")]


async def test_a_modem_that_refuses_runs_on_one_channel(bench: Bench) -> None:
    """All three are the same engine."""
    assert await bench.channels.open() is False
    assert bench.channels.settled
    assert bench.channels.data is bench.channels.voice
    assert bench.channels.texts is bench.channels.voice
    await bench.channels.data.command("AT+D")
    assert bench.peer.commands() == [CMUX, "AT+D"]


@pytest.mark.parametrize("bad", [1, 2, 3])
async def test_channels_that_do_not_open_mean_one_channel(wire: Wire, bad: int) -> None:
    """The modem said OK and then refuses a channel: it is told to stop, and the next command goes as ever."""
    wire.modem.refused.add(bad)
    assert await wire.channels.open() is False
    await wire.channels.voice.command("AT+V")
    assert wire.modem.asked[-1] == (0, "AT+V")
    assert wire.modem.mode == "plain"


async def test_no_channels_are_opened_in_a_call(wire: Wire) -> None:
    """Whatever is between the commands then belongs to the call; it is tried again later."""
    wire.channels.busy = lambda: True
    assert await wire.channels.open() is None
    assert wire.modem.asked == []
    assert not wire.channels.due()


async def test_a_data_command_that_blocks_for_85_s_holds_up_no_dial(wire: Wire) -> None:
    """CIICR goes on on its channel; the dial leaves on another with nothing before it."""
    await wire.open()
    wire.modem.answers["AT+CIICR"] = None
    bearer = asyncio.create_task(wire.channels.data.command("AT+CIICR", 85.0, DATA))
    await settle(lambda: (2, "AT+CIICR") in wire.modem.asked)
    await wire.channels.voice.command(DIAL, 25.0, EMERGENCY)
    assert wire.modem.asked[-2:] == [(2, "AT+CIICR"), (1, DIAL)]
    assert not bearer.done()
    wire.modem.on(2, "\r\nOK\r\n")
    await bearer


async def test_a_long_send_lets_a_dial_between_its_frames(wire: Wire) -> None:
    """512 bytes are five frames; the dial waits for one of them, not for five."""
    await wire.open()
    wire.modem.answers["AT+CIPSEND=512"] = "\r\n> "
    write = wire.modem.write
    turns: list[int] = []

    async def slow(data: bytes) -> None:
        turns.append(len(data))
        await asyncio.sleep(0.01)  # as a UART takes it
        await write(data)

    wire.modem.write = slow  # type: ignore[method-assign]
    payload = bytes(512)
    send = asyncio.create_task(
        wire.channels.data.command("AT+CIPSEND=512", 5.0, DATA, ok=("DATA ACCEPT:*",), payload=payload)
    )
    await settle(lambda: max(turns, default=0) > 100)
    await wire.channels.voice.command(DIAL, 25.0, EMERGENCY)
    sent = [(dlci, info) for dlci, control, info in wire.modem.frames if control == framed.UIH and dlci]
    dial = sent.index((1, DIAL.encode() + b"\r"))
    assert dial < len(sent) - 1 or len([1 for dlci, _ in sent if dlci == 2]) < 6
    await settle(lambda: b"".join(info for dlci, control, info in wire.modem.frames if dlci == 2).endswith(payload))
    wire.modem.on(2, "\r\nDATA ACCEPT:512\r\n")
    await send
    assert max(turns) == mux.N1 + 6


async def test_a_report_is_told_once_whatever_channels_it_comes_on(wire: Wire) -> None:
    """Some reports come on each channel; a second one later is another."""
    await wire.open()
    heard: list[str] = []
    wire.channels.on("+DTMF:*", heard.append)
    for channel in (1, 2, 3):
        wire.modem.on(channel, "\r\n+DTMF: 1\r\n")
    await settle(lambda: wire.channels.reports.counts["twice"] == 2)
    assert heard == ["+DTMF: 1"]
    wire.modem.on(1, "\r\n+DTMF: 1\r\n")
    wire.modem.on(1, "\r\n+DTMF: 1\r\n")
    await settle(lambda: len(heard) == 3)


async def test_a_modem_left_multiplexed_is_spoken_to_again(wire: Wire) -> None:
    """The terminal restarted, the modem did not: `AT` is unheard, the end of multiplexing is not."""
    wire.modem.mode = "framed"
    wire.forget()
    with pytest.raises(ATError):
        await wire.at.command("AT")
    await wire.at.command("AT")
    assert wire.modem.mode == "plain"
    await wire.open()


async def test_a_modem_left_in_the_middle_of_a_frame_is_too(wire: Wire) -> None:
    """It waits for up to 127 bytes more, and would swallow the word that ends multiplexing."""
    wire.modem.mode = "framed"
    await wire.modem.write(mux.frame(2, mux.UIH, bytes(120))[:9])
    wire.forget()
    with pytest.raises(ATError):
        await wire.at.command("AT")
    await wire.at.command("AT")
    assert wire.modem.mode == "plain"


async def test_a_dial_finds_a_modem_that_was_left_multiplexed(wire: Wire) -> None:
    """A press right after a restart of the terminal is not sent into the void."""
    wire.modem.mode = "framed"
    wire.forget()
    await wire.at.command(DIAL, 25.0, EMERGENCY)
    assert wire.modem.asked[-1] == (0, DIAL)
    assert wire.modem.commands().count(DIAL) == 1


async def test_a_modem_that_restarts_under_a_session_is_heard(wire: Wire) -> None:
    """`RDY` without a frame: everything was forgotten, and it speaks plainly now."""
    await wire.open()
    fallen: list[bool] = []
    wire.channels.on_fallen = lambda: fallen.append(True)
    wire.channels.on("RDY", lambda _: wire.channels.fail_all("reset"))
    wire.modem.answers["AT+D"] = wire.modem.answers["AT+V"] = None
    tasks = [
        asyncio.create_task(engine.command(text, 60.0))
        for engine, text in ((wire.channels.data, "AT+D"), (wire.channels.voice, "AT+V"))
    ]
    await settle(lambda: len(wire.modem.asked) == 3)
    wire.modem.reset()
    for task in tasks:
        with pytest.raises(ATError, match=r"reset|closed"):
            await task
    assert fallen
    assert not wire.channels.multiplexed
    await wire.channels.data.command("AT+X")
    assert wire.modem.asked[-2:] == [(0, "AT"), (0, "AT+X")]


async def test_a_dial_into_a_dead_voice_channel_goes_out_plainly_and_is_not_lost(wire: Wire) -> None:
    """A command without an answer holds it, `AT` is unheard on it: the session is ended and the dial asks again."""
    await wire.open()
    wire.modem.deaf.add(1)
    running = asyncio.create_task(wire.at.command("AT+CREG?", 60.0, CONTROL))
    await settle(lambda: wire.modem.frames[-1][2] == b"AT+CREG?\r")
    await wire.at.command(DIAL, 25.0, EMERGENCY)
    assert wire.modem.asked[-1] == (0, DIAL)
    with pytest.raises(ATError):
        await running


async def test_a_dial_that_waits_survives_the_end_of_the_session(wire: Wire) -> None:
    """The modem closes everything while the dial stands in the queue behind a command."""
    await wire.open()
    wire.modem.answers["AT+CREG?"] = None
    running = asyncio.create_task(wire.at.command("AT+CREG?", 60.0, EMERGENCY))
    await settle(lambda: (1, "AT+CREG?") in wire.modem.asked)
    dial = asyncio.create_task(wire.at.command(DIAL, 25.0, EMERGENCY))
    await asyncio.sleep(0)
    wire.modem.mode = "plain"
    wire.modem.say(framed.made(0, framed.UIH, bytes([framed.CLD, 1])))
    with pytest.raises(ATError, match="closed"):
        await running
    await dial
    assert wire.modem.asked[-1] == (0, DIAL)


async def test_a_voice_channel_that_takes_nothing_ends_the_session(wire: Wire) -> None:
    """The modem says stop and never go: a dial does not wait for that."""
    await wire.open()
    wire.modem.say(framed.made(0, framed.UIH, bytes([0xE3, 5, 4 + 3, 0x8F])))
    await settle(lambda: wire.channels.session is not None and not wire.channels.session.may_send(1))
    await wire.at.command(DIAL, 25.0, EMERGENCY)
    assert wire.modem.asked[-1] == (0, DIAL)


async def test_a_data_channel_that_is_closed_costs_its_command_only(wire: Wire) -> None:
    """Voice goes on as if nothing had happened."""
    await wire.open()
    wire.modem.answers["AT+CIICR"] = None
    data = asyncio.create_task(wire.channels.data.command("AT+CIICR", 85.0, DATA))
    await settle(lambda: (2, "AT+CIICR") in wire.modem.asked)
    wire.modem.say(framed.made(2, framed.DISC))
    with pytest.raises(ATError, match="closed"):
        await data
    await wire.at.command(DIAL, 25.0, EMERGENCY)
    assert wire.modem.asked[-1] == (1, DIAL)
    assert wire.channels.multiplexed


async def test_what_waits_for_data_on_the_one_channel_does_not_move_to_the_voices(wire: Wire) -> None:
    """Queued behind CMUX it would run on the voice's channel for its 85 s."""
    opening = asyncio.create_task(wire.channels.open())
    await asyncio.sleep(0)
    with pytest.raises(ATError, match="closed"):
        await wire.channels.data.command("AT+CIICR", 85.0, DATA)
    assert await opening is True
    assert "AT+CIICR" not in wire.modem.commands()


async def test_a_data_channel_that_stays_dead_is_worth_a_new_session_once_no_call_wants_the_line(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it is, it must not last until the next start; and nothing happens to a call."""
    monkeypatch.setattr(channels, "_DEAD_MS", 0)
    await wire.open()
    wire.channels.busy = lambda: True
    wire.channels.data.silent = True
    await asyncio.sleep(0.3)  # a few looks at it
    assert wire.channels.falls == 0
    wire.channels.busy = lambda: False
    await settle(lambda: wire.channels.falls == 1)
    await wire.at.command("AT")
    await wire.open()


async def test_a_refusal_is_not_for_ever(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked again after a while, and not in a call."""
    assert not bench.channels.due()
    await bench.channels.open()
    assert not bench.channels.due()
    monkeypatch.setattr(channels, "_AGAIN_MS", 0)
    await bench.channels.open()
    assert bench.channels.due()
    bench.channels.busy = lambda: True
    assert not bench.channels.due()


async def test_a_modem_at_another_speed_is_found_and_set_to_ours(bench: Bench) -> None:
    """A module with the factory's setting on a port that can change."""
    speeds: list[int] = []
    bench.peer.speed = lambda baud: speeds.append(baud) or True  # type: ignore[method-assign, func-returns-value]
    bench.peer.answers["AT"] = lambda _: "\r\nOK\r\n" if speeds[-1] == 9600 else "\r\n"
    bench.at.unsure = True
    await bench.channels.hunt()
    assert speeds == [57600, 9600, 115200]
    assert bench.peer.commands()[-1] == "AT+IPR=115200"
