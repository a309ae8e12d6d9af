"""Where no MicroPython exists for the platform: a simulated terminal in the place of the real firmware.

It speaks the wire and follows the routes it is sent, but has no modem, so nothing that only a modem can show is shown:
the scene without a data link is left out, and what was dialled is what the terminal reports.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tools.story.keylog import KeyLog
from tools.story.once import SCENE_S, Story
from tools.story.system import DEVICE, FLEET_BEAT_S, READY_S

if TYPE_CHECKING:
    from tools.story.keylog import Pressed
    from tools.story.lines import Line, Lines
    from tools.story.system import System

PACE = 0.4  # rings and talks of the simulated people, in parts of their usual length


class StandIn:
    """Keys go to the simulator's standard input; its lines tell lamp and receipts."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.sent = KeyLog(system.folder / "sent.jsonl")
        self.lines: Lines
        self._process: subprocess.Popen[bytes]

    def start(self) -> None:
        """Connect the simulated terminal."""
        row = f"device_id,password\n{DEVICE},{self.system.passwords[DEVICE]}\n"
        credentials = self.system.secret_file("terminal.csv", row)
        self._process = self.system.spawn_process(
            "terminal",
            [sys.executable, "-m", "tools", "simulate", "--broker", f"127.0.0.1:{self.system.broker.port}",
             "--terminals", "1", "--credentials", str(credentials), "--keys", "--pace", str(PACE),
             "--interval", str(FLEET_BEAT_S)],
            stdin=subprocess.PIPE,
        )  # fmt: skip
        self.lines = self.system.lines["terminal"]
        self.lines.wait_for(lambda line: line.text == "ready", READY_S, "to be connected")

    def press(self, key: str, hold_ms: int) -> Pressed:
        """One key line, noted before it is written."""
        pressed = self.sent.write(key, hold_ms, self.lines.mark())
        if self._process.stdin is None:
            raise RuntimeError("the simulated terminal has no keys")
        self._process.stdin.write(f"{DEVICE} {key} {hold_ms}\n".encode())
        self._process.stdin.flush()
        return pressed

    def tell(self, command: str) -> str:
        """There is no modem to tell anything."""
        return f"no modem: {command} has no effect"

    def lamp(self, what: str, mark: int = 0) -> Line:
        """The first time the lamp shows that after `mark`."""
        return self.lines.wait_for(lambda line: line.data.get("lamp") == what, SCENE_S, f"lamp {what}", mark)

    def receipted(self) -> set[str]:
        """Ids that the terminal has seen receipted."""
        return {str(line.data["id"]) for line in self.lines.since(0) if line.data.get("note") == "receipt"}


class StandInStory(Story[StandIn]):
    """The same story with what a terminal without a modem can show."""

    def boot(self) -> None:
        """The terminal's first heartbeat is in the database."""
        self.watch.until("select 1 from heartbeat where device_id = %s", (DEVICE,), SCENE_S, "a heartbeat")

    def sos(self) -> None:
        """Pressed, routed, called, accepted by a person at the desk."""
        pressed = self.terminal.press("sos", 1200)
        shown = self.terminal.lamp("pressed", pressed.mark)
        self.main_ref = self.newest("sos")
        calling = self.terminal.lamp("calling", pressed.mark)
        self.figures["to_commit_ms"] = (self.watch.committed(self.main_ref, SCENE_S) - shown.at) * 1000
        routed = self.terminal.lines.wait_for(lambda line: line.data.get("note") == "route", SCENE_S, "route")
        self.figures["to_route_ms"] = (routed.at - shown.at) * 1000
        self.figures["to_dial_ms"] = (calling.at - shown.at) * 1000
        self.accept(self.main_ref)
        self.terminal.lamp("accepted", pressed.mark)
        self.settle(pressed)
        shown_labels = [line.data.get("to") for line in self.terminal.lines.since(pressed.mark)
                        if line.data.get("lamp") == "calling"]  # fmt: skip
        numbers = {rung["label"]: rung["number"] for rung in self.watch.call(self.main_ref, [])["route"]}
        self.dialled = [numbers[label] for label in shown_labels]

    def in_flight(self) -> tuple[Pressed, str]:
        """A press of another key, and its id."""
        pressed = self.terminal.press("k1", 300)
        return pressed, self.newest("k1")

    def no_data(self) -> None:
        """Left out: a simulated terminal has no modem whose data link could be lost."""
        self.system.say("    left out: the simulated terminal has no modem")

    def settle(self, pressed: Pressed) -> None:
        """Until the lamp is back and every message so far is receipted."""
        self.terminal.lamp("ready", pressed.mark)
        self.watch.until_true(lambda: not self.outstanding(), SCENE_S, "every receipt")

    def outstanding(self) -> int:
        """Messages stored whose receipt the terminal has not seen."""
        return len(self.watch.message_ids() - self.terminal.receipted())

    def identity(self) -> dict[str, Any]:
        """What stands in for the firmware."""
        firmware = self.watch.value("select firmware from device_state where device_id = %s", DEVICE)
        return {"device_id": DEVICE, "runtime": "simulated", "firmware": firmware}

    def newest(self, key: str) -> str:
        """Id of the press of a key, once it is stored."""
        query = "select id from message where device_id = %s and kind = 'press' and body->>'key' = %s"
        self.watch.until(query, (DEVICE, key), SCENE_S, "the press in the database")
        return str(self.watch.value(query, DEVICE, key))
