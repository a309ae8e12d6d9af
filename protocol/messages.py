"""Encode and decode: plain dicts <-> bytes, checked against the tables of fields.py on both sides.

`encode` raises LocalProtocolError (our fault), `decode` RemoteProtocolError (theirs).
A decoded dict holds every field of its kind, absent ones as None, and nothing that the table does not name.
The bytes are the same on both Pythons: fields in table order, keys of tables sorted, no spaces, UTF-8.
"""

import json

from protocol import codes
from protocol.errors import LocalProtocolError, RemoteProtocolError
from protocol.fields import (
    ARG_CHARS_MAX,
    COMMON,
    COUNT_MAX,
    KINDS,
    LABEL_CHARS_MAX,
    LADDER_RUNGS_MAX,
    NAME_CHARS_MAX,
    NUMBER_CHARS_MAX,
    NUMBER_CHARS_MIN,
    PAIRS_MAX,
    PAYLOAD_BYTES_MAX,
    RING_S_MAX,
    RING_S_MIN,
)
from protocol.ids import ID_CHARS_MAX, parse_id

_DIGITS = "0123456789"
_NUMBER_ALPHABET = "0123456789*#"
_NAME_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789_"
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class _Bad(Exception):
    """A rule broken inside one field: (reason, rule); `encode` and `decode` say whose fault it is."""


def _int(value, low, high):
    # bool is an int in Python but not in JSON; a float is never an integer here, not even 1.0.
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Bad("type", "an integer")
    if not low <= value <= high:
        raise _Bad("range", "%d to %d" % (low, high))


def _text(value, low, high):
    if not isinstance(value, str):
        raise _Bad("type", "a text")
    if not low <= len(value) <= high:
        raise _Bad("range", "%d to %d characters" % (low, high))
    for char in value:
        code = ord(char)
        # Control characters have no place in a label; NUL cannot be stored; lone surrogates are not text.
        if code < 32 or code == 127 or 0xD800 <= code <= 0xDFFF:
            raise _Bad("value", "no control characters")


def _alphabet(value, low, high, alphabet, rule):
    _text(value, low, high)
    for char in value:
        if char not in alphabet:
            raise _Bad("value", rule)


def _code(value, choices, _):
    if isinstance(value, bool) or value not in choices:
        raise _Bad("value", "one of its list of codes")


def _id(value, _a, _b):
    if not isinstance(value, str):
        raise _Bad("type", "a message id")
    if parse_id(value) is None:
        raise _Bad("value", "a message id e.b.n")


def _flag(value, _a, _b):
    _int(value, 0, 1)


def _digits(value, low, high):
    _alphabet(value, low, high, _DIGITS, "digits")


def _number(value, _a, _b):
    if isinstance(value, str) and value[:1] == "+":
        value = value[1:]
    _alphabet(value, NUMBER_CHARS_MIN, NUMBER_CHARS_MAX - 1, _NUMBER_ALPHABET, "a number to dial")


def _day(value, _a, _b):
    if not isinstance(value, str):
        raise _Bad("type", "a day YYYY-MM-DD")
    shape = len(value) == 10 and value[4] == "-" and value[7] == "-"
    if not shape or [c for c in value[:4] + value[5:7] + value[8:] if c not in _DIGITS]:
        raise _Bad("value", "a day YYYY-MM-DD")
    year, month, day = int(value[:4]), int(value[5:7]), int(value[8:])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    most = 28 if month == 2 and not leap else _MONTH_DAYS[(month - 1) % 12]
    if year < 2000 or not 1 <= month <= 12 or not 1 <= day <= most:
        raise _Bad("range", "a day of the calendar since 2000")


def _list(value, low, high):
    if not isinstance(value, (list, tuple)):
        raise _Bad("type", "a list")
    if not low <= len(value) <= high:
        raise _Bad("range", "%d to %d entries" % (low, high))


def _ids(value, low, high):
    _list(value, low, high)
    for item in value:
        _id(item, None, None)


def _numbers(value, low, high):
    _list(value, low, high)
    for item in value:
        _number(item, None, None)


def _ladder(value, low, high):
    _list(value, low, high)
    for rung in value:
        _list(rung, 4, 4)
        _text(rung[0], 1, LABEL_CHARS_MAX)
        _number(rung[1], None, None)
        _int(rung[2], RING_S_MIN, RING_S_MAX)
        _int(rung[3], 0, 1)


def _object(value, low, high):
    if not isinstance(value, dict):
        raise _Bad("type", "an object")
    if not low <= len(value) <= high:
        raise _Bad("range", "%d to %d entries" % (low, high))


def _plan(value, _a, _b):
    _object(value, 1, len(codes.KEYS) - 1)
    for key in value:
        if key not in codes.KEYS or key == "cancel":
            raise _Bad("value", "keys that can be bound")
        _ladder(value[key], 1, LADDER_RUNGS_MAX)


def _name(value):
    _alphabet(value, 1, NAME_CHARS_MAX, _NAME_ALPHABET, "small letters, digits and _")


def _pairs(value, _a, _b):
    _list(value, 0, PAIRS_MAX)
    for pair in value:
        _list(pair, 2, 2)
        _name(pair[0])
        _int(pair[1], -COUNT_MAX, COUNT_MAX)


def _table(value, low, high):
    _object(value, low, high)
    for name in value:
        _name(name)
        if isinstance(value[name], str):
            _text(value[name], 0, ARG_CHARS_MAX)
        else:
            _int(value[name], -COUNT_MAX, COUNT_MAX)


_CHECKS = {
    "int": _int,
    "text": _text,
    "code": _code,
    "id": _id,
    "flag": _flag,
    "digits": _digits,
    "number": _number,
    "day": _day,
    "ids": _ids,
    "numbers": _numbers,
    "ladder": _ladder,
    "plan": _plan,
    "pairs": _pairs,
    "table": _table,
}


def fields_of(direction, kind):
    """The fields of a kind, common ones first, in wire order."""
    return COMMON[direction] + KINDS[direction][kind]


def _check(direction, kind, fields, error):
    """The dict with every field of the kind and no other; raises `error`."""
    out = {}
    for name, type_, need, a, b, _note in fields_of(direction, kind):
        value = fields.get(name)
        if value is None:
            if need == "must" or (need == "null" and name not in fields):
                reason = "version" if name == "v" else "missing"
                raise error(reason, name, "required")
            out[name] = None
            continue
        try:
            _CHECKS[type_](value, a, b)
        except _Bad as bad:
            reason = "version" if name == "v" else bad.args[0]
            raise error(reason, name, bad.args[1])
        out[name] = value
    return out


def _dump(value):
    """JSON of one value with the keys of objects sorted, on both Pythons alike."""
    if isinstance(value, dict):
        return "{%s}" % ",".join(["%s:%s" % (_dump(name), _dump(value[name])) for name in sorted(value)])
    if isinstance(value, (list, tuple)):
        return "[%s]" % ",".join([_dump(item) for item in value])
    if isinstance(value, str):
        # Checked texts hold no control characters, so these two are all that JSON needs escaped.
        return '"%s"' % value.replace("\\", "\\\\").replace('"', '\\"')
    return json.dumps(value)


def encode(direction, kind, fields):
    """Bytes of one payload. `v` is filled in. Raises LocalProtocolError for anything `decode` would refuse.

    Unlike `decode`, a name that the table does not hold is an error here: it is a typing mistake of ours.
    """
    if direction not in KINDS or kind not in KINDS[direction]:
        raise LocalProtocolError("kind", None, "a kind of this direction")
    table = fields_of(direction, kind)
    known = [field[0] for field in table]
    for name in fields:
        if name not in known:
            raise LocalProtocolError("value", None, "only fields of the kind")
    whole = dict(fields)
    whole["v"] = codes.VERSION
    checked = _check(direction, kind, whole, LocalProtocolError)
    parts = []
    for name, _type, need, _a, _b, _note in table:
        if checked[name] is not None or need == "null":
            parts.append('"%s":%s' % (name, _dump(checked[name])))
    payload = ("{%s}" % ",".join(parts)).encode("utf-8")
    if len(payload) > PAYLOAD_BYTES_MAX[direction]:
        raise LocalProtocolError("size", None, "at most %d bytes" % PAYLOAD_BYTES_MAX[direction])
    return payload


def _parse(payload):
    """The JSON object in a payload. Raises RemoteProtocolError."""
    try:
        text = str(payload, "utf-8")
    except UnicodeError:
        raise RemoteProtocolError("text", None, "UTF-8")
    if "\x00" in text:
        raise RemoteProtocolError("text", None, "no NUL")
    try:
        # RecursionError is a RuntimeError: thousands of open brackets are bad JSON, not a fault of ours.
        fields = json.loads(text)
    except (ValueError, RuntimeError):
        raise RemoteProtocolError("json", None, "JSON")
    if not isinstance(fields, dict):
        raise RemoteProtocolError("shape", None, "one object")
    return fields


def decode(direction, kind, payload):
    """The checked fields of one payload (bytes). Raises RemoteProtocolError with reason and field."""
    if direction not in KINDS or kind not in KINDS[direction]:
        raise RemoteProtocolError("kind", None, "a kind of this direction")
    if len(payload) > PAYLOAD_BYTES_MAX[direction]:
        raise RemoteProtocolError("size", None, "at most %d bytes" % PAYLOAD_BYTES_MAX[direction])
    return _check(direction, kind, _parse(payload), RemoteProtocolError)


# A quarantined message is receipted if its id can be read, so that the terminal stops resending it.
# Past this size nothing is parsed: it is no terminal's message.
_READ_ID_BYTES_MAX = 4 * PAYLOAD_BYTES_MAX["down"]


def read_id(payload):
    """The id of a message that `decode` refused, or None where it holds none that can be read."""
    if len(payload) > _READ_ID_BYTES_MAX:
        return None
    try:
        value = _parse(payload).get("id")
    except RemoteProtocolError:
        return None
    return value if isinstance(value, str) and len(value) <= ID_CHARS_MAX and parse_id(value) else None
