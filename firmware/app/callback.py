"""The time after an SOS in which an allowed caller is answered without a hand, at full volume.

In: SOS presses, the clock, the configured minutes. Out: whether the window is open. A restart does not close it: its
beginning is kept in the chip's storage, and one of unknown age begins anew rather than leave the desk unheard.
"""

from firmware.core.lines import pack, unpack
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from firmware.app.config import Config
    from firmware.core.clock import DeviceClock
    from firmware.hal.base import Nvs

_NAME = const("back")


class CallBack:
    """One window; the last SOS opens it."""

    def __init__(self, nvs: "Nvs", clock: "DeviceClock", config: "Config") -> None:
        self.nvs = nvs
        self.clock = clock
        self.config = config
        self._sos_ms: int | None = None  # uptime of the last SOS; negative for one of before the restart
        self._kept: int | None = None  # epoch of an SOS of before the restart, until the clock can date it
        self._unsaved = False

    def pressed(self, now: int) -> None:
        """An SOS fired."""
        self._sos_ms, self._kept = now, None
        self._unsaved = True

    def resume(self, now: int) -> None:
        """After a start: the window of before, if it was open."""
        raw = self.nvs.get(_NAME)
        value = None if raw is None else unpack(raw)
        if isinstance(value, int) and self._sos_ms is None:
            self._sos_ms = now
            self._kept = value or None

    def since(self, now: int) -> "int | None":
        """Ms since the last SOS, None without one."""
        epoch = self.clock.epoch(now)
        if self._kept is not None and epoch is not None:
            self._sos_ms = now - (epoch - self._kept) * 1000
            self._kept = None
        return None if self._sos_ms is None else now - self._sos_ms

    def open(self, now: int) -> bool:
        """Whether an allowed caller is answered now; forgets an SOS of long ago."""
        since = self.since(now)
        inside = since is not None and since <= self.config.number("back") * 60_000
        if since is not None and not inside:
            self._sos_ms = None
            self._unsaved = True
        return inside

    def store(self, now: int) -> None:
        """Keep the beginning of the window, or forget it. Not in the way of a dial: the sender calls it."""
        if not self._unsaved:
            return
        self._unsaved = False
        if self._sos_ms is None:
            self.nvs.remove(_NAME)
        else:
            # Should that fail, the window does not outlive a restart; nothing else is lost.
            self.nvs.set(_NAME, pack(self.clock.epoch(self._sos_ms) or 0))
