"""What the fields of the protocol mean: the comments behind the rows of its tables, the one place that says it.

In: the source of protocol/fields.py, whose tables keep to what a terminal needs. Out: a note for each field.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

from protocol import fields as tables

_TABLE = re.compile(r"^(UP|DOWN|COMMON_UP|COMMON_DOWN)\b")
_KIND = re.compile(r'^    "(\w+)": \($')
_ROW = re.compile(r'^ +\("(\w+)", ".*\),  # (.+)$')


@functools.cache
def _all() -> dict[tuple[str, str, str], str]:
    """(direction, kind or nothing for a common field, field): note."""
    found: dict[tuple[str, str, str], str] = {}
    direction = kind = ""
    for line in Path(tables.__file__).read_text(encoding="utf-8").splitlines():
        if table := _TABLE.match(line):
            direction, kind = table[1].removeprefix("COMMON_").lower(), ""
        elif head := _KIND.match(line):
            kind = head[1]
        elif row := _ROW.match(line):
            found[direction, kind, row[1]] = row[2]
    return found


def of_field(direction: str, kind: str, name: str) -> str:
    """The note of one field. Raises KeyError where the table says nothing."""
    notes = _all()
    return notes[direction, "" if (direction, "", name) in notes else kind, name]
