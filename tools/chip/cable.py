"""The cable: a pseudo-terminal under a name that stays, and a way to write to one without waiting or losing bytes.

In: bytes of whoever has it open. Out: bytes for it, kept while it does not read, up to a limit. It never waits.
"""

from __future__ import annotations

import os
import termios
import tty
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from pathlib import Path

READ = 65_536
UNREAD_MAX = 1 << 20  # bytes; the loader has at most 64 packets of 4 KB in flight, a console that nobody reads may lose


class Outlet:
    """Writes to one descriptor of ours that does not block."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fd: int) -> None:
        self._loop = loop
        self._fd = fd
        self._waiting = bytearray()
        os.set_blocking(fd, False)

    def write(self, data: bytes) -> None:
        """Everything in its order, now or as soon as there is room."""
        if len(self._waiting) + len(data) > UNREAD_MAX:
            return
        if not self._waiting:
            self._loop.add_writer(self._fd, self._flush)
        self._waiting += data
        self._flush()

    def close(self) -> None:
        """What waits is lost, as on a wire."""
        self._loop.remove_writer(self._fd)
        self._waiting.clear()

    def _flush(self) -> None:
        try:
            while self._waiting:
                del self._waiting[: os.write(self._fd, self._waiting)]
        except BlockingIOError:
            return
        except OSError:
            self._waiting.clear()  # nobody is there any more
        self._loop.remove_writer(self._fd)


class Cable:
    """Plugged or not. `heard` is called with what the host sends."""

    def __init__(self, loop: asyncio.AbstractEventLoop, link: Path, heard: Callable[[bytes], None]) -> None:
        self._loop = loop
        self._link = link
        self._heard = heard
        self._outlet: Outlet | None = None
        self._master = self._slave = -1

    def plug(self) -> None:
        """There, under its name. We keep the other end open, so that tools may come and go."""
        if self._outlet is not None:
            return
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        settings = termios.tcgetattr(self._slave)
        settings[4] = settings[5] = termios.B115200
        termios.tcsetattr(self._slave, termios.TCSANOW, settings)
        self._outlet = Outlet(self._loop, self._master)
        self._loop.add_reader(self._master, self._read)
        if self._link.is_symlink():
            self._link.unlink()
        self._link.symlink_to(os.ttyname(self._slave))

    def unplug(self) -> None:
        """Gone: whoever has it open gets an error."""
        if self._outlet is None:
            return
        self._loop.remove_reader(self._master)
        self._outlet.close()
        self._outlet = None
        self._link.unlink(missing_ok=True)
        os.close(self._slave)
        os.close(self._master)

    def write(self, data: bytes) -> None:
        """To the host."""
        if self._outlet is not None:
            self._outlet.write(data)

    def _read(self) -> None:
        with suppress(OSError):
            self._heard(os.read(self._master, READ))
