"""The rules of the field types: one function per type of fields.py, which raises RuleError or stays silent.

In: a value and the two limits of its row. Never changes a value, and never says what the value was.
"""

from protocol import const
from protocol.codes import KEYS
from protocol.fields import (
    ARG_CHARS_MAX,
    COUNT_MAX,
    LABEL_CHARS_MAX,
    LADDER_RUNGS_MAX,
    NAME_CHARS_MAX,
    NUMBER_CHARS_MAX,
    NUMBER_CHARS_MIN,
    RING_S_MAX,
    RING_S_MIN,
)
from protocol.ids import parse_id

_DIGITS = const("0123456789")
_NAME_ALPHABET = const("abcdefghijklmnopqrstuvwxyz0123456789_")
_MONTH_DAYS = const((31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31))


class RuleError(Exception):
    """A rule broken inside one field; `encode` and `decode` say whose fault it is."""

    def __init__(self, reason: str, rule: str) -> None:
        super().__init__(reason, rule)
        self.reason = reason
        self.rule = rule


def integer(value: object, low: int, high: int) -> None:
    """A whole number from low to high."""
    # bool is an int in Python but not in JSON; a float is never an integer here, not even 1.0.
    if not isinstance(value, int) or isinstance(value, bool):
        raise RuleError("type", "an integer")
    if not low <= value <= high:
        raise RuleError("range", "%d to %d" % (low, high))


def _string(value: object, low: int, high: int) -> str:
    if not isinstance(value, str):
        raise RuleError("type", "a text")
    if not low <= len(value) <= high:
        raise RuleError("range", "%d to %d characters" % (low, high))
    return value


def text(value: object, low: int, high: int) -> None:
    """Low to high characters of any language."""
    for char in _string(value, low, high):
        code = ord(char)
        # Control characters have no place in a label; NUL cannot be stored; lone surrogates are not text.
        if code < 32 or code == 127 or 0xD800 <= code <= 0xDFFF:
            raise RuleError("value", "no control characters")


def ascii_text(value: object, low: int, high: int) -> None:
    """Low to high characters that are one byte each and safe between quotes."""
    # What may end in an AT command between quotes, so nothing that ends a quote; and one byte a character.
    for char in _string(value, low, high):
        if not " " <= char <= "~" or char in '"\\':
            raise RuleError("value", "printable ASCII without quotes and backslashes")


def _alphabet(value: object, low: int, high: int, alphabet: str, rule: str) -> None:
    for char in _string(value, low, high):
        if char not in alphabet:
            raise RuleError("value", rule)


def code(value: object, choices: tuple[str, ...]) -> None:
    """One of the choices."""
    if not isinstance(value, str):
        raise RuleError("type", "a code")
    if value not in choices:
        raise RuleError("value", "one of its list of codes")


def message_id(value: object, _low: int, _high: int) -> None:
    """An id of ids.py."""
    if not isinstance(value, str):
        raise RuleError("type", "a message id")
    if parse_id(value) is None:
        raise RuleError("value", "a message id e.b.n")


def flag(value: object, _low: int, _high: int) -> None:
    """0 or 1."""
    integer(value, 0, 1)


def digits(value: object, low: int, high: int) -> None:
    """Low to high digits."""
    _alphabet(value, low, high, _DIGITS, "digits")


def number(value: object, low: int, high: int) -> None:
    """A number to dial, low to high characters."""
    # Digits only: `*` and `#` would let a route change the call forwarding of the SIM.
    _string(value, low, high)
    if isinstance(value, str) and value[0] == "+":
        value = value[1:]
    _alphabet(value, 1, high, _DIGITS, "digits, after a + at most")


def day(value: object, _low: int, _high: int) -> None:
    """A day that the calendar has."""
    if not isinstance(value, str):
        raise RuleError("type", "a day YYYY-MM-DD")
    shape = len(value) == 10 and value[4] == "-" and value[7] == "-"
    if not shape or [char for char in value[:4] + value[5:7] + value[8:] if char not in _DIGITS]:
        raise RuleError("value", "a day YYYY-MM-DD")
    year, month, date = int(value[:4]), int(value[5:7]), int(value[8:])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    most = 28 if month == 2 and not leap else _MONTH_DAYS[(month - 1) % 12]
    if year < 2000 or not 1 <= month <= 12 or not 1 <= date <= most:
        raise RuleError("range", "a day of the calendar since 2000")


def _items(value: object, low: int, high: int) -> list[object]:
    if not isinstance(value, (list, tuple)):
        raise RuleError("type", "a list")
    if not low <= len(value) <= high:
        raise RuleError("range", "%d to %d entries" % (low, high))
    return list(value)


def _entries(value: object, low: int, high: int) -> dict[object, object]:
    if not isinstance(value, dict):
        raise RuleError("type", "an object")
    if not low <= len(value) <= high:
        raise RuleError("range", "%d to %d entries" % (low, high))
    return value


def ids(value: object, low: int, high: int) -> None:
    """Low to high message ids."""
    for item in _items(value, low, high):
        message_id(item, 0, 0)


def numbers(value: object, low: int, high: int) -> None:
    """Low to high numbers to dial."""
    for item in _items(value, low, high):
        number(item, NUMBER_CHARS_MIN, NUMBER_CHARS_MAX)


def ladder(value: object, low: int, high: int) -> None:
    """Low to high rungs: label, number, seconds to ring, and whether a person always answers there."""
    for rung in _items(value, low, high):
        label, target, ring_s, staffed = _items(rung, 4, 4)
        text(label, 1, LABEL_CHARS_MAX)
        number(target, NUMBER_CHARS_MIN, NUMBER_CHARS_MAX)
        integer(ring_s, RING_S_MIN, RING_S_MAX)
        flag(staffed, 0, 0)


def plan(value: object, low: int, high: int) -> None:
    """A ladder for each of low to high keys."""
    for key, rungs in _entries(value, low, high).items():
        if key not in KEYS or key == "cancel":
            raise RuleError("value", "keys that can be bound")
        ladder(rungs, 1, LADDER_RUNGS_MAX)


def _name(value: object) -> None:
    _alphabet(value, 1, NAME_CHARS_MAX, _NAME_ALPHABET, "small letters, digits and _")


def pairs(value: object, low: int, high: int) -> None:
    """Low to high pairs of a name and an integer."""
    for pair in _items(value, low, high):
        name, figure = _items(pair, 2, 2)
        _name(name)
        integer(figure, -COUNT_MAX, COUNT_MAX)


def table(value: object, low: int, high: int) -> None:
    """Low to high names, each with an integer or a text."""
    for name, item in _entries(value, low, high).items():
        _name(name)
        if isinstance(item, str):
            text(item, 0, ARG_CHARS_MAX)
        else:
            integer(item, -COUNT_MAX, COUNT_MAX)


CHECKS = {
    "int": integer,
    "text": text,
    "ascii": ascii_text,
    "id": message_id,
    "flag": flag,
    "digits": digits,
    "day": day,
    "ids": ids,
    "numbers": numbers,
    "ladder": ladder,
    "plan": plan,
    "pairs": pairs,
    "table": table,
}
