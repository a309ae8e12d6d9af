"""What an ESP32 has and a desk lacks: machine, esp32, its clock and its flash, as the manuals say, faults on request.

`install()` makes `import machine`, `import esp32` and the ticks of `time` mean these; `remove()` takes them away.
"""

import asyncio  # noqa: F401 - in MicroPython it takes its ticks when it is imported: the real ones, before ours
import sys
import time as real_time

from tests.firmware.fakes import chip, esp32, machine, micropython

# They must not remember what they once imported.
_USERS = tuple(["firmware.hal." + name for name in ("cells", "disk", "esp32", "lock", "parts", "resets")])


class Ticks:
    """`time` with the chip's clock: ticks stand until the chip's time moves, and sleeping moves it."""

    gmtime = staticmethod(real_time.gmtime)

    @staticmethod
    def ticks_ms() -> int:
        """Milliseconds, wrapping as the chip's do."""
        return chip.CHIP.ms & 0x3FFFFFFF

    @staticmethod
    def sleep_ms(ms: int) -> None:
        """Time passes."""
        chip.CHIP.advance(ms)


def install() -> chip.Chip:
    """A new chip, and the modules that act on it."""
    sys.modules["machine"] = machine
    sys.modules["esp32"] = esp32
    sys.modules["micropython"] = micropython
    if sys.implementation.name == "micropython":
        sys.modules["time"] = Ticks  # type: ignore[assignment]
    else:
        real_time.ticks_ms = Ticks.ticks_ms  # type: ignore[attr-defined]
        real_time.sleep_ms = Ticks.sleep_ms  # type: ignore[attr-defined]
    return chip.new()


def remove() -> None:
    """This machine is a desk again."""
    for names in (("machine", "esp32", "micropython"), _USERS):
        for name in names:
            sys.modules.pop(name, None)
    if sys.implementation.name == "micropython":
        sys.modules["time"] = real_time
    else:
        for name in ("ticks_ms", "sleep_ms"):
            if hasattr(real_time, name):
                delattr(real_time, name)
