"""Receipted messages of one simulated terminal: kept until a receipt names them, resent by the protocol's schedule.

Pure but for the clock that comes in as an argument (seconds, monotonic).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

RESEND_FIRST_S, RESEND_MOST_S = 10, 300  # 10, 20, 40 ... 300 s for ever
ENTRIES_MAX = 1000  # a day of presses every two minutes without any cloud


@dataclass
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
        """What is to be sent now."""
        return [entry for entry in self._entries.values() if entry.due_at <= now]

    def next_due(self) -> float | None:
        """When something is due next."""
        return min((entry.due_at for entry in self._entries.values()), default=None)

    def tried(self, entry: Entry, now: float) -> None:
        """It has been sent once more."""
        if entry.sent_at is None:
            entry.sent_at = now
        # Past the fifth doubling the longest delay holds anyway.
        entry.due_at = now + min(RESEND_FIRST_S << min(entry.tries, 5), RESEND_MOST_S)
        entry.tries += 1

    def received(self, message_id: str) -> Entry | None:
        """A receipt came: forget the message. None where it is not waiting."""
        return self._entries.pop(message_id, None)

    def again(self, now: float) -> None:
        """A new connection: what was sent over the last one may be lost, so everything is due."""
        for entry in self._entries.values():
            entry.due_at = min(entry.due_at, now)
