"""The faults of the golden vectors, each with the verdict that the contract demands, written by hand.

In: the samples, which the faults are put into. Out: cases. Nothing here asks the protocol's own code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocol import fields as tables
from tools.wire import samples

if TYPE_CHECKING:
    from collections.abc import Sequence

DESK = samples.DESK
Line = dict[str, object]


@dataclass(frozen=True)
class Case:
    """One payload that must be refused."""

    name: str
    direction: str
    kind: str
    payload: bytes
    reason: str
    field: str | None
    read_id: str | None


# (direction, kind, field, [(reason, wrong value), …]): every type of field at least once.
FAULTS: list[tuple[str, str, str, Sequence[tuple[str, object]]]] = [
    ("up", "press", "v", [("version", value) for value in (2, 0, "1", True, 1.0, [1])]),
    ("up", "press", "id", [("type", 5), ("type", ["0a1b2c3d.1.1"])] + [("value", value) for value in (
        "", "0a1b2c3d.1", "0a1b2c3d.1.1.1", "0A1B2C3D.1.1", "0a1b2c3.1.1", "0a1b2c3d0.1.1", "0a1b2c3d.01.1",
        "0a1b2c3d.1.", "0a1b2c3d.-1.1", "0a1b2c3d. 1.1", "0a1b2c3d.10000000.1", "0a1b2c3d.1.100000000",
        "0a1b2c3d.１.1", "0a1b2c3d.1.1\n", "x" * 300)]),
    ("up", "press", "t", [("type", "0"), ("type", 0.5), ("type", False), ("range", -1), ("range", 4_294_967_296)]),
    ("up", "press", "u", [("range", 9_007_199_254_740_992), ("range", 10**60), ("range", -1), ("type", "1")]),
    ("up", "press", "s", [("range", 9_007_199_254_740_992), ("type", {})]),
    ("up", "press", "hold", [("type", "1"), ("type", 1.0), ("type", 1e3), ("type", True), ("type", [1]), ("type", {}),
                             ("range", -1), ("range", 600_001)]),
    ("up", "press", "key", [("type", 1), ("type", ["sos"]), ("value", "red"), ("value", "SOS"), ("value", "")]),
    ("up", "press", "ref", [("value", "344"), ("type", 344), ("type", False)]),
    ("up", "event", "val", [("range", -1_000_000_000), ("range", 1_000_000_000)]),
    ("up", "event", "txt", [("type", 5), ("range", ""), ("range", "x" * 33)] + [("value", value) for value in (
        "a\nb", "a\x7f", "a\x00", "\ud800", "\udfb7\ud842")]),
    ("up", "boot", "fw", [("type", 7), ("range", ""), ("range", "x" * 25)] + [("value", value) for value in (
        "版本", 'a"b', "a\\b", "a\tb", "a\x7f")]),
    ("up", "boot", "imei", [("type", 860_000_000_000_001), ("range", "8" * 14), ("range", "8" * 16),
                            ("value", "8" * 14 + "x"), ("value", "８" * 15)]),
    ("up", "hb", "call", [("type", True), ("type", "1"), ("range", 2), ("range", -1)]),
    ("up", "day", "day", [("type", 20_260_921)] + [("value", value) for value in (
        "", "2026-9-21", "2026/09/21", "20260921", "2026-09-21T", "２026-09-21", "2026-09-2 ")]
        + [("range", value) for value in (
            "2026-02-29", "2026-04-31", "2026-13-01", "2026-00-10", "2026-10-00", "1999-12-31", "2100-02-29")]),
    ("up", "result", "vals", [("type", 1), ("type", {}), ("type", ["mv"]), ("type", [["mv", 1.5]]),
                              ("type", [["mv", "1"]]), ("type", [[1, 1]]), ("range", [["mv"]]),
                              ("range", [["mv", 1, 1]]), ("range", [["", 1]]), ("range", [["n" * 13, 1]]),
                              ("value", [["MV", 1]]), ("range", [["mv", 10**9]]),
                              ("range", [["mv", 1]] * 9)]),
    ("down", "receipt", "of", [("type", samples.ID), ("type", [1]), ("type", [None]), ("value", ["x"]), ("range", []),
                               ("range", [samples.ID] * 41)]),
    ("down", "route", "plan", [("type", {}), ("type", [{}]), ("type", [None]), ("range", []), ("range", [DESK] * 9),
                               ("range", [DESK[:3]]), ("range", [[*DESK, 1]]), ("type", [[5, *DESK[1:]]]),
                               ("range", [["", *DESK[1:]]]), ("range", [["x" * 13, *DESK[1:]]]),
                               ("value", [["a\nb", *DESK[1:]]])]),
    ("down", "route", "plan", [(reason, [[DESK[0], number, 30, 1]]) for reason, number in (
        ("type", 1_055_500_001), ("range", ""), ("range", "1"), ("range", "+"), ("range", "9" * 21), ("value", "abc"),
        ("value", "++1"), ("value", "0105550-0001"), ("value", "**21*13800000001#"), ("value", "1380000\r"))]),
    ("down", "route", "plan", [("range", [[*DESK[:2], 4, 1]]), ("range", [[*DESK[:2], 91, 1]]),
                               ("type", [[*DESK[:2], "30", 1]]), ("range", [[*DESK[:3], 2]]),
                               ("type", [[*DESK[:3], True]])]),
    ("down", "config", "plan", [("type", []), ("range", {}), ("value", {"cancel": [DESK]}), ("value", {"k10": [DESK]}),
                                ("range", {"sos": []}), ("type", {"sos": {}}), ("type", {"sos": None})]),
    ("down", "config", "allow", [("type", "13800000001"), ("range", ["13800000001"] * 13), ("type", [13_800_000_001])]),
    ("down", "config", "times", [("type", []), ("value", {"Cancel": 5}), ("range", {"": 5}), ("range", {"n" * 13: 5}),
                                 ("type", {"a": 1.5}), ("type", {"a": True}), ("type", {"a": None}),
                                 ("type", {"a": [1]}), ("range", {"a": 10**9}), ("range", {"a": "x" * 201}),
                                 ("value", {"a": "\n"}), ("range", {f"n{index}": 1 for index in range(17)})]),
    ("down", "cmd", "args", [("range", {f"n{index}": 1 for index in range(9)})]),
]  # fmt: skip

# Not JSON, or not UTF-8, or not an object: (name, reason, bytes, id that can still be read).
TEXTS: list[tuple[str, str, bytes]] = [
    ("empty", "json", b""),
    ("white space only", "json", b" \n"),
    ("a byte-order mark", "json", b"\xef\xbb\xbf{}"),
    ("UTF-16", "json", '{"v":1}'.encode("utf-16-le")),
    ("a list", "shape", b"[]"),
    ("a number", "shape", b"1"),
    ("null", "shape", b"null"),
    ("a text", "shape", b'"x"'),
    ("nesting without end", "json", b"[" * 400),
    ("an unpaired quote", "json", b'{"v":1,"x":"}'),
    ("a byte that starts nothing", "text", b'{"v":"\xff"}'),
    ("a character cut short", "text", b'{"v":"\xe4\xb8"}'),
    ("a continuation without a start", "text", b'{"v":"\x80"}'),
    ("an overlong slash", "text", b'{"v":"\xc0\xaf"}'),
    ("an overlong NUL", "text", b'{"v":"\xc0\x80"}'),
    ("an overlong character of three bytes", "text", b'{"v":"\xe0\x80\xaf"}'),
    ("an overlong character of four bytes", "text", b'{"v":"\xf0\x80\x80\xaf"}'),
    ("a surrogate in UTF-8", "text", b'{"v":"\xed\xa0\x80"}'),
    ("past the last code point", "text", b'{"v":"\xf4\x90\x80\x80"}'),
    ("five bytes", "text", b'{"v":"\xf8\x88\x80\x80\x80"}'),
]

# What stands where a value should: none of it is JSON.
NOT_VALUES = (
    "NaN", "Infinity", "-Infinity", "01", "-01", "+1", "1.", ".5", "1e", "1e+", "-", "--1", "1-2", "0x10", "1_000",
    "１", "tru", "truex", "True", "nul", "'a'", '"\\x41"', '"\\u12"', '"\\u12g4"', '"\\u+123"', '"\\u 123"',
    '"\\U00000041"', '"\\', '"\n"', '"\t"', '"\x00"', "[1 2]", "[1,,2]", "[1,]", "[,1]", "[1;2]", "[1}", "[", "[}",
    "{]", '{"a"}', '{"a",1}', '{"a" 1}', '{"a"::1}', '{"a":1,}', "{,}", "{:1}", "{1:2}", "{null:1}", '{"a":1 "b":2}',
    '{"a":1,"a":1}', '{"a":1,"\\u0061":2}', "[[[[[[[[1]]]]]]]]", "",
)  # fmt: skip


def _changed(direction: str, kind: str, field: str, value: object) -> bytes:
    values = {**samples.full(direction, kind), field: value}
    # A lone surrogate cannot be written in UTF-8; it travels as an escape.
    text = samples.as_json(values)
    return "".join(rf"\u{ord(c):04x}" if 0xD800 <= ord(c) <= 0xDFFF else c for c in text).encode()


def _field_cases() -> list[Case]:
    cases = []
    for direction, kind, field, wrongs in FAULTS:
        for reason, value in wrongs:
            known = samples.ID if direction == "up" and field != "id" else None
            name = f"{kind}.{field}: {reason}"
            cases.append(Case(name, direction, kind, _changed(direction, kind, field, value), reason, field, known))
    return cases


def _absent_cases() -> list[Case]:
    """Every field that must be there, left out; and null where null is not allowed."""
    cases = []
    for direction, kinds in tables.KINDS.items():
        for kind in kinds:
            values = samples.full(direction, kind)
            for field, _type, need, *_ in tables.fields_of(direction, kind):
                reason = "version" if field == "v" else "missing"
                known = samples.ID if direction == "up" and field != "id" else None
                left = samples.as_json({name: value for name, value in values.items() if name != field}).encode()
                if need != "may":
                    cases.append(Case(f"{kind}.{field}: absent", direction, kind, left, reason, field, known))
                if need == "must":
                    null = _changed(direction, kind, field, None)
                    cases.append(Case(f"{kind}.{field}: null", direction, kind, null, reason, field, known))
    return cases


def _text_cases() -> list[Case]:
    cases = [Case(name, "up", "press", payload, reason, None, None) for name, reason, payload in TEXTS]
    plain = samples.as_json(samples.full("up", "press"))
    for wrong in NOT_VALUES:
        payload = (plain[:-1] + ',"new":' + wrong + "}").encode()
        cases.append(Case(f"not a value: {wrong!a}", "up", "press", payload, "json", None, None))
    junks = ("x", "{}", ",", "}", "\x00", "\x0b", "\xa0", "\ufeff")
    around = [(f"after the end: {junk!a}", plain + junk) for junk in junks]
    around += [(f"before the start: {junk!a}", junk + plain) for junk in junks]
    around += [("a field twice", plain[:-1] + ',"key":"sos"}')]
    return cases + [Case(name, "up", "press", text.encode(), "json", None, None) for name, text in around]


def _whole_cases() -> list[Case]:
    """Faults of the message as a whole: its kind, its direction, its size."""
    press = samples.as_json(samples.full("up", "press"))
    desk = samples.as_json(samples.full("down", "desk"))
    cases = [Case(f"unknown kind {kind!a}", "up", kind, press.encode(), "kind", None, samples.ID)
             for kind in ("route", "hello", "", "Press", "press ")]  # fmt: skip
    cases += [Case(f"unknown kind {kind!a}", "down", kind, desk.encode(), "kind", None, None) for kind in ("press", "")]
    for direction, kind, text, known in (("up", "press", press, samples.ID), ("down", "desk", desk, None)):
        most = tables.PAYLOAD_BYTES_MAX[direction]
        over = (text + " " * (most + 1 - len(text))).encode()
        cases.append(Case("a byte over the limit", direction, kind, over, "size", None, known))
    huge = (press + " " * 5000).encode()
    cases.append(Case("too large to look for an id", "up", "press", huge, "size", None, None))
    return cases


def cases() -> list[Case]:
    """Every refused message."""
    return _whole_cases() + _text_cases() + _absent_cases() + _field_cases()


def topic_lines() -> list[Line]:
    """Topics with their parts, or with the reason why they are refused."""
    lines: list[Line] = [
        {"topic": f"okc/v1/{direction}/{kind}/{device}", "parts": [direction, kind, device]}
        for direction, kinds in tables.KINDS.items()
        for kind in kinds
        for device in ("BJXC00", "BJXC0000000000000001")
    ]
    refused = {
        "kind": ("okc/v1/up/hello/BJXC00", "okc/v1/up/route/BJXC00", "okc/v1/down/press/BJXC00", "okc/v1/up//BJXC00"),
        "topic": (
            "", "okc", "okc/v1/up/press", "okc/v1/up/press/", "okc/v1/up/press/BJXC0", "okc/v1/up/press/bjxc00",
            "okc/v1/up/press/BJXC00000000000000012", "okc/v1/up/press/BJXC00/", "okc/v1/up/press/BJXC00/x",
            "/okc/v1/up/press/BJXC00", "okc/v2/up/press/BJXC00", "OKC/v1/up/press/BJXC00",
            "okc/v1/sideways/press/BJXC00", "okc/v1/up/press/BJXC0+", "okc/v1/up/press/BJXC0０",
            "okc/v1/up/press/BJXC 0", "okc/v1/up/hello/x", "$SYS/broker/uptime",
        ),
    }  # fmt: skip
    for reason, topics in refused.items():
        lines += [{"topic": topic, "reason": reason} for topic in topics]
    return lines


def id_lines() -> list[Line]:
    """Ids with their parts; null where a text is none."""
    lines: list[Line] = [
        {"id": "00000000.0.0", "parts": ["00000000", 0, 0]},
        {"id": "0a1b2c3d.12.345", "parts": ["0a1b2c3d", 12, 345]},
        {"id": samples.LONGEST_ID, "parts": ["ffffffff", 9_999_999, 99_999_999]},
    ]
    for _direction, _kind, field, wrongs in FAULTS:
        if field == "id":
            lines += [{"id": value, "parts": None} for reason, value in wrongs if reason == "value"]
    return lines
