"""A small MQTT 3.1.1 broker in memory, for terminals in simulated time: sessions, QoS 0 and 1, wills, retained.

In: bytes of connections, messages of the cloud. Out: bytes, and every message to whoever listens. It stands in for
Mosquitto only where no real clock may tick; that the firmware works with Mosquitto is shown elsewhere.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 10, 11, 12, 13, 14
WINDOW = 20  # unacknowledged messages to one client; the rest waits, as in Mosquitto
QUEUE_MAX = 1000  # waiting for one client that is away
PACKET_MAX = 64 * 1024
_CLEAN, _WILL, _WILL_RETAIN, _PASSWORD, _USER = 0x02, 0x04, 0x20, 0x40, 0x80


class BadPacketError(Exception):
    """The client broke the protocol: its connection ends."""


@dataclass(frozen=True)
class Message:
    """One application message."""

    topic: str
    payload: bytes
    retained: bool = False


@dataclass
class Session:
    """What outlives a connection: subscriptions, and what the client has not acknowledged."""

    filters: list[str] = field(default_factory=list)
    flying: dict[int, Message] = field(default_factory=dict)
    waiting: deque[Message] = field(default_factory=deque)
    next_id: int = 0
    peer: Peer | None = None


class Broker:
    """All sessions. `on_message(client id, message)` hears what clients and wills publish."""

    def __init__(self, passwords: dict[str, str] | None = None) -> None:
        self.passwords = passwords  # None: anybody may come
        self.sessions: dict[str, Session] = {}
        self.retained: dict[str, Message] = {}
        self.counts: Counter[str] = Counter()
        self.on_message: Callable[[str, Message], None] | None = None

    def publish(self, topic: str, payload: bytes) -> None:
        """To every session that subscribed to it, now or when it comes back."""
        message = Message(topic, payload)
        for session in self.sessions.values():
            if any(matches(pattern, topic) for pattern in session.filters):
                if len(session.waiting) >= QUEUE_MAX:
                    self.counts["dropped"] += 1
                    continue
                session.waiting.append(message)
                if session.peer is not None:
                    session.peer.pump()

    def take(self, client: str, message: Message) -> None:
        """A client or its will has published."""
        self.counts["published"] += 1
        if message.retained:
            self.retained[message.topic] = message
        if self.on_message is not None:
            self.on_message(client, message)


class Peer:
    """One connection. Feed it bytes; it writes and ends through the functions given."""

    def __init__(self, broker: Broker, write: Callable[[bytes], None], end: Callable[[], None]) -> None:
        self.broker = broker
        self.client = ""
        self.keepalive_s = 0
        self._write = write
        self._end = end
        self._buffer = bytearray()
        self._session: Session | None = None
        self._will: Message | None = None

    def feed(self, data: bytes) -> None:
        """Bytes as they come."""
        self._buffer += data
        try:
            while (packet := self._packet()) is not None:
                self._handle(*packet)
        except (BadPacketError, IndexError, UnicodeDecodeError):
            self.broker.counts["bad_packets"] += 1
            self.lose()
            self._end()

    def lose(self) -> None:
        """The connection is gone without a goodbye: the will is published."""
        session, self._session = self._session, None
        if session is not None and session.peer is self:
            session.peer = None
        will, self._will = self._will, None
        if will is not None:
            self.broker.take(self.client, will)

    def pump(self) -> None:
        """Send what waits, as far as the window allows."""
        session = self._session
        while session is not None and session.waiting and len(session.flying) < WINDOW:
            session.next_id = session.next_id % 65_535 + 1
            session.flying[session.next_id] = session.waiting.popleft()
            self._send(session.next_id, session.flying[session.next_id], again=False)

    def _send(self, packet_id: int, message: Message, *, again: bool) -> None:
        body = _text(message.topic.encode()) + packet_id.to_bytes(2, "big") + message.payload
        self._write(_packet(PUBLISH, 0x02 | (0x08 if again else 0), body))

    def _packet(self) -> tuple[int, int, bytes] | None:
        size, shift, at = 0, 0, 1
        while True:
            if len(self._buffer) <= at:
                return None
            byte = self._buffer[at]
            size |= (byte & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if not byte & 0x80:
                break
        if size > PACKET_MAX or shift > 28:
            raise BadPacketError
        if len(self._buffer) < at + size:
            return None
        head, body = self._buffer[0], bytes(self._buffer[at : at + size])
        del self._buffer[: at + size]
        return head >> 4, head & 0x0F, body

    def _handle(self, kind: int, flags: int, body: bytes) -> None:
        if kind == CONNECT:
            self._connect(body)
            return
        session = self._session
        if session is None:
            raise BadPacketError
        if kind == PUBLISH:
            self._published(flags, body)
        elif kind == PUBACK:
            session.flying.pop(int.from_bytes(body[:2], "big"), None)
            self.pump()
        elif kind == SUBSCRIBE:
            self._subscribe(session, body)
        elif kind == PINGREQ:
            self._write(_packet(PINGRESP, 0, b""))
        elif kind == DISCONNECT:
            self._will = None
            self.lose()
            self._end()
        else:
            raise BadPacketError

    def _connect(self, body: bytes) -> None:
        if self._session is not None or body[:7] != b"\x00\x04MQTT\x04":
            raise BadPacketError
        flags, self.keepalive_s = body[7], int.from_bytes(body[8:10], "big")
        rest = body[10:]
        self.client, rest = _take_text(rest)
        if flags & _WILL:
            topic, rest = _take_text(rest)
            payload, rest = _take_bytes(rest)
            self._will = Message(topic, payload, bool(flags & _WILL_RETAIN))
        user, rest = _take_text(rest) if flags & _USER else ("", rest)
        password, rest = _take_bytes(rest) if flags & _PASSWORD else (b"", rest)
        known = self.broker.passwords
        if known is not None and (known.get(user) or "").encode() != password:
            self._will = None
            self.broker.counts["refused"] += 1
            self._write(_packet(CONNACK, 0, b"\x00\x04"))
            return
        self._open(clean=bool(flags & _CLEAN))

    def _open(self, *, clean: bool) -> None:
        sessions = self.broker.sessions
        old = sessions.get(self.client)
        if old is not None and old.peer is not None:
            old.peer.lose()  # the same client anew: the old connection is dead
        present = old is not None and not clean
        session = old if present and old is not None else Session()
        sessions[self.client] = session
        session.peer = self
        self._session = session
        self.broker.counts["connects"] += 1
        self._write(_packet(CONNACK, 0, bytes((int(present), 0))))
        for packet_id, message in session.flying.items():
            self._send(packet_id, message, again=True)
        self.pump()

    def _published(self, flags: int, body: bytes) -> None:
        topic, rest = _take_text(body)
        if flags & 0x06:
            packet_id, rest = rest[:2], rest[2:]
            self._write(_packet(PUBACK, 0, packet_id))
        self.broker.take(self.client, Message(topic, rest, bool(flags & 1)))

    def _subscribe(self, session: Session, body: bytes) -> None:
        rest, codes = body[2:], b""
        while rest:
            pattern, rest = _take_text(rest)
            if pattern not in session.filters:
                session.filters.append(pattern)
            codes += bytes((min(rest[0], 1),))
            rest = rest[1:]
        self._write(_packet(SUBACK, 0, body[:2] + codes))


def matches(pattern: str, topic: str) -> bool:
    """Whether a topic falls under a filter with + and #."""
    wanted, given = pattern.split("/"), topic.split("/")
    for at, part in enumerate(wanted):
        if part == "#":
            return True
        if at >= len(given) or part not in ("+", given[at]):
            return False
    return len(wanted) == len(given)


def _text(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def _take_bytes(data: bytes) -> tuple[bytes, bytes]:
    size = int.from_bytes(data[:2], "big")
    if len(data) < 2 + size:
        raise BadPacketError
    return data[2 : 2 + size], data[2 + size :]


def _take_text(data: bytes) -> tuple[str, bytes]:
    raw, rest = _take_bytes(data)
    return raw.decode(), rest


def _packet(kind: int, flags: int, body: bytes) -> bytes:
    size, head = len(body), bytearray((kind << 4 | flags,))
    while True:
        byte, size = size & 0x7F, size >> 7
        head.append(byte | (0x80 if size else 0))
        if not size:
            return bytes(head) + body
