"""Calls, byte by byte: answered, busy, unanswered, unreachable, a voicemail, incoming ones, and two at once."""

from __future__ import annotations

from tests.tools.modem.bench import Bench


def voice_bench() -> Bench:
    bench = Bench()
    bench.send("AT+CLCC=1;+MORING=1;+CLIP=1;+CMEE=1")
    return bench


def clcc(stat: int, number: str = "01055500001", direction: int = 0) -> bytes:
    return f'\r\n+CLCC: 1,{direction},{stat},0,0,"{number}",129,""\r\n'.encode()


def test_a_call_that_is_answered_and_ended_by_the_other_side() -> None:
    """Pins the whole dialogue: OK means dialled, only stat 0 and MO CONNECTED mean answered."""
    bench = voice_bench()
    bench.control("number 01055500001 answer after=3 talk=8")
    assert bench.send("ATD01055500001;", 0.4) == b"\r\nOK\r\n" + clcc(2)
    assert bench.after(2) == clcc(3) + b"\r\nMO RING\r\n"
    assert bench.after(2) == b""
    assert bench.after(1) == clcc(0) + b"\r\nMO CONNECTED\r\n"
    assert bench.send("AT+CLCC") == clcc(0) + b"\r\nOK\r\n"
    assert bench.after(8) == clcc(6) + b"\r\nNO CARRIER\r\n"
    assert bench.send("AT+CLCC") == b"\r\nOK\r\n"
    assert bench.names() == ["dial", "ringing", "active", "end"]
    assert {key: bench.events[-1][key] for key in ("cause", "by", "seconds")} == {
        "cause": "NO CARRIER",
        "by": "other",
        "seconds": 8.0,
    }


def test_the_terminal_hangs_up_and_no_text_follows() -> None:
    """Pins ATH: stat 6, then OK; ATH without a call is OK too."""
    bench = voice_bench()
    bench.control("number 01055500001 answer after=1")
    bench.send("ATD01055500001;", 10)
    assert bench.send("ATH", 1) == clcc(6) + b"\r\nOK\r\n"
    assert bench.events[-1]["by"] == "terminal"
    assert bench.send("AT+CHUP", 1) == b"\r\nOK\r\n"
    assert bench.after(100) == b""


def test_busy_no_answer_and_unreachable_end_with_their_own_words() -> None:
    """Pins the texts, and the reason that AT+CEER gives afterwards."""
    bench = voice_bench()
    bench.control("number 01055500001 busy")
    assert bench.send("ATD01055500001;", 10) == b"\r\nOK\r\n" + clcc(2) + clcc(6) + b"\r\nBUSY\r\n"
    assert bench.send("AT+CEER") == b"\r\n+CEER: user busy\r\n\r\nOK\r\n"
    bench.control("number 01055500001 no_answer ring=20")
    answer = bench.send("ATD01055500001;", 30)
    assert answer == b"\r\nOK\r\n" + clcc(2) + clcc(3) + b"\r\nMO RING\r\n" + clcc(6) + b"\r\nNO ANSWER\r\n"
    bench.control("number 01055500001 unreachable")
    assert bench.send("ATD01055500001;", 10) == b"\r\nOK\r\n" + clcc(2) + clcc(6) + b"\r\nNO CARRIER\r\n"
    assert bench.send("AT+CEER") == b"\r\n+CEER: no route to destination\r\n\r\nOK\r\n"


def test_without_clcc_and_moring_a_call_shows_nothing_but_its_end() -> None:
    """Pins that the reports are off until they are asked for."""
    bench = Bench()
    bench.control("number 01055500001 answer after=3 talk=8")
    assert bench.send("ATD01055500001;", 60) == b"\r\nOK\r\n\r\nNO CARRIER\r\n"


def test_a_voicemail_answers_talks_and_goes() -> None:
    """Pins that for the modem a mailbox is an answer like any other."""
    bench = voice_bench()
    bench.control("number default voicemail after=6 talk=15")
    bench.send("ATD13800000002;", 60)
    record = bench.modem.network.calls[0]
    assert record.active_at is not None
    assert record.ringing_at is not None
    assert record.ended_at is not None
    assert record.active_at - record.ringing_at == 6
    assert record.ended_at - record.active_at == 15


def test_the_other_side_presses_a_key() -> None:
    """Pins +DTMF, which comes only if detection is on."""
    bench = voice_bench()
    bench.control("number 01055500001 answer after=1 dtmf=5 dtmf_after=2")
    bench.send("AT+DDET=1,0,0,0")
    bench.send("ATD01055500001;", 4.4)
    assert bench.after(2) == b"\r\n+DTMF: 5\r\n"
    bench.send("AT+DDET=0")
    bench.control("dtmf #")
    assert bench.out() == b""
    assert bench.send('AT+VTS="1"', 1) == b"\r\nOK\r\n"
    assert bench.modem.network.calls[0].dtmf == "1"


def test_a_character_while_atd_runs_aborts_the_dialling_but_lf_does_not() -> None:
    """Pins the vendor's warning to keep the line silent until OK."""
    bench = voice_bench()
    bench.feed(b"ATD01055500001;\r\n")
    bench.feed(b"A")
    assert bench.after(10) == clcc(6) + b"\r\nNO CARRIER\r\n"
    assert bench.modem.network.calls[0].cause == "aborted"
    assert bench.send("ATD01055500001;\n", 0.4).startswith(b"\r\nOK\r\n")


def test_an_aborted_dialling_leaves_nothing_behind() -> None:
    """Pins one result for one ATD, also when it was held or had no network to go to."""
    bench = voice_bench()
    bench.control("block D 5")
    bench.feed(b"ATD01055500001;\rA")
    assert bench.after(20) == b"\r\nNO CARRIER\r\n"
    bench.control("registration off")
    bench.feed(b"ATD01055500001;\rA")
    assert bench.after(20) == b"\r\nNO CARRIER\r\n"
    assert bench.modem.network.calls == []


def test_a_second_dialling_in_a_call_is_refused() -> None:
    """Pins the simple answer; hold and waiting calls are not imitated."""
    bench = voice_bench()
    bench.send("ATD01055500001;", 1)
    assert bench.send("ATD01055500002;", 1) == b"\r\n+CME ERROR: 3\r\n"


def test_no_network_no_call_except_to_the_emergency_number() -> None:
    """Pins NO CARRIER at once, error 10 without a card, and 112 wherever there is any network."""
    bench = voice_bench()
    bench.control("registration denied")
    assert bench.send("ATD01055500001;", 1) == b"\r\nNO CARRIER\r\n"
    assert bench.send("ATD112;", 0.4) == b"\r\nOK\r\n" + clcc(2, "112")
    bench.send("ATH", 1)
    bench.control("sim out")
    bench.out()
    assert bench.send("ATD01055500001;", 1) == b"\r\n+CME ERROR: 10\r\n"
    assert bench.send("ATD01055500001", 1) == b"\r\nNO CARRIER\r\n"
    assert bench.send("ATDhelp;", 1) == b"\r\nERROR\r\n"


def test_a_network_that_goes_takes_the_call_with_it() -> None:
    """Pins the end of a call by loss of registration."""
    bench = voice_bench()
    bench.control("number 01055500001 answer after=1")
    bench.send("ATD01055500001;", 10)
    bench.control("registration off")
    assert bench.out() == clcc(6) + b"\r\nNO CARRIER\r\n"
    assert bench.events[-1]["cause"] == "network"


def test_somebody_rings_and_the_terminal_answers() -> None:
    """Pins RING with the number, every five seconds, and the way from stat 4 to 0."""
    bench = voice_bench()
    assert bench.control("call 13800000001 seconds=30 talk=12") == "ok ringing"
    ring = b'\r\nRING\r\n\r\n+CLIP: "13800000001",129,"",0,"",0\r\n'
    assert bench.out() == clcc(4, "13800000001", 1) + ring
    assert bench.after(5) == ring
    assert bench.send("ATA", 1) == clcc(0, "13800000001", 1) + b"\r\nOK\r\n"
    assert bench.after(30) == clcc(6, "13800000001", 1) + b"\r\nNO CARRIER\r\n"
    assert bench.send("ATA") == b"\r\nNO CARRIER\r\n"


def test_a_caller_gives_up_finds_the_line_busy_or_is_turned_away() -> None:
    """Pins the three ends of an incoming call without an answer."""
    bench = voice_bench()
    bench.send("AT+CRC=1")
    bench.control("call withheld seconds=6")
    text = b'\r\n+CRING: VOICE\r\n\r\n+CLIP: "",129,"",0,"",1\r\n'
    assert bench.after(10) == clcc(4, "", 1) + text + text + clcc(6, "", 1) + b"\r\nNO CARRIER\r\n"
    bench.send("ATD01055500001;", 1)
    assert bench.control("call 13800000001") == "ok busy"
    bench.send("ATH", 1)
    bench.send("AT+GSMBUSY=1")
    assert bench.control("call 13800000001") == "ok busy"
    bench.control("registration off")
    assert bench.control("call 13800000001") == "ok unreachable"
    causes = [call.cause for call in bench.modem.network.calls]
    assert causes == ["NO CARRIER", "hung up", "busy", "busy", "unreachable"]


def test_with_colp_the_result_of_atd_waits_for_the_answer() -> None:
    """Pins the trap: with COLP=1 the AT channel is held while the other phone rings."""
    bench = voice_bench()
    bench.send("AT+CLCC=0;+MORING=0;+COLP=1")
    bench.control("number 01055500001 answer after=10")
    assert bench.send("ATD01055500001;", 10) == b""
    assert bench.after(5) == b'\r\n+COLP: "01055500001",129,"",0,""\r\n\r\nOK\r\n'
    bench.send("ATH", 1)
    bench.control("number 01055500001 busy")
    assert bench.send("ATD01055500001;", 10) == b"\r\nBUSY\r\n"


def test_tones_and_levels_are_taken_as_the_manual_says() -> None:
    """Pins the commands of a board profile."""
    bench = voice_bench()
    for command in ("AT+CLVL=90", "AT+CMIC=0,10", "AT+CHFA=1", 'AT+CWHITELIST=1,1,"13800000001"', "AT+GSMBUSY=0"):
        assert bench.send(command) == b"\r\nOK\r\n"
    assert bench.send("AT+CLVL=101") == b"\r\nERROR\r\n"
    assert bench.send("AT+STTONE=1,16,500") == b"\r\nOK\r\n"
    assert bench.after(0.6) == b"\r\n+STTONE: 0\r\n"
    assert bench.send("AT+SIMTONE=1,1000,100,100,300", 1) == b"\r\nOK\r\n\r\n+SIMTONE: 0\r\n"
