"""Whatever faults come in whatever order, the modem stands: nothing crashes, no write is half, the counts add up."""

from __future__ import annotations

import math
import random
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.modem.bench import START, Bench
from tools.modem.core import Modem
from tools.modem.fault_kinds import KINDS
from tools.modem.faults import Entry, Faults
from tools.modem.timers import Timers

PAYLOAD = bytes(range(256)) * 4
CONNECT = (
    "AT+CIPSHUT", 'AT+CSTT="cmiot","",""', "AT+CIICR", "AT+CIFSR", 'AT+CIPSTART="TCP","broker.example",8883',
)  # fmt: skip
COMMANDS = (
    "AT", "AT+CREG?", "AT+CLCC", "ATD01055500001;", "ATA", "ATH", *CONNECT, "connect", "connect", "AT+CIPSEND=4",
    "ping", "\x1b", 'AT+CMGS="13800000001"', "help\x1a", "AT+CIPRXGET=2,1024", "AT+CIPRXGET=4", "AT+CFUN=1,1",
    "AT+CGATT=1", "AT+CIPCLOSE=1",
)  # fmt: skip
NOISE = {"baud"}  # garbage may look like anything

entries = st.builds(
    Entry,
    kind=st.sampled_from(sorted(set(KINDS) - NOISE)),
    seconds=st.none() | st.floats(0, 100) | st.just(math.inf),
    at=st.floats(0, 600),
)
Steps = list[tuple[str, float]]
steps = st.lists(st.tuples(st.sampled_from(COMMANDS), st.floats(0, 60)), min_size=1, max_size=40)


def run(script: list[Entry], commands: Steps) -> tuple[Bench, bytes]:
    """A modem with these faults and a terminal that types without looking; all that it heard."""
    bench = Bench(boot=False)
    bench.timers = Timers(START)
    bench.modem = Modem(bench.timers, bench, bench, faults=Faults(script=script))
    bench.modem.power_on()
    bench.sleep(20)
    bench.send("ATE0;+CIPRXGET=1;+CIPQSEND=1;+CMGF=1;+CREG=2;+CLCC=1;+CLIP=1", 5)
    heard = b""
    for command, wait in commands:
        for pipe in bench.pipes:
            if not (pipe.gone or pipe.paused) and not pipe.connection.rx:
                pipe.connection.received(PAYLOAD)
        for part in CONNECT if command == "connect" else ():
            heard += bench.send(part, 5)
        heard += bench.send(command, wait)
    return bench, heard


@given(st.lists(entries, max_size=12), steps)
@settings(max_examples=150, deadline=None)
def test_no_fault_breaks_the_modem_and_the_counts_add_up(script: list[Entry], commands: Steps) -> None:
    """Pins fired = healed + standing for each kind, and that all of it can be healed into a modem that answers."""
    bench, _ = run(script, commands)
    faults = bench.modem.faults
    for kind in KINDS:
        assert faults.fired[kind] == faults.healed[kind] + faults.on(kind)
    begun = [event["kind"] for event in bench.events if event["ev"] == "fault"]
    ended = [event["kind"] for event in bench.events if event["ev"] == "healed"]
    assert (len(begun), len(ended)) == (faults.fired.total(), faults.healed.total())
    bench.sleep(700)
    faults.heal_all()
    bench.sleep(300)  # what still runs has its longest time, and a module without supply its start
    bench.feed(b"\x1b\r\r\r\r")  # out of a prompt that waits for a text, or for four bytes
    bench.sleep(1)
    bench.out()
    assert bench.send("ATE0", 1).endswith(b"\r\nOK\r\n")
    assert bench.send("AT+CREG?", 10).endswith(b"\r\nOK\r\n")
    assert bench.modem.radio.registered


@given(st.lists(entries, max_size=12), steps)
@settings(max_examples=150, deadline=None)
def test_a_counted_read_is_never_half(script: list[Entry], commands: Steps) -> None:
    """Pins that behind each head stand as many bytes as it says, in order, whatever falls around them."""
    bench, heard = run(script, commands)
    bench.sleep(60)
    heard += bench.out()
    at = 0
    while found := re.search(rb"\r\n\+CIPRXGET: 2,(\d+),\d+\r\n", heard[at:]):
        at += found.end()
        count = int(found.group(1))
        data = heard[at : at + count]
        assert len(data) == count
        assert data in PAYLOAD + PAYLOAD
        at += count


def test_the_model_above_does_read() -> None:
    """Pins that the property is about something: without faults the bytes do come."""
    _, heard = run([], [("connect", 1.0), ("AT+CREG?", 1.0), ("AT+CIPRXGET=2,1024", 1.0)])
    assert b"+CIPRXGET: 2,1024,0\r\n" + PAYLOAD in heard


@given(st.integers(), st.floats(1, 2000), steps)
@settings(max_examples=60, deadline=None)
def test_random_faults_repeat_and_end(seed: int, rate: float, commands: Steps) -> None:
    """Pins that no drawn fault outlasts its bounds, garbage on the line or not."""
    bench = Bench(boot=False)
    bench.timers = Timers(START)
    faults = Faults(random.Random(seed), rate)
    bench.modem = Modem(bench.timers, bench, bench, faults=faults)
    bench.modem.power_on()
    for command, wait in commands:
        bench.send(command, wait)
    faults.rate = 0
    bench.sleep(max(high for _, (_, high) in ((name, kind.lasts) for name, kind in KINDS.items())) + 3600)
    bench.sleep(400)
    assert faults.tally()["active"] == []
    assert faults.fired == faults.healed


def test_random_faults_are_never_prolonged_by_chance() -> None:
    """Pins that at any rate each one ends within its own bounds."""
    bench = Bench(boot=False)
    bench.timers = Timers(START)
    faults = Faults(random.Random(1), 36_000.0)
    bench.modem = Modem(bench.timers, bench, bench, faults=faults)
    begun: dict[str, float] = {}
    for _ in range(20_000):
        count = len(bench.events)
        bench.sleep(0.1)
        for event in bench.events[count:]:
            if event["ev"] == "fault":
                begun[event["kind"]] = bench.timers.now
            elif event["ev"] == "healed":
                assert bench.timers.now - begun[event["kind"]] <= KINDS[event["kind"]].lasts[1] + 0.2
    assert faults.skipped > 0


def test_bytes_in_and_bytes_out_are_all_accounted_for() -> None:
    """Pins that what goes nowhere is counted by reason, on both ways."""
    bench = Bench()
    bench.control("fault silence seconds=10")
    bench.send("AT")
    bench.control("heal silence")
    bench.control("fault baud seconds=10")
    bench.send("AT")
    bench.control("sms 13800000001 x")
    garbage = bench.out()
    bench.control("heal baud")
    assert dict(bench.modem.dropped) == {"rx_deaf": 3, "rx_garbled": 3, "tx_garbled": len(b'\r\n+CMTI: "SM",1\r\n')}
    assert len(garbage) == bench.modem.dropped["tx_garbled"]
    assert garbage != b'\r\n+CMTI: "SM",1\r\n'
