"""Mains, battery and heat: measured each second, told when they fail and when they are back.

In: the board's lines, or the modem's own measure where the board has none. Out: faults and restores, what is shed so
that calls last longer, a reminder to the ear. Must never touch a call.
"""

from firmware.core.power import CRITICAL, NORMAL, Power
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.app.faults import Faults
    from firmware.core.outbox import Outbox
    from firmware.hal.base import Board
    from firmware.modem.sim800 import Sim800
    from firmware.modem.voice import Voice
    from firmware.net.link import Link

_PRESS_MS = const(900_000)  # after a press the data link is kept up for so long, however empty the battery
_FAREWELL_MS = const(120_000)  # for the word that the battery is critical to leave before the link is given up


class Supply:
    """Call `tick` once a second; `pressed` for each fired key."""

    modem: "Sim800"
    voice: "Voice"
    link: "Link"

    def __init__(self, board: "Board", faults: "Faults", outbox: "Outbox", on_level: "Callable[[int], None]") -> None:
        self.board = board
        self.faults = faults
        self.outbox = outbox
        self.power = Power(tuple(faults.open()))
        self.level: str = NORMAL
        self.on_level = on_level  # told the uptime when the level has changed
        self._pressed_ms: int | None = None
        self._level_ms = 0

    def pressed(self, key: str) -> None:
        """A key fired."""
        self._pressed_ms = self.board.now()

    def data(self) -> bool:
        """Whether the data link may come up and stay; at the critical level it comes up for a press only."""
        if self.level != CRITICAL or self.voice.in_call():
            return True
        return self._pressed_ms is not None and self.board.now() - self._pressed_ms < _PRESS_MS

    def tick(self, now: int, epoch: "int | None", *, busy: bool) -> None:
        """Measure and tell. `busy`: an alarm or a call is going on."""
        mains, mv, temp = self.board.mains(), self.cell_mv(), self.board.temperature()
        for what, name, since in self.power.tick(now, mains, mv, temp, in_call=self.voice.in_call()):
            if what == "fault":
                self.faults.fault(name, temp if name == "temperature_high" else mv, None, since)
            else:
                self.faults.restore(name)
        if self.power.level != self.level:
            self.level, self._level_ms = self.power.level, now
            self.on_level(now)
            self.link.kick()
        client = self.link.client
        if client is not None and not busy and not self.data():
            if len(self.outbox) == 0 or now - self._level_ms >= _FAREWELL_MS:
                client.fail("shed")
        if self.power.beep_due(now, epoch, busy=busy):
            self.board.beep("low_battery")

    def cell_mv(self) -> "int | None":
        """The cell in mV, None where nothing can tell now."""
        mv = self.board.cell_mv()
        if mv is None and self.modem.ready and not self.modem.at.silent:
            mv = self.modem.mv
        return mv
