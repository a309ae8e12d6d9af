"""The ESP32 behind the fakes: one state that tests set and read, and a clock that moves only when they say so.

In: levels and voltages from outside, bytes of the modem, time. Out: what the program did to lines, lamp, buzzer.
Must be as strict as the manual: what the chip would refuse, hang on or lose is refused, raised or lost here.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Starved(BaseException):
    """The watchdog was not fed in time: the chip restarts here. No program can catch what the chip does to it."""


class Reset(BaseException):
    """machine.reset() was called."""


class PowerCut(BaseException):
    """The power went while flash was written."""


class Chip:
    """One chip. `CHIP` of this module is the one that the fakes act on."""

    def __init__(self) -> None:
        self.stored: "dict[tuple[str, str], bytes]" = {}  # NVS, survives `restart`
        self.nvs_cut: "int | None" = None  # so many writes of NVS succeed, the power goes in the next
        self.nvs_cut_keeps = False  # whether that one was on flash already
        self.nvs_gone = False  # no partition
        self.disk: "object | None" = None  # block device of the file system
        self.nvs_broken = False  # every write is refused
        self.rtc_memory = b""
        self.rtc_time: "tuple[int, ...] | None" = None
        self.cause = 1
        self.reset_register = 1
        self.outside: "dict[int, int]" = {}  # levels at pins that are inputs
        self.millivolts: "dict[int, int]" = {}  # at inputs of the converter
        self.bus: "list[tuple[int, int, bytes]]" = []  # what went over I2C
        self.bus_answers = True
        self.restart(1)

    def restart(self, cause: int) -> None:
        """What a reset leaves: storage, the clock's memory and the world outside."""
        self.cause = cause
        self.ms = 0
        self.interrupt = 3  # the byte on the console that stops a program; -1: none
        self.pins: "dict[int, object]" = {}
        self.handlers: "dict[int, tuple[object, int]]" = {}
        self.moves: "list[tuple[int, int, object]]" = []  # (ms, gpio, level; None is released)
        self.fed_ms = 0
        self.watchdog_ms: "int | None" = None
        self.feeds = 0
        self.tones: "list[tuple[int, int]]" = []  # (ms, Hz; 0 is silence)
        self.lamps: "list[tuple[int, bytes]]" = []  # (ms, what the lamp's data line was sent)
        self.uarts: "dict[int, Any]" = {}
        self.ticking: "list[object]" = []  # called with the time at every step

    def advance(self, ms: int) -> None:
        """Time passes, a millisecond at a time."""
        for _ in range(ms):
            self.ms += 1
            if self.watchdog_ms is not None and self.ms - self.fed_ms > self.watchdog_ms:
                raise Starved(self.ms)
            for tick in self.ticking:
                tick(self.ms)  # type: ignore[operator]

    def level(self, gpio: int, level: int) -> None:
        """The world outside puts a pin to a level."""
        before = self.outside.get(gpio)
        self.outside[gpio] = level
        if gpio in self.handlers and before != level:
            handler, trigger = self.handlers[gpio]
            if trigger & (1 if level else 2):
                handler(self.pins[gpio])  # type: ignore[operator]

    def store(self, key: "tuple[str, str]", value: "bytes | None") -> None:
        """One write of NVS."""
        if self.nvs_broken:
            raise OSError(-4357, "ESP_ERR_NVS_NOT_ENOUGH_SPACE")
        cut = self.nvs_cut == 0
        if self.nvs_cut is not None:
            self.nvs_cut -= 1
        if not cut or self.nvs_cut_keeps:
            if value is None:
                self.stored.pop(key, None)
            else:
                self.stored[key] = value
        if cut:
            raise PowerCut


CHIP = Chip()


def new() -> Chip:
    """A chip from the factory, in the place of the one that was there."""
    CHIP.__init__()  # type: ignore[misc]
    return CHIP
