"""`machine` of an ESP32 on the emulated board, as far as a terminal uses it. Runs in MicroPython.

In: calls as in the manual of MicroPython 1.29; levels of the world outside. Out: what the program does to its lines.
Strict where the chip is: what it forbids raises.
"""

import select
import time

from world import WORLD  # type: ignore[import-not-found, unused-ignore]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
_PINS = (0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 23, 25, 26, 27, 32, 33, 34, 35, 36, 37, 38, 39)
_INPUT_ONLY = 34  # from here on
_FEED_TOLD_MS = 200  # so often at most the outside hears of a fed watchdog
_PIECE = 512
RTC_MEMORY = 2_048
_RESET_STATE = 0x3FF48034  # why the chip was reset, in its lowest six bits

_pins: "dict[int, Pin]" = {}


class Pin:
    """A line. Released open drain is high unless the world outside pulls it low."""

    IN, OUT, OPEN_DRAIN = 1, 3, 7
    PULL_DOWN, PULL_UP = 1, 2
    IRQ_FALLING, IRQ_RISING = 2, 1

    def __init__(self, gpio: int, mode: int = -1, pull: int = -1, *, value: "int | None" = None) -> None:
        if gpio not in _PINS:
            raise ValueError("invalid pin")
        if gpio >= _INPUT_ONLY and mode in (self.OUT, self.OPEN_DRAIN):
            raise ValueError("pin can only be input")
        if gpio >= _INPUT_ONLY and pull != -1:
            raise ValueError("pin has no pull-up")
        self.gpio = gpio
        self.mode = mode
        self.pull = pull
        self.handler: "Any" = None
        self.trigger = 3
        self._level = 0
        _pins[gpio] = self
        if value is not None:
            self.value(value)

    def value(self, level: "int | None" = None) -> "int | None":
        """Read or drive."""
        if level is None:
            if self.mode == self.OUT:
                return self._level
            WORLD.look()
            return int(
                WORLD.levels.get(self.gpio, 1 if self.pull == self.PULL_UP or self.mode == self.OPEN_DRAIN else 0)
            )
        if self.mode not in (self.OUT, self.OPEN_DRAIN):
            raise ValueError("an input is driven")
        if level != self._level or not _told.get(self.gpio):
            _told[self.gpio] = True
            self._level = level
            WORLD.tell(gpio=self.gpio, level=level, drain=self.mode == self.OPEN_DRAIN)
        return None

    def irq(self, handler: "Any" = None, trigger: int = 3) -> None:
        """Call handler(pin) at an edge; here as soon as the program looks at any line."""
        self.handler = handler
        self.trigger = trigger


_told: "dict[int, bool]" = {}


def _moved(gpio: int, level: int) -> None:
    pin = _pins.get(gpio)
    if pin is not None and pin.handler is not None and pin.trigger & (1 if level else 2):
        pin.handler(pin)


WORLD.moved = _moved


class ADC:
    """An input of the converter."""

    ATTN_0DB, ATTN_2_5DB, ATTN_6DB, ATTN_11DB = 0, 1, 2, 3

    def __init__(self, pin: Pin, *, atten: int = 0) -> None:
        if not 32 <= pin.gpio <= 39:
            raise ValueError("not on ADC1")
        self._gpio = pin.gpio
        self._most = (950, 1_250, 1_750, 2_450)[atten]

    def read_uv(self) -> int:
        """Microvolts, calibrated, within the range of the attenuation."""
        WORLD.look()
        return int(min(WORLD.millivolts.get(self._gpio, 142), self._most) * 1_000)


class PWM:
    """A square wave."""

    def __init__(self, pin: Pin, *, freq: int, duty_u16: int) -> None:
        self._gpio = pin.gpio
        self._freq = freq
        self._hz = 0
        self.duty_u16(duty_u16)

    def freq(self, hertz: int) -> None:
        """Pitch."""
        if not 1 <= hertz <= 40_000_000:
            raise ValueError("frequency must be from 1Hz to 40MHz")
        self._freq = hertz

    def duty_u16(self, duty: int) -> None:
        """Share of the time that it is high."""
        hertz = self._freq if duty else 0
        if hertz != self._hz:
            self._hz = hertz
            WORLD.tell(tone=self._gpio, hz=hertz)


class UART:
    """The modem's line. At another speed than the modem's, everything is garbage."""

    def __init__(
        self, port: int, baudrate: int, *, tx: int, rx: int, rxbuf: int = 256, txbuf: int = 256, timeout: int = 0
    ) -> None:
        if port not in (0, 1, 2):
            raise ValueError("UART(%d) does not exist" % port)
        self._poll = select.poll()
        self._poll.register(WORLD.modem, select.POLLIN)
        self._waiting = b""
        self._rxbuf = rxbuf
        self.init(baudrate)

    def init(self, baudrate: int, bits: int = 8, parity: "int | None" = None, stop: int = 1) -> None:
        """Change the speed."""
        WORLD.tell(baud=baudrate)

    def any(self) -> int:
        """Bytes that wait."""
        WORLD.look()  # the one thing that every program does all the time: interrupts of the pins come here
        if len(self._waiting) < self._rxbuf and self._poll.poll(0):
            self._waiting += WORLD.modem.read(_PIECE) or b""
        return len(self._waiting)

    def read(self, most: int = 65_536) -> "bytes | None":
        """What is there, `most` bytes of it; None if there is nothing."""
        data, self._waiting = self._waiting[:most], self._waiting[most:]
        return data or None

    def write(self, data: bytes) -> int:
        """Everything; waits while the line is full."""
        view, at = memoryview(data), 0
        while at < len(view):
            sent = WORLD.modem.write(view[at:])
            if sent:
                at += sent
            else:
                time.sleep_ms(1)  # type: ignore[attr-defined]
        return at


class WDT:
    """The watchdog. It cannot be stopped; who starves it is started again by the outside."""

    def __init__(self, *, timeout: int = 5_000) -> None:
        if timeout < 1_000:
            raise ValueError("WDT timeout too short")
        self._told = 0
        WORLD.tell(watchdog=timeout)

    def feed(self) -> None:
        """All is well."""
        now = time.ticks_ms()  # type: ignore[attr-defined]
        if time.ticks_diff(now, self._told) >= _FEED_TOLD_MS:  # type: ignore[attr-defined]
            self._told = now
            WORLD.tell(fed=1)


class RTC:
    """The clock and its memory of 2 KB, which a reset leaves."""

    def datetime(self, fields: "tuple[int, ...]") -> None:
        """Year, month, day, weekday, hour, minute, second, microsecond. Told; this machine's clock stays as it is."""
        if len(fields) != 8:
            raise ValueError("requires 8 values")
        WORLD.tell(clock=list(fields))

    def memory(self, data: "bytes | None" = None) -> "bytes | None":
        """Read or write it."""
        if data is not None and len(data) > RTC_MEMORY:
            raise ValueError("buffer too long")
        return WORLD.memory(data)  # type: ignore[no-any-return]


class SoftI2C:
    """A bus with nobody on it."""

    def __init__(self, *, scl: Pin, sda: Pin) -> None:
        self.pins = (scl, sda)

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        """Write registers of a device."""
        raise OSError(19, "ENODEV")


class _Memory:
    """Registers by address: the cause of the reset, which is never a brownout here."""

    def __getitem__(self, address: int) -> int:
        if address != _RESET_STATE:
            raise ValueError("an address that this chip does not emulate")
        return int(WORLD.cause)


mem32 = _Memory()


def bitstream(pin: Pin, encoding: int, timing: "tuple[int, ...]", data: bytes) -> None:
    """Bits on a line: the lamp's colour."""
    if encoding != 0 or len(timing) != 4:
        raise ValueError("encoding")
    WORLD.tell(lamp=pin.gpio, grb=list(data))


def reset_cause() -> int:
    """Why the chip started."""
    return int(WORLD.cause)


def reset() -> None:
    """The chip starts again."""
    WORLD.die("reset")


def unique_id() -> bytes:
    """The MAC's six bytes."""
    return bytes(WORLD.mac)
