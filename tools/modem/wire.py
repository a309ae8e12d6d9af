"""The serial line's own faults: pieces with a gap between them, and the garbage of a wrong baud rate.

In: whole writes of the modem, bytes of the terminal. Out: the same bytes in the same order, in pieces, or garbage.
Nothing is lost here without being counted, and no write stays half said.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from tools.modem.core import Modem
    from tools.modem.timers import Timer

GAP_S = (0.005, 0.4)  # between the two pieces of one write
MAX_PIECES = 256  # that wait; then all go out at once, for no line of a modem is so far behind


class Wire:
    """Between the modem and whoever takes its bytes. `on` tells whether a fault stands."""

    def __init__(self, modem: Modem, on: Callable[[str], bool], rng: random.Random) -> None:
        self._modem = modem
        self._on = on
        self._rng = rng
        self._pieces: deque[tuple[float, bytes]] = deque()
        self._timer: Timer | None = None

    def say(self, out: bytes) -> None:
        """One write of the modem."""
        if not out:
            return
        if self._on("baud") or self._modem.misheard:
            self._modem.dropped["tx_garbled"] += len(out)
            out = self._rng.randbytes(len(out))
        if not self._pieces and not (self._on("split") and len(out) > 1):
            self._modem.sink.write(out)
            return
        due = max(self._modem.now, self._pieces[-1][0] if self._pieces else 0.0)
        if self._on("split") and len(out) > 1:
            cut = self._rng.randrange(1, len(out))
            self._pieces.append((due, out[:cut]))
            self._pieces.append((due + self._rng.uniform(*GAP_S), out[cut:]))
        else:
            self._pieces.append((due, out))
        if len(self._pieces) > MAX_PIECES:
            self.flush()
        else:
            self._pump()

    def hear(self, received: bytes) -> bytes:
        """Bytes of the terminal, or what a wrong baud rate leaves of them: nothing that means anything."""
        if received and (self._on("baud") or self._modem.misheard):
            self._modem.dropped["rx_garbled"] += len(received)
            return b""
        return received

    def flush(self) -> None:
        """Say all that waits, now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._pieces:
            self._modem.sink.write(self._pieces.popleft()[1])

    def _pump(self) -> None:
        """Say what is due, and wait for the rest."""
        while self._pieces and self._pieces[0][0] <= self._modem.now:
            self._modem.sink.write(self._pieces.popleft()[1])
        if self._pieces and self._timer is None:
            self._timer = self._modem.timers.after(self._pieces[0][0] - self._modem.now, self._again, lasting=True)

    def _again(self) -> None:
        self._timer = None
        self._pump()
