"""What a fleet counts, and the file in which a message is written down before it is sent."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_LATENCY_MAX_MS = 3_600_000  # longer ones are all the same


@dataclass
class Counts:
    """Counters of one fleet. `sent` counts messages, not tries; `resent` counts tries after the first."""

    connected: int = 0
    reconnects: int = 0  # tries
    cut_off: int = 0  # of those that were connected
    refused: int = 0  # by the broker's word, or by TLS
    sent: Counter[str] = field(default_factory=Counter)
    receipts: int = 0
    receipts_again: int = 0  # of messages that had one before
    resent: int = 0
    heartbeats: int = 0
    heartbeats_acked: int = 0  # the broker has them
    missed: int = 0  # heartbeats that could not be sent
    dropped: int = 0  # an outbox was full
    bad_down: int = 0  # a down message broke the contract
    routes: int = 0
    dialling: int = 0  # alarms that go on
    calls: int = 0
    configs: int = 0
    commands: int = 0
    lamps: int = 0
    faults: int = 0
    cuts: int = 0
    farewells: int = 0
    receipt_ms: Counter[int] = field(default_factory=Counter)  # press sent -> receipt
    route_ms: Counter[int] = field(default_factory=Counter)  # press sent -> route

    @staticmethod
    def took(what: Counter[int], seconds: float) -> None:
        """Keep one latency."""
        what[min(round(seconds * 1000), _LATENCY_MAX_MS)] += 1

    def summary(self) -> dict[str, Any]:
        """The counters as one JSON object."""
        plain = {name: value for name, value in vars(self).items() if isinstance(value, int) and name != "farewells"}
        return {
            **plain,
            "sent": dict(sorted(self.sent.items())),
            "receipt_ms": percentiles(self.receipt_ms),
            "route_ms": percentiles(self.route_ms),
        }

    def raw(self) -> dict[str, Any]:
        """All of it, for `merged`."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def merged(parts: Iterable[dict[str, Any]]) -> Counts:
    """One fleet's counts of what `raw` told of its parts; JSON has made texts of the milliseconds."""
    total = Counts()
    for part in parts:
        for name, value in part.items():
            mine = getattr(total, name)
            if isinstance(value, int):
                setattr(total, name, mine + value)
            elif name == "sent":
                mine.update(value)
            else:
                mine.update({int(ms): times for ms, times in value.items()})
    return total


def percentiles(values: Counter[int]) -> dict[str, int] | None:
    """Median, 99th percentile and largest; None where nothing was measured."""
    count = values.total()
    if not count:
        return None
    ranked = sorted(values)
    return {
        "n": count,
        "p50": _ranked(values, count // 2),
        "p99": _ranked(values, count * 99 // 100),
        "max": ranked[-1],
    }


def _ranked(values: Counter[int], place: int) -> int:
    for value in sorted(values):
        place -= values[value]
        if place < 0:
            return value
    raise AssertionError("the place lies within")


class SentFile:
    """JSON lines, one for each message, written before its first byte leaves for the broker."""

    def __init__(self, path: Path) -> None:
        # One write call per line on an append-only descriptor: a killed process leaves whole lines behind.
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, line: dict[str, Any]) -> None:
        """Append one line."""
        os.write(self._handle, (json.dumps(line, ensure_ascii=False) + "\n").encode())

    def close(self) -> None:
        """No more lines."""
        os.close(self._handle)
