"""Real TCP for the modem's connections, on asyncio.

In: open, write, pause. Out: calls into the connection. A socket reads no more than the connection has room for, so that
TCP itself holds a fast sender back.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from tools.modem.connection import RX_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.modem.connection import Connection


class Socket(asyncio.BufferedProtocol):
    """One TCP socket, from the first SYN to the end."""

    def __init__(self, internet: SocketInternet, connection: Connection) -> None:
        self._internet = internet
        self._connection: Connection | None = connection
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray(RX_LIMIT)
        self._task: asyncio.Task[None] | None = None
        self._paused = False

    def start(self, host: str, port: int) -> None:
        """Connect in the background."""
        self._task = asyncio.get_running_loop().create_task(self._connect(host, port))

    async def _connect(self, host: str, port: int) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, host, port)
        except (OSError, ValueError):
            # A name may also be too odd to be encoded; for the terminal that is the same failure.
            if self._connection is not None:
                self._internet.tell(self._connection.failed)

    # What the loop says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_connection makes
        self._transport = transport
        if self._connection is None:
            transport.abort()
            return
        self._internet.tell(self._connection.connected)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Room for the next read."""
        del sizehint
        room = RX_LIMIT if self._connection is None else max(1, self._connection.room())
        return memoryview(self._buffer)[:room]

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes came in."""
        if self._connection is not None:
            connection, data = self._connection, bytes(self._buffer[:nbytes])
            self._internet.tell(lambda: connection.received(data))

    def connection_lost(self, exc: Exception | None) -> None:
        """The other side closed, or the socket broke."""
        del exc
        self._transport = None
        if self._connection is not None:
            connection, self._connection = self._connection, None
            self._internet.tell(connection.closed)

    # What the connection asks for.

    def write(self, data: bytes) -> None:
        """Send."""
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """Close at once; no report follows."""
        self._connection = None
        if self._transport is not None:
            self._transport.close()
        elif self._task is not None:
            self._task.cancel()

    def pause(self) -> None:
        """Read no more for now."""
        if self._transport is not None and not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._transport is not None and self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def backlog(self) -> int:
        """Bytes written that the kernel has not taken."""
        return self._transport.get_write_buffer_size() if self._transport is not None else 0


class SocketInternet:
    """Opens sockets; every report passes through `tell`, so that the modem's time is right when it hears it."""

    def __init__(self, tell: Callable[[Callable[[], None]], None]) -> None:
        self.tell = tell
        self._lookups: set[asyncio.Task[None]] = set()

    def open(self, host: str, port: int, connection: Connection) -> Socket:
        """Start to connect."""
        pipe = Socket(self, connection)
        pipe.start(host, port)
        return pipe

    def resolve(self, host: str, done: Callable[[str | None], None]) -> None:
        """Look up an IPv4 address; the modem knows no other."""
        task = asyncio.get_running_loop().create_task(self._resolve(host, done))
        self._lookups.add(task)
        task.add_done_callback(self._lookups.discard)

    async def _resolve(self, host: str, done: Callable[[str | None], None]) -> None:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, None, family=socket.AF_INET)
        except (OSError, ValueError):
            found = []
        address = str(found[0][4][0]) if found else None
        self.tell(lambda: done(address))
