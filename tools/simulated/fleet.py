"""Many simulated terminals in one process: started gently, pressed now and then, ended cleanly.

In: names and passwords, a broker. Out: one set of counts for all of them.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Any

from tools.simulated.counts import Counts, SentFile
from tools.simulated.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Self

    from tools.simulated.household import Pace
    from tools.simulated.terminal import Link

STARTS_PER_S = 50  # a broker on a small machine takes that many logins a second without dropping any
KEYS = ("sos", "k1", "k2", "k3", "k4")
KEY_WEIGHTS = (1, 4, 2, 2, 1)
POLL_S = 0.05


class Fleet:
    """A fleet: `async with Fleet(...) as fleet`, or `run` for a given time. Must be made inside a running loop."""

    def __init__(
        self,
        passwords: Mapping[str, str | None],
        link: Link,
        *,
        sent: Path | None = None,
        sent_heartbeats: bool = False,
        heartbeat_s: float | None = None,
        press_every_s: float | None = None,
        pace: Pace | None = None,
        tell: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.counts = Counts()
        self._sent = SentFile(sent) if sent is not None else None
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
            )
            for device_id, password in passwords.items()
        }
        self._press_every_s = press_every_s
        self._tasks: list[asyncio.Task[None]] = []
        self._pressers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for number, terminal in enumerate(self.terminals.values()):
            self._tasks.append(asyncio.ensure_future(terminal.run(number / STARTS_PER_S)))
            if self._press_every_s is not None:
                self._pressers.append(asyncio.ensure_future(self._press_now_and_then(terminal, self._press_every_s)))
        return self

    async def __aexit__(self, *_exc: object) -> None:
        for task in [*self._pressers, *self._tasks]:
            task.cancel()
        await asyncio.gather(*self._pressers, *self._tasks, return_exceptions=True)
        if self._sent is not None:
            self._sent.close()

    @property
    def outstanding(self) -> int:
        """Messages that wait for their receipt."""
        return sum(len(terminal.outbox) for terminal in self.terminals.values())

    async def connected(self, within_s: float) -> bool:
        """Whether every terminal is connected within a time."""
        return await _until(lambda: all(each.is_connected for each in self.terminals.values()), within_s)

    async def settled(self, within_s: float) -> bool:
        """Press no more, and wait until every call is over and every message has its receipt."""
        for task in self._pressers:
            task.cancel()
        return await _until(lambda: all(each.quiet for each in self.terminals.values()), within_s)

    def summary(self) -> dict[str, Any]:
        """Counts of the fleet as one JSON object."""
        return {"terminals": len(self.terminals), "outstanding": self.outstanding, **self.counts.summary()}

    @staticmethod
    async def _press_now_and_then(terminal: Terminal, every_s: float) -> None:
        dice = random.Random(f"keys {terminal.device_id}")
        while True:
            await asyncio.sleep(every_s * dice.uniform(0.5, 1.5))
            terminal.press(dice.choices(KEYS, KEY_WEIGHTS)[0], dice.randint(150, 2500))


async def _until(true: Callable[[], bool], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() >= deadline:
            return False
        await asyncio.sleep(POLL_S)
    return True
