"""The console of a board as a session takes it: mpremote's own transport, in its raw mode.

In: a serial port. Out: bytes both ways while the board runs our script. Leaves the board at its prompt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mpremote.transport_serial import SerialTransport


class SerialWire:
    """Over a transport that has been opened by mpremote."""

    def __init__(self, transport: SerialTransport) -> None:
        self._serial = transport.serial

    def read_waiting(self) -> bytes:
        """What has come. Raises OSError (pyserial's SerialException is one)."""
        waiting = self._serial.in_waiting
        return bytes(self._serial.read(waiting)) if waiting else b""

    def write(self, data: bytes) -> None:
        """All bytes. Raises OSError."""
        self._serial.write(data)
