"""When the next heartbeat is due.

In: the device id, the interval, the uptime. Out: True once per interval. The phase within the interval comes from the
device id, so that terminals that lost mains together do not beat together when it is back.
"""

import binascii

EVERY_S_MIN, EVERY_S_MAX = 60, 86_400  # faster floods the SIM's plan, slower proves no usage day


class Heartbeat:
    """The beats of one terminal."""

    def __init__(self, device: str, every_s: int, now: int) -> None:
        self._hash = binascii.crc32(device.encode()) & 0xFFFFFFFF
        self._set(every_s, now)

    def _set(self, every_s: int, now: int) -> None:
        self._every_ms = min(max(every_s, EVERY_S_MIN), EVERY_S_MAX) * 1_000
        self.next_ms = now + self._hash % self._every_ms

    def set_every(self, every_s: int, now: int) -> None:
        """Take a new interval; the same one again changes nothing."""
        if min(max(every_s, EVERY_S_MIN), EVERY_S_MAX) * 1_000 != self._every_ms:
            self._set(every_s, now)

    def due(self, now: int) -> bool:
        """True once per interval. Beats that were missed are not made up: an old heartbeat says nothing."""
        if now < self.next_ms:
            return False
        self.next_ms += (now - self.next_ms) // self._every_ms * self._every_ms + self._every_ms
        return True
