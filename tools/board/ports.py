"""Serial ports of this machine, and what stands between us and one of them.

In: nothing, or a port's name or pyserial URL. Out: names, or the failure that the technician can do something about.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from tools.board.texts import BenchError

URL = "://"
OPEN_S = 2.0  # a URL whose other side does not accept is dead
_AWAY = (errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.EIO)


def found() -> list[str]:
    """Ports with something plugged in."""
    from serial.tools import list_ports  # noqa: PLC0415 - the extra `bench`

    return sorted(port.device for port in list_ports.comports() if port.vid is not None)


def choose(given: list[str], *, several: bool) -> list[str]:
    """The ports that are meant: those named, else the only one, else all if `several`. Raises BenchError."""
    named = list({_real(port): port for port in given or found()}.values())
    if not named:
        raise BenchError("no_port")
    if len(named) > 1 and not several:
        raise BenchError("many_ports", ports=", ".join(named))
    return named


def _real(port: str) -> str:
    return port if URL in port else os.path.realpath(port)


def gone(port: str) -> bool:
    """Whether the cable is out, as far as the machine's list of devices can tell."""
    return URL not in port and os.name == "posix" and not Path(port).exists()


def judge(port: str) -> None:
    """Raises BenchError if nobody can talk over this port: not there, not ours, in use."""
    if URL in port or os.name != "posix":
        return  # a dead URL is told from a dead board by nothing; esptool's answer says both
    import serial  # noqa: PLC0415 - the extra `bench`

    if gone(port):
        raise BenchError("no_board", port=port)
    if not os.access(port, os.R_OK | os.W_OK):
        raise BenchError("no_permission", port=port)
    try:
        serial.Serial(port, exclusive=True, timeout=OPEN_S).close()
    except OSError as error:
        raise _told(port, error) from None


def _told(port: str, error: OSError) -> BenchError:
    if error.errno in (errno.EACCES, errno.EPERM):
        return BenchError("no_permission", port=port)
    if error.errno in (errno.EBUSY, errno.EAGAIN):
        return BenchError("busy", port=port)
    return BenchError("unplugged" if error.errno in _AWAY else "no_board", port=port)
