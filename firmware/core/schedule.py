"""When the next heartbeat and the next self-test are due.

In: the device id, the interval, the uptime or the clock. Out: True when it is time. The phase within the interval comes
from the device id, so that terminals that lost mains together do not beat together when it is back.
"""

import binascii

from firmware.core.clock import shanghai_midnight, shanghai_number
from protocol import const

# Faster floods the SIM's plan, slower proves no usage day.
_EVERY_S_MIN = const(60)
_EVERY_S_MAX = const(86_400)
# Of a Shanghai day: nobody sleeps, and whoever repairs is at work.
_TEST_FROM_S = const(9 * 3_600)
_TEST_TO_S = const(18 * 3_600)
_TEST_SPREAD_S = const(
    7 * 3_600
)  # of starting times, which leaves two hours in which a test that had to wait may still run
_TEST_SETTLED_MS = const(600_000)  # after a start: registration and data have had their time


class Heartbeat:
    """The beats of one terminal."""

    def __init__(self, device: str, every_s: int, now: int) -> None:
        self._hash = binascii.crc32(device.encode()) & 0xFFFFFFFF
        self._set(every_s, now)

    def _set(self, every_s: int, now: int) -> None:
        self._every_ms = min(max(every_s, _EVERY_S_MIN), _EVERY_S_MAX) * 1_000
        self.next_ms = now + self._hash % self._every_ms

    def set_every(self, every_s: int, now: int) -> None:
        """Take a new interval; the same one again changes nothing."""
        if min(max(every_s, _EVERY_S_MIN), _EVERY_S_MAX) * 1_000 != self._every_ms:
            self._set(every_s, now)

    def due(self, now: int) -> bool:
        """True once per interval. Beats that were missed are not made up: an old heartbeat says nothing."""
        if now < self.next_ms:
            return False
        self.next_ms += (now - self.next_ms) // self._every_ms * self._every_ms + self._every_ms
        return True


class SelfTest:
    """When the terminal tests itself: by day, on a day of the week and at a time that come from the device id."""

    def __init__(self, device: str) -> None:
        self._hash = binascii.crc32(device.encode()) & 0xFFFFFFFF

    def due(self, now: int, epoch: "int | None", last: "int | None", days: int) -> bool:
        """Whether a test is due. `epoch`: the clock at uptime `now`, `last`: at the last test; None: not known."""
        if epoch is None:
            return False  # nobody knows whether it is night; the missing clock is told as a fault of its own
        if now < _TEST_SETTLED_MS:
            return False
        today = shanghai_number(epoch)
        second = epoch - shanghai_midnight(today)
        if not _TEST_FROM_S <= second < _TEST_TO_S:
            return False
        day = today - (today - self._hash) % days  # the last one whose turn it was
        at = shanghai_midnight(day) + _TEST_FROM_S + self._hash // days % _TEST_SPREAD_S
        # A last test in the future is of a clock that was wrong.
        return epoch >= at and not (last is not None and at <= last <= epoch)
