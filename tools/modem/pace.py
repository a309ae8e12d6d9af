"""The air between modem and network: how long a segment takes, and how many bytes have passed, headers included.

In: sizes of segments as they leave either side. Out: seconds until each arrives, and counts for whoever pays for them.
Without a pace everything arrives at once and is counted all the same. The draws come from a seed.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.modem.timers import Timers

HEADER = 40  # bytes of IPv4 and TCP on every segment and on every acknowledgement; one is counted for each segment
QUERY = 28 + 18  # of a DNS question: IPv4, UDP, head, type; and the name
REPLY = QUERY + 16
_ADDRESS = re.compile(r"[\d.]+")


@dataclass(frozen=True)
class Pace:
    """A network. Times in seconds, real ones; the rate in bits a second, each way, for all connections together."""

    round_trip: float = 0.7
    rate: float = 20_000.0
    delayed_share: float = 0.01  # of all segments …
    delay: float = 5.0  # … come so much later, and hold up those behind them


PACES: dict[str, Pace | None] = {"none": None, "2g": Pace()}


@dataclass
class Traffic:
    """Bytes on the air, with headers."""

    up: int = 0
    down: int = 0


class Lane:
    """One direction: one segment after the other."""

    def __init__(self) -> None:
        self._free_at = 0.0

    def take(self, now: float, seconds: float) -> float:
        """Seconds until it has been sent, behind what waits already."""
        self._free_at = max(now, self._free_at) + seconds
        return self._free_at - now


class Air:
    """Both directions, and the sum of all traffic."""

    def __init__(self, timers: Timers, pace: Pace | None, seed: int) -> None:
        self.pace = pace
        self.traffic = Traffic()
        self._timers = timers
        self._rng = random.Random(seed)
        self._up, self._down = Lane(), Lane()

    def up(self, traffic: Traffic, size: int) -> float:
        """A segment leaves the terminal and is acknowledged; seconds until it arrives, 0 without a pace."""
        self.count(traffic, HEADER + size, HEADER)
        return self._ride(self._up, self._down, size)

    def down(self, traffic: Traffic, size: int) -> float:
        """The same in the other direction."""
        self.count(traffic, HEADER, HEADER + size)
        return self._ride(self._down, self._up, size)

    def one_way(self) -> float:
        """Seconds for something short in an idle network."""
        return self.pace.round_trip / 2 if self.pace is not None else 0.0

    def opened(self, traffic: Traffic, host: str) -> None:
        """A connection was opened: the name was asked for, SYN, SYN and ACK, ACK."""
        if not _ADDRESS.fullmatch(host):
            self.resolved(traffic, host)
        self.count(traffic, 2 * HEADER, HEADER)

    def resolved(self, traffic: Traffic, host: str) -> None:
        """A name was asked for."""
        self.count(traffic, QUERY + len(host), REPLY + len(host))

    def closed(self, traffic: Traffic) -> None:
        """Both sides said FIN and acknowledged it."""
        self.count(traffic, 2 * HEADER, 2 * HEADER)

    def count(self, traffic: Traffic, up: int, down: int) -> None:
        """Bytes of one connection, and of all."""
        for one in (traffic, self.traffic):
            one.up += up
            one.down += down

    def round_trips(self, host: str) -> int:
        """How often the air is crossed both ways until a connection stands: for the name, for TCP."""
        return 1 if _ADDRESS.fullmatch(host) else 2

    def _ride(self, lane: Lane, back: Lane, size: int) -> float:
        pace = self.pace
        if pace is None:
            return 0.0
        now = self._timers.now
        seconds = lane.take(now, (HEADER + size) * 8 / pace.rate) + pace.round_trip / 2
        back.take(now, HEADER * 8 / pace.rate)
        return seconds + (pace.delay if self._rng.random() < pace.delayed_share else 0.0)
