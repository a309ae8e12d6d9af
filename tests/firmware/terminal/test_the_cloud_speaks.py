"""What comes down: configurations, the desk's word, commands."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.firmware.terminal.desk import Cloud, Desk

DESK_NUMBER = "01055500009"
CONFIG = {"ver": 7, "hb": 60, "plan": {"sos": [["值班台", DESK_NUMBER, 30, 1]]}, "vol": 70, "allow": ["13800000005"]}


def test_a_configuration_is_applied_told_and_survives_a_kill(desk: Desk, cloud: Cloud) -> None:
    """`config_applied` carries the version; after kill -9 the stored plan is still the new one."""
    desk.start(n01055500009="busy")
    desk.note("connected")
    cloud.send("config", CONFIG)
    assert cloud.wait("event", ev="config_applied")["val"] == 7
    desk.kill_firmware()
    desk.start_terminal()
    assert cloud.wait("boot", cfg=7)
    desk.note("connected", 1)
    desk.press("k5", 300)
    assert desk.note("dial")["number"] == DESK_NUMBER  # a key without a plan of its own reaches the desk


def test_a_configuration_without_a_staffed_target_is_refused_whole(desk: Desk, cloud: Cloud) -> None:
    """A plan whose red key ends at nobody changes nothing and is told."""
    desk.start()
    desk.note("connected")
    cloud.send("config", CONFIG | {"ver": 8, "plan": {"sos": [["女儿", "13800000001", 30, 0]]}})
    refused = cloud.wait("event", ev="config_refused")
    assert (refused["val"], refused["txt"]) == (8, "plan")
    cloud.send("cmd", {"cid": "r1", "do": "report", "exp": int(time.time()) + 60})
    cloud.wait("result", cid="r1", st="done")
    assert cloud.of("hb")[-1]["cfg"] == 0


def test_the_desk_lights_the_lamp_only_for_an_open_press(desk: Desk, cloud: Cloud) -> None:
    """`accepted` lights the lamp; for a press that is not ours nothing happens."""
    desk.start(n01055500000="busy")
    desk.note("connected")
    soon = int(time.time()) + 60
    cloud.send("desk", {"ref": "00000000.1.1", "st": "accepted", "exp": soon})
    desk.note("desk")
    desk.press("sos", 1200)
    press = cloud.wait("press")
    assert not [line for line in desk.lines() if line.get("lamp") == "accepted"]
    cloud.send("desk", {"ref": press["id"], "st": "accepted", "exp": soon})
    desk.lamp("accepted")


def test_a_reboot_command_starts_the_firmware_again_like_a_board(desk: Desk, cloud: Cloud) -> None:
    """The result leaves first, then a boot with cause `command` and the next boot number; it runs once."""
    desk.start()
    desk.note("connected")
    # The clock must be set for `exp` to be judged.
    cloud.wait("hb")
    command = {"cid": "b1", "do": "reboot", "exp": int(time.time()) + 60}
    cloud.send("cmd", command)
    cloud.wait("result", cid="b1", st="done")
    assert desk.note("boot", 1)["boot"] == 1
    cloud.wait("boot", cause="command")
    desk.note("connected", 1)
    cloud.send("cmd", command)
    cloud.send("cmd", {"cid": "t1", "do": "selftest", "exp": int(time.time()) + 60})
    assert cloud.wait("result", cid="t1")["st"] == "done"
    assert len(cloud.of("result", cid="b1")) == 1


def test_an_expired_command_is_not_begun(desk: Desk, cloud: Cloud) -> None:
    """Its result says so."""
    desk.start()
    desk.note("connected")
    cloud.wait("hb")
    cloud.send("cmd", {"cid": "x1", "do": "selftest", "exp": int(time.time()) - 5})
    assert cloud.wait("result", cid="x1")["st"] == "expired"


def test_what_was_sent_while_the_link_was_down_arrives_when_it_is_back(desk: Desk, cloud: Cloud) -> None:
    """The session is kept by the broker, QoS 1 both ways."""
    desk.start()
    desk.note("connected")
    cloud.wait("boot")
    desk.control("data off")
    desk.note("disconnected")
    cloud.send("config", CONFIG)
    desk.control("data on")
    assert desk.note("connected", 1, 60)["present"] is True
    cloud.wait("event", ev="config_applied", val=7)
