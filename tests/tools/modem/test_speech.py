"""The module's own voice: Chinese text and AMR files, on the model that has one."""

from __future__ import annotations

from tests.tools.modem.bench import Bench
from tools.modem.models import SIM800L

HELP_IS_COMING = "正在呼叫家人请稍候"
HEX = HELP_IS_COMING.encode("utf-16-be").hex().upper()


def test_chinese_text_is_spoken_at_four_characters_a_second() -> None:
    """Pins OK at once, the event with the text, and the line at the end."""
    bench = Bench()
    assert bench.send(f'AT+CTTS=1,"{HEX}"') == b"\r\nOK\r\n"
    assert bench.events[-1] == {"ev": "speak", "text": HELP_IS_COMING, "seconds": 2.25}
    assert bench.send("AT+CTTS?") == b"\r\n+CTTS: 1\r\n\r\nOK\r\n"
    assert bench.send(f'AT+CTTS=1,"{HEX}"') == b"\r\nERROR\r\n"
    assert bench.after(2.2) == b""
    assert bench.after(0.1) == b"\r\n+CTTS: 0\r\n"
    assert bench.send('AT+CTTS=2,"OK"') == b"\r\nOK\r\n"
    assert bench.send("AT+CTTS=0") == b"\r\nOK\r\n\r\n+CTTS: 0\r\n"


def test_what_is_no_text_is_refused() -> None:
    """Pins half characters, nothing, and unknown forms."""
    bench = Bench()
    for text in ('1,"6B6"', '1,""', '1,"xyzw"', '3,"a"', "1"):
        assert bench.send(f"AT+CTTS={text}") == b"\r\nERROR\r\n"
    assert bench.send("AT+CTTSPARAM=80,1,50,50") == b"\r\nOK\r\n"
    assert bench.send("AT+CTTSPARAM?") == b"\r\n+CTTSPARAM: 80,1,50,50,0\r\n\r\nOK\r\n"
    assert bench.send("AT+CTTSPARAM=80") == b"\r\nERROR\r\n"


def test_a_call_cuts_the_voice_short_and_nothing_is_said_in_one() -> None:
    """Pins that dialling and ringing stop it."""
    bench = Bench()
    bench.send(f'AT+CTTS=1,"{HEX}"')
    assert bench.send("ATD01055500001;", 1) == b"\r\n+CTTS: 0\r\n\r\nOK\r\n"
    assert bench.send(f'AT+CTTS=1,"{HEX}"') == b"\r\nERROR\r\n"
    bench.send("ATH", 1)
    bench.send(f'AT+CTTS=1,"{HEX}"')
    bench.control("call 13800000001")
    assert bench.out() == b"\r\n+CTTS: 0\r\n\r\nRING\r\n"


def test_files_on_the_module_are_played() -> None:
    """Pins AT+CREC=4 for a file that is there and for one that is not."""
    bench = Bench()
    assert bench.control("file 'C:\\User\\help.amr' 2.5") == "ok"
    assert bench.send('AT+CREC=4,"C:\\User\\none.amr",0,90') == b"\r\nERROR\r\n"
    assert bench.send('AT+CREC=4,"C:\\User\\help.amr",0,90') == b"\r\nOK\r\n"
    assert bench.events[-1]["text"] == "C:\\User\\help.amr"
    assert bench.after(3) == b"\r\n+CREC: 0\r\n"
    bench.send('AT+CREC=4,"C:\\User\\help.amr",0,90')
    assert bench.send("AT+CREC=5") == b"\r\nOK\r\n\r\n+CREC: 0\r\n"


def test_a_sim800l_has_no_voice() -> None:
    """Pins the errors, and the names that tell the models apart."""
    bench = Bench()
    bench.modem.model = SIM800L
    for command in (f'AT+CTTS=1,"{HEX}"', "AT+CTTS?", "AT+CTTSPARAM?", 'AT+CREC=4,"a.amr",0,90'):
        assert bench.send(command) == b"\r\nERROR\r\n"
    assert bench.send("AT+GMR;+CGMM") == b"\r\nRevision:1418B05SIM800L24\r\n\r\nSIMCOM_SIM800L\r\n\r\nOK\r\n"


def test_a_reset_silences_it_without_a_word() -> None:
    """Pins that no late line falls into the next life."""
    bench = Bench()
    bench.send(f'AT+CTTS=1,"{HEX}"')
    bench.control("power cycle")
    assert b"CTTS" not in bench.after(20)
    assert bench.send("AT+CTTS?").endswith(b"+CTTS: 0\r\n\r\nOK\r\n")
