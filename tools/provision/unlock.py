"""The locked console of a running terminal: asked whether it is locked, opened with the code of the registry.

In: a port, a code. Out: the terminal's own word. It opens the port without moving the lines that would restart the
board. Must never log the code.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import serial

from tools.board.texts import BenchError
from tools.provision.errors import ProvisionError

if TYPE_CHECKING:
    from collections.abc import Callable

BAUD = 115_200
ANSWER_S = 20.0  # a terminal that was just plugged in has to start first; it looks at its console once a second
AGAIN_S = 3.0
UNLOCKED, LOCKED = b"unlocked", b"locked"
LINES_MAX = 4_096  # whatever a program says on its console, its last words are the ones
NO_CODE = "0"  # the code of no terminal: asks without opening


def is_locked(port: str, answer_s: float = ANSWER_S) -> bool:
    """Whether a terminal that runs says that it is locked; False if nothing says so in time."""
    return _ask(port, NO_CODE, answer_s) is not None


def unlock(port: str, code: str, answer_s: float = ANSWER_S) -> None:
    """Open it. Raises ProvisionError."""
    told = _ask(port, code, answer_s)
    if told is None:
        raise ProvisionError("no_lock_answer", port=port)
    if told != UNLOCKED:
        raise ProvisionError("still_locked")


def _ask(port: str, code: str, answer_s: float, clock: Callable[[], float] = time.monotonic) -> bytes | None:
    line = f"\r\nunlock {code}\r\n".encode()
    try:
        with _opened(port) as wire:
            heard, deadline, again = bytearray(), clock() + answer_s, 0.0
            while clock() < deadline:
                if clock() >= again:
                    wire.write(line)
                    again = clock() + AGAIN_S
                heard += bytes(wire.read(64))
                # A prompt echoes what is typed; only a line of its own is the terminal's word.
                *whole, rest = bytes(heard[-LINES_MAX:]).split(b"\n")
                for word in (UNLOCKED, LOCKED):
                    if word in [each.strip() for each in whole]:
                        return word
                heard = bytearray(rest)
    except (serial.SerialException, OSError):
        raise BenchError("unplugged", port=port) from None
    return None


def _opened(port: str) -> serial.SerialBase:
    wire = serial.serial_for_url(port, BAUD, timeout=0.2, write_timeout=5, do_not_open=True)
    wire.dtr = wire.rts = False  # both restart a board or hold it in its loader
    wire.open()
    return wire
