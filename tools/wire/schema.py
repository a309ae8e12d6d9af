"""JSON Schema (2020-12) of every kind, from the tables.

In: the tables. Out: one document per kind. A schema says what a reader takes, so names it does not know pass.
"""

from __future__ import annotations

import json

from protocol import fields as tables
from protocol.codes import KEYS, choices
from tools.wire import notes

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ID_PATTERN = r"^[0-9a-f]{8}\.(0|[1-9][0-9]{0,6})\.(0|[1-9][0-9]{0,7})$"
TEXT_PATTERN = r"^[^\u0000-\u001f\u007f]*$"
ASCII_PATTERN = r"^[ !#-\[\]-~]*$"
NAME_PATTERN = "^[a-z0-9_]*$"
DAY_PATTERN = "^[2-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"

Schema = dict[str, object]


def _text(low: int, high: int, pattern: str) -> Schema:
    return {"type": "string", "minLength": low, "maxLength": high, "pattern": pattern}


def _integer(low: int, high: int) -> Schema:
    return {"type": "integer", "minimum": low, "maximum": high}


def _list(low: int, high: int, items: Schema) -> Schema:
    return {"type": "array", "minItems": low, "maxItems": high, "items": items}


def _tuple(*items: Schema) -> Schema:
    return {
        "type": "array",
        "prefixItems": list(items),
        "items": False,
        "minItems": len(items),
        "maxItems": len(items),
    }


NAME = _text(1, tables.NAME_CHARS_MAX, NAME_PATTERN)
FIGURE = _integer(-tables.COUNT_MAX, tables.COUNT_MAX)
MESSAGE_ID: Schema = {"type": "string", "pattern": ID_PATTERN}
NUMBER = _text(tables.NUMBER_CHARS_MIN, tables.NUMBER_CHARS_MAX, r"^\+?[0-9]+$")
RUNG = _tuple(
    _text(1, tables.LABEL_CHARS_MAX, TEXT_PATTERN),
    NUMBER,
    _integer(tables.RING_S_MIN, tables.RING_S_MAX),
    _integer(0, 1),
)


def _ladder(low: int, high: int) -> Schema:
    return _list(low, high, RUNG)


def of_field(type_: str, low: object, high: object) -> Schema:
    """The schema of a field that is there and not null."""
    if isinstance(low, str):
        return {"enum": list(choices(low))}
    least = low if isinstance(low, int) else 0
    most = high if isinstance(high, int) else 0
    plan_keys: Schema = {"enum": [key for key in KEYS if key != "cancel"]}
    bounds = {"type": "object", "minProperties": least, "maxProperties": most}
    makers: dict[str, Schema] = {
        "int": _integer(least, most),
        "text": _text(least, most, TEXT_PATTERN),
        "ascii": _text(least, most, ASCII_PATTERN),
        "id": MESSAGE_ID,
        "flag": _integer(0, 1),
        "digits": _text(least, most, "^[0-9]*$"),
        "day": {"type": "string", "pattern": DAY_PATTERN},
        "ids": _list(least, most, MESSAGE_ID),
        "numbers": _list(least, most, NUMBER),
        "ladder": _ladder(least, most),
        "plan": {
            **bounds,
            "propertyNames": plan_keys,
            "additionalProperties": _ladder(1, tables.LADDER_RUNGS_MAX),
        },
        "pairs": _list(least, most, _tuple(NAME, FIGURE)),
        "table": {
            **bounds,
            "propertyNames": NAME,
            "additionalProperties": {"anyOf": [FIGURE, _text(0, tables.ARG_CHARS_MAX, TEXT_PATTERN)]},
        },
    }
    return makers[type_]


def of_kind(direction: str, kind: str) -> Schema:
    """The schema of a whole payload."""
    properties: dict[str, object] = {}
    required = []
    for name, type_, need, low, high in tables.fields_of(direction, kind):
        core = of_field(type_, low, high)
        whole: Schema = core if need == "must" else {"anyOf": [core, {"type": "null"}]}
        properties[name] = {"description": notes.of_field(direction, kind, name), **whole}
        if need != "may":
            required.append(name)
    return {
        "$schema": DIALECT,
        "$id": f"urn:onekeycall:v1:{direction}:{kind}",
        "title": f"{kind} ({direction}), version 1",
        "description": f"At most {tables.PAYLOAD_BYTES_MAX[direction]} bytes of UTF-8. Names not listed are ignored.",
        "type": "object",
        "required": required,
        "properties": properties,
    }


def files() -> dict[str, str]:
    """File names and texts, one per kind."""
    return {
        f"{direction}.{kind}.json": json.dumps(of_kind(direction, kind), ensure_ascii=False, indent=1) + "\n"
        for direction, kinds in tables.KINDS.items()
        for kind in kinds
    }
