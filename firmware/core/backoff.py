"""How long to wait before the next try to connect.

In: failures, connections and losses. Out: ms to wait, doubling from 1 s to 120 s (1 to 16 minutes after a refusal),
each ±25 %, so that 50,000 terminals do not come back in step after an outage. A connection must hold for a minute
before the wait starts from 1 s again: a link that flaps is a link that fails. One that held and is lost may have been
everybody's: the next try is at a moment of the coming minute.
"""

from protocol import const

_FIRST_MS = const(1_000)
_MOST_MS = const(120_000)
_FACTOR = const(2)
_JITTER_PERCENT = const(25)
# After a server that says no: it will not change its mind in a second, and each try costs a handshake.
REFUSED_FIRST_MS = 60_000
REFUSED_MOST_MS = 960_000
_STABLE_MS = const(60_000)
# A server restarts, and 50,000 lose it at once. It takes some 700 handshakes a second: all together would wait longer
# than a try lasts, fail, and come again together. Whoever presses a key meanwhile is called by telephone all the same.
_SPREAD_MS = const(60_000)


class Backoff:
    """The waits of one link, between two bounds in ms. `draw` is always a random integer, of which 16 bits are used."""

    def __init__(self, first_ms: int = _FIRST_MS, most_ms: int = _MOST_MS) -> None:
        self._first = first_ms
        self._most = most_ms
        self._base = first_ms
        self._since: int | None = None  # uptime at which the present connection came up

    def failed(self, draw: int) -> int:
        """A try to connect failed: ms to wait before the next."""
        base = self._base
        self._base = min(base * _FACTOR, self._most)
        spread = base * _JITTER_PERCENT // 100
        return base - spread + 2 * spread * (draw & 0xFFFF) // 0xFFFF

    def connected(self, now: int) -> None:
        """The connection is up and usable."""
        self._since = now

    def lost(self, now: int, draw: int) -> int:
        """The connection went: ms to wait before the next try."""
        held = self._since is not None and now - self._since >= _STABLE_MS
        self._since = None
        if not held:
            return self.failed(draw)
        self.reset()
        self.failed(draw)
        return self._first + _SPREAD_MS * (draw & 0xFFFF) // 0xFFFF

    def reset(self) -> None:
        """What made the tries fail is over."""
        self._base = self._first
