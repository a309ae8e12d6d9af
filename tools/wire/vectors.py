"""Golden vectors: messages, topics and ids with what a reader must make of them.

In: the samples, and the faults listed by hand in bad.py. Out: JSON lines. Expectations are never taken
from the protocol's own code: good bytes come from the standard library, verdicts on bad ones were written by people.
"""

from __future__ import annotations

import json

from protocol import fields as tables
from tools.wire import bad, samples

Line = dict[str, object]


def _line(line: Line) -> str:
    return json.dumps(line, ensure_ascii=False, separators=(", ", ": ")) + "\n"


def _with_payload(line: Line, payload: bytes) -> Line:
    """The payload as text where a text file can show it, else as hex."""
    text = payload.decode("utf-8", "replace")
    if "�" in text or any(not char.isprintable() for char in text):
        return {**line, "hex": payload.hex()}
    return {**line, "payload": text}


def _good(name: str, direction: str, kind: str, payload: str, values: Line, *, canonical: bool) -> Line:
    line = _with_payload({"name": name, "direction": direction, "kind": kind}, payload.encode())
    return {**line, "fields": values, "canonical": canonical}


def padded(values: Line, size: int) -> str:
    """The message with an unknown field that makes it exactly so long."""
    short = samples.as_json({**values, "pad": ""})
    return samples.as_json({**values, "pad": "p" * (size - len(short.encode()))})


def _variants() -> list[Line]:
    """Other spellings of a good message, which a reader must take although no writer of ours makes them."""
    press = samples.minimal("up", "press")
    event = {**samples.minimal("up", "event"), "txt": "女儿"}
    wide = {**samples.minimal("up", "event"), "txt": samples.WIDE}
    plain = samples.as_json(press)

    def added(value: str) -> str:
        return plain[:-1] + ',"new":' + value + "}"

    spellings = [
        ("white space between all parts", "\t\r\n " + plain.replace(":", " : ").replace(",", " , ") + "\n", press),
        ("another order of fields", samples.as_json(dict(reversed(list(press.items())))), press),
        ("an unknown field", samples.as_json({**press, "new": "x"}), press),
        (
            "an unknown field with anything in it",
            added(r'[1.5,-1e-3,{"":"\ud800\u0000"},true]'),
            press,
        ),
        ("an unknown field as deep as allowed", added("[" * 7 + "1" + "]" * 7), press),
        ("an unknown field with a number past every range", added("9" * 60), press),
        ("null where the field may be absent", samples.as_json({**press, "ref": None}), press),
        ("minus zero", plain.replace('"u":86400000', '"u":-0'), {**press, "u": 0}),
        ("escapes for characters", samples.as_json(event).replace("女儿", r"\u5973\u513F"), event),
        ("an escaped pair of surrogates", samples.as_json(wide).replace(samples.WIDE, r"\ud842\udfb7"), wide),
        ("an escaped name", plain.replace('"key"', r'"\u006bey"'), press),
        ("escaped letters", samples.as_json(event).replace("女儿", r"a\/\"\\"), {**event, "txt": 'a/"\\'}),
        ("exactly the limit of its direction", padded(press, tables.PAYLOAD_BYTES_MAX["up"]), press),
    ]
    desk = samples.minimal("down", "desk")
    return [_good(name, "up", "event" if "ev" in values else "press", text, values, canonical=False)
            for name, text, values in spellings] + [
        _good("exactly the limit of its direction", "down", "desk",
              padded(desk, tables.PAYLOAD_BYTES_MAX["down"]), desk, canonical=False),
    ]  # fmt: skip


def good() -> list[Line]:
    """Messages that a reader takes; canonical ones are also the bytes that a writer makes of these fields."""
    lines = [
        _good(make.__name__, direction, kind, samples.as_json(values), values, canonical=True)
        for direction, kinds in tables.KINDS.items()
        for kind in kinds
        for make in (samples.minimal, samples.full, samples.largest)
        for values in (make(direction, kind),)
    ]
    return lines + _variants()


def refused() -> list[Line]:
    """Messages that a reader refuses, with reason and field, and the id that can still be read for the receipt."""
    lines = []
    for case in bad.cases():
        line = _with_payload({"name": case.name, "direction": case.direction, "kind": case.kind}, case.payload)
        lines.append({**line, "reason": case.reason, "field": case.field, "read_id": case.read_id})
    return lines


def files() -> dict[str, str]:
    """File names and texts."""
    return {
        "good.jsonl": "".join(map(_line, good())),
        "bad.jsonl": "".join(map(_line, refused())),
        "topics.jsonl": "".join(map(_line, bad.topic_lines())),
        "ids.jsonl": "".join(map(_line, bad.id_lines())),
    }
