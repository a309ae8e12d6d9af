"""A board with an ESP32: what base.py offers, over the lines of parts.py and the chip's own storage and clock.

In: a board's lines, why the chip started. Out: contacts, the modem's port and power, lamp, tones, voltages, storage.
Must never switch the radio on: the driver of WLAN takes 28 KB and nothing here needs it, so `network` is not imported.
"""

import asyncio
import gc
import os
import time

import machine

from firmware.core.indicator import BEEPS, LAMPS
from firmware.hal import base, resets
from firmware.hal.cells import Cells
from firmware.hal.lock import Lock
from firmware.hal.parts import SPEED, Parts
from firmware.hal.show import Blinker, Tones
from firmware.modem.port import Port

_TICKS_PERIOD = 1 << 30
_STEP_S = 0.01  # how soon a byte or an edge is seen; a wait of the loop's own would leave a task as garbage each time
_SHOW_S = 0.02  # the shortest tone is 50 ms
_PIECE = 512  # bytes that always find room in the transmit buffer once the piece before has left
_EPOCH_2000 = 946_684_800
_AT_ONCE = "key"  # the answer to a finger does not queue


class Uart(Port):
    """The modem's UART. Looked at again and again: `any` never waits and never loses a wake-up."""

    def __init__(self, uart: machine.UART) -> None:
        self._uart = uart
        self._baud = SPEED

    async def read(self, most: int) -> bytes:
        """At least one byte."""
        while True:
            waiting = self._uart.any()
            if waiting:
                data = self._uart.read(min(waiting, most))
                if data:
                    return data
            await asyncio.sleep(_STEP_S)

    async def write(self, data: bytes) -> None:
        """All bytes, in pieces that the buffer takes at once: a full one would hold up the whole program."""
        view = memoryview(data)
        for at in range(0, len(data), _PIECE):
            piece = view[at : at + _PIECE]
            self._uart.write(piece)
            if len(piece) == _PIECE:
                await asyncio.sleep(_PIECE * 10 / self._baud)

    def speed(self, baud: int) -> bool:
        """Change the speed."""
        self._uart.init(baud, 8, None, 1)
        self._baud = baud
        return True


class Nvs(Cells, base.Nvs):
    """The chip's storage as base.py has it."""


class Switch(base.ModemSwitch):
    """The modem's power."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def press(self, ms: int) -> None:
        """Hold PWRKEY low for so long; let it go whatever happens."""
        self._parts.press(True)
        try:
            await asyncio.sleep(ms / 1_000)
        finally:
            self._parts.press(False)

    def status(self) -> "bool | None":
        """What the STATUS line says, None without one."""
        return None if self._parts.status is None else self._parts.status.value() == 1

    async def supply(self, on: bool) -> bool:
        """The load switch."""
        if self._parts.supply is None:
            return False
        self._parts.supply.value(1 if on else 0)
        return True


class Board(base.Board):
    """See base.py. Start `watch` as a task: it moves lamp and tones on."""

    folder = ""  # the root: storage names its files from there
    idle_ms = 50

    def __init__(self, parts: Parts, cause: str) -> None:
        table = parts.table
        self.parts = parts
        self.name = table.name
        self.keys = tuple([key for key, _ in table.keys])
        self.uart = Uart(self.parts.uart)
        self.nvs = Nvs()
        self.console = Lock(self.nvs).look  # type: ignore[method-assign]
        self.switch: Switch = Switch(self.parts)
        self._mains_from = table.mains_mv
        self._ticks = _ticks()
        self._uptime = 0
        self._moved = False
        self._blinker = Blinker()
        self._tones = Tones()
        self._colour = "none"
        self._lit: "str | None" = None
        self._pitch = 0
        self._cause = cause
        for pin in self.parts.contacts:
            pin.irq(self._on_edge, machine.Pin.IRQ_FALLING | machine.Pin.IRQ_RISING)

    def now(self) -> int:
        """Uptime in ms since start, accumulated so that it never wraps. Called far more often than the ticks wrap."""
        ticks = _ticks()
        self._uptime += (ticks - self._ticks) % _TICKS_PERIOD
        self._ticks = ticks
        return self._uptime

    def levels(self) -> "list[bool]":
        """Closed contacts, in the order of `keys`."""
        return self.parts.closed()

    def _on_edge(self, _: machine.Pin) -> None:
        self._moved = True  # and nothing else: it may come in the middle of anything

    async def edge(self, limit_ms: int) -> None:
        """Until a contact may have moved. An edge that nobody waited for ends the next wait."""
        until = self.now() + limit_ms
        while not self._moved and self.now() < until:  # noqa: ASYNC110 - an interrupt cannot set an event
            await asyncio.sleep(_STEP_S)
        self._moved = False

    async def watch(self) -> None:
        """Lamp and tones, for ever."""
        while True:
            self._show()
            await asyncio.sleep(_SHOW_S)

    def lamp(self, state: str) -> None:
        """Show a state of codes.LAMPS, from this moment on."""
        colour, pattern = LAMPS[state]
        self._colour = colour
        self._blinker.show(pattern, self.now())
        self._show()

    def beep(self, name: str) -> None:
        """Sound one of codes.BEEPS. The answer to a key cuts what sounds; others follow it."""
        self._tones.play(BEEPS[name], self.now(), name == _AT_ONCE)
        self._show()

    def _show(self) -> None:
        now = self.now()
        lit = self._colour if self._blinker.lit(now) else "none"
        if lit != self._lit:
            self._lit = lit
            self.parts.light(lit)
        pitch = self._tones.pitch(now)
        if pitch != self._pitch:
            self._pitch = pitch
            self.parts.tone(pitch)

    def mains(self) -> "int | None":
        """1 on mains, 0 on battery, None on a board that cannot tell."""
        mv = self.parts.mains_mv()
        return None if mv is None else int(mv >= self._mains_from)

    def cell_mv(self) -> "int | None":
        """The battery's voltage in mV."""
        return self.parts.battery_mv()

    def heap(self) -> int:
        """Free heap in bytes."""
        return gc.mem_free()  # type: ignore[attr-defined, no-any-return]

    def draw(self) -> int:
        """Sixteen random bits."""
        raw = os.urandom(2)
        return raw[0] << 8 | raw[1]

    def reset_cause(self) -> str:
        """Why the machine started, one of codes.RESET_CAUSES."""
        return self._cause

    def set_time(self, epoch: int) -> None:
        """The chip's clock counts from 2000, the network's from 1970."""
        since = epoch - _EPOCH_2000 if time.gmtime(0)[0] == 2000 else epoch
        year, month, day, hour, minute, second, weekday = time.gmtime(since)[:7]
        machine.RTC().datetime((year, month, day, weekday, hour, minute, second, 0))

    def feed(self) -> None:
        """Tell the watchdog that all is well."""
        self.parts.watchdog.feed()

    def reboot(self) -> None:
        """Start again, now."""
        resets.reboot()


def _ticks() -> int:
    return int(time.ticks_ms())  # type: ignore[attr-defined]
