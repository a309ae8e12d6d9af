"""Contacts to clean edges: 30 ms integrating debounce at polls of 10 ms, and keys that stick.

In: the level of every key at each poll. Out: ("press", key), ("release", key), ("stuck", key), ("free", key).
A stuck key is told once and then ignored until it is let go; it never silences the other keys.
"""

from protocol import const

_INTEGRATE_MS = const(30)  # a contact bounces for less than 20 ms; a touch of a weak finger lasts longer than 50 ms
_POLL_MS = const(10)  # the weight of one sample at most: a late poll has seen one level, not the whole gap
_BOOT_IGNORE_MS = const(200)  # pull-ups and capacitors settle; pins pulse while the chip boots
_STUCK_MS = const(30_000)  # nobody holds a key that long on purpose


# What a contact was told as.
_UP = const(0)
_DOWN = const(1)
_STUCK = const(2)


class Debouncer:
    """All keys of the terminal."""

    def __init__(self, keys: tuple[str, ...], boot_ms: int = 0) -> None:
        self.keys = keys
        # A row for each fact, not an object for each key: of eleven those would be the largest thing beside the ladder.
        self._charge = bytearray(len(keys))  # ms, from 0 (released) to _INTEGRATE_MS (pressed)
        self._told = bytearray(len(keys))
        self._since = [0] * len(keys)  # uptime of the last press edge
        self._start = boot_ms + _BOOT_IGNORE_MS
        self._last = boot_ms

    @property
    def resting(self) -> bool:
        """Whether no contact moves and no key is down, but for one that sticks."""
        for index in range(len(self.keys)):
            told, charge = self._told[index], self._charge[index]
            if told == _DOWN or (charge if told == _UP else charge < _INTEGRATE_MS):
                return False
        return True

    def poll(self, levels: list[bool] | tuple[bool, ...], now: int) -> list[tuple[str, str]]:
        """The edges of this poll. `levels`: True while the contact is closed, in the order of `keys`."""
        weight = min(now - self._last, _POLL_MS)
        self._last = now
        edges: list[tuple[str, str]] = []
        if now < self._start or weight <= 0:
            return edges
        for index in range(len(self.keys)):
            self._sample(index, weight if levels[index] else -weight, now, edges)
        return edges

    def _sample(self, index: int, weight: int, now: int, edges: list[tuple[str, str]]) -> None:
        charge = min(max(self._charge[index] + weight, 0), _INTEGRATE_MS)
        self._charge[index] = charge
        told, key = self._told[index], self.keys[index]
        if told == _UP:
            if charge == _INTEGRATE_MS:
                self._told[index] = _DOWN
                self._since[index] = now
                edges.append(("press", key))
        elif charge == 0:
            self._told[index] = _UP
            edges.append(("free" if told == _STUCK else "release", key))
        elif told == _DOWN and now - self._since[index] > _STUCK_MS:
            self._told[index] = _STUCK
            edges.append(("stuck", key))
