"""How long to wait before the next try to connect.

In: failures, connections and losses. Out: ms to wait, doubling from 1 s to 120 s, each ±25 %, so that 50,000 terminals
do not come back in step after an outage. A connection must hold for a minute before the wait starts from 1 s again:
a link that flaps is a link that fails.
"""

FIRST_MS = 1_000
MOST_MS = 120_000
JITTER_PERCENT = 25
STABLE_MS = 60_000


class Backoff:
    """The waits of one link. `draw` is always a random integer of 16 bits or more."""

    def __init__(self) -> None:
        self._base = FIRST_MS
        self._since: int | None = None  # uptime at which the present connection came up

    def failed(self, draw: int) -> int:
        """A try to connect failed: ms to wait before the next."""
        base = self._base
        self._base = min(base * 2, MOST_MS)
        spread = base * JITTER_PERCENT // 100
        return base - spread + draw % (2 * spread + 1)

    def connected(self, now: int) -> None:
        """The connection is up and usable."""
        self._since = now

    def lost(self, now: int, draw: int) -> int:
        """The connection went: ms to wait before the next try."""
        if self._since is not None and now - self._since >= STABLE_MS:
            self._base = FIRST_MS
        self._since = None
        return self.failed(draw)
