"""A heartbeat read in one go: bytes in, one line for COPY out, or None where the long way must look at it.

In: topic, payload, moment of receipt. Out: the columns of `beat_stage` as text, or None.
Pure. It may refuse what decode.py takes, for that is then asked; it must never take what decode.py refuses, nor read
it otherwise. tests/cloud/ingest/test_beatline.py holds the two against each other.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from cloud.ingest.dating import AHEAD, EARLIEST, LATE_S, UPTIME_REACH
from protocol import codes, topics
from protocol.fields import COMMON_UP, PAYLOAD_BYTES_MAX, UP
from protocol.ids import BOOT_MAX, EPOCH_CHARS, SEQUENCE_MAX

if TYPE_CHECKING:
    from protocol.fields import Field

TOPIC = f"{topics.PREFIX}/up/hb/"  # and the device's id behind it
# Columns of the stage, in the order of a line; beatstore.py makes the table.
COLUMNS = (
    "device_id", "id", "epoch", "place", "content_hash", "received_us", "happened_us", "dating", "day", "late",
    "offset_ms",
    *(row[0] for row in UP["hb"]),
)  # fmt: skip

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST_S = int((EARLIEST - EPOCH).total_seconds())
_AHEAD_US = AHEAD // timedelta(microseconds=1)
_REACH_MS = UPTIME_REACH // timedelta(milliseconds=1)
_LATE_US = int(LATE_S * 1_000_000)
_SHANGHAI_US = 8 * 3_600_000_000  # of the only zone whose days count; it has known no summer time since 1991
_DAY_US = 86_400_000_000
_SEQUENCE_CHARS = len(str(SEQUENCE_MAX))
_SIZE_MAX = PAYLOAD_BYTES_MAX["up"]
_PLAIN = frozenset((int, str, type(None)))  # what a heartbeat is made of; 1.0 is no integer, whatever a reader says
_is_device = re.compile(rf"[A-Z0-9]{{{topics.DEVICE_CHARS_MIN},{topics.DEVICE_CHARS_MAX}}}").fullmatch
_is_id = re.compile(
    rf"[0-9a-f]{{{EPOCH_CHARS}}}\.(?:0|[1-9][0-9]{{0,{len(str(BOOT_MAX)) - 1}}})"
    rf"\.(?:0|[1-9][0-9]{{0,{len(str(SEQUENCE_MAX)) - 1}}})"
).fullmatch  # both bounds are all nines
_NULL = "\\N"
_FIGURES = tuple(row[0] for row in UP["hb"])
_NAMES = frozenset(row[0] for row in (*COMMON_UP, *UP["hb"]))


def _annotation(row: Field) -> Any:
    """The type of one row of the table. A type that this does not know is a mistake that every start shows."""
    _name, kind, need, low, high = row
    one: Any
    if kind == "int" and not isinstance(low, str):
        one = Annotated[int, msgspec.Meta(ge=low, le=high)]
    elif kind == "flag":
        one = Annotated[int, msgspec.Meta(ge=0, le=1)]
    elif kind == "code":
        one = Annotated[str, msgspec.Meta(pattern=f"^(?:{'|'.join(codes.choices(str(low)))})\\Z")]
    elif kind == "ascii":
        one = Annotated[str, msgspec.Meta(pattern=rf"^[ !#-\[\]-~]{{{low},{high}}}\Z")]
    elif kind == "id":
        one = str  # `_is_id` decides
    else:
        raise TypeError(f"a heartbeat has no {kind}")
    return one if need == "must" else one | None


def _struct() -> type[msgspec.Struct]:
    fields: list[Any] = []
    for row in (*COMMON_UP, *UP["hb"]):
        annotation = _annotation(row)
        fields.append((row[0], annotation, None) if row[2] == "may" else (row[0], annotation))
    return msgspec.defstruct("Beat", fields, kw_only=True)


_Beat = _struct()
_read = msgspec.json.Decoder().decode
_write = msgspec.json.Encoder(order="sorted").encode


def line(topic: str, payload: bytes, received_at: datetime) -> str | None:
    """One line of the stage."""
    device = topic[len(TOPIC) :]
    if not topic.startswith(TOPIC) or not _is_device(device) or len(payload) > _SIZE_MAX:
        return None
    said = _said(payload)
    if said is None:
        return None
    message_id = said["id"]
    epoch, boot, sequence = message_id.split(".")
    place = boot + sequence.rjust(_SEQUENCE_CHARS, "0")  # marks.place, as text
    figures = [_NULL if value is None else str(value) for value in map(said.get, _FIGURES)]
    return "\t".join((device, message_id, epoch, place, _hash(said), *_dated(said, _micros(received_at)), *figures))


@lru_cache(maxsize=1)
def _micros(moment: datetime) -> int:
    """Since 1970. Of those that were read from the broker together the moment is the same."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def _said(payload: bytes) -> dict[str, Any] | None:
    try:
        said = _read(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    # A colon for each name and none elsewhere: then no name came twice, which no reader would show.
    if type(said) is not dict or payload.count(b":") != len(said) or not _NAMES.issuperset(said):
        return None
    if not _PLAIN.issuperset(map(type, said.values())):
        return None
    try:
        msgspec.convert(said, _Beat)
    except msgspec.ValidationError:
        return None
    return said if _is_id(said["id"]) else None


def _hash(said: dict[str, Any]) -> str:
    """As decode.content_hash; a backslash of COPY's text format stands twice."""
    kept = said.copy()
    del kept["s"]  # which `_said` found there
    if None in kept.values():
        kept = {name: value for name, value in kept.items() if value is not None}
    return "\\\\x" + hashlib.sha256(_write(["hb", kept])).hexdigest()


def _dated(said: dict[str, Any], received_us: int) -> tuple[str, str, str, str, str, str]:
    """received_us, happened_us, dating, day, late, offset_ms: as dating.date_message and devices.rules have it."""
    t, u, s = said["t"], said["u"], said["s"]
    same_boot = s is not None and s >= u
    offset = _text(t * 1000 + (s - u) - received_us // 1000 if same_boot and t is not None else None)
    happened_us: int | None = None
    dating = "receipt"
    if t is not None and t >= _EARLIEST_S and t * 1_000_000 <= received_us + _AHEAD_US:
        happened_us, dating = min(t * 1_000_000, received_us), "clock"
    elif same_boot and s - u <= _REACH_MS:
        happened_us, dating = received_us - (s - u) * 1000, "uptime"
    at = received_us if happened_us is None else happened_us
    day = str((at + _SHANGHAI_US) // _DAY_US)
    late = "t" if happened_us is None or received_us - happened_us > _LATE_US else "f"
    return str(received_us), _text(happened_us), dating, day, late, offset


def _text(value: object) -> str:
    return _NULL if value is None else str(value)
