"""MQTT 3.1.1 packets: bytes out of values, values out of bytes, however the stream is cut.

In: fields of a packet, or pieces of a stream. Out: bytes, or (kind, flags, body).
Must never allocate for a packet larger than the limit: of such a one only the beginning is kept, so that it can be
acknowledged and does not come again for ever.
"""

import struct

from protocol import const

_CONNECT = const(1)
CONNACK = const(2)
PUBLISH = const(3)
PUBACK = const(4)
_SUBSCRIBE = const(8)
SUBACK = const(9)
PINGRESP = const(13)
TOO_LARGE = const(0)  # no kind of MQTT: the beginning of a PUBLISH that was skipped

# A down payload of 1,400 bytes, its topic of 40, head and packet id, with room for what a newer cloud may add.
_BODY_MAX = const(2048)
_HEAD_KEPT = const(256)  # of a PUBLISH beyond that: topic and packet id
_SKIP_MAX = const(262_144)  # two minutes on a 2G line; who sends more is not our cloud

PING = const(b"\xc0\x00")  # PINGREQ


class PacketError(Exception):
    """The other side broke MQTT. Nothing that follows on this stream can be understood."""


def text(value: str) -> bytes:
    """A string with its length in front."""
    raw = value.encode()
    return struct.pack(">H", len(raw)) + raw


def frame(kind: int, flags: int, body: bytes) -> bytes:
    """A packet with its fixed header."""
    head = bytearray([kind << 4 | flags])
    length = len(body)
    while True:
        digit = length & 0x7F
        length >>= 7
        head.append(digit | 0x80 if length else digit)
        if not length:
            return bytes(head) + body


def connect(device: str, password: bytes, keepalive_s: int, will_topic: str, will: bytes) -> bytes:
    """CONNECT with clean session false and a retained will of QoS 1. Client id and user are the device."""
    flags = 0x04 | 0x08 | 0x20  # will, will QoS 1, will retained
    body = text(device) + text(will_topic) + struct.pack(">H", len(will)) + will
    if password:
        flags |= 0xC0
        body += text(device) + struct.pack(">H", len(password)) + password
    return frame(_CONNECT, 0, text("MQTT") + bytes([4, flags]) + struct.pack(">H", keepalive_s) + body)


def publish(topic: str, payload: bytes, packet_id: int = 0, *, retain: bool = False) -> bytes:
    """PUBLISH: QoS 1 with a packet id, else QoS 0. Never DUP: what a session lost goes out as a new publish."""
    flags = (2 if packet_id else 0) | (1 if retain else 0)
    middle = struct.pack(">H", packet_id) if packet_id else b""
    return frame(PUBLISH, flags, text(topic) + middle + payload)


def puback(packet_id: int) -> bytes:
    """PUBACK."""
    return frame(PUBACK, 0, struct.pack(">H", packet_id))


def subscribe(packet_id: int, pattern: str, qos: int) -> bytes:
    """SUBSCRIBE to one filter."""
    return frame(_SUBSCRIBE, 2, struct.pack(">H", packet_id) + text(pattern) + bytes([qos]))


def read_publish(flags: int, body: bytes) -> "tuple[str, int, int, bytes]":
    """(topic, qos, packet id or 0, payload). Raises PacketError."""
    qos = flags >> 1 & 3
    if qos > 1 or len(body) < 2:
        raise PacketError("publish")
    end = 2 + struct.unpack(">H", body[:2])[0]
    start = end + (2 if qos else 0)
    if len(body) < start:
        raise PacketError("publish")
    packet_id = struct.unpack(">H", body[end:start])[0] if qos else 0
    try:
        topic = str(body[2:end], "utf-8")
    except UnicodeError:
        raise PacketError("topic")
    return topic, qos, packet_id, body[start:]


def read_id(body: bytes) -> int:
    """The packet id at the beginning of an answer. Raises PacketError."""
    if len(body) < 2:
        raise PacketError("answer")
    return int(struct.unpack(">H", body[:2])[0])


class Parser:
    """Pieces of a stream -> whole packets (kind, flags, body); kind TOO_LARGE with the first bytes of the body."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skip = 0  # bytes still to come that nobody wants

    def feed(self, piece: bytes) -> "list[tuple[int, int, bytes]]":
        """The packets that this piece completes. Raises PacketError for a length beyond every limit."""
        drop = min(self._skip, len(piece))
        self._skip -= drop
        self._buffer.extend(piece[drop:] if drop else piece)
        packets: list[tuple[int, int, bytes]] = []
        while True:
            head = _length(self._buffer)
            if head is None:
                return packets
            start, length = head
            first = self._buffer[0]
            kept = _kept(first >> 4, length)
            if len(self._buffer) < start + kept:
                return packets
            kind = first >> 4 if kept == length else TOO_LARGE
            packets.append((kind, first & 0x0F, bytes(self._buffer[start : start + kept])))
            rest = min(start + length, len(self._buffer))
            self._skip = start + length - rest
            self._buffer = bytearray(self._buffer[rest:])


def _kept(kind: int, length: int) -> int:
    """How many bytes of a body are taken."""
    if length <= _BODY_MAX:
        return length
    if kind != PUBLISH or length > _SKIP_MAX:
        raise PacketError("size")
    return _HEAD_KEPT


def _length(buffer: bytearray) -> "tuple[int, int] | None":
    """(where the body begins, its length), or None while the head is not complete."""
    value = shift = 0
    for at in range(1, 5):
        if at >= len(buffer):
            return None
        value |= (buffer[at] & 0x7F) << shift
        shift += 7
        if not buffer[at] & 0x80:
            return at + 1, value
    raise PacketError("length")
