"""MQTT 3.1.1 as far as a terminal needs it: bytes of what it sends, packets of what it hears. Pure.

A packet that is longer than anything the contract allows is an error: a broker's mistake must not fill our memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP = 2, 3, 4, 9, 13
PINGREQ, DISCONNECT = b"\xc0\x00", b"\xe0\x00"
SUBACK_REFUSED = 0x80
PACKET_MAX = 16 * 1024  # the contract's largest payload down is 1,400 bytes
MID_MAX = 65_535
_CONNECT, _SUBSCRIBE = b"\x10", b"\x82"
_VERSION = b"\x00\x04MQTT\x04"
_WILL_RETAINED_QOS1, _USER, _PASSWORD = 0x2C, 0x80, 0x40  # clean session stays 0


class PacketError(Exception):
    """What came is not MQTT 3.1.1, or longer than we take."""


def connect(client_id: str, password: str | None, keepalive_s: int, will: tuple[str, bytes]) -> bytes:
    """The user name is the client id."""
    topic, payload = will
    flags = _WILL_RETAINED_QOS1 | _USER
    body = _text(client_id.encode()) + _text(topic.encode()) + _text(payload) + _text(client_id.encode())
    if password is not None:
        flags |= _PASSWORD
        body += _text(password.encode())
    return _packet(_CONNECT, _VERSION + bytes((flags,)) + keepalive_s.to_bytes(2, "big") + body)


def subscribe(mid: int, topic_filter: str) -> bytes:
    """One filter, QoS 1."""
    return _packet(_SUBSCRIBE, mid.to_bytes(2, "big") + _text(topic_filter.encode()) + b"\x01")


def publish(mid: int, topic: str, payload: bytes, *, retain: bool = False) -> bytes:
    """QoS 1."""
    head = b"\x33" if retain else b"\x32"
    return _packet(head, _text(topic.encode()) + mid.to_bytes(2, "big") + payload)


def puback(mid: bytes) -> bytes:
    """For the packet id as it came."""
    return b"\x40\x02" + mid


def parse_publish(flags: int, body: bytes) -> tuple[str, bytes, bytes]:
    """(topic, packet id or nothing, payload). Raises PacketError."""
    end = 2 + int.from_bytes(body[:2], "big")
    begin = end + 2 if flags & 0x06 else end
    if len(body) < begin:
        raise PacketError("a PUBLISH is cut short")
    try:
        return body[2:end].decode(), body[end:begin], body[begin:]
    except UnicodeDecodeError:
        raise PacketError("a topic is not UTF-8") from None


class Reader:
    """Packets out of bytes, however they are cut."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """(type, flags, body) of each packet that is whole. Raises PacketError."""
        data = self._kept + data if self._kept else data
        at = 0
        while (found := _length(data, at)) is not None:
            begin, size = found
            if len(data) < begin + size:
                break
            self._kept = data[begin + size :]
            yield data[at] >> 4, data[at] & 15, data[begin : begin + size]
            at = begin + size
        self._kept = data[at:]


def _length(data: bytes, at: int) -> tuple[int, int] | None:
    """Where the body of the packet begins, and its size; None where that has not come yet."""
    size = 0
    for place in range(4):
        if at + 1 + place >= len(data):
            return None
        byte = data[at + 1 + place]
        size |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            if size > PACKET_MAX:
                raise PacketError("a packet is longer than anything that the contract allows")
            return at + 2 + place, size
    raise PacketError("a length has more than four bytes")


def _packet(head: bytes, body: bytes) -> bytes:
    size, length = len(body), b""
    while True:
        size, low = size >> 7, size & 0x7F
        length += bytes((low | 0x80 if size else low,))
        if not size:
            return head + length + body


def _text(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data
