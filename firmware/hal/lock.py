"""The technician's console: deaf to interrupts while the chip's storage holds a hash, opened by the word behind it.

In: NVS, lines `unlock <code>` on the console. Out: `unlocked` or `locked` on it. Must never wait for a byte, nor raise:
the keys are somewhere else, and a console that cannot be opened is only a console.
"""

import hashlib
import select
import sys

import micropython  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.hal.cells import Cells

NVS_LOCK = "lock"  # SHA-256 of the code, written at provisioning
_CTRL_C = 3
_LINE_MAX = 64
_BYTES_MAX = 260  # at one look: what the chip keeps of its console


def close(cells: "Cells") -> None:
    """At power on: from here on Ctrl-C is a byte like any other, if the terminal was locked."""
    if cells.get(NVS_LOCK):
        micropython.kbd_intr(-1)


class Lock:
    """Ask it now and then; it looks at what has come and returns at once."""

    def __init__(self, cells: "Cells") -> None:
        self._cells = cells
        self._closed = bool(cells.get(NVS_LOCK))
        self._line = b""
        self._poll = select.poll()
        if self._closed:
            self._poll.register(sys.stdin, select.POLLIN)

    def look(self) -> None:
        """One look. Once open it is done for good: the next start finds no hash."""
        try:
            self._read()
        except Exception:
            pass  # whoever asks feeds the watchdog, and goes on to do so

    def _read(self) -> None:
        left = _BYTES_MAX
        while self._closed and left > 0 and self._poll.poll(0):
            byte = sys.stdin.buffer.read(1)
            if not byte:
                return
            left -= 1
            if byte in b"\r\n":
                self._take(self._line.strip())
                self._line = b""
            elif len(self._line) < _LINE_MAX:
                self._line += byte

    def _take(self, line: bytes) -> None:
        if line[:7] != b"unlock ":
            return
        if hashlib.sha256(line[7:]).digest() != self._cells.get(NVS_LOCK):
            print("locked")
            return
        self._cells.remove(NVS_LOCK)
        self._closed = False
        micropython.kbd_intr(_CTRL_C)
        print("unlocked")
