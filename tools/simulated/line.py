"""One TCP connection of a terminal, with TLS where asked: bytes out, packets in.

TLS 1.2 as in the firmware. It is done here and not by asyncio: asyncio holds a buffer of 256 KB for each connection
with TLS, and all of ours read into one. A line is used once; when it is lost, its owner is told once.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from tools.simulated.packets import PacketError, Reader

if TYPE_CHECKING:
    from pathlib import Path

_READ_MAX = 64 * 1024
_BUFFER = memoryview(bytearray(_READ_MAX))  # of all lines: what is read is dealt with before anything else is read
# Linux: leave the choice of the port to connect(), which knows the other end, so that an address serves 28,000 lines.
_BIND_ADDRESS_NO_PORT = 24


@dataclass(frozen=True)
class Link:
    """Where the broker is, how it is trusted, and from which addresses of ours it is called."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    sources: tuple[str, ...] = ()

    @cached_property
    def address(self) -> tuple[socket.AddressFamily, Any]:
        """Looked up once. Raises OSError."""
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]
        return found[0], found[4]


def trust(ca: Path) -> ssl.SSLContext:
    """Roots of a terminal and its one version of TLS. Raises OSError (ssl.SSLError is one)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


class Owner(Protocol):
    """Who uses a line."""

    def opened(self, line: Line) -> None:
        """It carries bytes now."""

    def heard(self, line: Line, packet: tuple[int, int, bytes]) -> None:
        """A packet came."""

    def lost(self, line: Line, *, refused: bool) -> None:
        """It is gone; `refused`: by a certificate or another error of TLS."""


class Line(asyncio.BufferedProtocol):
    """One connection. `dial` once, then `write`, and `abort` at last."""

    __slots__ = ("_incoming", "_outgoing", "_owner", "_reader", "_refused", "_shaken", "_tls", "_transport")

    def __init__(self, owner: Owner, link: Link) -> None:
        self._owner: Owner | None = owner
        self._reader = Reader()
        self._transport: asyncio.Transport | None = None
        self._shaken = link.tls is None
        self._refused = False
        self._tls: ssl.SSLObject | None = None
        if link.tls is not None:
            self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self._tls = link.tls.wrap_bio(self._incoming, self._outgoing, server_hostname=link.host)

    async def dial(self, link: Link, source: str | None) -> None:
        """Connect from one of our addresses. Raises OSError."""
        loop = asyncio.get_running_loop()
        family, address = link.address
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if source is not None:
                with contextlib.suppress(OSError):  # not on every platform; then fewer lines from an address
                    sock.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
                sock.bind((source, 0))
            await loop.sock_connect(sock, address)
            await loop.create_connection(lambda: self, sock=sock)
        except BaseException:
            sock.close()
            raise

    def write(self, data: bytes) -> None:
        """Send. Nothing where the line is gone: its owner hears of that."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._tls is None:
            self._transport.write(data)
            return
        try:
            self._tls.write(data)
            self._flush()
        except ssl.SSLError:
            self.abort()

    def abort(self) -> None:
        """Cut at once, without a goodbye."""
        if self._transport is not None:
            self._transport.abort()

    def leave(self) -> None:
        """End in order, once everything is written; the owner is not told."""
        self._owner = None
        if self._transport is not None:
            self._transport.close()

    def forget(self) -> None:
        """Cut, and the owner is not told."""
        self._owner = None
        self.abort()

    # --- what asyncio calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake, or be open at once."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream is wanted")
        self._transport = transport
        if self._owner is None:
            transport.abort()
        elif self._tls is None:
            self._owner.opened(self)
        else:
            self._secured(b"")

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to read into."""
        del sizehint
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        """So much has been read."""
        if self._tls is None:
            self._feed(bytes(_BUFFER[:nbytes]))
        else:
            self._secured(_BUFFER[:nbytes])

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner, once."""
        del exc
        owner, self._owner, self._transport = self._owner, None, None
        self._tls = None
        if owner is not None:
            owner.lost(self, refused=self._refused)

    # --- TLS ---

    def _secured(self, data: bytes | memoryview) -> None:
        """Bytes of the wire go in; the handshake or packets come on."""
        if self._tls is None:
            return
        try:
            if data:
                self._incoming.write(data)
            if not self._shaken:
                self._tls.do_handshake()
                self._shaken = True
                self._flush()
                if self._owner is not None:
                    self._owner.opened(self)
            while self._tls is not None and (plain := self._tls.read(_READ_MAX)):
                self._feed(plain)
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError as error:
            self._refused = not self._shaken or isinstance(error, ssl.SSLCertVerificationError)
            self._flush()  # the alert that says why
            self.abort()

    def _flush(self) -> None:
        if self._outgoing.pending and self._transport is not None:
            self._transport.write(self._outgoing.read())

    def _feed(self, data: bytes) -> None:
        try:
            for packet in self._reader.feed(data):
                if self._owner is None:
                    return
                self._owner.heard(self, packet)
        except PacketError:
            self.abort()
