"""SIM800 on a modem that multiplexes: settings on every channel, abilities, and what happens when the channels go."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from firmware.modem.command import ATError
from firmware.modem.sim800 import _EACH, _PROFILE, _TEXTS
from tests.firmware.modem.framed import FramedPeer
from tests.firmware.modem.peer import Bench, end, settle
from tests.firmware.modem.test_driver import Driver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def driver() -> AsyncIterator[Driver]:
    bench = Bench(FramedPeer())
    one = Driver(bench)
    bench.peer.answers["AT+CTTS=?"] = "\r\nOK\r\n"
    bench.peer.answers["AT+CREC=?"] = "\r\nERROR\r\n"
    try:
        yield one
    finally:
        await end(one.task)
        await bench.close()


def asked(driver: Driver) -> list[tuple[int, str]]:
    assert isinstance(driver.bench.peer, FramedPeer)
    return driver.bench.peer.asked


async def test_each_channel_gets_the_settings_that_hold_for_it(driver: Driver) -> None:
    """Form of errors and echo on all, calls and registration on the voice's, short messages on theirs."""
    await settle(lambda: driver.modem.mv is not None)
    whole = _EACH + _PROFILE + _TEXTS
    lines = asked(driver)
    assert [text for channel, text in lines if channel == 1 and text in whole] == list(whole)
    assert [text for channel, text in lines if channel == 2][: len(_EACH)] == list(_EACH)
    assert [text for channel, text in lines if channel == 3][: len(_EACH + _TEXTS)] == list(_EACH + _TEXTS)
    assert driver.notices[0] == "modem_accepts_mux"


async def test_what_the_module_can_is_asked_and_not_believed(driver: Driver) -> None:
    """An OK to the question is a yes, an ERROR a no."""
    await settle(lambda: driver.modem.mv is not None)
    assert driver.modem.can == {"mux", "tts", "dtmf"}


async def test_questions_that_may_take_long_do_not_stand_on_the_voices_channel(driver: Driver) -> None:
    """The card's number may take 20 s."""
    await settle(lambda: driver.modem.mv is not None)
    assert (3, "AT+CIMI") in asked(driver)


async def test_no_question_that_can_wait_stands_on_the_voices_channel(driver: Driver) -> None:
    """Each may hold its channel for a second or five, and a dial behind it that long."""
    await settle(lambda: driver.modem.mv is not None)
    at = next(at for at, one in enumerate(asked(driver)) if one[0] == 3)  # the channels stand
    later = asked(driver)[at:]
    assert {(3, "AT+CREG?"), (3, "AT+CSQ"), (3, "AT+CBC")} <= set(later)
    assert not [text for channel, text in later if channel == 1 and text not in ("AT", "AT+CLCC", "AT+CLVL=90")]


async def test_a_restart_of_the_modem_brings_the_channels_back(driver: Driver) -> None:
    """Told once as a restart, with everything sent anew."""
    peer = driver.bench.peer
    assert isinstance(peer, FramedPeer)
    await settle(lambda: driver.modem.mv is not None)
    peer.asked.clear()
    peer.reset()
    await settle(lambda: driver.modem.restarts == 1 and driver.bench.channels.multiplexed)
    await settle(lambda: driver.notices.count("voice_back") == 2)
    assert driver.notices.count("modem_restarted") == 1
    assert [text for channel, text in peer.asked if channel == 1 and text in _EACH + _PROFILE + _TEXTS]


async def test_a_session_that_ends_by_itself_is_built_again_without_a_word_to_the_cloud(driver: Driver) -> None:
    """The modem runs and is registered: the lamp stays as it is."""
    peer = driver.bench.peer
    assert isinstance(peer, FramedPeer)
    await settle(lambda: driver.modem.mv is not None)
    peer.deaf = {1, 2, 3}
    with suppress(ATError):
        await driver.modem.at.command("AT")
    peer.deaf = set()
    peer.mode = "framed"
    await settle(lambda: driver.bench.channels.falls == 1 and driver.bench.channels.multiplexed, 8.0)
    assert driver.modem.restarts == 0
    assert driver.notices.count("voice_lost") == 0
    assert "modem_silent" not in driver.notices
    assert driver.modem.registered()


async def test_a_call_that_stands_keeps_the_modem_as_it_is(driver: Driver) -> None:
    """The terminal restarted in a call: nothing that could end it is tried before it is over."""
    peer = driver.bench.peer
    peer.answers["AT+CLCC"] = '\r\n+CLCC: 1,0,0,0,0,"01055500001",129,""\r\n\r\nOK\r\n'
    await settle(lambda: driver.modem.mv is not None)
    assert {channel for channel, _ in asked(driver)} == {0}
    assert "mux" not in driver.modem.can
    assert not any(name.startswith("modem_") for name in driver.notices)
