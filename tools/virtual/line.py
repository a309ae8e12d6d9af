"""The wire between terminal and modem: 115,200 baud, 8N1, both ways, never a byte more or less.

In: pieces with the world time (µs) at which they were written. Out: pieces with the time at which their last bit came.
"""

from __future__ import annotations

from collections import deque

BAUD = 115_200
BITS = 10  # start, 8, stop
FIFO = 120  # the ESP32's UART interrupts after so many bytes, or a moment after the last


class Line:
    """One direction."""

    def __init__(self, baud: int = BAUD, piece: int = FIFO) -> None:
        self.sent = self.arrived = 0  # bytes
        self._us = 1_000_000 * BITS / baud
        self._piece = piece
        self._free = 0.0
        self._waiting: deque[tuple[int, bytes]] = deque()

    def write(self, now: int, data: bytes) -> None:
        """Bytes go onto the line as soon as it is free."""
        for at in range(0, len(data), self._piece):
            piece = data[at : at + self._piece]
            self._free = max(self._free, float(now)) + len(piece) * self._us
            self._waiting.append((int(self._free) + 1, piece))
            self.sent += len(piece)

    def next_at(self) -> int | None:
        """When the next piece is complete."""
        return self._waiting[0][0] if self._waiting else None

    def take(self, now: int) -> bytes:
        """What has come in by now."""
        out = b""
        while self._waiting and self._waiting[0][0] <= now:
            out += self._waiting.popleft()[1]
        self.arrived += len(out)
        return out

    def clear(self) -> int:
        """The receiver is gone: bytes on the way are lost; how many."""
        lost = sum(len(piece) for _, piece in self._waiting)
        self._waiting.clear()
        return lost
