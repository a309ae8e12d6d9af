"""The story of `onekey demo --once`: five scenes, each ends when what it is about has been seen from outside.

In: a running system and its terminal. Out: one object of figures, every one measured in the run: what was pressed is
counted from the lines written to the key FIFO, what was stored from the database, who was dialled from the modem.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cloud import clock, days
from tools.story.lines import SilenceError
from tools.story.system import DESK_NUMBER, DEVICE, READY_S

if TYPE_CHECKING:
    from tools.story.system import System
    from tools.story.terminal import Pressed, Terminal
    from tools.story.watch import Watch

# How long a scene may take on a loaded machine before the story is given up. No figure depends on it.
SCENE_S = 60.0
# Whom the emulated network lets answer. In scene (b) the desk does not, so that the family is reached.
NETWORK = f"""
[default]
kind = "answer"
after = 2
talk = 12

[numbers.{DESK_NUMBER}]
kind = "no_answer"
ring = 6

[numbers.13800000001]
kind = "answer"
after = 2
talk = 8
"""
CONTRACT_NUMBER = "DEMO-1"
TERM = timedelta(days=364)  # both days inclusive: a year
CONTRACT = """[contract]
number = "{number}"
start = {start}
end = {end}
unit_price = "39.90"
cap = "1995000.00"
prepaid = "997500.00"
"""
TRUE_TIME_S = 2  # a press reported late must carry its own time to within the second it is sent in, and one of skew


class Story:
    """Plays the scenes in order; `result()` is what was measured."""

    def __init__(self, system: System, terminal: Terminal, watch: Watch) -> None:
        self.system = system
        self.terminal = terminal
        self.watch = watch
        self.begun = time.monotonic()
        self.figures: dict[str, float] = {}
        self.main_ref = ""  # the SOS of scene (b)
        self.dialled: list[str] = []  # numbers that the modem was told to dial for it
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
        fired = terminal.note("press", SCENE_S, pressed.mark, key="sos")
        self.main_ref = str(fired.data["id"])
        routed = terminal.note("route", SCENE_S, pressed.mark, ref=self.main_ref)
        dialled = terminal.modem_event("dial", SCENE_S, pressed.modem_mark)
        self.figures["to_commit_ms"] = (self.watch.committed(self.main_ref, SCENE_S) - fired.at) * 1000
        self.figures["to_route_ms"] = (routed.at - fired.at) * 1000
        self.figures["to_dial_ms"] = (dialled.at - fired.at) * 1000
        terminal.modem_event("active", SCENE_S, pressed.modem_mark)
        terminal.lamp("talking", SCENE_S, pressed.mark)
        self.accept(self.main_ref)
        terminal.note("ended", SCENE_S, pressed.mark, step="end")
        terminal.lamp("accepted", SCENE_S, pressed.mark)
        self.dialled = terminal.dialled(pressed.modem_mark)
        self.settle(pressed)

    def accept(self, press_id: str) -> None:
        """Somebody at the desk presses the button on the page."""
        case = self.watch.value("select case_id from case_fact where kind = 'press' and ref = %s", press_id)
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
        self.settle(pressed)

    def no_data(self) -> None:
        """Pressed without data: dialled from the stored plan at once, recorded later with its true time."""
        terminal = self.terminal
        terminal.tell(f"number {DESK_NUMBER} answer after=2 talk=12")
        mark = terminal.lines.mark()
        terminal.tell("data off")
        terminal.note("disconnected", SCENE_S, mark)
        pressed = terminal.press("sos", 1200)
        fired = terminal.note("press", SCENE_S, pressed.mark, key="sos")
        dialled = terminal.modem_event("dial", SCENE_S, pressed.modem_mark)
        self.figures["to_dial_without_data_ms"] = (dialled.at - fired.at) * 1000
        terminal.note("ended", SCENE_S, pressed.mark, step="end")
        terminal.tell("data on")
        press_id = fired.data["id"]
        self.watch.committed(press_id, SCENE_S)
        happened = self.watch.value("select extract(epoch from happened_at) from message where id = %s", press_id)
        off_s = abs(float(happened) - fired.at)
        if off_s > TRUE_TIME_S:
            raise SilenceError(f"the late press was stored {off_s:.1f} s away from its true time")
        self.figures["true_time_error_ms"] = off_s * 1000
        self.settle(pressed)

    def money(self) -> None:
        """Today is closed from what ingest wrote, exported, and the export priced without the database."""
        today = days.shanghai_day(clock.now())
        contract = self.system.folder / "contract.toml"
        contract.write_text(CONTRACT.format(number=CONTRACT_NUMBER, start=today, end=today + TERM))
        out = self.system.folder / "export"
        self.system.run("billing", "contract", "add", str(contract))
        self.system.run("billing", "close", "--day", str(today), "--provisional", "--json")
        self.system.run("billing", "export", "--contract", CONTRACT_NUMBER, "--through", str(today), "--out", str(out))
        priced = self.system.run(
            "billing", "price", "--ledger", str(out / "ledger.csv"), "--contract", str(contract), "--json"
        )
        amount = json.loads(priced)
        self.usage = {
            "device_days": amount["device_days"],
            "amount_fen": amount["total_fen"],
            "contract": CONTRACT_NUMBER,
        }

    def settle(self, pressed: Pressed) -> None:
        """Until the alarm of a press is over and every message so far is receipted."""
        self.terminal.note("done", SCENE_S, pressed.mark)
        self.watch.until_true(lambda: self.terminal.outstanding() == 0, SCENE_S, "every receipt")

    def result(self) -> dict[str, Any]:
        """What was measured, in the shape that scripts rely on."""
        sent = Counter(pressed.key for pressed in self.terminal.presses)
        presses = self.watch.rows(
            "select body->>'key', count(*) from message where device_id = %s and kind = 'press' group by 1", DEVICE
        )
        stored = Counter(dict(presses))
        boot = self.terminal.note("boot", SCENE_S).data
        health = json.loads(self.system.run("health", "report", "--json"))
        return {
            "terminal": {"device_id": DEVICE, "runtime": boot["runtime"], "firmware": boot["firmware"]},
            "press": {
                "sent": sent.total(),
                "stored": stored.total(),
                "lost": (sent - stored).total(),
                "doubled": (stored - sent).total(),
                "redeliveries": self.watch.value("select duplicates from device_state where device_id = %s", DEVICE),
                **{name: round(value, 1) for name, value in self.figures.items()},
            },
            "call": self.watch.call(self.main_ref, self.dialled),
            "receipts": {"received": len(self.terminal.receipted()), "outstanding": self.terminal.outstanding()},
            "health": health["counts"],
            "usage": self.usage,
            "seconds": round(time.monotonic() - self.begun, 1),
        }
