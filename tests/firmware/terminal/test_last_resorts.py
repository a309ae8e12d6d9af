"""What is left when nobody answers: short messages; and what the elder is told meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.firmware.terminal.desk import until

if TYPE_CHECKING:
    from tests.firmware.terminal.desk import Cloud, Desk

SON = "13800000001"
CONFIG = {
    "ver": 3,
    "hb": 600,
    "plan": {"sos": [["值班台", "01055500001", 30, 1], ["儿子", SON, 5, 0]]},
    "times": {"cycles": 2, "listen": 0, "publish_wait": 0},
    "who": "示例路3号楼",
}


def test_when_nobody_answers_the_family_is_texted_and_the_cloud_is_told(desk: Desk, cloud: Cloud) -> None:
    """Beside the second call to him, once, with the label and the press; the ladder goes on."""
    desk.start(n01055500001="busy", n13800000001="no_answer ring=100")
    desk.note("connected")
    cloud.wait("boot")
    cloud.send("config", CONFIG)
    cloud.wait("event", ev="config_applied")
    desk.press("sos", 1200)
    press = cloud.wait("press")
    sent = desk.happened("sms", number=SON)
    assert sent["characters"] <= 70
    told = cloud.wait("event", 60, ev="sms_sent")
    assert (told["txt"], told["ref"], told["val"]) == ("儿子", press["id"], 1)
    desk.press("cancel", 600)
    desk.note("done")
    assert desk.note("dial", 3)["label"] == "儿子"
    assert len([line for line in desk.calls() if line.get("ev") == "sms"]) == 1


def test_a_modem_that_can_speaks_while_nobody_is_being_rung(desk: Desk, cloud: Cloud) -> None:
    """Said before the dial, never in it, and again when the alarm is called off."""
    desk.start(n01055500000="answer after=1 talk=100")
    desk.note("connected")
    cloud.wait("boot")
    desk.press("sos", 1200)
    until(lambda: [line for line in desk.lines() if line.get("say") == "紧急呼叫已启动"] or None, "nothing said")
    desk.note("talking")
    assert "值班台" not in str([line for line in desk.calls() if line.get("ev") == "dial"])
    desk.press("cancel", 600)
    until(lambda: [line for line in desk.lines() if line.get("say") == "呼叫已取消"] or None, "nothing said")
    lines = desk.lines()
    talking = next(at for at, line in enumerate(lines) if line.get("note") == "talking")
    ended = next(at for at, line in enumerate(lines) if line.get("note") == "ended")
    assert [line for line in lines[talking:ended] if "say" in line] == []
