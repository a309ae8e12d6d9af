"""What the judge knows of a peer: its session, its rows, how it is made ready and how it is started.

A peer writes one row for each heartbeat, one column for each figure, under the names that the message has.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

WHOLE = ("u", "s", "bat", "pct", "mains", "csq", "reg", "temp", "heap", "box", "drops", "call", "cfg", "rtt", "test",
         "missed")  # fmt: skip
TEXT = ("id", "net", "cell")


class AbsentError(RuntimeError):
    """It cannot be had on this machine; the text says why."""


class FailedError(RuntimeError):
    """It was started and did not do its work."""


@dataclass(frozen=True)
class Place:
    """Where a peer works."""

    folder: Path  # its own
    dsn: str
    port: int  # of the broker, on loopback, no password
    table: str


class Peer(Protocol):
    """One that is measured."""

    name: str
    session: str  # its client id at the broker
    keyed: bool  # whether its table refuses a second row of one id

    def prepare(self, cache: Path) -> str:
        """Make it ready in this folder, which may hold it already; returns its version. Raises AbsentError."""

    def settings(self) -> dict[str, Any]:
        """Those that its figures depend on."""

    def command(self, place: Place) -> list[str]:
        """The words that start it, its configuration written first."""


def table(name: str, *, keyed: bool) -> str:
    """The statement that makes a peer's table."""
    columns = ["device_id text not null", "received_at timestamptz not null default now()", "t timestamptz"]
    columns += [f"{each} text" for each in TEXT] + [f"{each} integer" for each in WHOLE]
    if keyed:
        columns.append("primary key (device_id, id)")
    return f"create table {name} ({', '.join(columns)})"
