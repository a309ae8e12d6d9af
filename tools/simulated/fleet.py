"""Many simulated terminals in one process: started gently, pressed and troubled now and then, ended cleanly.

In: names and passwords, a broker, how lively. Out: one set of counts for all of them. What is drawn depends on the
seed and the device id alone: the same presses, faults and answers in every run.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.simulated.counts import Counts, SentFile
from tools.simulated.daybook import BUSIEST, MEAN, busy
from tools.simulated.dice import Dice
from tools.simulated.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Self

    from tools.simulated.household import Pace
    from tools.simulated.line import Link

STARTS_PER_S = 50  # a broker on a small machine takes that many logins a second without dropping any
KEYS = ("sos", "k1", "k2", "k3", "k4")
KEY_WEIGHTS = (1, 4, 2, 2, 1)
FAULTS = (
    ("mains_lost", "mains_back", None), ("voice_lost", "voice_back", None), ("key_stuck", "key_free", "k1"),
    ("temperature_high", "temperature_ok", None), ("tamper_open", "tamper_closed", None),
)  # fmt: skip
FAULT_MEAN_S = 600.0
POLL_S = 0.05
DAY_POLL_S = 10.0
SOURCE_LINES = 10_000  # lines from one address: it has 28,000 ports, and those of lines just cut are not free at once
FAREWELLS_PER_S = 2_000  # about what a broker takes
FAREWELL_S = 1.0  # and so long for the last


@dataclass(frozen=True)
class Life:
    """How lively a fleet is; all off as it stands."""

    press_every_s: float | None = None  # between two presses of a terminal, on average
    rhythm: bool = False  # by the hour in Shanghai: few at night
    fault_every_s: float | None = None  # between two faults of a terminal, on average
    seed: str = ""


class Fleet:
    """A fleet: `async with Fleet(...) as fleet`. Must be made inside a running loop."""

    def __init__(
        self,
        passwords: Mapping[str, str | None],
        link: Link,
        *,
        sent: Path | None = None,
        sent_heartbeats: bool = False,
        heartbeat_s: float | None = None,
        press_every_s: float | None = None,
        life: Life | None = None,
        pace: Pace | None = None,
        starts_per_s: float = STARTS_PER_S,
        tell: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.counts = Counts()
        self._life = life or Life(press_every_s=press_every_s)
        self._sent = SentFile(sent) if sent is not None else None
        self._starts_per_s = starts_per_s
        self.terminals = {
            device_id: Terminal(
                device_id,
                password,
                link,
                self.counts,
                sent=self._sent,
                sent_heartbeats=sent_heartbeats,
                heartbeat_s=heartbeat_s,
                pace=pace,
                tell=tell,
                seed=self._life.seed,
                source=link.sources[number // SOURCE_LINES % len(link.sources)] if link.sources else None,
            )
            for number, (device_id, password) in enumerate(passwords.items())
        }
        self._all = list(self.terminals.values())
        self._dice = Dice(self._life.seed, "fleet")
        self._tasks: list[asyncio.Task[None]] = []
        self._pressing = True

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.ensure_future(self._start()), asyncio.ensure_future(self._days())]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._pressing = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for number, terminal in enumerate(self._all):
            terminal.farewell()
            if number % 100 == 99:
                await asyncio.sleep(100 / FAREWELLS_PER_S)
        await asyncio.sleep(0)
        await _until(lambda: self.counts.farewells >= self.counts.connected, FAREWELL_S)
        for terminal in self._all:
            terminal.stop()
        await asyncio.sleep(0)  # lines close in the next turn of the loop
        if self._sent is not None:
            self._sent.close()

    @property
    def outstanding(self) -> int:
        """Messages that wait for their receipt."""
        return sum(len(terminal.outbox) for terminal in self._all)

    async def connected(self, within_s: float) -> bool:
        """Whether every terminal is connected within a time."""
        return await _until(lambda: self.counts.connected == len(self._all), within_s)

    async def settled(self, within_s: float) -> bool:
        """Press no more, and wait until every call is over and every message has its receipt."""
        self._pressing = False
        return await _until(lambda: all(each.quiet for each in self._all), within_s)

    def summary(self) -> dict[str, Any]:
        """Counts of the fleet as one JSON object."""
        return {"terminals": len(self._all), "outstanding": self.outstanding, **self.counts.summary()}

    def cut(self, share: float, for_s: float) -> None:
        """So large a part of the fleet has no data for so long."""
        for terminal in self._all:
            if self._dice.random() < share and terminal.is_connected:
                terminal.cut(for_s)

    def storm(self, per_s: float, for_s: float) -> None:
        """So many presses a second, of anybody, for so long."""
        task = asyncio.ensure_future(self._storm(per_s, for_s))
        self._tasks.append(task)

    async def _storm(self, per_s: float, for_s: float) -> None:
        begun = time.monotonic()
        for number in range(round(per_s * for_s)):
            await asyncio.sleep(begun + number / per_s - time.monotonic())
            self._dice.choice(self._all).press(self._dice.weighted(KEYS, KEY_WEIGHTS), self._dice.randint(150, 2500))

    async def _start(self) -> None:
        begun = time.monotonic()
        for number, terminal in enumerate(self._all):
            wait_s = begun + number / self._starts_per_s - time.monotonic()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            terminal.start()
            if self._life.press_every_s is not None:
                self._press_later(terminal, Dice(self._life.seed, terminal.device_id, "keys"), self._life.press_every_s)
            if self._life.fault_every_s is not None:
                self._fail_later(
                    terminal, Dice(self._life.seed, terminal.device_id, "faults"), self._life.fault_every_s
                )

    async def _days(self) -> None:
        while True:
            await asyncio.sleep(DAY_POLL_S)
            now = time.time()
            for terminal in self._all:
                terminal.day_over(now)

    def _press_later(self, terminal: Terminal, dice: Dice, every_s: float) -> None:
        """With a rhythm they are drawn for the busiest hour, and others lose some of them."""
        peak_s = every_s * MEAN / BUSIEST if self._life.rhythm else every_s
        key, hold_ms, luck = dice.weighted(KEYS, KEY_WEIGHTS), dice.randint(150, 2500), dice.random()

        def press() -> None:
            if not self._pressing:
                return
            if not self._life.rhythm or luck < busy(time.time()):
                terminal.press(key, hold_ms)
            self._press_later(terminal, dice, every_s)

        asyncio.get_running_loop().call_later(peak_s * dice.uniform(0.5, 1.5), press)

    def _fail_later(self, terminal: Terminal, dice: Dice, every_s: float, last_s: float = 0.0) -> None:
        name, restore, text = dice.choice(FAULTS)
        lasts_s = FAULT_MEAN_S * dice.uniform(0.05, 1.95)

        def fail() -> None:
            if self._pressing:
                terminal.fault(name, restore, lasts_s, text)
                self._fail_later(terminal, dice, every_s, lasts_s)

        # Not before the last one is over: a fault that is there does not begin.
        asyncio.get_running_loop().call_later(max(every_s * dice.uniform(0.5, 1.5), last_s), fail)


async def _until(true: Callable[[], bool], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(POLL_S)
    return True
