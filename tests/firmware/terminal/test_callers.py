"""Who rings through to the home."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.firmware.terminal.desk import Cloud, Desk

ALLOWED, STRANGER = "13800000005", "13800000099"
CONFIG = {
    "ver": 1,
    "hb": 600,
    "plan": {"sos": [["值班台", "01055500001", 30, 1]]},
    "allow": [ALLOWED],
    "back": 5,
}


def test_an_allowed_caller_is_answered_after_an_sos_and_a_stranger_never(desk: Desk, cloud: Cloud) -> None:
    """The desk rings back; a stranger is sent away and told."""
    desk.start(n01055500001="busy")
    desk.note("connected")
    cloud.send("config", CONFIG)
    cloud.wait("event", ev="config_applied")
    desk.control(f"call {STRANGER} seconds=20")
    cloud.wait("event", ev="call_refused")
    desk.press("sos", 1000)
    desk.note("press")
    desk.press("cancel", 100)
    desk.note("done")
    desk.control(f"call {ALLOWED} seconds=20 talk=1")
    desk.happened("active", number=ALLOWED)
    ended = cloud.wait("call", dir="in", step="end")
    assert cloud.of("call", dir="in", step="talk")
    assert ended["cause"] == "remote_hangup"
    desk.lamp("talking")


def test_before_any_sos_an_allowed_caller_only_rings(desk: Desk, cloud: Cloud) -> None:
    """Nobody listens in on a home that did not call."""
    desk.start()
    desk.note("connected")
    cloud.send("config", CONFIG)
    cloud.wait("event", ev="config_applied")
    desk.control(f"call {ALLOWED} seconds=2")
    cloud.wait("event", ev="call_missed")
    assert [line for line in desk.lines() if line.get("beep") == "ringing"]
    assert not [line for line in desk.calls() if line.get("ev") == "active"]


def test_the_desk_that_is_ringing_when_sos_fires_is_answered(desk: Desk, cloud: Cloud) -> None:
    """It is what the alarm is for: neither refused nor dialled beside."""
    desk.start(n01055500001="answer after=1 talk=100")
    desk.note("connected")
    cloud.send("config", CONFIG | {"allow": ["01055500001"]})
    cloud.wait("event", ev="config_applied")
    desk.control("call 01055500001 seconds=60 talk=100")
    desk.happened("ringing", direction="in")
    desk.press("sos", 1000)
    press = desk.note("press")
    desk.happened("active", number="01055500001")
    assert desk.note("talking")["ref"] == press["id"]
    assert not [line for line in desk.calls() if line.get("ev") == "dial"]
    desk.press("cancel", 100)
    assert cloud.wait("call", step="end", dir="in")["ref"] == press["id"]
