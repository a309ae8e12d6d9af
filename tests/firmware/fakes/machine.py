"""`machine` of an ESP32 as far as the terminal uses it, over the chip of chip.py. Strict: what the chip forbids raises.

In: calls as in the manual of MicroPython 1.29. Out: entries in the chip's lists, levels, bytes.
"""

from tests.firmware.fakes.chip import CHIP, Reset

PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
_PINS = (0, 1, 2, 3, 4, 5, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 23, 25, 26, 27, 32, 33, 34, 35, 36, 37, 38, 39)
_INPUT_ONLY = 34  # from here on
_RXBUF_MIN = 129  # the driver's own


class Pin:
    """A line. Released open drain is high unless the world outside pulls it low."""

    IN, OUT, OPEN_DRAIN = 1, 3, 7
    PULL_DOWN, PULL_UP = 1, 2
    IRQ_RISING, IRQ_FALLING = 1, 2

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
        self._level = 0
        CHIP.pins[gpio] = self
        if value is not None:
            self.value(value)

    def value(self, level: "int | None" = None) -> "int | None":
        """Read or drive."""
        if level is None:
            if self.mode == self.OUT:
                return self._level
            return CHIP.outside.get(self.gpio, 1 if self.pull == self.PULL_UP or self.mode == self.OPEN_DRAIN else 0)
        if self.mode not in (self.OUT, self.OPEN_DRAIN):
            raise AssertionError("an input is driven")
        self._level = level
        CHIP.moves.append((CHIP.ms, self.gpio, None if self.mode == self.OPEN_DRAIN and level else level))
        return None

    def irq(self, handler: object = None, trigger: int = 3) -> None:
        """Call handler(pin) at an edge."""
        CHIP.handlers[self.gpio] = (handler, trigger)


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
        return min(CHIP.millivolts.get(self._gpio, 142), self._most) * 1_000


class PWM:
    """A square wave."""

    def __init__(self, pin: Pin, *, freq: int, duty_u16: int) -> None:
        self._freq = freq
        self.duty_u16(duty_u16)

    def freq(self, hertz: int) -> None:
        """Pitch."""
        if not 1 <= hertz <= 40_000_000:
            raise ValueError("frequency must be from 1Hz to 40MHz")
        self._freq = hertz

    def duty_u16(self, duty: int) -> None:
        """Share of the time that it is high."""
        CHIP.tones.append((CHIP.ms, self._freq if duty else 0))


class UART:
    """A serial port: what nobody reads in time is lost, what comes at another speed is nonsense."""

    def __init__(
        self, port: int, baudrate: int, *, tx: int, rx: int, rxbuf: int = 256, txbuf: int = 256, timeout: int = 0
    ) -> None:
        if port not in (0, 1, 2):
            raise ValueError("UART(%d) does not exist" % port)
        self.baudrate = baudrate
        self.rxbuf = max(rxbuf, _RXBUF_MIN)
        self.txbuf = txbuf
        self.timeout = timeout
        self.lost = 0
        self.sent = b""
        self.hears: "object | None" = None  # called with what the program writes
        self._waiting = b""
        CHIP.uarts[port] = self

    def init(self, baudrate: int, bits: int = 8, parity: "int | None" = None, stop: int = 1) -> None:
        """Change the speed; pins and buffers stay."""
        self.baudrate = baudrate

    def say(self, data: bytes, baudrate: int = 115_200) -> None:
        """The modem sends."""
        if baudrate != self.baudrate:
            data = b"\xff\x00" * (len(data) // 2)
        room = self.rxbuf - len(self._waiting)
        self.lost += max(0, len(data) - room)
        self._waiting += data[:room]

    def any(self) -> int:
        """Bytes that wait."""
        return len(self._waiting)

    def read(self, most: int = 65_536) -> "bytes | None":
        """What is there, `most` bytes of it; None if there is nothing."""
        data, self._waiting = self._waiting[:most], self._waiting[most:]
        return data or None

    def write(self, data: bytes) -> int:
        """Everything; more than the buffer holds would block, and a terminal that blocks is deaf."""
        if len(data) > self.txbuf:
            raise AssertionError("this write blocks")
        self.sent += bytes(data)
        if self.hears is not None:
            self.hears(bytes(data))  # type: ignore[operator]
        return len(data)


class WDT:
    """The watchdog. It cannot be stopped."""

    def __init__(self, *, timeout: int = 5_000) -> None:
        if timeout < 1_000:
            raise ValueError("WDT timeout too short")
        CHIP.watchdog_ms = timeout
        CHIP.fed_ms = CHIP.ms

    def feed(self) -> None:
        """All is well."""
        CHIP.fed_ms = CHIP.ms
        CHIP.feeds += 1


class RTC:
    """The clock and its memory of 2 KB, which a reset leaves."""

    def datetime(self, fields: "tuple[int, ...]") -> None:
        """Year, month, day, weekday, hour, minute, second, microsecond."""
        if len(fields) != 8:
            raise ValueError("requires 8 values")
        CHIP.rtc_time = fields

    def memory(self, data: "bytes | None" = None) -> "bytes | None":
        """Read or write it."""
        if data is None:
            return CHIP.rtc_memory
        CHIP.rtc_memory = bytes(data)
        return None


class SoftI2C:
    """A bus."""

    def __init__(self, *, scl: Pin, sda: Pin) -> None:
        self.pins = (scl, sda)

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        """Write registers of a device."""
        if not CHIP.bus_answers:
            raise OSError(19, "ENODEV")
        CHIP.bus.append((address, register, bytes(data)))


class _Memory:
    """Registers by address."""

    def __getitem__(self, address: int) -> int:
        if address != 0x3FF48034:
            raise AssertionError("an address that nobody should read")
        return CHIP.reset_register


mem32 = _Memory()


def bitstream(pin: Pin, encoding: int, timing: "tuple[int, ...]", data: bytes) -> None:
    """Bits on a line."""
    if encoding != 0 or len(timing) != 4:
        raise ValueError("encoding")
    CHIP.lamps.append((CHIP.ms, bytes(data)))


def reset_cause() -> int:
    """Why the chip started."""
    return CHIP.cause


def reset() -> None:
    """The chip starts again."""
    raise Reset
