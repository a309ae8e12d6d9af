"""One MQTT 3.1.1 connection that reads in bulk: the wire of the heartbeat lane (decisions/0006).

In: bytes of the broker. Out: messages in order of arrival, each acknowledged by `ack` and by nothing else.
Reads no more than UNACKED_MAX ahead of what was acknowledged, and lives on while nobody works: a broker that is not
listened to for a while still hears from us.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from cloud import clock

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence
    from datetime import datetime

log = logging.getLogger(__name__)

# Three batches, two of which are being committed, and what arrives meanwhile. Far below 65,535, after which packet ids
# repeat; and some brokers (Mosquitto 2.0.11) keep no bound of their own.
UNACKED_MAX = 8_000
RESUME_AT = UNACKED_MAX * 3 // 4  # before the batch that is being read runs dry
# The same in bytes: 8,000 heartbeats are 3.5 MB at most, and of anything longer fewer are held.
HELD_MAX_BYTES = 16 * 1024 * 1024
# Read in one go: some 80 heartbeats, half a millisecond of work, in which the database may wait for our next word.
READ_BYTES = 32 * 1024
KEEPALIVE_S = 60
ANSWER_S = 5.0  # of a broker that is near, to CONNECT and SUBSCRIBE
# Kept of one payload; the broker's own limit is far lower, and a wrong one must not fill our memory.
PAYLOAD_KEPT_BYTES = 64 * 1024

_CONNACK, _PUBLISH, _SUBACK, _UNSUBACK, _PINGRESP = 2, 3, 9, 11, 13
_CONNECT, _DISCONNECT, _PINGREQ = b"\x10", b"\xe0\x00", b"\xc0\x00"
_REFUSED = 0x80


class SubscribeError(OSError):
    """The broker would not have us; the text says at which step, and holds no secret."""


class Message(NamedTuple):
    """One PUBLISH. A tuple: some 30,000 of these are made in a second."""

    topic: str
    payload: bytes
    size: int  # bytes of the whole payload
    retained: bool
    mid: int  # 0: QoS 0, nothing to acknowledge
    received_at: datetime

    def __repr__(self) -> str:
        """Without what it says."""
        return f"Message({self.topic!r}, {self.size} bytes)"


class Subscriber(asyncio.BufferedProtocol):
    """Used once: `open`, then `take` and `ack` until `closed`."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()
        self.arrived = asyncio.Event()
        self.session_present = False  # the broker had kept our session, and what came meanwhile
        self.subscribed = False
        self.redelivered = 0  # PUBLISH with the broker's mark that it sent it before
        self._waiting: deque[Message] = deque()  # not yet taken
        self._unacked: deque[tuple[int, int]] = deque()  # packet id (0: QoS 0), bytes held; in order of arrival
        self._held = 0  # bytes of all payloads that are not acknowledged
        # A view: asyncio's TLS fills a slice of it, and a slice of a bytearray would be a copy.
        self._room = memoryview(bytearray(READ_BYTES))
        self._buffer = bytearray()
        self._skip = 0  # bytes of a payload that is too long to be kept
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._transport: asyncio.Transport | None = None
        self._reading = True
        self._heard_at = self._said_at = 0.0

    async def open(
        self,
        host: str,
        port: int,
        *,
        client_id: str,
        user: str,
        password: str,
        filters: Sequence[str],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Connect to the session of this client id and subscribe. Raises OSError."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(ANSWER_S):
            await loop.create_connection(lambda: self, host, port, ssl=tls)
            self._write(_packet(_CONNECT, _connect(client_id, user, password)))
            answer = await self._answers.get()
            if answer[1:2] != b"\x00":
                raise SubscribeError(f"connect refused: {answer[1:2].hex()}")
            self.session_present = self.subscribed = bool(answer[0] & 1)
            # Also where the broker kept our session: a newer version of us may want other filters.
            wanted = b"".join(_text(each) + b"\x01" for each in filters)
            self._write(_packet(b"\x82", b"\x00\x01" + wanted))
            # The answer comes behind whatever the broker has kept for us, which may be more than we read at once.

    def take(self, most: int) -> list[Message]:
        """What has arrived, the oldest first."""
        waiting = self._waiting
        taken = [waiting.popleft() for _ in range(min(most, len(waiting)))]
        if not waiting:
            self.arrived.clear()
        return taken

    def ack(self, count: int) -> bool:
        """The `count` oldest messages are committed. False where the connection is gone: then they come again."""
        if self.closed.is_set():
            return False
        done = [self._unacked.popleft() for _ in range(count)]
        self._held -= sum(held for _, held in done)
        self._write(b"".join(b"\x40\x02" + mid.to_bytes(2, "big") for mid, _ in done if mid))
        rest = len(self._unacked) <= RESUME_AT and self._held <= HELD_MAX_BYTES // 2
        if rest and not self._reading and self._transport is not None:
            self._reading = True
            self._heard_at = asyncio.get_running_loop().time()
            self._transport.resume_reading()
        return True

    @property
    def unacked(self) -> int:
        """Messages read and not acknowledged."""
        return len(self._unacked)

    def tend(self) -> None:
        """Call each second: keeps the session alive, and ends a connection on which nothing is heard."""
        now = asyncio.get_running_loop().time()
        # While reading rests an answer would lie unread: then only our own side is kept alive.
        if self._reading and now - self._heard_at > KEEPALIVE_S * 1.5:
            self.close()
        elif now - max(self._said_at, self._heard_at if self._reading else 0) > KEEPALIVE_S / 2:
            self._write(_PINGREQ)

    def close(self) -> None:
        """Say goodbye if it can still be said. The broker keeps the session."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(_DISCONNECT)
            self._transport.close()
        self.closed.set()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket stands."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of create_connection
        self._transport = transport
        sock = transport.get_extra_info("socket")
        # Acknowledgements are small and nothing follows them: waiting for more costs 40 ms.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._heard_at = asyncio.get_running_loop().time()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        del sizehint
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes of the broker."""
        self._heard_at = asyncio.get_running_loop().time()
        data = self._room[:nbytes]
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        self._buffer += data
        try:
            self._parse(clock.now())
        except (IndexError, ValueError):
            self.close()  # no packets: only a new connection helps
        full = len(self._unacked) >= UNACKED_MAX or self._held >= HELD_MAX_BYTES
        if full and self._reading and self._transport is not None:
            self._reading = False
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone, and with it every packet id."""
        del exc
        self._answers.put_nowait(b"")
        self.closed.set()
        self.arrived.set()

    # Packets

    def _parse(self, now: datetime) -> None:
        buffer, at, end = self._buffer, 0, len(self._buffer)
        while end - at >= 2:
            length, body = _length(buffer, at + 1, end)
            if body < 0:
                break
            if end - body < length:
                if length <= PAYLOAD_KEPT_BYTES * 2:
                    break
                if not self._cut_off(buffer, at, body, length, now):
                    break
                at = end = 0
                break
            kind = buffer[at] >> 4
            if kind == _PUBLISH:
                self._publish(buffer[at], memoryview(buffer)[body : body + length], length, now)
            elif kind == _CONNACK:
                self._answers.put_nowait(bytes(buffer[body : body + length]))
            elif kind == _SUBACK:
                self.subscribed = _REFUSED not in buffer[body + 2 : body + length]
                if not self.subscribed:
                    log.error("broker refuses the subscription")
                    raise ValueError
            elif kind not in (_PINGRESP, _UNSUBACK):
                raise ValueError
            at = body + length
        if at:
            del buffer[:at]

    def _cut_off(self, buffer: bytearray, at: int, body: int, length: int, now: datetime) -> bool:
        """Take the beginning of a packet that is too long to be kept; False until there is enough of it."""
        have = len(buffer) - body
        if have < PAYLOAD_KEPT_BYTES * 2:
            return False
        if buffer[at] >> 4 != _PUBLISH:
            raise ValueError
        self._publish(buffer[at], memoryview(buffer)[body:], length, now)
        self._skip = length - have
        self._buffer = bytearray()
        return True

    def _publish(self, head: int, body: memoryview, length: int, now: datetime) -> None:
        at = 2 + (body[0] << 8 | body[1])
        topic = bytes(body[2:at])
        mid = 0
        if head & 6:
            mid = body[at] << 8 | body[at + 1]
            at += 2
        self.redelivered += head >> 3 & 1
        payload = bytes(body[at : at + PAYLOAD_KEPT_BYTES])
        text = topic.decode(errors="replace")  # what is no UTF-8 is no topic of ours, and goes to quarantine
        self._unacked.append((mid, len(payload)))
        self._held += len(payload)
        self._waiting.append(Message(text, payload, length - at, bool(head & 1), mid, now))
        self.arrived.set()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and data:
            self._said_at = asyncio.get_running_loop().time()
            self._transport.write(data)


def _length(buffer: bytearray, at: int, end: int) -> tuple[int, int]:
    """(remaining length, where the body begins); (0, -1) while it is not all there."""
    value = 0
    for shift in range(0, 28, 7):
        if at >= end:
            return 0, -1
        byte = buffer[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError


def _packet(head: bytes, body: bytes) -> bytes:
    length, out = len(body), b""
    while True:
        length, low = length >> 7, length & 127
        out += bytes((low | (128 if length else 0),))
        if not length:
            return head + out + body


def _connect(client_id: str, user: str, password: str) -> bytes:
    # Protocol level 4, clean session off, user name and password.
    flags = 0xC0 if user else 0
    who = _text(user) + _text(password) if user else b""
    return _text("MQTT") + bytes((4, flags)) + KEEPALIVE_S.to_bytes(2, "big") + _text(client_id) + who


def _text(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(2, "big") + data
