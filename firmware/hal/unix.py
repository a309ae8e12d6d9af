"""The desk: MicroPython's unix port with a UART and a FIFO that tools/terminal.py has opened for us.

In: file descriptors. Out: the same `Board` that hardware files give; lamp, beeps and notes as JSON lines on stdout.
A desk has no switch for the modem's power, and the driver lives with that.
"""

import asyncio
import gc
import json
import os
import sys
import time

from firmware.hal.base import NVS_BLOB_MAX, Nvs
from firmware.hal.base import Board as Machine
from firmware.modem.port import Port
from protocol import const
from protocol.codes import KEYS

EXIT_REBOOT = const(75)  # the launcher starts the firmware again
_GAP_MS = const(100)  # between two presses of one key, so that two lines are two presses
_PRESSES_MAX = const(32)
_HOLD_MS_MAX = const(600_000)
_TICKS_PERIOD = const(1 << 30)
_LINE_MAX = const(64)
_RETRY_S = const(1.0)  # a port that is gone may come back: the emulator was restarted


class Uart(Port):
    """A serial device as the AT engine wants it. It never ends; a lost device is a silent one."""

    def __init__(self, fd: int) -> None:
        self._stream = asyncio.StreamReader(open(fd, "r+b"))  # type: ignore[arg-type]  # MicroPython: a stream of any file

    async def read(self, most: int) -> bytes:
        """At least one byte."""
        while True:
            try:
                data = await self._stream.read(most)
                if data:
                    return bytes(data)
            except OSError:
                pass
            await asyncio.sleep(_RETRY_S)

    async def write(self, data: bytes) -> None:
        """All bytes; OSError if the device is gone."""
        self._stream.write(data)  # type: ignore[attr-defined]
        await self._stream.drain()  # type: ignore[attr-defined]


class Contacts:
    """Switches that are closed for a time, as lines of the FIFO say: `sos 1200` is a key and ms."""

    def __init__(self) -> None:
        self.refused = 0  # lines that name no key or no time
        self._presses: dict[str, list[int]] = {key: [] for key in KEYS}  # ms still to come per key
        self._until = {key: 0 for key in KEYS}
        self._free_at = {key: 0 for key in KEYS}

    def line(self, text: str) -> None:
        """Take one line."""
        words = text.split()
        if not words:
            return
        held = int(words[1]) if len(words) == 2 and words[1].isdigit() else 0
        if words[0] not in KEYS or not 0 < held <= _HOLD_MS_MAX or len(self._presses[words[0]]) >= _PRESSES_MAX:
            self.refused += 1
            return
        self._presses[words[0]].append(held)

    def levels(self, now: int) -> list[bool]:
        """Which contacts are closed, in the order of KEYS."""
        for key in KEYS:
            if self._presses[key] and now >= self._free_at[key]:
                self._until[key] = now + self._presses[key].pop(0)
                self._free_at[key] = self._until[key] + _GAP_MS
        return [now < self._until[key] for key in KEYS]


class FileNvs(Nvs):
    """The chip's key-value storage as one small file per name, written beside and renamed over."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        try:
            os.mkdir(folder)
        except OSError:
            pass  # it is there

    def get(self, name: str) -> "bytes | None":
        """The value, or None."""
        try:
            with open(self._folder + "/" + name, "rb") as file:
                return bytes(file.read(NVS_BLOB_MAX))
        except OSError:
            return None

    def set(self, name: str, data: bytes) -> bool:
        """Store it; False if that cannot be."""
        if len(data) > NVS_BLOB_MAX:
            return False
        path = self._folder + "/" + name
        try:
            with open(path + ".new", "wb") as file:
                file.write(data)
            os.rename(path + ".new", path)
        except OSError:
            return False
        return True

    def remove(self, name: str) -> None:
        """Forget it."""
        try:
            os.remove(self._folder + "/" + name)
        except OSError:
            pass


class Board(Machine):
    """MicroPython's unix port."""

    name = "desk"

    def __init__(self, uart_fd: int, keys_fd: int, folder: str) -> None:
        self.uart = Uart(uart_fd)
        self.folder = folder
        self.nvs = FileNvs(folder + "/nvs")
        self.contacts = Contacts()
        self._keys = asyncio.StreamReader(open(keys_fd, "r+b"))  # type: ignore[arg-type]
        self._ticks = _ticks()
        self._uptime = 0

    def now(self) -> int:
        """Uptime in ms since start, accumulated so that it never wraps. Called far more often than the ticks wrap."""
        ticks = _ticks()
        self._uptime += (ticks - self._ticks) % _TICKS_PERIOD
        self._ticks = ticks
        return self._uptime

    def levels(self) -> list[bool]:
        """Closed contacts, in the order of `keys`."""
        return self.contacts.levels(self.now())

    async def watch(self) -> None:
        """Reads the FIFO for ever."""
        rest = b""
        while True:
            piece = await self._keys.read(256)
            if not piece:
                await asyncio.sleep(_RETRY_S)
                continue
            lines = (rest + bytes(piece)).split(b"\n")
            rest = lines.pop()[-_LINE_MAX:]
            for raw in lines:
                try:
                    self.contacts.line(str(raw, "utf-8"))
                except UnicodeError:
                    self.contacts.refused += 1

    def lamp(self, state: str) -> None:
        """Show a state of codes.LAMPS."""
        self._say("lamp", state, {})

    def beep(self, name: str) -> None:
        """Sound one of codes.BEEPS."""
        self._say("beep", name, {})

    def say(self, text: str) -> None:
        """The modem has begun to speak this."""
        self._say("say", text, {})

    def note(self, what: str, fields: "dict[str, object]") -> None:
        """A line for tools: what the elder does not see."""
        self._say("note", what, fields)

    def _say(self, what: str, value: str, fields: "dict[str, object]") -> None:
        # By hand, because MicroPython's dicts have no order and the first two members should be first.
        parts = ['"ms": %d' % self.now(), '"%s": "%s"' % (what, value)]
        parts += ['"%s": %s' % (name, json.dumps(fields[name])) for name in sorted(fields)]
        try:
            print("{%s}" % ", ".join(parts))
        except OSError:
            pass  # nobody listens any more; the terminal goes on

    def heap(self) -> int:
        """Free heap in bytes."""
        return gc.mem_free()  # type: ignore[attr-defined, no-any-return]

    def draw(self) -> int:
        """Sixteen random bits."""
        raw = os.urandom(2)
        return raw[0] << 8 | raw[1]

    def reset_cause(self) -> str:
        """A process that starts is a machine that is switched on."""
        return "power"

    def reboot(self) -> None:
        """Start again. On a desk the launcher does it."""
        sys.exit(EXIT_REBOOT)


def _ticks() -> int:
    return int(time.ticks_ms())  # type: ignore[attr-defined]
