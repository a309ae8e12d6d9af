"""A day of a terminal in simulated time: its heap, its traffic, and whether every press arrived.

In: hours, presses, reconnects. Out: free heap over time, bytes on the air, presses written down and presses received.
What was pressed is written to a file before it happens, and compared with what the cloud has, by key and time.
"""

from __future__ import annotations

import json
import random
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.modem.network import Plan
from tools.virtual.home import Home, Options
from tools.virtual.world import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

HOUR_S = 3600.0
KEYS = ("sos", "sos", "k1", "k2", "k3", "k9")
HELD_MS = {"sos": 1000}
SHORT_MS = 250
TALK_S = 12.0
SAME_MS = 4_000  # between a finger and the uptime in its press: hold and debounce are less
MARGIN = 0.8  # of an interval: a press, its calls and what follows fit


@dataclass
class Day:
    """What was seen."""

    hours: float = 0.0
    presses: int = 0
    lost: list[dict[str, Any]] = field(default_factory=list)
    reconnects: int = 0
    heap: list[tuple[float, int]] = field(default_factory=list)  # hours, bytes free after a collection
    bytes_on_air: int = 0
    connects: int = 0
    boots: int = 1
    faults: list[str] = field(default_factory=list)  # tasks that failed, watchdog resets

    def heap_least(self) -> int:
        """The least that was ever free."""
        return min(free for _, free in self.heap)

    def heap_growth(self) -> int:
        """Bytes by which less was free at the end than after the first part of the day (an hour of it, if it has one).

        Medians of the samples at rest: a message on its way at one moment is no growth.
        """
        first = min(1.0, self.hours / 4)
        early = sorted(free for at, free in self.heap if first <= at < 2 * first)
        late = sorted(free for at, free in self.heap if at >= self.hours - first)
        return early[len(early) // 2] - late[len(late) // 2]


def live(options: Options, hours: float, presses: int, reconnects: int, tell: Callable[[str, float], None]) -> Day:
    """Let a day pass."""
    day = Day(hours=hours)
    with tempfile.TemporaryDirectory(prefix="okcday") as folder:
        home = Home(Path(folder), replace(options, answer=Plan(after=3.0, talk=TALK_S)))
        log = Path(folder) / "pressed.jsonl"
        try:
            home.start()
            _pass(home, day, log, (presses, reconnects), tell)
            _judge(home, day, log)
        finally:
            home.close()
    return day


def _pass(home: Home, day: Day, log: Path, often: tuple[int, int], tell: Callable[[str, float], None]) -> None:
    draw = random.Random(home.options.seed)
    end = home.world.now + int(day.hours * HOUR_S * SECOND)
    begin = home.world.now
    traffic = home.modem.air.traffic
    before = traffic.up + traffic.down
    for at, what in _plan(draw, begin, end, *often):
        home.world.run_until(at)
        if what == "reconnect":
            home.modem.data.deactivate()
            day.reconnects += 1
        else:
            with log.open("a") as file:
                file.write(json.dumps({"us": home.world.now, "key": what}) + "\n")
            home.press(what, HELD_MS.get(what, SHORT_MS))
        tell("a simulated day", (home.world.now - begin) / (end - begin))
    home.world.run_until(end)
    day.bytes_on_air = traffic.up + traffic.down - before
    day.heap = [((us - begin) / SECOND / HOUR_S, free) for us, free in home.world.heap if us >= begin]
    home.wait(900)  # whatever is still on its way arrives


def _plan(draw: random.Random, begin: int, end: int, presses: int, reconnects: int) -> list[tuple[int, str]]:
    """When what happens: evenly, each somewhere in its part of the day."""
    found = []
    for count, what in ((presses, "press"), (reconnects, "reconnect")):
        part = (end - begin) / count if count else 0
        for number in range(count):
            at = int(begin + part * (number + draw.uniform(0, 1 - MARGIN)))
            found.append((at, draw.choice(KEYS) if what == "press" else what))
    return sorted(found)


def _judge(home: Home, day: Day, log: Path) -> None:
    pressed = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    arrived = home.responder.of("press")
    day.presses = len(pressed)
    day.connects = home.broker.counts["connects"]
    day.boots = home.world.boots
    for one in pressed:
        match = next((p for p in arrived if p["key"] == one["key"] and 0 <= p["u"] - one["us"] // 1000 < SAME_MS), None)
        if match is None:
            day.lost.append(one)
        else:
            arrived.remove(match)
    day.faults = [
        f"{line.get('note')} {line.get('task')} {line.get('error')}"
        for line in home.world.lines
        if line.get("note") == "task_failed"
    ]
    if home.world.watchdog_resets:
        day.faults.append(f"watchdog {home.world.watchdog_resets}")
