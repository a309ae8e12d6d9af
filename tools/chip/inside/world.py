"""The outside of the emulated chip, as its program meets it: levels, voltages, and a line back. Runs in MicroPython.

In: lines of JSON on one descriptor. Out: lines of JSON on another. It decides nothing.
"""

import json
import select
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MEMORY = "/.rtc"  # what a reset leaves and a power cut takes; the outside removes it then
_LINE_MAX = 4_096


class World:
    """One chip. `WORLD` is the one there is."""

    def __init__(self) -> None:
        self.levels: "dict[int, int]" = {}  # at pins that something outside drives
        self.millivolts: "dict[int, int]" = {}  # at pins of the converter
        self.moved: "Any" = None  # called with (gpio, level) when a level changes
        self.cause = 1
        self.modem: "Any" = None  # its line
        self.mac = b""
        self._in: "Any" = None
        self._out: "Any" = None
        self._poll = select.poll()
        self._rest = b""

    def open(self, given: "dict[str, str]") -> None:
        """The two descriptors, and what a start needs to know."""
        self._in = open(int(given["in"]), "rb", buffering=0)
        self._out = open(int(given["out"]), "wb", buffering=0)
        self._poll.register(self._in, select.POLLIN)
        self.cause = int(given["cause"])
        self.mac = bytes([int(part, 16) for part in given["mac"].split(":")])
        self.modem = open(int(given["modem"]), "r+b", buffering=0)

    def tell(self, **line: object) -> None:
        """To the outside, stamped."""
        line["ms"] = time.ticks_ms()  # type: ignore[attr-defined]
        self._out.write((json.dumps(line) + "\n").encode())

    def look(self) -> None:
        """Take what came from outside."""
        while self._poll.poll(0):
            piece = self._in.read(_LINE_MAX)
            if not piece:
                sys.exit()  # nobody is there any more
            lines = (self._rest + piece).split(b"\n")
            self._rest = lines.pop()
            for line in lines:
                self._take(json.loads(line))

    def _take(self, told: "dict[str, Any]") -> None:
        if "gpio" in told:
            before = self.levels.get(told["gpio"])
            self.levels[told["gpio"]] = told["level"]
            if before != told["level"] and self.moved is not None:
                self.moved(told["gpio"], told["level"])
        elif "mv" in told:
            self.millivolts[told["mv"]] = told["level"]

    def memory(self, data: "bytes | None") -> "bytes | None":
        """The clock's memory; `data` replaces it."""
        try:
            if data is not None:
                with open(MEMORY, "wb") as file:
                    file.write(data)
                return None
            with open(MEMORY, "rb") as file:
                return file.read()
        except OSError:
            return b""

    def die(self, how: str) -> None:
        """The chip starts again: the outside ends this process."""
        self.tell(**{how: 1})
        while True:
            time.sleep(1)


WORLD = World()
