"""The lines of a board with an ESP32: keys, lamp, buzzer, the modem's power and UART, voltages, watchdog.

In: a board's table. Out: levels and bytes, at once. No task, no waiting, no decision: enough for the smallest program.
Must never leave a line at a level that cuts a call: they are set before all else, PWRKEY is never driven high where it
is not behind a transistor, and the supply is on.
"""

import machine

from firmware.board.table import Divider, Table
from protocol import const

# Above the longest that C code may keep the loop waiting (a TLS handshake, a garbage collection).
_WATCHDOG_MS = const(15_000)
SPEED = const(115_200)
_RX_BYTES = const(4_096)  # a third of a second at full speed, while nobody reads
_TX_BYTES = const(1_024)
_SAMPLES = const(5)  # of a voltage, the middle one counts: the converter glitches
_DUTY_HALF = const(32_768)
# Bright enough for a lit room, dim enough for a bedroom: red, green, blue.
COLOURS = {"none": (0, 0, 0), "red": (60, 0, 0), "green": (0, 40, 0), "blue": (0, 0, 80)}
_WS2812_NS = const((400, 850, 800, 450))  # high and low of a 0, high and low of a 1


class Parts:
    """All lines, at rest after construction, the watchdog running."""

    def __init__(self, table: "type[Table]") -> None:
        self.table = table
        self.watchdog = machine.WDT(timeout=_WATCHDOG_MS)
        self.pwrkey = _line(table.pwrkey, 1 - table.pwrkey_pressed, table.pwrkey_pressed == 0)
        self.supply = None if table.supply is None else _line(table.supply, 1, False)
        self.reset = None if table.reset is None else _line(table.reset, 1, True)
        self.dtr = None if table.dtr is None else _line(table.dtr, 0, False)
        self.status = None if table.status is None else machine.Pin(table.status, machine.Pin.IN)
        self.contacts = [_contact(pin, pin in table.pulled) for _, pin in table.keys]
        self._lamp = machine.Pin(table.lamp, machine.Pin.OUT, value=0)
        self._buzzer = None if table.buzzer is None else machine.PWM(machine.Pin(table.buzzer), freq=1_000, duty_u16=0)
        self._battery = _analogue(table.battery)
        self._mains = _analogue(table.mains)
        self.uart = machine.UART(
            2, SPEED, tx=table.modem_tx, rx=table.modem_rx, rxbuf=_RX_BYTES, txbuf=_TX_BYTES, timeout=0
        )
        self.light("none")
        self._keep_boost()

    def closed(self) -> "list[bool]":
        """Which contacts are closed, in the order of the table."""
        return [pin.value() == 0 for pin in self.contacts]

    def press(self, down: bool) -> None:
        """Pull PWRKEY low at the module, or let it go."""
        self.pwrkey.value(self.table.pwrkey_pressed if down else 1 - self.table.pwrkey_pressed)

    def light(self, colour: str) -> None:
        """Show a colour of COLOURS. A lamp of one colour is on for any but `none`."""
        if self.table.lamp_kind == "ws2812":
            red, green, blue = COLOURS[colour]
            machine.bitstream(self._lamp, 0, _WS2812_NS, bytearray((green, red, blue)))
        else:
            self._lamp.value(0 if colour == "none" else 1)

    def tone(self, hz: int) -> None:
        """Sound at that pitch from now on; 0 is silence."""
        if self._buzzer is None:
            return
        if hz:
            self._buzzer.freq(hz)
        self._buzzer.duty_u16(_DUTY_HALF if hz else 0)

    def battery_mv(self) -> "int | None":
        """The cell, in mV."""
        return _measure(self._battery, self.table.battery)

    def mains_mv(self) -> "int | None":
        """What comes in from the mains adapter, in mV."""
        return _measure(self._mains, self.table.mains)

    def _keep_boost(self) -> None:
        if self.table.boost is None:
            return
        clock, data, address, register, value = self.table.boost
        try:
            bus = machine.SoftI2C(scl=machine.Pin(clock), sda=machine.Pin(data))
            bus.writeto_mem(address, register, bytes((value,)))
        except OSError:
            pass  # on this board's mains it is not needed


def _line(pin: int, level: int, drain: bool) -> machine.Pin:
    return machine.Pin(pin, machine.Pin.OPEN_DRAIN if drain else machine.Pin.OUT, value=level)


def _contact(pin: int, pulled: bool) -> machine.Pin:
    return machine.Pin(pin, machine.Pin.IN, machine.Pin.PULL_UP) if pulled else machine.Pin(pin, machine.Pin.IN)


def _analogue(divider: "Divider | None") -> "machine.ADC | None":
    return None if divider is None else machine.ADC(machine.Pin(divider.pin), atten=machine.ADC.ATTN_11DB)


def _measure(adc: "machine.ADC | None", divider: "Divider | None") -> "int | None":
    if adc is None or divider is None:
        return None
    middle = sorted([adc.read_uv() for _ in range(_SAMPLES)])[_SAMPLES // 2]
    return middle * divider.times[0] // divider.times[1] // 1_000
