"""What lamp and buzzer do over time: blink patterns and queues of tones.

In: a pattern of core/indicator.py, tones of (Hz, ms), the uptime. Out: whether to be lit, which pitch to sound, now.
Must never wait; whoever asks late gets what is due then.
"""

from protocol import const

_TONES_MAX = const(24)  # a few signals; older ones than these tell nothing any more


class Blinker:
    """One lamp."""

    def __init__(self) -> None:
        self._pattern: "tuple[tuple[int, int], ...]" = ((0, 1_000),)
        self._since = 0
        self._period = 1_000

    def show(self, pattern: "tuple[tuple[int, int], ...]", now: int) -> None:
        """From now on this one, ((on ms, off ms), …) again and again; an off of 0 is steady."""
        self._pattern = pattern
        self._since = now
        self._period = sum([on + off for on, off in pattern])

    def lit(self, now: int) -> bool:
        """Whether the lamp is to be lit now."""
        at = (now - self._since) % self._period
        for on, off in self._pattern:
            if at < on:
                return True
            at -= on + off
            if at < 0:
                return False
        return False


class Tones:
    """One buzzer."""

    def __init__(self) -> None:
        self.dropped = 0  # tones that found the queue full
        self._queue: "list[tuple[int, int]]" = []  # (Hz, ms), the first one sounds
        self._until = 0

    def play(self, tones: "tuple[tuple[int, int], ...]", now: int, at_once: bool) -> None:
        """After what sounds already, or in its place."""
        if at_once:
            self._queue = []
        elif len(self._queue) + len(tones) > _TONES_MAX:
            self.dropped += len(tones)
            return
        if not self._queue:
            self._until = now + tones[0][1]
        self._queue = self._queue + list(tones)

    def pitch(self, now: int) -> int:
        """Hz to sound now; 0 is silence."""
        while self._queue and now >= self._until:
            self._queue.pop(0)
            if self._queue:
                self._until += self._queue[0][1]
        return self._queue[0][0] if self._queue else 0
