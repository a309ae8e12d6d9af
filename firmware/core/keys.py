"""When a key fires.

In: edges of the debouncer and the passing of time. Out: ("feedback", key) at every press edge, before anything else,
("fire", key, how, hold ms), ("stuck", key), ("free", key).
SOS fires while it is still held, or at the third tap of panic tapping. The other keys fire when they are let go, or,
because elders hold, once they were held for `key_hold`: no length of press is too long to count. Cancel fires at its
press edge. A key that fired stays silent until it was let go.
"""

from firmware.core.limits import limit
from protocol import const

_SOS = const("sos")
_CANCEL = const("cancel")
_TAPS = const(3)
_KEY_MIN_MS = const(50)  # shorter contacts than this are knocks against the housing


class Keys:
    """The rules for all keys; one instance per terminal."""

    def __init__(self, times: dict[str, int] | None = None) -> None:
        self._down: dict[str, int] = {}  # key that is held and has not fired: uptime of its press edge
        self._taps: list[int] = []  # press edges of the last short presses of SOS
        self.configure(times)

    def configure(self, times: dict[str, int] | None) -> None:
        """Take the times of a configuration; their hard bounds hold."""
        self._sos_hold = limit(times, "sos_hold")
        self._key_hold = limit(times, "key_hold")
        self._tap_window = limit(times, "tap_window")

    def edges(self, edges: list[tuple[str, str]], now: int) -> list[tuple[object, ...]]:
        """What the edges of one poll lead to."""
        out: list[tuple[object, ...]] = [("feedback", key) for what, key in edges if what == "press"]
        for what, key in edges:
            if what == "press":
                self._press(key, now, out)
            elif what == "release":
                self._release(key, now, out)
            else:
                self._down.pop(key, None)
                out.append((what, key))
        return out

    def tick(self, now: int) -> list[tuple[object, ...]]:
        """Keys that fire because they are still held; call at every poll."""
        out: list[tuple[object, ...]] = []
        for key in list(self._down):
            held = now - self._down[key]
            if held >= (self._sos_hold if key == _SOS else self._key_hold):
                del self._down[key]
                if key == _SOS:
                    self._taps = []
                out.append(("fire", key, "hold", held))
        return out

    def _press(self, key: str, now: int, out: list[tuple[object, ...]]) -> None:
        if key == _CANCEL:
            out.append(("fire", key, "short", 0))
            return
        if key == _SOS:
            self._taps = [at for at in self._taps if now - at <= self._tap_window]
            self._taps.append(now)
            if len(self._taps) >= _TAPS:
                # At the press edge of the last tap: waiting for its release would gain nothing.
                out.append(("fire", key, "triple", now - self._taps[0]))
                self._taps = []
                return
        self._down[key] = now

    def _release(self, key: str, now: int, out: list[tuple[object, ...]]) -> None:
        at = self._down.pop(key, None)
        if at is None:
            return
        held = now - at
        if key == _SOS:
            if held >= self._sos_hold:  # a late poll saw the release before `tick` saw the hold
                self._taps = []
                out.append(("fire", key, "hold", held))
        elif held >= _KEY_MIN_MS:
            how = "short" if held < self._key_hold else "hold"
            out.append(("fire", key, how, held))
