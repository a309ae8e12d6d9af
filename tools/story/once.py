"""The story of `onekey demo --once`: five scenes, each ends when what it is about has been seen from outside.

In: a running system and its terminal. Out: one object of figures, every one measured in the run: what was pressed is
counted from the lines written to the key FIFO, what was stored from the database, who was dialled from the modem.
"""

from __future__ import annotations

import json
import time
import urllib.request
from abc import ABC, abstractmethod
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from cloud import clock, days
from tools.story.system import DESK_NUMBER, DEVICE, READY_S

if TYPE_CHECKING:
    from tools.story.keylog import KeyLog, Pressed
    from tools.story.system import System
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


class Keys(Protocol):
    """What a story needs of any terminal."""

    sent: KeyLog

    def receipted(self) -> set[str]:
        """Ids that the terminal has seen receipted."""


AnyTerminal = TypeVar("AnyTerminal", bound=Keys)


class Story(ABC, Generic[AnyTerminal]):
    """Plays the scenes in order; `result()` is what was measured. What a scene looks at depends on the terminal."""

    def __init__(self, system: System, terminal: AnyTerminal, watch: Watch) -> None:
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

    @abstractmethod
    def boot(self) -> None:
        """The terminal is connected and its first heartbeat is in the database."""

    @abstractmethod
    def sos(self) -> None:
        """Pressed, routed, called, accepted by a person at the desk; sets main_ref, dialled and the times."""

    @abstractmethod
    def in_flight(self) -> tuple[Pressed, str]:
        """A press of another key, and its id."""

    @abstractmethod
    def no_data(self) -> None:
        """Pressed while the data link is lost."""

    @abstractmethod
    def settle(self, pressed: Pressed) -> None:
        """Until the alarm of a press is over and every message so far is receipted."""

    @abstractmethod
    def outstanding(self) -> int:
        """Messages that wait for their receipt."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """device_id, runtime and firmware of the terminal."""

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
        pressed, press_id = self.in_flight()
        self.watch.committed(press_id, SCENE_S)
        self.system.kill("ingest")
        self.system.relay.release()
        self.system.start("ingest")
        self.system.lines["ingest"].wait_for(lambda line: line.text == "ready", READY_S, "to be ready again")
        self.watch.until(
            "select 1 from device_state where device_id = %s and duplicates > 0", (DEVICE,), SCENE_S, "a redelivery"
        )
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

    def result(self) -> dict[str, Any]:
        """What was measured, in the shape that scripts rely on."""
        sent = self.terminal.sent.keys()
        presses = self.watch.rows(
            "select body->>'key', count(*) from message where device_id = %s and kind = 'press' group by 1", DEVICE
        )
        stored = Counter(dict(presses))
        health = json.loads(self.system.run("health", "report", "--json"))
        return {
            "terminal": self.identity(),
            "press": {
                "sent": sent.total(),
                "stored": stored.total(),
                "lost": (sent - stored).total(),
                "doubled": (stored - sent).total(),
                "redeliveries": self.watch.value("select duplicates from device_state where device_id = %s", DEVICE),
                **{name: round(value, 1) for name, value in self.figures.items()},
            },
            "call": self.watch.call(self.main_ref, self.dialled),
            "receipts": {"received": len(self.terminal.receipted()), "outstanding": self.outstanding()},
            "health": health["counts"],
            "usage": self.usage,
            "seconds": round(time.monotonic() - self.begun, 1),
        }
