"""The story of `onekey demo --once`: five scenes, each ends when what it is about has been seen from outside.

In: a running system and its terminal. Out: one object of figures, every one measured in the run: what was pressed is
counted from the lines written to the key FIFO, what was stored from the database, who was dialled from the modem.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections import Counter
from typing import TYPE_CHECKING, Any

from tools.story.lines import SilenceError
from tools.story.system import DEVICE, READY_S
from tools.story.watch import Watch

if TYPE_CHECKING:
    from tools.story.system import System
    from tools.story.terminal import Pressed, Terminal

# How long a scene may take on a loaded machine before the story is given up. No figure depends on it.
SCENE_S = 60.0
TRUE_TIME_S = 2  # a press reported late must carry its own time to within the second it is sent in, and one of skew


class Story:
    """Plays the scenes in order; `result()` is what was measured."""

    def __init__(self, system: System, terminal: Terminal, watch: Watch) -> None:
        self.system = system
        self.terminal = terminal
        self.watch = watch
        self.begun = time.monotonic()
        self.times: dict[str, float] = {}
        self.main: Pressed | None = None
        self.usage: dict[str, Any] = {}

    def play(self) -> dict[str, Any]:
        """All scenes, then the figures. Raises SilenceError naming what did not happen."""
        for title, scene in (
            ("(a) boot, register, heartbeat", self.boot),
            ("(b) SOS: the first target does not answer, the second does", self.sos),
            ("(c) ingest is killed while a press is in flight", self.killed),
            ("(d) the data link is lost: a press dials at once", self.no_data),
            ("(e) the day is closed and priced", self.money),
        ):
            self.system.say(title)
            scene()
        return self.result()

    def boot(self) -> None:
        """The terminal registers, connects, and its first heartbeat is in the database."""
        self.terminal.note("registered", READY_S)
        self.terminal.note("connected", READY_S)
        self.watch.until("select 1 from heartbeat where device_id = %s", (DEVICE,), SCENE_S, "a heartbeat")

    def sos(self) -> None:
        """Pressed, routed, dialled twice, talked, accepted by a person at the desk, hung up."""
        terminal = self.terminal
        pressed = terminal.press("sos", 1200)
        self.main = pressed
        fired = terminal.note("press", SCENE_S, pressed.mark, key="sos")
        press_id = fired.data["id"]
        routed = terminal.note("route", SCENE_S, pressed.mark, ref=press_id)
        dialled = terminal.modem_event("dial", SCENE_S, pressed.modem_mark)
        committed = self.watch.committed(press_id, SCENE_S)
        self.times = {
            "to_commit_ms": (committed - fired.at) * 1000,
            "to_route_ms": (routed.at - fired.at) * 1000,
            "to_dial_ms": (dialled.at - fired.at) * 1000,
        }
        terminal.modem_event("active", SCENE_S, pressed.modem_mark)
        terminal.lamp("talking", SCENE_S, pressed.mark)
        self.accept(press_id)
        terminal.modem_event("end", SCENE_S, pressed.modem_mark, cause="remote_hangup")
        terminal.lamp("accepted", SCENE_S, pressed.mark)
        self.settle()

    def accept(self, press_id: str) -> None:
        """Somebody at the desk presses the button on the page."""
        case = self.watch.value(
            "select case_id from call_case where device_id = %s and first_ref = %s", DEVICE, press_id
        )
        request = urllib.request.Request(  # noqa: S310 - our own page on loopback
            self.system.page + f"/cases/{case}/accept",
            data=b"",
            headers={"Origin": self.system.page.rsplit("/", 1)[0]},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=SCENE_S) as answer:  # noqa: S310
            answer.read()

    def killed(self) -> None:
        """The press is committed, its acknowledgement is held back, and ingest dies with it."""
        self.system.relay.hold()
        pressed = self.terminal.press("k1", 300)
        press_id = self.terminal.note("press", SCENE_S, pressed.mark, key="k1").data["id"]
        self.watch.committed(press_id, SCENE_S)
        self.system.kill("ingest")
        self.system.relay.release()
        self.system.start("ingest")
        self.system.lines["ingest"].wait_for(lambda line: line.text == "ready", READY_S, "to be ready again")
        self.watch.until(
            "select 1 from device_state where device_id = %s and duplicates > 0", (DEVICE,), SCENE_S, "a redelivery"
        )
        self.settle()

    def no_data(self) -> None:
        """Pressed without data: dialled from the stored plan at once, recorded later with its true time."""
        self.terminal.tell("data off")
        self.terminal.note("disconnected", SCENE_S, self.terminal.lines.mark() and 0)
        pressed = self.terminal.press("sos", 1200)
        fired = self.terminal.note("press", SCENE_S, pressed.mark, key="sos")
        dialled = self.terminal.modem_event("dial", SCENE_S, pressed.modem_mark)
        self.times["to_dial_without_data_ms"] = (dialled.at - fired.at) * 1000
        self.terminal.modem_event("end", SCENE_S, pressed.modem_mark)
        self.terminal.tell("data on")
        self.watch.committed(fired.data["id"], SCENE_S)
        happened = self.watch.value(
            "select extract(epoch from happened_at) from message where device_id = %s and id = %s",
            DEVICE, fired.data["id"],
        )  # fmt: skip
        self.times["true_time_error_s"] = abs(float(happened) - fired.at)
        if self.times["true_time_error_s"] > TRUE_TIME_S:
            raise SilenceError("the late press was not stored with its true time")

    def settle(self) -> None:
        """Until every message so far is receipted and no alarm runs."""
        self.watch.until_true(lambda: self.outstanding() == 0, SCENE_S, "every receipt")

    def outstanding(self) -> int:
        """Messages stored and not yet receipted at the terminal."""
        return len(self.watch.message_ids() - self.terminal.receipted())
