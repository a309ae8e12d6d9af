"""Faults: each one bites, heals by itself, is told and counted, and comes again the same with the same seed."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import pytest

from tests.tools.modem.bench import START, Bench
from tools.modem.core import Modem
from tools.modem.fault_kinds import KINDS, FaultError
from tools.modem.faults import Entry, Faults
from tools.modem.timers import Timers
from tools.modem.timing import LONGEST_S

if TYPE_CHECKING:
    from collections.abc import Callable

OK = b"\r\nOK\r\n"


def bench_with(faults: Faults) -> Bench:
    """A modem that is on and registered, whose faults begin with its power."""
    bench = Bench(boot=False)
    bench.timers = Timers(START)
    bench.modem = Modem(bench.timers, bench, bench, faults=faults)
    bench.modem.power_on()
    bench.sleep(30)
    bench.send("ATE0")
    bench.out()
    bench.events.clear()
    return bench


def names(bench: Bench) -> list[tuple[str, str]]:
    """The fault events: (fault or healed, kind)."""
    return [(event["ev"], event["kind"]) for event in bench.events if event["ev"] in {"fault", "healed"}]


# What shows that a fault stands, asked of a bench; and that it has gone. Each returns whether it bites.


def deaf(bench: Bench) -> bool:
    return not bench.send("AT", 1).endswith(OK)


def attached(bench: Bench) -> bool:
    return bench.send("AT+CGATT?", 1) != b"\r\n+CGATT: 1\r\n" + OK


def unregistered(bench: Bench) -> bool:
    return bench.send("AT+CREG?", 1) != b"\r\n+CREG: 0,1\r\n" + OK


def texts_fail(bench: Bench) -> bool:
    bench.send("AT+CMGF=1")
    bench.send('AT+CMGS="13800000001"')
    bench.feed(b"help\x1a")
    return b"+CMGS: " not in bench.after(3)


def connects_not(bench: Bench) -> bool:
    for command in ("AT+CIPSHUT", 'AT+CSTT="cmiot","",""', "AT+CIICR", "AT+CIFSR"):
        bench.send(command, 5)
    return b"CONNECT OK" not in bench.send('AT+CIPSTART="TCP","broker.example",1883', 5)


def sends_not(bench: Bench) -> bool:
    connects_not(bench)
    bench.send("AT+CIPQSEND=1")
    bench.send("AT+CIPSEND=4", 0.1)
    bench.feed(b"ping")
    return b"DATA ACCEPT:4" not in bench.after(1)


def loses_a_report(bench: Bench) -> bool:
    return bench.control("undervoltage") == "ok" and b"UNDER" not in bench.out()


def battery_low(bench: Bench) -> bool:
    return bench.send("AT+CBC") != b"\r\n+CBC: 0,95,4000\r\n" + OK


def cut_in_pieces(bench: Bench) -> bool:
    return bench.send("AT+GSN") == b"" or bench.after(1) != b""


def reports_between(bench: Bench) -> bool:
    bench.send("AT+CREG=1", 1)
    return b"+CREG: 1\r\n\r\nOK" in bench.send("AT+CSQ", 1)


def holds_the_channel(bench: Bench) -> bool:
    return bench.send("AT+CIMI", 5) == b""


BITES: dict[str, Callable[[Bench], bool]] = {
    "urc_late": loses_a_report,
    "urc_between": reports_between,
    "urc_lost": loses_a_report,
    "split": cut_in_pieces,
    "baud": deaf,
    "silence": deaf,
    "prompt_stuck": sends_not,
    "blocked": holds_the_channel,
    "undervoltage": battery_low,
    "power_down": deaf,
    "power_cut": deaf,
    "sim_out": unregistered,
    "denied": unregistered,
    "no_network": unregistered,
    "sms_fail": texts_fail,
    "sms_slow": texts_fail,
    "no_data": connects_not,
    "blackhole": connects_not,
    "connect_fail": connects_not,
    "send_fail": sends_not,
}
AT_ONCE = sorted(set(KINDS) - set(BITES))


@pytest.mark.parametrize("kind", sorted(BITES))
def test_a_fault_bites_and_after_its_time_is_gone(kind: str) -> None:
    """Pins both halves of each fault that lasts, at the place where a terminal meets it."""
    bench = Bench()
    bites = BITES[kind]
    options = {"command": "AT+CIMI"} if kind == "blocked" else {}
    assert bench.modem.faults.start(kind, options, 60.0) == 60.0
    bench.out()
    assert bites(bench)
    bench.sleep(200)
    bench.out()
    assert not bites(bench)
    assert names(bench) == [("fault", kind), ("healed", kind)]
    assert bench.modem.faults.tally()["fired"] == bench.modem.faults.tally()["healed"] == {kind: 1}


def test_what_happens_at_once_is_over_at_once() -> None:
    """Pins the four faults without a length."""
    assert AT_ONCE == ["call_drop", "deact", "incoming", "reset"]
    bench = Bench()
    bench.send("AT+CLIP=1")
    pipe = bench.connect()
    bench.control("fault deact")
    assert bench.out() == b"\r\n+PDP: DEACT\r\n"
    assert pipe.gone
    bench.control("fault incoming number=13800000009 ring=6")
    assert b'+CLIP: "13800000009"' in bench.after(7)
    bench.send("ATD01055500001;", 10)
    bench.control("fault call_drop")
    assert bench.out() == b"\r\nNO CARRIER\r\n"
    assert bench.modem.network.calls[-1].cause == "dropped"
    bench.control("fault reset")
    assert b"\r\nRDY\r\n" in bench.after(10)
    assert bench.modem.faults.tally()["active"] == []
    assert bench.modem.faults.healed == bench.modem.faults.fired


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_drawn_fault_heals_within_its_bounds(kind: str) -> None:
    """Pins that a soak may demand an end: no draw lasts longer than the table says."""
    bench = Bench()
    low, high = KINDS[kind].lasts
    for _ in range(5):
        assert low <= bench.modem.faults.start(kind) <= high
        bench.sleep(high + 0.001)
        assert not bench.modem.faults.on(kind)


def test_forever_lasts_until_somebody_heals_it() -> None:
    """Pins the control commands, and that nothing else ends a fault of the script's choice."""
    bench = Bench()
    assert bench.control("fault denied seconds=forever") == "ok forever"
    bench.sleep(50_000)
    assert unregistered(bench)
    assert bench.control("heal denied") == "ok"
    assert bench.control("heal denied") == "error it does not stand"
    bench.sleep(10)
    assert not unregistered(bench)
    bench.control("fault silence seconds=30")
    assert bench.control("heal all") == "ok"
    assert not deaf(bench)


def test_a_second_one_of_the_same_kind_only_prolongs_the_first() -> None:
    """Pins one begin and one end, at the later of the two times."""
    bench = Bench()
    bench.control("fault silence seconds=10")
    bench.control("fault silence seconds=5")
    bench.sleep(9)
    bench.control("fault silence seconds=10")
    bench.sleep(9)
    assert deaf(bench)
    bench.sleep(1)
    assert not deaf(bench)
    assert names(bench) == [("fault", "silence"), ("healed", "silence")]


def test_two_faults_of_one_thing_heal_one_by_one() -> None:
    """Pins that the healing of one does not heal the other: no network stays none when the refusal ends."""
    bench = Bench()
    bench.control("fault denied seconds=10")
    bench.control("fault no_network seconds=20")
    bench.control("fault power_down seconds=10")
    bench.control("fault power_cut seconds=20")
    bench.sleep(12)
    assert (bench.modem.radio.coverage, bench.modem.powered) == ("off", False)
    bench.sleep(10)
    assert (bench.modem.radio.coverage, bench.modem.powered) == ("on", True)


def test_late_reports_overtake_each_other_and_all_arrive() -> None:
    """Pins reordering without loss."""
    bench = Bench()
    bench.control("fault urc_late seconds=60")
    for place in range(1, 9):
        bench.control(f"sms 13800000001 {place}")
    heard = bench.after(5).split(b"\r\n")
    places = [int(line.rsplit(b",", 1)[1]) for line in heard if line.startswith(b"+CMTI")]
    assert sorted(places) == list(range(1, 9))
    assert places != sorted(places)
    assert bench.modem.faults.urcs["late"] == 8


def test_a_stuck_prompt_ends_with_escape_or_with_an_error_when_it_heals() -> None:
    """Pins the two ways out, and that the payload went nowhere."""
    bench = Bench()
    pipe = bench.connect()
    bench.control("fault prompt_stuck seconds=30")
    assert bench.send("AT+CIPSEND=4") == b"\r\n> "
    bench.feed(b"ping")
    assert bench.after(10) == b""
    bench.feed(b"\x1b")
    assert bench.after(1) == OK
    assert bench.send("AT+CIPSEND=4") == b"\r\n> "
    bench.feed(b"ping")
    assert bench.after(30) == b"\r\nERROR\r\n"
    assert bytes(pipe.sent) == b""
    assert bench.modem.dropped["rx_stuck"] == 8


def test_a_held_report_comes_between_the_lines_of_an_answer_and_its_result() -> None:
    """Pins the place, and that a counted read stays in one piece there."""
    bench = Bench()
    bench.send("AT+CREG=1")
    pipe = bench.connect()
    bench.control("fault urc_between seconds=60")
    pipe.connection.received(b"\r\nOK\r\n")
    assert bench.out() == b""
    assert bench.send("AT+CIPRXGET=2,100") == (
        b"\r\n+CIPRXGET: 2,6,0\r\n\r\nOK\r\n\r\n+CIPRXGET: 1\r\n\r\n+CREG: 1\r\n\r\nOK\r\n"
    )


def test_a_split_write_is_whole_in_the_end_also_when_the_power_goes() -> None:
    """Pins that bytes keep their order and none is lost: what was begun is said."""
    bench = Bench()
    bench.control("fault split seconds=60")
    pipe = bench.connect()
    pipe.connection.received(bytes(range(256)))
    bench.after(1)
    bench.feed(b"AT+CIPRXGET=2,300\r")
    bench.control("power off")
    assert bench.out() == b"\r\n+CIPRXGET: 2,256,0\r\n" + bytes(range(256)) + OK


def test_faults_of_a_script_come_at_their_time_and_on_their_trigger() -> None:
    """Pins `at`, `on` an event, `on` a command, `after` and `times`."""
    script = (
        Entry("silence", seconds=5, at=100.0),
        Entry("call_drop", on="active", after=2.0, times=1),
        Entry("deact", on="+CIPSEND", times=2),
    )
    bench = bench_with(Faults(script=script))
    bench.sleep(69)
    assert not deaf(bench)
    bench.sleep(1)
    assert deaf(bench)
    bench.sleep(10)
    bench.send("ATD01055500001;", 20)
    first = bench.modem.network.calls[-1]
    assert (first.cause, first.talked) == ("dropped", 2.0)
    bench.send("ATD01055500001;", 20)
    assert bench.modem.voice.busy
    bench.send("ATH", 1)
    for sends in (1, 2, 2):
        connects_not(bench)
        bench.send("AT+CIPSEND=4", 1)
        bench.feed(b"ping")
        bench.sleep(1)
        assert bench.modem.faults.fired["deact"] == sends


def story(seed: int) -> tuple[list[dict[str, object]], bytes]:
    """Three hours of a modem that is asked every minute, with faults every half minute."""
    bench = bench_with(Faults(random.Random(seed), 120.0))
    heard = b""
    for minute in range(180):
        command = ("AT+CREG?", "ATD01055500001;", "ATH", "AT+CIPSHUT", "AT+CLCC")[minute % 5]
        heard += bench.send(command, 60)
    return bench.events, heard


def test_the_same_seed_makes_the_same_faults_and_the_same_bytes() -> None:
    """Pins that a failure of a soak can be had again."""
    assert story(7) == story(7)
    assert story(7) != story(8)


def test_the_plan_of_faults_does_not_depend_on_what_is_said() -> None:
    """Pins that a changed driver meets the same faults at the same times."""

    def plan(commands: int) -> list[tuple[object, object]]:
        bench = bench_with(Faults(random.Random(3), 600.0, ("split", "urc_late", "silence")))
        for _ in range(600):
            for _ in range(commands):
                bench.send("AT")
            bench.sleep(6)
        return [(event["kind"], event["seconds"]) for event in bench.events if event["ev"] == "fault"]

    assert plan(0) == plan(5)
    assert len(plan(0)) > 50


def test_what_makes_no_sense_is_refused_and_changes_nothing() -> None:
    """Pins the errors of the control line and of the object."""
    bench = Bench()
    before = json.loads(bench.control("status").removeprefix("ok "))
    for line in (
        "fault",
        "fault gremlin",
        "fault silence seconds=soon",
        "fault silence seconds=-1",
        "fault silence depth=3",
        "fault incoming ring=long",
        "fault blocked holds=-3",
        "fault sms_fail code=x",
        "heal",
        "heal gremlin",
    ):
        assert bench.control(line).startswith("error ")
    assert json.loads(bench.control("status").removeprefix("ok ")) == before
    with pytest.raises(FaultError):
        Faults(kinds=["gremlin"])
    with pytest.raises(FaultError):
        Faults(script=[Entry("gremlin", at=1.0)])


def test_blocked_commands_take_the_longest_time_of_the_manual() -> None:
    """Pins the figures that the emergency path is measured against."""
    assert {LONGEST_S[name] for name in ("+CIICR", "+CIPSHUT", "+CGATT", "+CMGS")} == {85.0, 65.0, 75.0, 60.0}
    bench = Bench()
    bench.control("fault blocked command=AT+CIPSHUT")
    assert bench.send("AT+CIPSHUT", 65) == b""
    assert bench.after(1) == b"\r\nSHUT OK\r\n"
