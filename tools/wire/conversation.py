"""One press as MQTT 3.1.1 packets: the worked example of the README, and of a test that says it to a real broker.

In: nothing but the samples. Out: packets, each with who sends it, what it is and its payload. Opens no connection.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocol import topics
from tools.wire import samples

DEVICE = "BJXC000001"
PASSWORD = "correct-horse-battery"  # noqa: S105 an invented one, for the example
TERMINAL, BROKER = "terminal → broker", "broker → terminal"
CLEAN_SESSION_OFF_WILL_USER_PASSWORD = 0b11101100  # user, password, will retained at QoS 1, will, session kept
STATE_WILL: dict[str, object] = {
    "v": 1,
    "id": "0a1b2c3d.12.1",
    "t": 1_790_000_000,
    "u": 8000,
    "s": 8000,
    "st": "offline",
}
STATE_ONLINE = {**STATE_WILL, "id": "0a1b2c3d.12.2", "t": 1_789_913_609, "u": 8900, "s": 8900, "st": "online"}
PRESS: dict[str, object] = {
    "v": 1, "id": samples.PRESS, "t": 1_790_000_000, "u": 86_400_000, "s": 86_400_020,
    "key": "sos", "hold": 812, "how": "hold",
}  # fmt: skip
DIAL: dict[str, object] = {
    "v": 1, "id": samples.ID, "t": 1_790_000_001, "u": 86_401_400, "s": 86_462_950,
    "ref": samples.PRESS, "case": samples.CASE, "step": "dial", "to": "服务热线", "rung": 0, "cycle": 0, "src": "route",
    "ver": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Packet:
    """One MQTT packet of the example."""

    sender: str
    what: str
    data: bytes
    payload: str = ""


def _text(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2, "big") + raw


def _packet(first: int, body: bytes) -> bytes:
    """Fixed header with the remaining length in seven-bit groups, low group first."""
    length, left = b"", len(body)
    while True:
        left, low = divmod(left, 128)
        length += bytes([low | (128 if left else 0)])
        if not left:
            return bytes([first]) + length + body


def _publish(
    sender: str, kind: str, values: dict[str, object], packet_id: int, what: str, *, retain: bool = False
) -> list[Packet]:
    direction = "up" if sender == TERMINAL else "down"
    payload = samples.as_json(values)
    topic = topics.build(direction, kind, DEVICE)
    number = packet_id.to_bytes(2, "big")
    sent = _packet(0x32 | retain, _text(topic) + number + payload.encode())
    other = BROKER if sender == TERMINAL else TERMINAL
    return [
        Packet(sender, f"PUBLISH `{topic}`, {what}", sent, payload),
        Packet(other, "PUBACK", b"\x40\x02" + number),
    ]


def packets() -> list[Packet]:
    """The example, in order."""
    will = samples.as_json(STATE_WILL)
    connect = b"".join((
        _text("MQTT"), bytes([4, CLEAN_SESSION_OFF_WILL_USER_PASSWORD]), (300).to_bytes(2, "big"),
        _text(DEVICE), _text(topics.build("up", "state", DEVICE)), _text(will), _text(DEVICE), _text(PASSWORD),
    ))  # fmt: skip
    subscribe = b"\x00\x01" + _text(topics.terminal_filter(DEVICE)) + b"\x01"
    route = samples.full("down", "route")
    receipt: dict[str, object] = {"v": 1, "of": [samples.PRESS]}
    later: dict[str, object] = {"v": 1, "of": [samples.ID]}
    return [
        Packet(TERMINAL, f"CONNECT; password `{PASSWORD}`; the will", _packet(0x10, connect), will),
        Packet(BROKER, "CONNACK, accepted, no session kept from before", b"\x20\x02\x00\x00"),
        Packet(TERMINAL, f"SUBSCRIBE `{topics.terminal_filter(DEVICE)}`, QoS 1", _packet(0x82, subscribe)),
        Packet(BROKER, "SUBACK, QoS 1", b"\x90\x03\x00\x01\x01"),
        *_publish(TERMINAL, "state", STATE_ONLINE, 2, "retained", retain=True),
        *_publish(TERMINAL, "press", PRESS, 3, "20 ms after the key fired"),
        *_publish(BROKER, "receipt", receipt, 1, "the press is committed: the terminal forgets it"),
        *_publish(BROKER, "route", route, 2, "whom to dial"),
        *_publish(TERMINAL, "call", DIAL, 4, "sent after the call, a minute late: `s` − `u` says so"),
        *_publish(BROKER, "receipt", later, 3, "the attempt is committed"),
        *_publish(BROKER, "desk", samples.full("down", "desk"), 4, "the lamp shows “accepted”"),
    ]
