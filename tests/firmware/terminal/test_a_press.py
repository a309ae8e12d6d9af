"""A press on the real firmware becomes a message and a call."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.firmware.terminal.desk import until

if TYPE_CHECKING:
    from tests.firmware.terminal.desk import Cloud, Desk

STORED = "01055500000"  # the shipped plan's desk
FAMILY = "13800000001"


def test_a_terminal_tells_its_boot_its_state_and_a_heartbeat(desk: Desk, cloud: Cloud) -> None:
    """Boot with the identities of modem and card, online as retained state, and a first heartbeat at once."""
    desk.start()
    boot = cloud.wait("boot")
    assert (boot["imei"], boot["board"], boot["cfg"]) == ("860000000000017", "desk", 0)
    assert len(boot["iccid"]) in (19, 20)
    assert cloud.wait("state")["st"] == "online"
    beat = cloud.wait("hb")
    assert (beat["reg"], beat["net"]) == (1, "gsm")
    assert desk.lamp("ready")
    assert desk.note("receipt", ids=[boot["id"]])["gone"] == 1


def test_a_press_is_published_first_and_dialled_after_three_seconds_without_a_route(desk: Desk, cloud: Cloud) -> None:
    """The stored plan dials when no route comes; talk is told only when the modem shows an active call."""
    desk.start(n01055500000="answer after=2 talk=40")
    desk.note("connected")
    desk.press("sos", 1200)
    press = cloud.wait("press", key="sos", how="hold")
    noted, dialled = desk.note("press", id=press["id"]), desk.note("dial", number=STORED)
    assert dialled["ms"] - noted["ms"] >= 2900
    assert dialled["src"] == "stored"
    assert press["hold"] >= 600
    # Data is suspended in the call: its reports come when it is over.
    desk.happened("active", number=STORED)
    assert desk.note("talking")["number"] == STORED
    desk.press("cancel", 100)
    ended = cloud.wait("call", step="end", ref=press["id"])
    assert (ended["to"], ended["rung"], ended["src"]) == ("值班台", 0, "stored")
    steps = [fields["step"] for fields in cloud.of("call", ref=press["id"])]
    assert steps == ["dial", "ring", "talk", "end"]
    assert cloud.wait("press", key="cancel")["ref"] == press["id"]


def test_a_route_is_dialled_at_once_and_its_first_rung_without_an_answer_leads_to_the_next(
    desk: Desk, cloud: Cloud
) -> None:
    """`OK` after `ATD` and minutes of nothing are no answer: only +CLCC active is."""
    desk.start(n13800000001="no_answer", n13800000002="answer after=2 talk=200")
    desk.note("connected")
    desk.press("sos", 1200)
    press = cloud.wait("press")
    plan = [["女儿", FAMILY, 5, 0], ["邻居", "13800000002", 20, 0]]
    cloud.send("route", {"ref": press["id"], "case": "c1", "ver": 1, "plan": plan, "exp": int(time.time()) + 60})
    first = desk.note("dial")
    assert (first["number"], first["src"]) == (FAMILY, "route")
    assert desk.note("ended")["step"] == "fail"
    assert desk.note("dial", 1)["number"] == "13800000002"
    assert desk.note("talking")["number"] == "13800000002"
    talked = [line for line in desk.lines() if line.get("note") == "talking"]
    assert len(talked) == 1
    assert desk.note("receipt", ids=[press["id"]])


def test_with_data_down_a_press_dials_at_once_and_its_record_comes_later_with_its_true_time(
    desk: Desk, cloud: Cloud
) -> None:
    """No route is waited for that cannot come; the message keeps the time of the press, not of the sending."""
    desk.start(n01055500000="answer after=2 talk=10")
    desk.note("connected")
    cloud.wait("hb")
    desk.control("data off")
    desk.note("disconnected")
    desk.press("sos", 1200)
    pressed, dialled = desk.note("press"), desk.note("dial")
    assert dialled["ms"] - pressed["ms"] < 2900  # not after the wait for a route, which cannot come
    at = time.time()
    desk.note("talking")
    desk.press("cancel", 100)
    desk.control("data on")
    press = cloud.wait("press", 60, id=pressed["id"])
    assert abs(press["t"] - at) <= 2
    assert abs(press["u"] - pressed["ms"]) < 20
    assert press["s"] > press["u"]
    cloud.wait("call", ref=press["id"], step="end")
    assert [fields["step"] for fields in cloud.of("call", ref=press["id"])] == ["dial", "ring", "talk", "end"]


def test_a_killed_firmware_sends_its_full_outbox_after_the_restart(desk: Desk, cloud: Cloud) -> None:
    """Kill -9 with unreceipted presses: every one arrives, with `s` null because it is of an earlier boot."""
    desk.start(n01055500000="busy")
    desk.note("connected")
    cloud.wait("boot")
    cloud.receipting = False
    desk.control("data off")
    desk.note("disconnected")
    for _ in range(5):
        desk.press("k1", 300)
        desk.press("cancel", 100)
    pressed = [desk.note("press", nth)["id"] for nth in range(10)]
    assert len(set(pressed)) == 10
    stored = desk.folder / "state" / "outbox"
    until(lambda: all(one.encode() in stored.read_bytes() for one in pressed) or None, "the presses were not stored")
    desk.kill_firmware()
    cloud.receipting = True
    desk.control("data on")
    desk.start_terminal()
    for one in pressed:
        assert cloud.wait("press", id=one)["s"] is None
    desk.note("receipt", left=0)
