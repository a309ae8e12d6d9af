"""Reads protocol/vectors on both Pythons."""

import json

from protocol.fields import fields_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FOLDER = __file__.rsplit("/", 3)[0] + "/protocol/vectors/"


def lines(name: str) -> "list[dict[str, Any]]":
    """The objects of one file; each with `bytes`, where it holds a message."""
    out = []
    with open(FOLDER + name, encoding="utf-8") as file:
        for text in file:
            line = json.loads(text)
            if "hex" in line:
                line["bytes"] = bytes([int(line["hex"][at : at + 2], 16) for at in range(0, len(line["hex"]), 2)])
            elif "payload" in line:
                line["bytes"] = line["payload"].encode("utf-8")
            out.append(line)
    return out


def whole(direction: str, kind: str, fields: dict[str, object]) -> dict[str, object]:
    """The fields with every absent one of the kind as None: what `decode` makes of them."""
    return {row[0]: fields.get(row[0]) for row in fields_of(direction, kind)}


def label(line: "dict[str, Any]") -> str:
    """What to call the line in a failure."""
    return "%s %s: %s" % (line["direction"], line["kind"], line["name"])
