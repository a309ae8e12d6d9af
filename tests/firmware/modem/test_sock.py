"""The stream over the modem's own TCP stack."""

from __future__ import annotations

import asyncio

import pytest

from firmware.modem.command import EMERGENCY
from firmware.modem.sock import _SEND_MAX, PUSHES, ModemStream, StreamError
from tests.firmware.modem.peer import Bench, settle


class Line:
    """A stream, what voice wants, and bytes that the modem holds for us."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.held = False
        self.wanted = False
        self.waiting = b""
        self.stream = ModemStream(bench.channels, lambda: self.held, lambda: self.wanted)
        answers = bench.peer.answers
        answers["AT+CIPSHUT"] = "\r\nSHUT OK\r\n"
        answers["AT+CIFSR"] = "\r\n10.0.0.2\r\n"
        answers['AT+CIPSTART="TCP","h",1883'] = "\r\nOK\r\n\r\nCONNECT OK\r\n"
        answers["AT+CIPRXGET=4"] = lambda _: f"\r\n+CIPRXGET: 4,{len(self.waiting)}\r\n\r\nOK\r\n"
        answers["AT+CIPRXGET=2,64"] = self._read

    def _read(self, _: str) -> str:
        piece, self.waiting = self.waiting, b""
        return f"\r\n+CIPRXGET: 2,{len(piece)},0\r\n{piece.decode()}\r\nOK\r\n"


@pytest.fixture
async def line(bench: Bench) -> Line:
    one = Line(bench)
    await one.stream.open("h", 1883, "cmiot")
    return one


async def test_opening_follows_the_modems_order(line: Line) -> None:
    """Modes before the access point, the address before the connection."""
    assert line.bench.peer.commands() == [
        "AT+CIPSHUT",
        "AT+CGATT=1",
        "AT+CIPMUX=0",
        "AT+CIPQSEND=1",
        "AT+CIPRXGET=1",
        'AT+CSTT="cmiot","",""',
        "AT+CIICR",
        "AT+CIFSR",
        'AT+CIPSTART="TCP","h",1883',
    ]


async def test_data_whose_report_was_lost_is_found_by_polling(line: Line) -> None:
    """The report is lost when it meets a read or a send."""
    read = asyncio.create_task(line.stream.read(64))
    await settle(lambda: "AT+CIPRXGET=4" in line.bench.peer.commands())
    line.waiting = b"abc"
    assert await asyncio.wait_for(read, 5) == b"abc"


async def test_a_write_goes_in_pieces_that_do_not_delay_a_dial(line: Line) -> None:
    """At most 512 bytes each, in order."""
    peer = line.bench.peer
    peer.answers[f"AT+CIPSEND={_SEND_MAX}"] = "\r\n> "
    peer.answers["AT+CIPSEND=88"] = "\r\n> "
    write = asyncio.create_task(line.stream.write(b"x" * _SEND_MAX + b"y" * 88))
    await settle(lambda: b"x" * _SEND_MAX in peer.told)
    peer.say(f"\r\nDATA ACCEPT:{_SEND_MAX}\r\n")
    await settle(lambda: b"y" * 88 in peer.told)
    peer.say("\r\nDATA ACCEPT:88\r\n")
    await write


async def test_in_a_call_nothing_is_read_or_sent_and_afterwards_it_goes_on(line: Line) -> None:
    """GPRS is suspended; the connection is not given up."""
    line.held = True
    line.waiting = b"abc"
    line.bench.peer.told.clear()
    read = asyncio.create_task(line.stream.read(64))
    line.bench.peer.say("\r\n+CIPRXGET: 1\r\n")
    await asyncio.sleep(0.1)
    assert line.bench.peer.told == []
    line.held = False
    line.stream.resumed()
    assert await asyncio.wait_for(read, 5) == b"abc"


async def test_no_step_that_holds_the_channel_begins_while_a_call_is_wanted(bench: Bench) -> None:
    """The alarm comes first; the link tries again later."""
    line = Line(bench)
    line.wanted = True
    with pytest.raises(StreamError):
        await line.stream.open("h", 1883, "cmiot")
    assert bench.peer.told == []


async def test_the_end_of_the_connection_ends_the_reading(line: Line) -> None:
    """`CLOSED`, and the loss of the bearer too, which must be raised anew."""
    read = asyncio.create_task(line.stream.read(64))
    line.bench.peer.say("\r\nCLOSED\r\n")
    assert await asyncio.wait_for(read, 5) == b""
    await line.stream.open("h", 1883, "cmiot")
    line.bench.peer.say("\r\n+PDP: DEACT\r\n")
    assert await asyncio.wait_for(line.stream.read(64), 5) == b""
    with pytest.raises(StreamError):
        await line.stream.write(b"x")


async def test_a_refused_connection_and_a_dead_bearer_say_which_step(bench: Bench) -> None:
    """For the note, without anything personal."""
    line = Line(bench)
    bench.peer.answers['AT+CIPSTART="TCP","h",1883'] = "\r\nOK\r\n\r\nSTATE: TCP CLOSED\r\n\r\nCONNECT FAIL\r\n"
    with pytest.raises(StreamError, match="connect: refused"):
        await line.stream.open("h", 1883, "cmiot")
    bench.peer.answers["AT+CIICR"] = "\r\nERROR\r\n"
    with pytest.raises(StreamError, match="CIICR"):
        await line.stream.open("h", 1883, "cmiot")


async def test_a_read_that_is_given_up_ends_the_stream(line: Line) -> None:
    """What the modem handed out meanwhile is lost: the stream would go on in the middle of a packet."""
    line.waiting = b"abc"
    line.bench.peer.answers["AT+CIPRXGET=2,64"] = None
    read = asyncio.create_task(line.stream.read(64))
    await settle(lambda: "AT+CIPRXGET=2,64" in line.bench.peer.commands())
    await line.bench.at.command("ATD1;", 5.0, EMERGENCY)
    assert await asyncio.wait_for(read, 5) == b""
    assert not line.stream.opened


async def test_a_reader_of_the_connection_before_takes_nothing_of_the_next(line: Line) -> None:
    """Its cancellation may have been swallowed by an event of the same turn."""
    old = asyncio.create_task(line.stream.read(64))
    await settle(lambda: "AT+CIPRXGET=4" in line.bench.peer.commands())
    await line.stream.open("h", 1883, "cmiot")
    line.waiting = b"abc"
    new = asyncio.create_task(line.stream.read(64))
    assert await asyncio.wait_for(new, 5) == b"abc"
    assert await asyncio.wait_for(old, 5) == b""


async def test_a_send_that_stood_behind_a_dial_waits_for_the_end_of_the_call(line: Line) -> None:
    """Nothing leaves in a call: also not what was queued a moment before it."""
    peer = line.bench.peer
    peer.answers["ATD1;"] = None
    peer.answers["AT+CIPSEND=2"] = "\r\n> \r\nDATA ACCEPT:2\r\n"
    dial = asyncio.create_task(line.bench.at.command("ATD1;", 5.0, EMERGENCY))
    await settle(lambda: "ATD1;" in peer.commands())
    send = asyncio.create_task(line.stream.write(b"ab"))
    await asyncio.sleep(0)
    line.held = True
    peer.say("\r\nOK\r\n")
    await dial
    await line.bench.at.command("AT+CSQ")
    assert "AT+CIPSEND=2" not in peer.commands()
    line.held = False
    line.stream.resumed()
    await send
    assert peer.commands().count("AT+CIPSEND=2") == 1


async def test_a_modem_without_quick_send_connects_all_the_same(bench: Bench) -> None:
    """A send then ends with SEND OK."""
    one = Line(bench)
    bench.peer.answers["AT+CIPQSEND=1"] = "\r\nERROR\r\n"
    await one.stream.open("h", 1883, "cmiot")
    bench.peer.answers["AT+CIPSEND=2"] = "\r\n> \r\nSEND OK\r\n"
    await one.stream.write(b"ab")
    assert one.stream.opened


async def test_without_manual_receive_there_is_no_connection(bench: Bench) -> None:
    """Data between the lines of other answers cannot be told from them."""
    one = Line(bench)
    bench.peer.answers["AT+CIPRXGET=1"] = "\r\nERROR\r\n"
    with pytest.raises(StreamError, match=PUSHES):
        await one.stream.open("h", 1883, "cmiot")


async def test_a_connection_that_is_told_without_an_ok_is_one(bench: Bench) -> None:
    """Some modems say CONNECT OK in the place of the OK."""
    one = Line(bench)
    bench.peer.answers['AT+CIPSTART="TCP","h",1883'] = "\r\nCONNECT OK\r\n"
    await one.stream.open("h", 1883, "cmiot")
    assert one.stream.opened
