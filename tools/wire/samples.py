"""Sample messages of every kind: full ones written by hand, the smallest and the largest derived from the tables.

In: the tables. Out: dicts of fields. People and numbers in them are invented.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from protocol import fields as tables
from protocol.codes import KEYS, choices

if TYPE_CHECKING:
    from collections.abc import Callable


ID = "0a1b2c3d.12.345"
PRESS = "0a1b2c3d.12.344"
CASE = "5f2c7a10-9d3e-4b61-8a44-0c1d2e3f4a5b"
COMMON_UP: dict[str, object] = {"v": 1, "id": ID, "t": 1_790_000_000, "u": 86_400_000, "s": 86_400_850}
EXPIRY = 1_790_000_120
DESK: list[object] = ["服务热线", "01055500001", 30, 1]
DAUGHTER: list[object] = ["女儿", "13800000001", 25, 0]

FULL: dict[str, dict[str, dict[str, object]]] = {
    "up": {
        "boot": {
            "imei": "860000000000001",
            "iccid": "89860000000000000001",
            "imsi": "460000000000001",
            "board": "devkit-1",
            "fw": "1.0.0",
            "modem": "1418B05SIM800L24",
            "cfg": 7,
            "cause": "power",
        },
        "press": {"key": "cancel", "hold": 640, "how": "short", "ref": PRESS},
        "call": {
            "ref": PRESS,
            "case": CASE,
            "dir": "out",
            "step": "end",
            "to": "女儿",
            "rung": 1,
            "cycle": 0,
            "dur": 42,
            "cause": "remote_hangup",
            "src": "route",
            "ver": 1,
        },
        "event": {"ev": "sms_sent", "val": 1, "txt": "女儿", "ref": PRESS},
        "day": {
            "day": "2026-09-21",
            "on": 1440,
            "reg": 1425,
            "beats": 144,
            "presses": 2,
            "answered": 1,
            "stuck": 0,
            "faults": 1,
        },
        "result": {"cid": "c1", "st": "failed", "why": "battery low", "vals": [["mv", 3510], ["parts", 16]]},
        "hb": {
            "bat": 4102,
            "pct": 97,
            "mains": 1,
            "csq": 21,
            "reg": 1,
            "net": "gsm",
            "cell": "10f1-2a3b",
            "temp": 24,
            "heap": 61_440,
            "box": 0,
            "drops": 0,
            "call": 0,
            "cfg": 7,
            "rtt": 820,
            "test": 0,
            "missed": 0,
        },
        "state": {"st": "online"},
    },
    "down": {
        "receipt": {"of": [PRESS, ID]},
        "route": {"ref": PRESS, "case": CASE, "ver": 1, "plan": [DESK, DAUGHTER], "exp": EXPIRY},
        "desk": {"ref": PRESS, "st": "accepted", "exp": EXPIRY},
        "config": {
            "ver": 8,
            "hb": 600,
            "plan": {"k1": [["社区驿站", "01055500002", 30, 0], DESK], "sos": [DESK, DAUGHTER, DESK]},
            "vol": 80,
            "ring": 70,
            "allow": ["13800000001", "+861055500001"],
            "back": 30,
            "times": {"cycles": 3, "sos_hold": 800},
            "srv": "mqtt.example.net:8883",
            "apn": "cmiot",
            "sms": ["13800000001"],
            "who": "示例路3号楼",
            "em112": 0,
        },
        "cmd": {"cid": "c1", "do": "callback", "args": {"minutes": 30, "number": "01055500001"}, "exp": EXPIRY},
    },
}

LONGEST_ID = "ffffffff.9999999.99999999"
# The widest character: four bytes in UTF-8, as some of the rarer characters of names are.
WIDE = "\U00020bb7"
NUMBER = "+" + "9" * (tables.NUMBER_CHARS_MAX - 1)
RUNG: list[object] = [WIDE * tables.LABEL_CHARS_MAX, NUMBER, tables.RING_S_MAX, 1]


def full(direction: str, kind: str) -> dict[str, object]:
    """A message with every field, common ones first, in the order of the wire."""
    common = COMMON_UP if direction == "up" else {"v": 1}
    values = {**common, **FULL[direction][kind]}
    return {row[0]: values[row[0]] for row in tables.fields_of(direction, kind)}


def minimal(direction: str, kind: str) -> dict[str, object]:
    """A message with nothing that may be absent, and null where null is allowed."""
    values = full(direction, kind)
    return {
        row[0]: None if row[2] == "null" else values[row[0]]
        for row in tables.fields_of(direction, kind)
        if row[2] != "may"
    }


def as_json(values: dict[str, object]) -> str:
    """The message as the wire spells it, by the standard library: an encoder independent of the protocol's own."""
    return json.dumps(
        {name: _sorted(value) for name, value in values.items()}, ensure_ascii=False, separators=(",", ":")
    )


def _sorted(value: object) -> object:
    return dict(sorted(value.items())) if isinstance(value, dict) else value


def _names(count: int) -> list[str]:
    return [f"{index:02d}".rjust(tables.NAME_CHARS_MAX, "n") for index in range(count)]


def largest_value(type_: str, low: object, high: object) -> object:
    """The value of a field that takes the most bytes."""
    if isinstance(low, str):
        return max(choices(low), key=len)
    least = low if isinstance(low, int) else 0
    most = high if isinstance(high, int) else 0
    makers: dict[str, Callable[[], object]] = {
        "int": lambda: max(least, most, key=lambda value: len(str(value))),
        "text": lambda: WIDE * most,
        "ascii": lambda: "x" * most,
        "id": lambda: LONGEST_ID,
        "flag": lambda: 1,
        "digits": lambda: "9" * most,
        "day": lambda: "2026-12-31",
        "ids": lambda: [LONGEST_ID] * most,
        "numbers": lambda: [NUMBER] * most,
        "ladder": lambda: [RUNG] * most,
        "plan": lambda: {key: [RUNG] * tables.LADDER_RUNGS_MAX for key in KEYS if key != "cancel"},
        "pairs": lambda: [[name, -tables.COUNT_MAX] for name in _names(most)],
        "table": lambda: dict.fromkeys(_names(most), WIDE * tables.ARG_CHARS_MAX),
    }
    return makers[type_]()


def largest(direction: str, kind: str) -> dict[str, object]:
    """A message with every field at its largest; a config or cmd gives up entries until it fits its direction."""
    values = {
        row[0]: 1 if row[0] == "v" else largest_value(row[1], row[3], row[4])
        for row in tables.fields_of(direction, kind)
    }
    while direction == "down" and size(values) > tables.PAYLOAD_BYTES_MAX["down"]:
        _drop_one(values)
    return values


def size(values: dict[str, object]) -> int:
    """Bytes of the payload."""
    return len(as_json(values).encode())


def _drop_one(values: dict[str, object]) -> None:
    """Take the last entry out of the largest object; out of a plan the last rung."""
    largest_object = max((value for value in values.values() if isinstance(value, dict)), key=size)
    last = max(largest_object)
    if isinstance(largest_object[last], list) and len(largest_object[last]) > 1:
        largest_object[last].pop()
    else:
        del largest_object[last]
