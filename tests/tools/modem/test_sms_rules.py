"""SMS: alphabets and lengths, every way to be refused, and what the tally tells of each message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.modem.bench import Bench
from tools.modem.fault_kinds import SMS_CODES
from tools.modem.sms import ucs2

NUMBER = "13800000001"
CHINESE = "张奶奶按了求助键，请马上联系她。"


def wide(text: str) -> str:
    return text.encode("utf-16-be").hex().upper()


def text_bench() -> Bench:
    """Text mode with Chinese."""
    bench = Bench()
    bench.send('AT+CMGF=1;+CSMP=17,167,2,25;+CSCS="UCS2";+CMEE=1')
    return bench


def send(bench: Bench, text: str, wait: float = 5) -> bytes:
    assert bench.send(f'AT+CMGS="{wide(NUMBER)}"') == b"\r\n> "
    bench.feed(text.encode() + b"\x1a")
    return bench.after(wait)


def test_seventy_characters_of_chinese_are_one_message_and_one_more_is_too_long() -> None:
    """Pins the limit of UCS2 and its code; an astral character counts twice."""
    bench = text_bench()
    assert send(bench, wide("急" * 70)) == b"\r\n+CMGS: 1\r\n\r\nOK\r\n"
    assert send(bench, wide("急" * 71)) == b"\r\n+CMS ERROR: 513\r\n"
    assert send(bench, wide("急" * 69 + "🆘")) == b"\r\n+CMS ERROR: 513\r\n"
    tally = bench.modem.network.tally()
    assert [message["text"] for message in tally["sms"]] == ["急" * 70]
    assert [message["error"] for message in tally["sms_failed"]] == [513, 513]


def test_the_text_of_the_tally_is_what_a_person_would_read() -> None:
    """Pins the decoding, and the coding schemes that mean UCS2."""
    bench = text_bench()
    for scheme in ("8", "25", "24"):
        bench.send(f"AT+CSMP=17,167,2,{scheme}")
        assert b"+CMGS: " in send(bench, wide(CHINESE))
    for scheme in ("0", "17", "4"):
        bench.send(f"AT+CSMP=17,167,2,{scheme}")
        assert send(bench, wide(CHINESE)) == b"\r\n+CMS ERROR: 305\r\n"
        assert b"+CMGS: " in send(bench, wide("SOS"))
    texts = [message.text for message in bench.modem.network.messages]
    assert texts == [CHINESE] * 3 + ["SOS"] * 3
    assert {message.number for message in bench.modem.network.messages} == {NUMBER}


@given(st.text(max_size=300))
def test_hex_digits_are_read_as_text_and_nothing_else_is(text: str) -> None:
    """Pins a round trip, and that odd input is an error and not a crash."""
    if all(not 0xD800 <= ord(char) <= 0xDFFF for char in text) and text:
        assert ucs2(wide(text)) == text
    found = ucs2(text)
    assert found is None or wide(found) == text.upper()


def test_it_takes_as_long_as_the_manual_allows_when_the_network_is_slow() -> None:
    """Pins the minute that the emergency path has to survive."""
    bench = text_bench()
    bench.control("fault sms_slow seconds=30")
    assert send(bench, wide(CHINESE), 59) == b""
    assert bench.control(f"call {NUMBER}") == "ok busy"
    assert bench.after(1) == b"\r\n+CMGS: 1\r\n\r\nOK\r\n"


@pytest.mark.parametrize("code", SMS_CODES)
def test_a_refusal_of_the_network_comes_with_its_code(code: int) -> None:
    """Pins the fault and that what was tried is in the tally: a judge has to see that it was tried."""
    bench = text_bench()
    bench.control(f"fault sms_fail code={code} seconds=20")
    assert send(bench, wide(CHINESE)) == b"\r\n+CMS ERROR: %d\r\n" % code
    assert bench.modem.network.messages == []
    assert [(sms.number, sms.text, sms.error) for sms in bench.modem.network.failed] == [(NUMBER, CHINESE, code)]
    bench.sleep(20)
    assert b"+CMGS: 1" in send(bench, wide(CHINESE))


def test_a_message_leaves_while_a_call_is_up_and_does_not_disturb_it() -> None:
    """Pins that the circuit domain carries both."""
    bench = text_bench()
    bench.control(f"number {NUMBER} answer after=1 talk=60")
    bench.send(f"ATD{NUMBER};", 10)
    assert b"+CMGS: 1" in send(bench, wide(CHINESE))
    bench.sleep(100)
    call = bench.modem.network.calls[-1]
    assert (call.cause, call.talked) == ("NO CARRIER", 60.0)


def test_a_reset_while_a_message_is_sent_leaves_the_modem_usable() -> None:
    """Pins that it is not forgotten as sent, and not stuck as being sent."""
    bench = text_bench()
    assert send(bench, wide(CHINESE), 0.1) == b""
    bench.control("fault reset")
    bench.sleep(20)
    bench.out()
    assert bench.modem.network.messages == []
    assert bench.control(f"call {NUMBER}") == "ok ringing"
