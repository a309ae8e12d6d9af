"""What a fleet counts, and the file in which a message is written down before it is sent."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

LATENCIES_MAX = 100_000  # enough for any percentile; later ones are counted but not kept


@dataclass
class Counts:
    """Counters of one fleet. `sent` counts messages, not tries; `resent` counts tries after the first."""

    connected: int = 0
    reconnects: int = 0
    sent: Counter[str] = field(default_factory=Counter)
    receipts: int = 0
    receipts_again: int = 0  # of messages that had one before
    resent: int = 0
    heartbeats: int = 0
    dropped: int = 0  # an outbox was full
    bad_down: int = 0  # a down message broke the contract
    routes: int = 0
    calls: int = 0
    configs: int = 0
    lamps: int = 0
    receipt_ms: list[int] = field(default_factory=list)  # press sent -> receipt
    route_ms: list[int] = field(default_factory=list)  # press sent -> route

    def took(self, what: list[int], seconds: float) -> None:
        """Keep one latency."""
        if len(what) < LATENCIES_MAX:
            what.append(round(seconds * 1000))

    def summary(self) -> dict[str, Any]:
        """The counters as one JSON object."""
        plain = {name: value for name, value in vars(self).items() if isinstance(value, int)}
        return {
            **plain,
            "sent": dict(sorted(self.sent.items())),
            "receipt_ms": percentiles(self.receipt_ms),
            "route_ms": percentiles(self.route_ms),
        }


def percentiles(values: list[int]) -> dict[str, int] | None:
    """Median, 99th percentile and largest; None where nothing was measured."""
    if not values:
        return None
    ranked = sorted(values)
    return {
        "n": len(ranked),
        "p50": ranked[len(ranked) // 2],
        "p99": ranked[len(ranked) * 99 // 100],
        "max": ranked[-1],
    }


class SentFile:
    """JSON lines, one for each receipted message, written before its first byte leaves for the broker."""

    def __init__(self, path: Path) -> None:
        # One write call per line on an append-only descriptor: a killed process leaves whole lines behind.
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, line: dict[str, Any]) -> None:
        """Append one line."""
        os.write(self._handle, (json.dumps(line, ensure_ascii=False) + "\n").encode())

    def close(self) -> None:
        """No more lines."""
        os.close(self._handle)
