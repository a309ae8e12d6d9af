"""SIM800: start-up, restarts, registration, time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.core.clock import DeviceClock
from firmware.modem import sim800
from firmware.modem.replies import parse_creg, parse_psuttz, plain
from firmware.modem.sim800 import _EACH, _PROFILE, _TEXTS, Sim800
from protocol import messages
from tests.firmware.modem.peer import Bench, end, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WHOLE = _EACH + _PROFILE + _TEXTS
BUILD = 1_790_000_000
ANSWERS = {
    "AT+CLTS?": "\r\n+CLTS: 1\r\n\r\nOK\r\n",
    "AT+GSN": "\r\n860000000000017\r\n\r\nOK\r\n",
    "AT+GMR": "\r\nRevision:1418B05SIM800L24\r\n\r\nOK\r\n",
    "AT+CPIN?": "\r\n+CPIN: READY\r\n\r\nOK\r\n",
    "AT+CIMI": "\r\n460040000000001\r\n\r\nOK\r\n",
    "AT+CCID": "\r\n8986040000000000001f\r\n\r\nOK\r\n",
    "AT+CREG?": '\r\n+CREG: 2,1,"10A1","2B02"\r\n\r\nOK\r\n',
    "AT+CSQ": "\r\n+CSQ: 22,0\r\n\r\nOK\r\n",
    "AT+CBC": "\r\n+CBC: 0,95,4000\r\n\r\nOK\r\n",
    "AT+CCLK?": '\r\n+CCLK: "04/01/01,00:00:10+00"\r\n\r\nOK\r\n',
}


class Driver:
    """A Sim800 and what it told."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        bench.peer.answers.update(ANSWERS)
        self.notices: list[str] = []
        self.clock = DeviceClock(BUILD)
        self.modem = Sim800(bench.channels, bench.at.ms, lambda name, _: self.notices.append(name), self._time)
        self.task = asyncio.create_task(self.modem.run())

    def _time(self, epoch: int) -> bool:
        return self.clock.set(epoch, 0)


@pytest.fixture
async def driver(bench: Bench) -> AsyncIterator[Driver]:
    one = Driver(bench)
    try:
        yield one
    finally:
        await end(one.task)


async def test_a_start_sends_the_whole_profile_and_learns_the_identity(driver: Driver) -> None:
    """Nothing saved in the modem is trusted."""
    await settle(lambda: driver.modem.mv is not None)
    commands = driver.bench.peer.commands()
    assert [line for line in commands if line in WHOLE] == list(WHOLE)
    modem = driver.modem
    assert (modem.imei, modem.imsi, modem.iccid) == ("860000000000017", "460040000000001", "8986040000000000001")
    assert (modem.version, modem.csq, modem.mv, modem.pct) == ("1418B05SIM800L24", 22, 4000, 95)
    assert modem.registered()
    assert modem.cell == "10A1-2B02"
    assert driver.notices == ["modem_refuses_mux", "voice_back"]


async def test_a_restart_nobody_asked_for_is_counted_told_and_answered_with_the_profile(driver: Driver) -> None:
    """`RDY` in the middle of everything: usually a brownout."""
    forgotten: list[bool] = []
    driver.modem.on_reset = [lambda: forgotten.append(True)]
    await settle(lambda: driver.modem.mv is not None)
    driver.bench.peer.told.clear()
    driver.bench.peer.say("\r\nRDY\r\n")
    await settle(lambda: driver.modem.restarts == 1)
    await settle(lambda: driver.modem.registered() and driver.notices[-1] == "voice_back")
    assert [line for line in driver.bench.peer.commands() if line in WHOLE] == list(WHOLE)
    assert forgotten == [True]
    told = [name for name in driver.notices if name != "modem_refuses_mux"]
    assert told == ["voice_back", "voice_lost", "modem_restarted", "voice_back"]


async def test_the_factory_clock_is_refused_and_the_networks_time_taken(driver: Driver) -> None:
    """Year 2004 is what a SIM800 says before any network told it."""
    await settle(lambda: driver.modem.mv is not None and "AT+CCLK?" in driver.bench.peer.commands())
    assert not driver.clock.is_set
    driver.bench.peer.say('\r\n*PSUTTZ: 2026,11,22,12,0,0,"+32",0\r\n')
    await settle(lambda: driver.clock.is_set)
    assert driver.clock.epoch(0) == 1_795_348_800


async def test_a_module_that_had_not_saved_the_time_setting_is_restarted_once(bench: Bench) -> None:
    """CLTS holds from the next registration on only."""
    driver = Driver(bench)
    bench.peer.answers["AT+CLTS?"] = "\r\n+CLTS: 0\r\n\r\nOK\r\n"
    await settle(lambda: driver.modem.mv is not None)
    assert bench.peer.commands().count("AT+CFUN=1,1") == 1
    assert driver.modem.restarts == 0
    await end(driver.task)


async def test_no_card_is_told_and_so_is_its_return(driver: Driver) -> None:
    """Error 10; and later a report."""
    driver.bench.peer.answers["AT+CPIN?"] = "\r\n+CME ERROR: 10\r\n"
    await settle(lambda: "sim_absent" in driver.notices)
    driver.bench.peer.say("\r\n+CPIN: READY\r\n")
    await settle(lambda: "sim_back" in driver.notices)


def test_registration_is_read_from_replies_and_reports() -> None:
    """The report lacks the first number of the reply."""
    assert parse_creg("+CREG: 2,1") == (1, "")
    assert parse_creg('+CREG: 2,5,"10A1","2B02"') == (5, "10A1-2B02")
    assert parse_creg("+CREG: 3") == (3, "")
    assert parse_creg('+CREG: 1,"10A1","2B02"') == (1, "10A1-2B02")
    assert parse_creg("+CREG: 1,10A1,2B02") == (1, "10A1-2B02")
    assert parse_creg("+CREG: 2,5,10A1,2B02") == (5, "10A1-2B02")
    assert parse_creg('+CREG: 1,"10A1","2B02",7') == (1, "10A1-2B02")
    for line in ("+CREG: x", "+CREG:", "+CREG: 9"):
        assert parse_creg(line) is None


async def test_a_card_that_is_pulled_is_noticed_when_registration_is_lost(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most boards have no contact that tells."""
    monkeypatch.setattr(sim800, "_STATUS_MS", 0)
    monkeypatch.setattr(sim800, "_POLL_LOST_S", 0.01)
    await settle(lambda: driver.modem.mv is not None)
    driver.bench.peer.answers["AT+CPIN?"] = "\r\n+CME ERROR: 10\r\n"
    driver.bench.peer.answers["AT+CREG?"] = "\r\n+CREG: 2,0\r\n\r\nOK\r\n"
    driver.bench.peer.say("\r\n+CREG: 0\r\n")
    await settle(lambda: "sim_absent" in driver.notices)


@settings(max_examples=200)
@given(st.text(max_size=60), st.text(max_size=30), st.text(max_size=30))
def test_whatever_the_modem_says_about_itself_the_wire_takes_it(version: str, lac: str, cell: str) -> None:
    """A boot or a heartbeat that our own encoder refuses would be lost for good."""
    fields: dict[str, object] = {"id": "0123abcd.1.1", "t": None, "u": 1, "s": 1, "board": "desk", "fw": "1", "cfg": 0}
    fields["cause"] = "power"
    fields["modem"] = plain(version, sim800._VERSION_MAX) or None
    messages.encode("up", "boot", fields)
    found = parse_creg(f'+CREG: 2,1,"{lac}","{cell}"')
    if found is not None:
        beat: dict[str, object] = {"id": "0123abcd.1.1", "t": None, "u": 1, "s": 1, "bat": None, "mains": None}
        beat |= {"csq": 1, "reg": 1, "net": "gsm", "heap": 1, "box": 0, "drops": 0, "call": 0, "cfg": 0}
        messages.encode("up", "hb", beat | {"cell": found[1] or None})


async def test_a_revision_with_odd_characters_is_told_without_them(bench: Bench) -> None:
    """As some clones have it."""
    bench.peer.answers.update(ANSWERS)
    driver = Driver(bench)
    bench.peer.answers["AT+GMR"] = '\r\nRevision:1418"B05\\SIM800L\u2122 24\r\n\r\nOK\r\n'
    await settle(lambda: driver.modem.mv is not None)
    assert driver.modem.version == "1418B05SIM800L 24"
    await end(driver.task)


def test_a_damaged_time_is_no_time() -> None:
    """None, never a guess."""
    for line in ("*PSUTTZ: ", "*PSUTTZ: 2026,13,1,0,0,0", "*PSUTTZ: a,b,c,d,e,f", "*PSUTTZ: 2026,1,1"):
        assert parse_psuttz(line) is None
