"""A session with the board on a port: mpremote's own transport, its raw mode, our script running.

In: a serial port or a pseudo-terminal. Out: a Session for as long as the `with` lasts. Whatever happens in it, the
board's half is ended and the port given back; a watchdog that the script started then starts the board's own program.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from tools.accept.session import SCRIPT, BrokenError, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BAUD = 115_200
PORT_S = 5  # whole seconds for the port to appear: USB takes two after a reset
BEGIN_S = 30.0  # the script is compiled on the board, and the firmware imported


class SerialWire:
    """Bytes of the console while the script runs."""

    def __init__(self, transport: SerialTransport) -> None:
        self._serial = transport.serial

    def read_waiting(self) -> bytes:
        """What has come. Raises OSError (pyserial's SerialException is one)."""
        waiting = self._serial.in_waiting
        return bytes(self._serial.read(waiting)) if waiting else b""

    def write(self, data: bytes) -> None:
        """All bytes. Raises OSError."""
        self._serial.write(data)


@contextmanager
def session_on(transport: SerialTransport, log: Callable[[str], None]) -> Iterator[Session]:
    """Over a transport that is open. Raises BrokenError where the board does not begin."""
    try:
        if not transport.in_raw_repl:
            transport.enter_raw_repl(soft_reset=False)
        transport.exec_raw_no_follow(SCRIPT.read_text(encoding="utf-8"))
    except (TransportError, OSError) as error:
        raise BrokenError(str(error)) from None
    session = Session(SerialWire(transport), log)
    begun = session.event(lambda one: one["ev"] == "begun", BEGIN_S)
    if begun is None:
        raise BrokenError("the firmware did not begin")
    session.keys = tuple(begun["keys"])
    try:
        yield session
        with suppress(BrokenError):
            session.ask("end")
    finally:
        with suppress(OSError):
            transport.serial.write(b"\x03")  # a script that still runs


@contextmanager
def open_session(port: str, log: Callable[[str], None]) -> Iterator[Session]:
    """Over a port of one's own. Raises BrokenError where no board answers."""
    try:
        transport = SerialTransport(port, BAUD, wait=PORT_S)
    except (TransportError, OSError) as error:
        raise BrokenError(str(error)) from None
    try:
        with session_on(transport, log) as session:
            yield session
    finally:
        with suppress(TransportError, OSError):
            transport.close()
