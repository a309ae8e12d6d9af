"""The module's power lines: PWRKEY with its toggle, STATUS, and the supply behind a load switch.

In: the line goes low and high, the supply comes and goes. Out: a module that starts, says its last words, or restarts.
PWRKEY toggles: whoever presses it without a look at STATUS switches a running module off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.modem.core import Modem
    from tools.modem.timers import Timer

# Seconds for which PWRKEY has to be low, from the vendor's hardware design. Real seconds: no `speed` shortens a finger.
ON_AFTER_S = 1.0
OFF_AFTER_S = 1.5
RESTART_AFTER_S = 33.0


class Power:
    """PWRKEY and the supply."""

    def __init__(self, modem: Modem) -> None:
        self.modem = modem
        self.supplied = True
        self.low = False  # PWRKEY
        self.off_at: float | None = None  # the last end of STATUS
        self._timers: list[Timer] = []

    def press(self) -> None:
        """PWRKEY goes low; what it means is known as time passes."""
        if self.low:
            return
        self.low = True
        self._count()

    def release(self) -> None:
        """PWRKEY goes high again."""
        self.low = False
        self._forget()

    def supply(self, *, on: bool) -> None:
        """The load switch. A module whose supply comes back waits for PWRKEY."""
        if on == self.supplied:
            return
        self.supplied = on
        self._forget()
        if not on:
            self.modem.power_off("supply")
        elif self.low:
            self._count()

    def _count(self) -> None:
        modem = self.modem
        if not self.supplied:
            modem.dropped["pwrkey"] += 1
        elif modem.powered:
            self._after(OFF_AFTER_S, self._switch_off)
            self._after(RESTART_AFTER_S, modem.power_on)
        elif self.off_at is not None and modem.now - self.off_at < modem.timing.power_gap:
            modem.dropped["pwrkey"] += 1  # too early: it has not let go of its last run
        else:
            self._after(ON_AFTER_S, modem.power_on)

    def _switch_off(self) -> None:
        """In good order, with the last words first."""
        modem = self.modem
        modem.urc(modem.model.last_words)
        modem.wait(modem.timing.power_down, lambda: modem.power_off("pwrkey"))

    def _after(self, seconds: float, do: Callable[[], object]) -> None:
        self._timers.append(self.modem.timers.after(seconds, do, lasting=True))

    def _forget(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
