"""The multiplexer: opening, closing, its control channel, and four channels that do not hold each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.modem.bench import Bench
from tests.tools.modem.muxbench import DISC, DM, SABM, UA, UIH, MuxBench, frame, parse
from tools.modem.mux import MAX_STOPPED

F = 0x10
CLOSE_DOWN = frame(0, UIH, b"\xc3\x01")


def test_the_multiplexer_is_asked_for_and_opened_channel_by_channel() -> None:
    """Pins the answers UA and the modem's own signals, one frame each, in this order."""
    bench = Bench()
    assert bench.send("AT+CMUX?") == b"\r\n+CMUX: 0,0,5,127,10,3,30,10,2\r\n\r\nOK\r\n"
    assert bench.send("AT+CMUX=0,0,5,127") == b"\r\nOK\r\n"
    bench.feed(frame(0, SABM) + frame(1, SABM))
    assert parse(bench.out()) == [(0, UA | F, b""), (1, UA | F, b""), (0, UIH, b"\xe3\x05\x07\x8d")]
    bench.feed(frame(1, UIH, b"AT\r"))
    assert b"".join(information for _, _, information in parse(bench.out())) == b"AT\r\r\nOK\r\n"
    assert bench.names() == ["mux", "mux"]


@pytest.mark.parametrize(
    "text", ["1", "0,1", "0,0,9", "0,0,5,0", "0,0,5,1541", "0,0,5,127,0", "x", "0,0,5,127,10,3,30,10,2,1"]
)
def test_what_the_multiplexer_cannot_do_is_refused(text: str) -> None:
    """Pins the ranges; the line stays bare."""
    bench = Bench()
    bench.send("AT+CMEE=1")
    assert bench.send(f"AT+CMUX={text}") == b"\r\n+CME ERROR: 50\r\n"
    assert bench.send("AT") == b"\r\nOK\r\n"


def test_a_module_without_a_multiplexer_says_error() -> None:
    """Pins the switch for the terminal's plan with one channel."""
    bench = Bench()
    assert bench.control("cmux off") == "ok"
    assert bench.send("AT+CMUX=0") == b"\r\nERROR\r\n"
    assert bench.send("AT+CMUX?") == b"\r\nERROR\r\n"
    assert bench.control("cmux on") == "ok"
    assert bench.send("AT+CMUX=0") == b"\r\nOK\r\n"


def test_there_is_no_channel_before_the_control_channel_and_no_fifth_one() -> None:
    """Pins DM for everything that cannot be, and that data for nobody is counted."""
    bench = Bench()
    bench.send("AT+CMUX=0")
    bench.feed(frame(1, SABM))
    assert parse(bench.out()) == [(1, DM | F, b"")]
    bench.feed(frame(0, SABM) + frame(5, SABM) + frame(2, UIH, b"AT\r") + frame(3, DISC))
    assert parse(bench.out()) == [(0, UA | F, b""), (5, DM | F, b""), (2, DM, b""), (3, DM | F, b"")]
    assert bench.modem.dropped["mux_closed"] == 3


def test_settings_of_a_channel_are_its_own_and_those_of_the_module_are_not() -> None:
    """Pins that a driver has to send its profile on each channel."""
    bench = MuxBench()
    assert bench.ask(1, "AT+CMGF=1;+CNMI=2,0,0,0,0;+CMEE=1;+CLVL=90;+CIPQSEND=1") == b"\r\nOK\r\n"
    shown = bench.ask(2, "AT+CMGF?;+CNMI?;+CMEE?;+CLVL?;+CIPQSEND?")
    assert shown == (
        b"\r\n+CMGF: 0\r\n\r\n+CNMI: 2,1,0,0,0\r\n\r\n+CMEE: 0\r\n\r\n+CLVL: 90\r\n\r\n+CIPQSEND: 1\r\n\r\nOK\r\n"
    )
    assert bench.ask(1, "AT+NOSUCH=1;") == b"\r\nERROR\r\n"
    assert bench.ask(1, 'AT+CIPSTART="UDP","a",1') == b"\r\n+CME ERROR: 50\r\n"
    assert bench.ask(2, 'AT+CIPSTART="UDP","a",1') == b"\r\nERROR\r\n"


def test_a_channel_that_is_opened_again_starts_from_the_memory() -> None:
    """Pins echo and profile after DISC and SABM."""
    bench = MuxBench()
    bench.feed(frame(2, DISC))
    assert parse(bench.out()) == [(2, UA | F, b"")]
    bench.feed(frame(2, SABM))
    bench.out()
    assert bench.ask(2, "AT") == b"AT\r\r\nOK\r\n"


def test_a_command_that_blocks_one_channel_does_not_hold_another() -> None:
    """Pins what all this is for: ATD goes out while CIICR takes its 85 seconds."""
    bench = MuxBench()
    bench.control("number 01055500001 answer after=1")
    bench.control("block +CIICR 85")
    bench.ask(2, 'AT+CSTT="cmiot"')
    bench.write_to(2, b"AT+CIICR\r")
    bench.sleep(1)
    bench.ask(1, "AT+CLCC=1")
    assert bench.ask(1, "ATD01055500001;", 0.4).startswith(b"\r\nOK\r\n\r\n+CLCC: 1,0,2,")
    bench.sleep(10)
    assert bench.modem.voice.call is not None
    assert bench.modem.voice.call.record.active_at is not None
    assert bench.ask(3, "AT+CMGF=1") == b"\r\nOK\r\n"
    assert bench.ask(1, "ATH", 1) == b'\r\n+CLCC: 1,0,6,0,0,"01055500001",129,""\r\n\r\nOK\r\n'
    bench.sleep(60)
    assert bench.heard() == {}
    bench.sleep(20)
    assert bench.heard() == {2: b"\r\nOK\r\n"}


def test_bytes_on_one_channel_do_not_abort_the_dialling_of_another() -> None:
    """Pins that the abort belongs to the channel that dials."""
    bench = MuxBench()
    bench.write_to(1, b"ATD01055500001;\r")
    bench.write_to(2, b"AT\r")
    assert bench.heard() == {2: b"\r\nOK\r\n"}
    bench.sleep(1)
    assert bench.heard() == {1: b"\r\nOK\r\n"}
    bench.ask(1, "ATH", 1)
    bench.write_to(1, b"ATD01055500001;\r")
    bench.write_to(1, b"A")
    assert bench.heard() == {1: b"\r\nNO CARRIER\r\n"}


def test_who_hears_which_report() -> None:
    """Pins the routes: a setting's lines to the channels that set it, bare ones to all, data to whoever commands it."""
    bench = MuxBench()
    bench.ask(1, "AT+CLCC=1;+CLIP=1;+CREG=2")
    bench.ask(2, "AT+CREG=1")
    bench.control("registration off")
    assert bench.heard() == {1: b"\r\n+CREG: 2\r\n", 2: b"\r\n+CREG: 2\r\n"}
    bench.control("registration on")
    bench.sleep(10)
    assert bench.heard() == {1: b'\r\n+CREG: 1,"10A1","2B02"\r\n', 2: b"\r\n+CREG: 1\r\n"}
    bench.control("call 13800000001 seconds=3")
    bench.sleep(4)
    said = bench.heard()
    assert said[2] == said[3] == b"\r\nRING\r\n\r\nNO CARRIER\r\n"
    assert b"RING" in said[1]
    assert b"+CLIP" in said[1]
    assert said[1].count(b"+CLCC: ") == 2
    bench.control("undervoltage")
    assert set(bench.heard()) == {1, 2, 3}


def test_a_connection_speaks_to_the_channel_that_commands_it() -> None:
    """Pins counted bytes in frames, both ways, of more than one frame's length."""
    bench = MuxBench()
    for command in ("AT+CIPRXGET=1", "AT+CIPQSEND=1", 'AT+CSTT="cmiot","",""', "AT+CIICR", "AT+CIFSR"):
        bench.ask(2, command, 5)
    assert bench.ask(2, 'AT+CIPSTART="TCP","broker.example",1883', 5) == b"\r\nOK\r\n\r\nCONNECT OK\r\n"
    payload = bytes(range(256)) * 4
    assert bench.ask(2, f"AT+CIPSEND={len(payload)}") == b"\r\n> "
    bench.write_to(2, payload)
    assert bench.heard() == {2: b"\r\nDATA ACCEPT:1024\r\n"}
    assert bytes(bench.pipes[0].sent) == payload
    bench.pipes[0].connection.received(payload)
    assert bench.heard() == {2: b"\r\n+CIPRXGET: 1\r\n"}
    assert bench.ask(2, "AT+CIPRXGET=2,1460") == b"\r\n+CIPRXGET: 2,1024,0\r\n" + payload + b"\r\nOK\r\n"
    bench.feed(frame(2, DISC))
    bench.out()
    bench.pipes[0].connection.closed()
    assert bench.heard() == {1: b"\r\nCLOSED\r\n", 3: b"\r\nCLOSED\r\n"}


def test_a_report_waits_only_on_the_channel_with_a_prompt() -> None:
    """Pins that a prompt is a channel's own."""
    bench = MuxBench(2)
    bench.ask(2, "AT+CMGF=1")
    assert bench.ask(2, 'AT+CMGS="13800000001"') == b"\r\n> "
    bench.control("undervoltage")
    assert bench.heard() == {1: b"\r\nUNDER-VOLTAGE WARNNING\r\n"}
    bench.write_to(2, b"\x1b")
    assert bench.heard() == {2: b"\r\nUNDER-VOLTAGE WARNNING\r\n\r\nOK\r\n"}


def test_the_control_channel_answers_what_it_knows_and_says_what_it_does_not() -> None:
    """Pins test, parameters, signals, flow of all, and the answer to anything else."""
    bench = MuxBench()

    def control(message: bytes) -> list[bytes]:
        bench.feed(frame(0, UIH, message))
        return [information for _, _, information in parse(bench.out())]

    assert control(b"\x23\x07abc") == [b"\x21\x07abc"]
    assert control(b"\xe3\x05\x07\x8d") == [b"\xe1\x05\x07\x8d"]
    assert control(b"\x83\x11\x01\x00\x07\x0a\xff\x7f\x03\x02") == [b"\x81\x11\x01\x00\x07\x0a\x7f\x00\x03\x02"]
    assert control(b"\x93\x03\x07") == [b"\x11\x03\x93"]
    assert control(b"\xe1\x05\x07\x8d") == []
    assert control(b"\x23\x07a") == []
    assert bench.modem.dropped["mux_message"] == 1
    assert control(b"\x23\x01\x23\x03x") == [b"\x21\x01", b"\x21\x03x"]


def test_a_channel_that_the_terminal_stops_keeps_its_words_and_the_others_speak() -> None:
    """Pins FC of one channel, FCoff of all, and the bound."""
    bench = MuxBench(2)
    bench.feed(frame(0, UIH, b"\xe3\x05\x0b\x8f"))
    bench.out()
    bench.write_to(2, b"AT\r")
    bench.write_to(1, b"AT\r")
    assert bench.heard() == {1: b"\r\nOK\r\n"}
    bench.feed(frame(0, UIH, b"\xe3\x05\x0b\x8d"))
    assert parse(bench.out())[0] == (2, UIH, b"\r\nOK\r\n")
    bench.feed(frame(0, UIH, b"\x63\x01"))
    bench.out()
    for _ in range(MAX_STOPPED // 6 + 1):
        bench.write_to(1, b"AT\r")
    assert bench.out() == b""
    assert bench.modem.dropped["mux_stopped"] > 0
    bench.feed(frame(0, UIH, b"\xa3\x01"))
    assert len(b"".join(i for n, _, i in parse(bench.out()) if n == 1)) == MAX_STOPPED


def test_a_terminal_that_starts_anew_is_not_heard_until_it_closes_the_multiplexer() -> None:
    """Pins the trap of an ESP32 reset, and its three ways out."""
    for way_out in (CLOSE_DOWN, frame(0, DISC)):
        bench = MuxBench()
        assert bench.send("AT", 5) == b""
        assert bench.send("AT+CPIN?", 5) == b""
        bench.feed(way_out)
        answer = parse(bench.out())
        assert answer in ([(0, UIH, b"\xc1\x01")], [(0, UA | F, b"")])
        assert bench.send("AT") == b"\r\nOK\r\n"
        assert bench.modem.mux is None
    bench = MuxBench()
    bench.control("power cycle")
    assert b"\r\nRDY\r\n" in bench.after(20)
    assert bench.send("AT") == b"AT\r\r\nOK\r\n"


def test_what_a_channel_was_doing_ends_with_it() -> None:
    """Pins that a late result of a closed channel falls on nobody, also not on its successor."""
    bench = MuxBench()
    bench.ask(2, 'AT+CSTT="cmiot"')
    bench.write_to(2, b"AT+CIICR\r")
    bench.feed(frame(2, DISC) + frame(2, SABM))
    bench.out()
    bench.sleep(10)
    assert bench.heard() == {}
    assert bench.ask(2, "AT") == b"AT\r\r\nOK\r\n"
    bench.write_to(2, b"AT+CIPSHUT\r")
    bench.feed(CLOSE_DOWN)
    bench.out()
    assert bench.after(5) == b""
    assert bench.send("AT") == b"\r\nOK\r\n"


def test_the_multiplexer_within_the_multiplexer_is_refused() -> None:
    """Pins the error on a channel."""
    bench = MuxBench()
    assert bench.ask(1, "AT+CMUX=0") == b"\r\nERROR\r\n"


def test_long_answers_come_in_frames_of_the_agreed_length() -> None:
    """Pins N1 for what the modem sends."""
    bench = MuxBench(1, "AT+CMUX=0,0,5,20")
    bench.write_to(1, b"AT+CREG?;+CSQ;+CBC\r"[:19])
    sizes = [len(information) for _, _, information in parse(bench.out())]
    assert max(sizes) <= 20
    assert sum(sizes) > 20


def test_a_damaged_frame_is_dropped_and_counted() -> None:
    """Pins that a command with a wrong check sum never runs."""
    bench = MuxBench()
    bad = bytearray(frame(1, UIH, b"AT\r"))
    bad[-2] ^= 1
    bench.feed(bytes(bad))
    assert bench.out() == b""
    assert bench.modem.dropped["mux_bad"] == 1
    assert bench.ask(1, "AT") == b"\r\nOK\r\n"


@given(st.lists(st.integers(1, 40), max_size=12))
def test_how_the_frames_are_cut_makes_no_difference(cuts: list[int]) -> None:
    """Pins that a UART delivers frames in pieces of any size."""
    script = frame(1, UIH, b"AT+CREG=2;+CREG?\r") + frame(2, UIH, b'AT+CSTT="cmiot"\r') + frame(3, UIH, b"AT+CMGF?\r")
    script += frame(0, UIH, b"\x23\x03x") + frame(2, UIH, b"AT+CIPSTATUS\r") + CLOSE_DOWN + b"AT\r"
    whole, pieces = MuxBench(), MuxBench()
    whole.feed(script)
    for cut in cuts:
        pieces.feed(script[:cut])
        script = script[cut:]
    pieces.feed(script)
    assert whole.out() == pieces.out()


some_commands = st.sampled_from(["AT", "AT+CSQ", "AT+CBC", "AT+CREG?", "AT+NO"])


@given(st.lists(st.tuples(st.integers(1, 3), some_commands), max_size=20))
def test_each_channel_answers_its_own_commands_in_order(steps: list[tuple[int, str]]) -> None:
    """Pins the channels against three modems of their own."""
    bench, alone = MuxBench(), {n: Bench() for n in (1, 2, 3)}
    expected = dict.fromkeys((1, 2, 3), b"")
    for n, command in steps:
        bench.write_to(n, command.encode() + b"\r")
        expected[n] += alone[n].send(command)
    said = bench.heard()
    assert {n: said.get(n, b"") for n in (1, 2, 3)} == expected


@given(st.binary(max_size=300))
def test_no_bytes_at_all_keep_a_terminal_out(noise: bytes) -> None:
    """Pins the recovery: flags over the longest frame, close down, and the line is bare, whatever came before."""
    bench = MuxBench()
    bench.feed(noise)
    bench.sleep(200)
    bench.feed(b"\xf9" * 130 + CLOSE_DOWN)
    bench.out()
    if not bench.modem.awake:
        return
    bench.feed(b"\r")
    bench.sleep(200)
    bench.out()
    assert bench.send("AT").endswith(b"\r\nOK\r\n")
