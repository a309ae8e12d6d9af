"""PWRKEY, STATUS, the load switch, the rate of the line, and the worst day of a module."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.modem.bench import Bench
from tests.tools.modem.test_boot import BOOT
from tools.modem.models import SIM800L
from tools.modem.timing import LONGEST_S


def status(bench: Bench) -> bool:
    """The level of the line."""
    return bench.modem.running


def test_a_module_starts_when_pwrkey_was_low_for_a_second() -> None:
    """Pins the length of the press, STATUS, and that a short one does nothing."""
    bench = Bench(boot=False)
    bench.modem.pwrkey_down()
    bench.sleep(0.9)
    bench.modem.pwrkey_up()
    bench.sleep(10)
    assert not status(bench)
    assert bench.control("pwrkey 1200") == "ok"
    bench.sleep(1.1)
    assert status(bench)
    assert bench.after(10) == BOOT


def test_the_same_press_switches_a_running_module_off() -> None:
    """Pins the toggle trap, its last words, and that 1.2 s does not yet reach it."""
    bench = Bench()
    bench.control("pwrkey 1200")
    bench.sleep(10)
    assert status(bench)
    bench.control("pwrkey 2000")
    assert bench.after(10) == b"\r\nNORMAL POWER OFF\r\n"
    assert not status(bench)
    assert bench.send("AT") == b""
    assert {"ev": "power", "state": "pwrkey"} in bench.events


def test_a_sim800l_has_other_last_words() -> None:
    """Pins the text of the older module."""
    bench = Bench()
    bench.modem.model = SIM800L
    bench.control("pwrkey 2000")
    assert bench.after(5) == b"\r\nNORMAL POWER DOWN\r\n"


def test_a_press_of_33_seconds_restarts_it() -> None:
    """Pins the longest press."""
    bench = Bench()
    bench.control("pwrkey 34000")
    assert bench.after(50).endswith(BOOT)
    assert status(bench)


def test_a_press_that_started_it_does_not_stop_it_however_long_it_is() -> None:
    """Pins that one press means one thing."""
    bench = Bench(boot=False)
    bench.control("pwrkey 20000")
    assert bench.after(30) == BOOT


def test_a_module_that_has_just_gone_off_does_not_hear_pwrkey_yet() -> None:
    """Pins the 800 ms behind the end of STATUS."""
    bench = Bench()
    bench.control("power off")
    bench.sleep(0.5)
    bench.control("pwrkey 1200")
    bench.sleep(10)
    assert not status(bench)
    assert bench.modem.dropped["pwrkey"] == 1
    bench.control("pwrkey 1200")
    bench.sleep(10)
    assert status(bench)


def test_without_a_supply_nothing_starts_and_with_it_pwrkey_is_needed() -> None:
    """Pins the load switch."""
    bench = Bench()
    assert bench.control("supply off") == "ok"
    assert not status(bench)
    for line in ("pwrkey 1200", "power on"):
        bench.control(line)
        bench.sleep(10)
    assert not status(bench)
    bench.control("supply on")
    bench.sleep(10)
    assert not status(bench)
    bench.control("pwrkey 1200")
    bench.sleep(10)
    assert status(bench)


@given(st.lists(st.tuples(st.sampled_from(["press", "wait", "supply"]), st.integers(1, 400)), max_size=20))
def test_pwrkey_and_supply_against_a_small_model(steps: list[tuple[str, int]]) -> None:
    """Pins the rules for presses that are well apart; times in tenths of a second."""
    bench = Bench(boot=False)
    on, supplied = False, True
    for what, tenths in steps:
        if what == "supply":
            supplied = not supplied
            on = on and supplied
            bench.modem.supply(supplied)
        elif what == "press":
            bench.modem.pwrkey_down()
            bench.sleep(tenths / 10 + 0.01)
            bench.modem.pwrkey_up()
            if supplied:
                on = tenths >= 10 if not on else tenths < 15 or tenths >= 330
        bench.sleep(2)
        assert status(bench) == on


def test_at_a_wrong_rate_neither_side_understands_the_other_until_it_is_right() -> None:
    """Pins that a saved rate survives a power cycle, and the terminal that finds it."""
    bench = Bench()
    assert bench.control("baud 9600") == "ok"
    bench.out()
    assert bench.send("AT") == b""
    assert bench.modem.dropped["rx_garbled"] == 3
    bench.control("power cycle")
    boot = bench.after(20)
    assert b"RDY" not in boot
    assert boot
    bench.modem.terminal_baud = 9600
    assert bench.send("ATE0") == b"ATE0\r\r\nOK\r\n"
    assert bench.send("AT+IPR=115200") == b"\r\nOK\r\n"
    assert bench.send("AT") == b""
    bench.modem.terminal_baud = 115_200
    assert bench.send("AT&W") == b"\r\nOK\r\n"
    assert bench.send("AT+IPR=12345") == b"\r\nERROR\r\n"
    assert bench.send("AT+IPR?") == b"\r\n+IPR: 115200\r\n\r\nOK\r\n"


@pytest.mark.parametrize("name", ["+CIICR", "+CIPSHUT", "+CGATT", "+CIMI", "+CFUN", "D", "H"])
def test_on_the_worst_day_a_command_takes_the_longest_time_of_the_manual(name: str) -> None:
    """Pins the table, command by command; a reading command is never held."""
    lines = {"+CGATT": "AT+CGATT=1", "+CFUN": "AT+CFUN=1", "D": "ATD01055500001;", "H": "ATH"}
    bench = Bench()
    bench.send('AT+CSTT="cmiot"')
    assert bench.control("worst on") == "ok"
    assert bench.send(lines.get(name, f"AT{name}"), LONGEST_S[name] - 0.1) == b""
    assert bench.after(5).endswith(b"\r\n")
    assert bench.send("AT+CREG?;+CSQ") != b""


def test_on_the_worst_day_a_message_waits_behind_its_prompt_and_a_connection_behind_its_ok() -> None:
    """Pins the two commands that answer before they block."""
    bench = Bench()
    for command in ('AT+CSTT="cmiot"', "AT+CIICR", "AT+CIFSR", "AT+CMGF=1"):
        bench.send(command, 5)
    bench.control("worst on")
    assert bench.send('AT+CMGS="13800000001"') == b"\r\n> "
    bench.feed(b"hello\x1a")
    assert bench.after(59) == b""
    assert bench.after(5) == b"\r\n+CMGS: 1\r\n\r\nOK\r\n"
    assert bench.send('AT+CIPSTART="TCP","broker.example",1883', 155) == b"\r\nOK\r\n"
    assert bench.after(5) == b"\r\nCONNECT OK\r\n"
