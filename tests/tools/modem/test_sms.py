"""SMS, byte by byte."""

from __future__ import annotations

from tests.tools.modem.bench import Bench


def test_a_message_goes_out_behind_a_prompt_into_the_tally() -> None:
    """Pins the prompt, Ctrl-Z, the reference that counts up, and that it goes nowhere else."""
    bench = Bench()
    bench.send('AT+CMGF=1;+CSCS="GSM"')
    assert bench.send('AT+CMGS="13800000001"') == b"\r\n> "
    bench.feed(b"help\x1a")
    assert bench.after(5) == b"\r\n+CMGS: 1\r\n\r\nOK\r\n"
    bench.send('AT+CMGS="13800000001"')
    bench.feed(b"help\x1a")
    assert bench.after(5) == b"\r\n+CMGS: 2\r\n\r\nOK\r\n"
    assert [(sms.number, sms.text) for sms in bench.modem.network.messages] == [("13800000001", "help")] * 2
    assert bench.events[-1] == {"ev": "sms", "number": "13800000001", "characters": 4}


def test_chinese_text_travels_as_ucs2_hex_and_is_read_back_by_the_tally() -> None:
    """Pins that number and text are both hex then, and that bad hex is an error."""
    bench = Bench()
    bench.send('AT+CMGF=1;+CSMP=17,167,2,25;+CSCS="UCS2"')
    number = "13800000001".encode("utf-16-be").hex().upper()
    bench.send(f'AT+CMGS="{number}"')
    bench.feed("请回电".encode("utf-16-be").hex().upper().encode() + b"\x1a")
    assert bench.after(5) == b"\r\n+CMGS: 1\r\n\r\nOK\r\n"
    assert (bench.modem.network.messages[0].number, bench.modem.network.messages[0].text) == ("13800000001", "请回电")
    bench.send(f'AT+CMGS="{number}"')
    bench.feed(b"no hex\x1a")
    assert bench.after(5) == b"\r\n+CMS ERROR: 305\r\n"


def test_escape_cancels_and_no_network_or_card_is_an_error() -> None:
    """Pins the three ways not to send."""
    bench = Bench()
    bench.send("AT+CMGF=1")
    bench.send('AT+CMGS="13800000001"')
    bench.feed(b"never mind\x1b")
    assert bench.after(5) == b"\r\nOK\r\n"
    bench.control("registration off")
    bench.send('AT+CMGS="13800000001"')
    bench.feed(b"help\x1a")
    assert bench.after(5) == b"\r\n+CMS ERROR: 331\r\n"
    bench.control("sim out")
    bench.out()
    assert bench.send('AT+CMGS="13800000001"') == b"\r\n+CMS ERROR: 310\r\n"
    assert bench.modem.network.messages == []


def test_a_caller_is_turned_away_while_a_message_is_being_sent() -> None:
    """Pins the trap that the manual names."""
    bench = Bench()
    bench.send("AT+CMGF=1")
    bench.send('AT+CMGS="13800000001"')
    bench.feed(b"help\x1a")
    assert bench.control("call 13800000001") == "ok busy"


def test_a_message_that_comes_in_is_announced_read_and_deleted() -> None:
    """Pins +CMTI, +CMGR, and a card that is full."""
    bench = Bench()
    bench.send("AT+CMGF=1")
    assert bench.control('sms 13800000001 "status please"') == "ok"
    assert bench.out() == b'\r\n+CMTI: "SM",1\r\n'
    head = b'","13800000001","","30/03/18,16:00:30+32"\r\nstatus please\r\n\r\nOK\r\n'
    assert bench.send("AT+CMGR=1") == b'\r\n+CMGR: "REC UNREAD' + head
    assert bench.send("AT+CMGR=1") == b'\r\n+CMGR: "REC READ' + head
    assert bench.send("AT+CMGD=1") == b"\r\nOK\r\n"
    assert bench.send("AT+CMGR=1") == b"\r\nOK\r\n"
    assert [bench.control("sms 13800000001 x") for _ in range(21)][-2:] == ["ok", "error it cannot arrive"]
    bench.out()
    assert bench.send("AT+CMGD=1,4") == b"\r\nOK\r\n"
    assert bench.control("sms 13800000001 x") == "ok"
