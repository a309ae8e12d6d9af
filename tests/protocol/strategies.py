"""Hypothesis strategies made from the tables: any message that a kind allows, and any JSON value."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import strategies as st

from protocol import fields as tables
from protocol.codes import KEYS, choices
from protocol.ids import BOOT_MAX, SEQUENCE_MAX, make_id

KINDS = [(direction, kind) for direction, kinds in tables.KINDS.items() for kind in kinds]
# Characters of every width; no control characters, no surrogates.
TEXT = st.characters(min_codepoint=32, exclude_categories=["Cs"], exclude_characters="\x7f")
ASCII = st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\')
IDS = st.builds(
    make_id, st.text("0123456789abcdef", min_size=8, max_size=8), st.integers(0, BOOT_MAX), st.integers(0, SEQUENCE_MAX)
)
FIGURES = st.integers(-tables.COUNT_MAX, tables.COUNT_MAX)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789_", min_size=1, max_size=tables.NAME_CHARS_MAX)
NUMBERS = st.from_regex(rf"\A\+?[0-9]{{2,{tables.NUMBER_CHARS_MAX - 1}}}\Z")
RUNGS = st.builds(
    lambda *parts: list(parts),
    st.text(TEXT, min_size=1, max_size=tables.LABEL_CHARS_MAX),
    NUMBERS,
    st.integers(tables.RING_S_MIN, tables.RING_S_MAX),
    st.integers(0, 1),
)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


def ladders(most: int) -> st.SearchStrategy[list[list[Any]]]:
    return st.lists(RUNGS, min_size=1, max_size=most)


def values(type_: str, low: Any, high: Any) -> st.SearchStrategy[Any]:
    """Any value that a field of this type takes."""
    if type_ == "code":
        return st.sampled_from(choices(low))
    makers: dict[str, Any] = {
        "int": lambda: st.integers(low, high),
        "text": lambda: st.text(TEXT, min_size=low, max_size=high),
        "ascii": lambda: st.text(ASCII, min_size=low, max_size=high),
        "id": lambda: IDS,
        "flag": lambda: st.integers(0, 1),
        "digits": lambda: st.text("0123456789", min_size=low, max_size=high),
        "day": lambda: st.dates(min_value=date(2000, 1, 1)).map(str),
        "ids": lambda: st.lists(IDS, min_size=low, max_size=high),
        "numbers": lambda: st.lists(NUMBERS, min_size=low, max_size=high),
        "ladder": lambda: ladders(high),
        "plan": lambda: st.dictionaries(st.sampled_from(KEYS[:-1]), ladders(3), min_size=low, max_size=high),
        "pairs": lambda: st.lists(st.tuples(NAMES, FIGURES).map(list), min_size=low, max_size=high),
        "table": lambda: st.dictionaries(NAMES, FIGURES | st.text(TEXT, max_size=20), min_size=low, max_size=high),
    }
    made: st.SearchStrategy[Any] = makers[type_]()
    return made


def messages(direction: str, kind: str) -> st.SearchStrategy[dict[str, Any]]:
    """Any message that the tables allow, optional fields absent or null or there."""
    needed, optional = {}, {}
    for name, type_, need, low, high in tables.fields_of(direction, kind):
        value = values(type_, low, high)
        if need == "may":
            optional[name] = st.none() | value
        else:
            needed[name] = value if need == "must" else st.none() | value
    return st.fixed_dictionaries(needed, optional=optional)
