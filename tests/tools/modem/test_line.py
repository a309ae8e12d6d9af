"""The serial line and the grammar of commands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.modem.bench import Bench
from tools.modem.syntax import BadLineError, Request, split


def test_a_command_is_echoed_up_to_its_carriage_return_and_answered_in_a_frame() -> None:
    """Pins the two bytes around every response and the echo without LF."""
    bench = Bench()
    assert bench.send("ATE1") == b"\r\nOK\r\n"
    bench.feed(b"AT\r\n")
    assert bench.out() == b"AT\r\r\nOK\r\n"


def test_an_unknown_command_is_an_error_and_a_line_without_at_is_noise() -> None:
    """Pins what a modem does not know, and what it does not even hear."""
    bench = Bench()
    assert bench.send("AT+NOSUCH=1") == b"\r\nERROR\r\n"
    assert bench.send("hello") == b""
    assert bench.send("\xff\x00AT") == b"\r\nOK\r\n"
    assert bench.modem.bare.line.ignored == 1


def test_a_line_beyond_556_characters_is_refused_whole() -> None:
    """Pins the vendor's limit on both sides."""
    bench = Bench()
    assert bench.send("AT" + "E0" * 39) == b"\r\nOK\r\n"
    assert bench.send("AT+CSCS=" + "G" * 550) == b"\r\nOK\r\n"
    assert bench.send("AT+CSCS=" + "G" * 551) == b"\r\nERROR\r\n"
    assert bench.send("AT+CSCS=" + "G" * 5000) == b"\r\nERROR\r\n"
    assert bench.send("AT" + "E0" * 40) == b"\r\nERROR\r\n"


def test_commands_on_one_line_share_one_result_and_stop_at_the_first_error() -> None:
    """Pins concatenation: every line of text, one OK, nothing after an ERROR."""
    bench = Bench()
    answer = bench.send("ATE0+CREG?;+CMEE=1;+CSQ")
    assert answer == b"\r\n+CREG: 0,1\r\n\r\n+CSQ: 22,0\r\n\r\nOK\r\n"
    assert bench.send("AT+CSQ;+NOSUCH;+CMEE=2") == b"\r\n+CSQ: 22,0\r\n\r\nERROR\r\n"
    assert bench.send("AT+CMEE?") == b"\r\n+CMEE: 1\r\n\r\nOK\r\n"


def test_nothing_runs_behind_a_command_that_ends_the_channel() -> None:
    """Pins a reset, and the multiplexer, in the middle of a line."""
    bench = Bench()
    assert bench.send("AT+CFUN=1,1;+CSQ", 20).startswith(b"\r\nRDY\r\n")
    assert bench.send("ATE0;+CMUX=0;+CSQ").endswith(b"ATE0;+CMUX=0;+CSQ\r")
    assert bench.modem.mux is not None


def test_backspace_takes_a_character_back() -> None:
    """Pins the one editing character."""
    bench = Bench()
    bench.feed(b"AX\x08T\r")
    assert bench.out() == b"\r\nOK\r\n"


def test_what_comes_while_a_command_runs_is_lost_and_counted() -> None:
    """Pins that there is no queue of commands in the modem."""
    bench = Bench()
    bench.feed(b"AT+CIPSHUT\rAT+CSQ\r")
    assert bench.after(1) == b"\r\nSHUT OK\r\n"
    assert bench.modem.dropped["rx_busy"] == len(b"AT+CSQ\r")


def test_requests_know_their_form_and_their_arguments() -> None:
    """Pins the grammar: quotes hide commas and semicolons, ATD takes the rest of the line."""
    assert split('+CSTT="a,b;c",,"" ; +CREG? ;+CSQ=?') == [
        Request("+CSTT", "write", ("a,b;c", "", "")),
        Request("+CREG", "read"),
        Request("+CSQ", "test"),
    ]
    assert split("E1Q0S0=2") == [
        Request("E", "exec", ("1",)),
        Request("Q", "exec", ("0",)),
        Request("S0", "write", ("2",)),
    ]
    assert split("&WD13800000001;") == [Request("&W", "exec", ("0",)), Request("D", "exec", ("13800000001;",))]
    for bad in ("?", '+CSTT="a', "+CREG?1", "=1"):
        with pytest.raises(BadLineError):
            split(bad)


@given(st.binary(max_size=300))
def test_no_bytes_at_all_stop_the_modem(noise: bytes) -> None:
    """Pins that whatever came before, the modem answers AT again within its longest command."""
    bench = Bench()
    bench.feed(noise)
    bench.sleep(200)
    bench.feed(b"\x1b" + b"\r" * 1461)
    bench.sleep(200)
    bench.feed(b"\x1a")
    bench.sleep(200)
    if not bench.modem.awake:
        bench.modem.power_on()
        bench.sleep(60)
    bench.send("ATE0", 200)
    assert bench.send("AT") == b"\r\nOK\r\n"


@given(st.lists(st.integers(1, 40), max_size=8))
def test_how_the_bytes_are_cut_makes_no_difference(cuts: list[int]) -> None:
    """Pins that a UART delivers in pieces of any size."""
    script = b'AT\r\nATE1\rAT+CREG=2;+CREG?\rAT+CSTT="cmiot","",""\rAT+CIPSTATUS\rAT+CBC\r'
    whole, pieces = Bench(), Bench()
    whole.feed(script)
    for cut in cuts:
        pieces.feed(script[:cut])
        script = script[cut:]
    pieces.feed(script)
    assert whole.out() == pieces.out()
