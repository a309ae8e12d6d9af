"""Encode and decode: plain dicts <-> bytes, checked against the tables of fields.py on both sides.

`encode` raises LocalProtocolError (our fault), `decode` RemoteProtocolError (theirs).
A decoded dict holds every field of its kind, absent ones as None, and nothing that the table does not name.
The bytes are the same on both Pythons: fields in table order, keys of tables sorted, no spaces, UTF-8.
"""

from protocol import codes, const
from protocol.checks import CHECKS, RuleError, code
from protocol.errors import LocalProtocolError, RemoteProtocolError
from protocol.fields import KINDS, PAYLOAD_BYTES_MAX, fields_of
from protocol.ids import parse_id
from protocol.jsontext import NotUtf8Error, dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocol.fields import Field

# A quarantined message is receipted if its id can be read, so that the terminal stops resending it.
# Past this size nothing is parsed: it is no terminal's message.
_READ_ID_BYTES_MAX = const(4096)


def _is_kind(direction: str, kind: str) -> bool:
    return direction in KINDS and kind in KINDS[direction]


def _value(
    row: "Field",
    fields: dict[str, object],
    error: type[LocalProtocolError] | type[RemoteProtocolError],
) -> object:
    """The value of one field, None where it may be absent; raises `error`."""
    name, type_, need, low, high = row
    value = fields.get(name)
    if value is None:
        if need == "must" or (need == "null" and name not in fields):
            raise error("version" if name == "v" else "missing", name, "required")
        return None
    try:
        if isinstance(low, str):
            code(value, codes.choices(low))
        else:
            CHECKS[type_](value, low or 0, high or 0)
    except RuleError as bad:
        raise error("version" if name == "v" else bad.reason, name, bad.rule)
    return value


def encode(direction: str, kind: str, fields: dict[str, object]) -> bytes:
    """Bytes of one payload. `v` is filled in. Raises LocalProtocolError for anything `decode` would refuse.

    Unlike `decode`, a name that the table does not hold is an error here: it is a typing mistake of ours.
    """
    if not _is_kind(direction, kind):
        raise LocalProtocolError("kind", None, "a kind of this direction")
    rows = fields_of(direction, kind)
    parts: list[str] = []
    for row in rows:
        name = row[0]
        ours = name == "v" and fields.get("v") is None
        value = codes.VERSION if ours else _value(row, fields, LocalProtocolError)
        if value is not None or row[2] == "null":
            parts.append('%s"%s":%s' % ("," if parts else "{", name, dumps(value)))
    known = [row[0] for row in rows]
    if [name for name in fields if name not in known]:
        raise LocalProtocolError("value", None, "only fields of the kind")
    parts.append("}")
    payload = "".join(parts).encode("utf-8")
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
    fields = _parse(payload)
    return {row[0]: _value(row, fields, RemoteProtocolError) for row in fields_of(direction, kind)}


def read_id(payload: bytes) -> str | None:
    """The id of a message that `decode` refused, or None where it holds none that can be read."""
    if len(payload) > _READ_ID_BYTES_MAX:
        return None
    try:
        value = _parse(payload).get("id")
    except RemoteProtocolError:
        return None
    return value if isinstance(value, str) and parse_id(value) else None
