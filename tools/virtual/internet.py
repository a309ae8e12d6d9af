"""The network behind the modem, in memory: TCP connections to one broker, plain or with TLS, in the world's time.

In: what the modem's connections write. Out: what the broker answers, and a tally of segments as a bill would count
them. It opens no socket. The pace of the air is the modem's; here everything arrives at once.
"""

from __future__ import annotations

import ssl
from collections import Counter
from typing import TYPE_CHECKING

from tools.virtual.broker import Broker, Peer

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.modem.connection import Connection
    from tools.virtual.world import World

ACCEPT_S = 0.01  # a server near the network's edge
CLOSE_WAIT_S = 0.01
KEEPALIVE_GRACE = 1.5  # of the protocol
BACKLOG = 16_384


class Internet:
    """What every connection of one modem reaches."""

    def __init__(self, world: World, broker: Broker, tls: ssl.SSLContext | None = None) -> None:
        self.world = world
        self.broker = broker
        self.tls = tls
        self.refusing = False
        self.counts: Counter[str] = Counter()  # bytes and segments, up and down

    def open(self, host: str, port: int, connection: Connection) -> Pipe:
        """Start to connect."""
        del host, port
        self.counts["connects"] += 1
        pipe = Pipe(self, connection)
        self.world.timers.after(ACCEPT_S, pipe.accept)
        return pipe

    def resolve(self, host: str, done: Callable[[str | None], None]) -> None:
        """One address for every name."""
        del host
        done("192.0.2.7")


class Pipe:
    """One TCP connection as the modem sees it, with the server behind it."""

    def __init__(self, internet: Internet, connection: Connection) -> None:
        self.internet = internet
        self.world = internet.world
        self.open = True
        self.heard_at = self.world.now
        self._connection: Connection | None = connection
        self._unread = bytearray()
        self._paused = False
        self._ended = False  # by the server, once everything has been read
        self._peer = Peer(internet.broker, self._to_client, self._end)
        self._tls = _Tls(internet.tls) if internet.tls is not None else None

    def accept(self) -> None:
        """The handshake of TCP is done."""
        if self._connection is None:
            return
        if self.internet.refusing:
            connection, self._connection = self._connection, None
            connection.failed()
            return
        self._connection.connected()

    # What the modem asks for.

    def write(self, data: bytes) -> None:
        """Bytes of the terminal, at the server."""
        if not self.open:
            return
        self.internet.counts["up"] += len(data)
        self.internet.counts["up_segments"] += 1
        self.heard_at = self.world.now
        if self._tls is None:
            self._peer.feed(data)
        else:
            clear, ended = self._tls.feed(data)
            self._flush()
            if clear:
                self._peer.feed(clear)
            if ended and self.open:
                self._peer.lose()
                self._end()
        self._watch()

    def close(self) -> None:
        """The terminal's side is gone."""
        self._connection = None
        if self.open:
            self.open = False
            self._peer.lose()

    def pause(self) -> None:
        """Deliver no more for now."""
        self._paused = True

    def resume(self) -> None:
        """Deliver again."""
        if self._paused:
            self._paused = False
            self.world.timers.after(0, self._deliver)

    def backlog(self) -> int:
        """The server takes everything at once."""
        return 0

    # The server's side.

    def _to_client(self, data: bytes) -> None:
        if self._tls is not None:
            self._tls.send(data)
            self._flush()
        else:
            self._queue(data)

    def _flush(self) -> None:
        if self._tls is not None:
            self._queue(self._tls.pending())

    def _queue(self, data: bytes) -> None:
        if data and self._connection is not None:
            self._unread += data
            self.world.timers.after(0, self._deliver)

    def _deliver(self) -> None:
        connection = self._connection
        if connection is None or self._paused:
            return
        piece = bytes(self._unread[: max(0, connection.room())])
        if piece:
            del self._unread[: len(piece)]
            self.internet.counts["down"] += len(piece)
            self.internet.counts["down_segments"] += 1
            connection.received(piece)
        if self._ended and not self._unread and self._connection is not None:
            self._connection = None
            connection.closed()

    def _end(self) -> None:
        """The server closes."""
        self.open = False
        self._ended = True
        self.world.timers.after(CLOSE_WAIT_S, self._deliver)

    def _watch(self) -> None:
        """The broker gives up a client that it has not heard for one and a half keepalives."""
        limit = self._peer.keepalive_s * KEEPALIVE_GRACE
        heard = self.heard_at

        def silent() -> None:
            if self.open and self.heard_at == heard:
                self._peer.lose()
                self._end()

        if limit and self.open:
            self.world.timers.after(limit, silent)


class _Tls:
    """The server's end of TLS, without a socket."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._in, self._out, server_side=True)
        self._shaken = False

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """Clear bytes, and whether the other side is done with."""
        self._in.write(data)
        clear = b""
        try:
            if not self._shaken:
                self._object.do_handshake()
                self._shaken = True
            while True:
                piece = self._object.read(4096)
                if not piece:
                    return clear, True
                clear += piece
        except ssl.SSLWantReadError:
            return clear, False
        except ssl.SSLError:
            return clear, True

    def send(self, data: bytes) -> None:
        """Bytes for the other side."""
        self._object.write(data)

    def pending(self) -> bytes:
        """What must go onto the wire."""
        return self._out.read()
