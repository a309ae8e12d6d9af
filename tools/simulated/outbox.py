"""Receipted messages of one simulated terminal: kept until a receipt names them, resent by the protocol's schedule.

Pure but for the clock that comes in as an argument (seconds, monotonic).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

RESEND_FIRST_S, RESEND_MOST_S = 10, 300  # 10, 20, 40 ... 300 s
ASIDE_TRIES, ASIDE_S = 20, 3600  # after so many sends it steps aside, and is sent hourly
ENTRIES_MAX = 1000  # a day of presses every two minutes without any cloud


@dataclass(slots=True)
class Entry:
    """One message that waits for its receipt."""

    id: str
    kind: str
    body: dict[str, Any]
    due_at: float
    tries: int = 0
    sent_at: float | None = None  # first try


class Outbox:
    """Entries by id, in the order in which they happened."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, message_id: str, kind: str, body: dict[str, Any], now: float) -> bool:
        """Keep a message, due at once; False where there is no room."""
        if len(self._entries) >= ENTRIES_MAX:
            return False
        self._entries[message_id] = Entry(message_id, kind, body, now)
        return True

    def due(self, now: float) -> list[Entry]:
        """What is to be sent now, presses before all others."""
        if not self._entries:
            return []
        return sorted((each for each in self._entries.values() if each.due_at <= now), key=_not_a_press)

    def next_due(self) -> float | None:
        """When something is due next."""
        return min((entry.due_at for entry in self._entries.values()), default=None)

    def tried(self, entry: Entry, now: float) -> None:
        """It has been sent once more."""
        if entry.sent_at is None:
            entry.sent_at = now
        entry.tries += 1
        # Past the fifth doubling the longest delay holds anyway.
        wait_s = min(RESEND_FIRST_S << min(entry.tries - 1, 5), RESEND_MOST_S)
        entry.due_at = now + (wait_s if entry.tries < ASIDE_TRIES else ASIDE_S)

    def received(self, message_id: str) -> Entry | None:
        """A receipt came: forget the message. None where it is not waiting."""
        return self._entries.pop(message_id, None)

    def again(self, now: float) -> None:
        """A new connection: what was sent over the last one may be lost, so everything is due."""
        for entry in self._entries.values():
            entry.due_at = min(entry.due_at, now)

    @property
    def aside(self) -> int:
        """How many have stepped aside."""
        return sum(entry.tries >= ASIDE_TRIES for entry in self._entries.values())


def _not_a_press(entry: Entry) -> bool:
    return entry.kind != "press"
