"""Bytes of one connection on their way in one direction: they arrive in order, and not while the service is suspended.

In: segments with the seconds that the air takes for each. Out: `arrive` with each of them; at once if that is 0.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.modem.connection import Pipe
    from tools.modem.core import Modem

NOW_S = 1e-6  # times since 1970 are not finer than this


class Flight:
    """A queue of segments, each with its time."""

    def __init__(self, modem: Modem, arrive: Callable[[bytes], None]) -> None:
        self.size = 0  # bytes on their way
        self._modem = modem
        self._arrive = arrive
        self._queue: deque[tuple[float, bytes]] = deque()

    def send(self, data: bytes, seconds: float) -> None:
        """A segment leaves."""
        if not seconds and not self._queue:
            self._arrive(data)
            return
        behind = self._queue[-1][0] if self._queue else 0.0
        due = max(self._modem.now + seconds, behind)
        self._queue.append((due, data))
        self.size += len(data)
        self._modem.timers.after(due - self._modem.now, self.resume)

    def left(self) -> float:
        """Seconds until the last one is there."""
        return max(0.0, self._queue[-1][0] - self._modem.now) if self._queue else 0.0

    def resume(self) -> None:
        """Let arrive what is due."""
        while self._queue and self._queue[0][0] <= self._modem.now + NOW_S and not self._modem.data.suspended:
            data = self._queue.popleft()[1]
            self.size -= len(data)
            self._arrive(data)

    def then(self, pipe: Pipe) -> None:
        """The terminal has closed: the pipe gets what is still on its way, and is closed behind it."""
        queue, self._queue = self._queue, deque()
        self.size = 0

        def end() -> None:
            for _, data in queue:
                pipe.write(data)
            pipe.close()

        if queue:
            self._modem.timers.after(queue[-1][0] - self._modem.now, end, lasting=True)
        else:
            pipe.close()
