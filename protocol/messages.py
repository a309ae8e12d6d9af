"""Encode and decode: plain dicts <-> bytes, checked against the tables of fields.py on both sides.

`encode` raises LocalProtocolError (our fault), `decode` RemoteProtocolError (theirs).
A decoded dict holds every field of its kind, absent ones as None, and nothing that the table does not name.
The bytes are the same on both Pythons: fields in table order, keys of tables sorted, no spaces, UTF-8.
"""

from protocol import codes
from protocol.checks import CHECKS, RuleError, code
from protocol.errors import LocalProtocolError, RemoteProtocolError
from protocol.fields import KINDS, PAYLOAD_BYTES_MAX, fields_of
from protocol.ids import parse_id
from protocol.jsontext import NotUtf8Error, dumps, loads

# A quarantined message is receipted if its id can be read, so that the terminal stops resending it.
# Past this size nothing is parsed: it is no terminal's message.
_READ_ID_BYTES_MAX = 4096


def _is_kind(direction: str, kind: str) -> bool:
    return direction in KINDS and kind in KINDS[direction]


def _check(
    direction: str,
    kind: str,
    fields: dict[str, object],
    error: type[LocalProtocolError] | type[RemoteProtocolError],
) -> dict[str, object]:
    """The dict with every field of the kind and no other; raises `error`."""
    out: dict[str, object] = {}
    for name, type_, need, low, high, _note in fields_of(direction, kind):
        value = fields.get(name)
        out[name] = value
        if value is None:
            if need == "must" or (need == "null" and name not in fields):
                raise error("version" if name == "v" else "missing", name, "required")
            continue
        try:
            if isinstance(low, tuple):
                code(value, low)
            else:
                CHECKS[type_](value, low or 0, high or 0)
        except RuleError as bad:
            raise error("version" if name == "v" else bad.reason, name, bad.rule)
    return out


def encode(direction: str, kind: str, fields: dict[str, object]) -> bytes:
    """Bytes of one payload. `v` is filled in. Raises LocalProtocolError for anything `decode` would refuse.

    Unlike `decode`, a name that the table does not hold is an error here: it is a typing mistake of ours.
    """
    if not _is_kind(direction, kind):
        raise LocalProtocolError("kind", None, "a kind of this direction")
    whole = dict(fields)
    if whole.get("v") is None:
        whole["v"] = codes.VERSION
    checked = _check(direction, kind, whole, LocalProtocolError)
    if [name for name in whole if name not in checked]:
        raise LocalProtocolError("value", None, "only fields of the kind")
    parts = []
    for name, _type, need, _low, _high, _note in fields_of(direction, kind):
        if checked[name] is not None or need == "null":
            parts.append('"%s":%s' % (name, dumps(checked[name])))
    payload = ("{%s}" % ",".join(parts)).encode("utf-8")
    if len(payload) > PAYLOAD_BYTES_MAX[direction]:
        raise LocalProtocolError("size", None, "at most %d bytes" % PAYLOAD_BYTES_MAX[direction])
    return payload


def _parse(payload: bytes) -> dict[str, object]:
    """The JSON object in a payload. Raises RemoteProtocolError."""
    try:
        fields = loads(payload)
    except NotUtf8Error:
        raise RemoteProtocolError("text", None, "UTF-8")
    except ValueError:
        raise RemoteProtocolError("json", None, "JSON of RFC 8259, no name twice, at most 8 deep")
    if not isinstance(fields, dict):
        raise RemoteProtocolError("shape", None, "one object")
    return fields


def decode(direction: str, kind: str, payload: bytes) -> dict[str, object]:
    """The checked fields of one payload. Raises RemoteProtocolError with reason and field."""
    if not _is_kind(direction, kind):
        raise RemoteProtocolError("kind", None, "a kind of this direction")
    if len(payload) > PAYLOAD_BYTES_MAX[direction]:
        raise RemoteProtocolError("size", None, "at most %d bytes" % PAYLOAD_BYTES_MAX[direction])
    return _check(direction, kind, _parse(payload), RemoteProtocolError)


def read_id(payload: bytes) -> str | None:
    """The id of a message that `decode` refused, or None where it holds none that can be read."""
    if len(payload) > _READ_ID_BYTES_MAX:
        return None
    try:
        value = _parse(payload).get("id")
    except RemoteProtocolError:
        return None
    return value if isinstance(value, str) and parse_id(value) else None
