"""The generated parts of protocol/README.md: what stands between `<!-- generated: NAME -->` and `<!-- end -->`.

In: the page as it is. Out: the page with these parts made anew from the tables. The prose is left alone.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from protocol import codes, errors
from protocol import fields as tables
from tools.wire import asyncapi, conversation, notes, samples

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
NEEDED = {"must": "yes", "null": "yes, may be null", "may": "no"}
INLINE_CODES_MAX = 12  # longer lists stand under "Codes"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _codes(choices: tuple[str, ...]) -> str:
    return ", ".join(f"`{code}`" for code in choices)


def _limits(type_: str, low: object, high: object) -> tuple[str, str]:
    """The type's name and its range in words."""
    if isinstance(low, str):
        listed = codes.choices(low)
        return "code", _codes(listed) if len(listed) <= INLINE_CODES_MAX else f"list {low} under “Codes”"
    units = {
        "text": "characters", "ascii": "characters", "digits": "digits", "ids": "entries", "numbers": "entries",
        "ladder": "rungs", "plan": "keys", "pairs": "pairs", "table": "names",
    }  # fmt: skip
    fixed = {"id": "`e.b.n`", "flag": "0, 1", "day": "since 2000"}
    return {"int": "integer"}.get(type_, type_), fixed.get(type_) or f"{low} … {high} {units.get(type_, '')}".strip()


def _row(direction: str, kind: str, row: tables.Field) -> list[str]:
    name, type_, need, low, high = row
    note = notes.of_field(direction, kind, name)
    type_name, limits = _limits(type_, low, high)
    largest = samples.as_json({name: 1 if name == "v" else samples.largest_value(type_, low, high)})
    example = json.dumps(samples.full(direction, kind)[name], ensure_ascii=False)
    return [f"`{name}`", type_name, limits, NEEDED[need], note, str(len(largest.encode()) - 1), f"`{example}`"]


HEAD = ["field", "type", "range", "needed", "meaning and unit", "bytes at most", "example"]


def _common() -> str:
    return _table(HEAD, [_row("up", "press", row) for row in tables.COMMON_UP])


def _kinds(direction: str) -> str:
    parts = []
    for kind, rows in tables.KINDS[direction].items():
        largest = samples.size(samples.largest(direction, kind))
        facts = [f"Topic `okc/v1/{direction}/{kind}/<device>`", "QoS 1"]
        facts.append("**retained**" if kind in codes.RETAINED_KINDS else "not retained")
        if direction == "up":
            facts.append("receipted" if kind in codes.RECEIPTED_KINDS else "**no receipt**, never stored for resending")
        kept = kind in ("config", "cmd")
        limit = f"the direction's limit of {tables.PAYLOAD_BYTES_MAX['down']} B binds before the fields' do"
        facts.append(limit if kept else f"payload at most {largest} B")
        parts.append(f"### `{kind}`: {asyncapi.PURPOSE[kind]}\n\n" + "; ".join(facts) + ".\n")
        parts.append(_table(HEAD, [_row(direction, kind, row) for row in rows]))
        parts.append(f"Example: `{samples.as_json(samples.full(direction, kind))}`\n")
    return "\n".join(parts)


def _comments(module: ModuleType, name: str) -> dict[str, str]:
    """The comments behind the entries of a list in a module: the one place that explains them."""
    text = Path(module.__file__ or "").read_text(encoding="utf-8")
    body = re.split(rf"^{name}: .*[({{]$", text, maxsplit=1, flags=re.MULTILINE)[1].split("\n)\n")[0]
    return dict(re.findall(r'^    \(?"(\w+)"(?:, "\w+"\))?,  # (.+)$', body, re.MULTILINE))


def _list_of_codes(name: str) -> str:
    meaning = _comments(codes, name)
    entries = [f"`{code}`" + (f" ({meaning[code]})" if code in meaning else "") for code in getattr(codes, name)]
    return f"**{name}**: {'; '.join(entries)}.\n"


def _code_lists() -> str:
    meaning = _comments(codes, "FAULTS")
    rows = [[f"`{fault}`", f"`{restore}`", meaning.get(fault, "")] for fault, restore in codes.FAULTS]
    lists = [_list_of_codes(name) for name in ("CAUSES", "NOTICES")]
    parts = f"**SELFTEST_PARTS**, bit 0 first: {_codes(codes.SELFTEST_PARTS)}.\n"
    head = (
        "**EVENTS** are the faults, their restores, and NOTICES. The `val` of a restore is the fault's length in s.\n\n"
    )
    return head + _table(["fault", "restore", "note"], rows) + "\n" + "\n".join([*lists, parts])


FAULT_OF = {
    "topic": "the sender, or a broker without the access rules",
    "kind": "the sender: newer than the reader",
    "foreign": "the sender, or an attack",
    "unknown_device": "the registry: a credential without a device",
}


def _reasons() -> str:
    source = _comments(errors, "REASONS")
    return _table(
        ["reason", "meaning", "whose fault"],
        [[f"`{reason}`", source[reason], FAULT_OF.get(reason, "the sender")] for reason in errors.REASONS],
    )


def _conversation() -> str:
    parts = []
    for packet in conversation.packets():
        dump = "\n".join(packet.data[at : at + 32].hex(" ") for at in range(0, len(packet.data), 32))
        shown = f"payload: {packet.payload}\n" if packet.payload else ""
        parts.append(f"{packet.sender}: {packet.what}\n```\n{shown}{dump}\n```\n")
    return "\n".join(parts)


MAKERS: dict[str, Callable[[], str]] = {
    "common": _common,
    "up": lambda: _kinds("up"),
    "down": lambda: _kinds("down"),
    "codes": _code_lists,
    "reasons": _reasons,
    "conversation": _conversation,
}


def filled(page: str) -> str:
    """The page with every generated part made anew. Raises KeyError for a part that nothing makes."""
    return PART.sub(lambda found: f"{found[1]}\n{MAKERS[found[2]]()}\n{found[3]}", page)
