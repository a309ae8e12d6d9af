"""Contacts to clean edges: 30 ms integrating debounce at polls of 10 ms, and keys that stick.

In: the level of every key at each poll. Out: ("press", key), ("release", key), ("stuck", key), ("free", key).
A stuck key is told once and then ignored until it is let go; it never silences the other keys.
"""

from protocol import const

_INTEGRATE_MS = const(30)  # a contact bounces for less than 20 ms; a touch of a weak finger lasts longer than 50 ms
_POLL_MS = const(10)  # the weight of one sample at most: a late poll has seen one level, not the whole gap
_BOOT_IGNORE_MS = const(200)  # pull-ups and capacitors settle; pins pulse while the chip boots
_STUCK_MS = const(30_000)  # nobody holds a key that long on purpose


class _Contact:
    """One key: charge runs from 0 (released) to INTEGRATE_MS (pressed)."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.charge = 0
        self.down = False
        self.stuck = False
        self.since = 0  # uptime of the last press edge


class Debouncer:
    """All keys of the terminal."""

    def __init__(self, keys: tuple[str, ...], boot_ms: int = 0) -> None:
        self.keys = keys
        self._contacts = [_Contact(key) for key in keys]
        self._start = boot_ms + _BOOT_IGNORE_MS
        self._last = boot_ms

    @property
    def resting(self) -> bool:
        """Whether no contact moves and no key is down, but for one that sticks."""
        for one in self._contacts:
            if one.charge if not one.down else not one.stuck or one.charge < _INTEGRATE_MS:
                return False
        return True

    def poll(self, levels: list[bool] | tuple[bool, ...], now: int) -> list[tuple[str, str]]:
        """The edges of this poll. `levels`: True while the contact is closed, in the order of `keys`."""
        weight = min(now - self._last, _POLL_MS)
        self._last = now
        edges: list[tuple[str, str]] = []
        if now < self._start or weight <= 0:
            return edges
        for index in range(len(self._contacts)):
            self._sample(self._contacts[index], levels[index], weight, now, edges)
        return edges

    def _sample(self, contact: _Contact, level: bool, weight: int, now: int, edges: list[tuple[str, str]]) -> None:
        charge = contact.charge + weight if level else contact.charge - weight
        contact.charge = min(max(charge, 0), _INTEGRATE_MS)
        if not contact.down and contact.charge == _INTEGRATE_MS:
            contact.down = True
            contact.since = now
            edges.append(("press", contact.key))
        elif contact.down and contact.charge == 0:
            contact.down = False
            edges.append(("free" if contact.stuck else "release", contact.key))
            contact.stuck = False
        elif contact.down and not contact.stuck and now - contact.since > _STUCK_MS:
            contact.stuck = True
            edges.append(("stuck", contact.key))
