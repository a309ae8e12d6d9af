"""What a bench says about a board, signed and chained: one line of JSON each.

In: fields and the bench's Ed25519 key, or a line and the bench's public key. Out: a line, or its fields. Each line
carries the SHA-256 of the line before it, so that none can be taken out, put in or changed unseen.
Must never hold a password or a phone number: the list of fields is closed.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocol import topics

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

VERSION = 1
FIRST = "0" * 64  # `prev` of a bench's first line
KINDS = ("provision", "accept")
LINE_BYTES_MAX = 16_384  # an acceptance test has about ten steps of a few hundred bytes
N_MAX = 2**31 - 1  # of the database's column

_FORMS = {
    "bench": re.compile(r"[A-Z0-9]{2,12}"),
    "serial": re.compile(r"[A-Z0-9-]{1,32}"),
    "mac": re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}"),
    "imei": re.compile(r"[0-9]{15}"),
    "iccid": re.compile(r"[0-9]{19,20}"),
    "board": re.compile(r"[a-z0-9-]{1,40}"),
    "firmware": re.compile(r"[\x21-\x7e]{1,24}"),
    "at": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    "prev": re.compile(r"[0-9a-f]{64}"),
}
_IMAGE_NAME = re.compile(r"[\x21-\x7e]{1,120}")
_PHONE = re.compile(r"(\+?86)?(1[0-9]{10}|0[0-9]{9,11})")
_STEP_NAME = re.compile(r"[a-z_]{1,20}")
_FIELDS = {"v", "bench", "n", "at", "kind", "device", "serial", "mac", "imei", "iccid", "board", "image", "firmware"}
_CHAIN = {"prev", "sig"}
_ACCEPT = {"passed", "steps"}
_IMAGE_KINDS = ("home", "trial")


class RecordError(Exception):
    """The line is no record, or not the bench's; the text says what is wrong with it."""


def canonical(fields: dict[str, Any]) -> bytes:
    """The same bytes for the same fields, whatever their order."""
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def line_hash(line: str) -> str:
    """`prev` of the line after this one."""
    return hashlib.sha256(line.encode()).hexdigest()


def sign(fields: dict[str, Any], prev: str, key: Ed25519PrivateKey) -> str:
    """The line for these fields, without its line end. Raises RecordError for fields that are no record."""
    whole = {**fields, "v": VERSION, "prev": prev}
    signed = {**whole, "sig": base64.b64encode(key.sign(canonical(whole))).decode()}
    return canonical(check(signed)).decode()


def parse(line: str) -> dict[str, Any]:
    """The fields of a line whose form is right; whose it is, `verify` says. Raises RecordError."""
    if len(line.encode()) > LINE_BYTES_MAX:
        raise RecordError(f"longer than {LINE_BYTES_MAX} bytes")
    try:
        found = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RecordError("not JSON") from None
    if not isinstance(found, dict):
        raise RecordError("not a record")
    checked = check(found)
    if canonical(checked).decode() != line:
        raise RecordError("not written as records are")
    return checked


def verify(fields: dict[str, Any], public_key: bytes) -> None:
    """Raises RecordError unless this bench signed exactly these fields."""
    unsigned = {name: value for name, value in fields.items() if name != "sig"}
    try:
        signature = base64.b64decode(fields["sig"], validate=True)
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, canonical(unsigned))
    except (InvalidSignature, ValueError):
        raise RecordError("not signed by this bench") from None


def signed_at(fields: dict[str, Any]) -> datetime:
    """By the bench's clock."""
    return datetime.strptime(fields["at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def stamp(now: datetime) -> str:
    """A moment as records write it."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def check(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields, if they are those of a record and nothing else. Raises RecordError with the field's name."""
    kind = fields.get("kind")
    if fields.get("v") != VERSION or kind not in KINDS:
        raise RecordError("v or kind")
    wanted = _FIELDS | _CHAIN | (_ACCEPT if kind == "accept" else set())
    if set(fields) != wanted:
        raise RecordError(f"fields: {', '.join(sorted(set(fields) ^ wanted))[:80]}")
    for name, form in _FORMS.items():
        if not isinstance(fields[name], str) or not form.fullmatch(fields[name]):
            raise RecordError(name)
    n, sig = fields["n"], fields["sig"]
    if not isinstance(n, int) or isinstance(n, bool) or not 1 <= n <= N_MAX:
        raise RecordError("n")
    if not isinstance(fields["device"], str) or not topics.is_device_id(fields["device"]) or not isinstance(sig, str):
        raise RecordError("device or sig")
    try:
        signed_at(fields)
    except ValueError:
        raise RecordError("at") from None
    check_image(fields["image"])
    if kind == "accept":
        _check_steps(fields["passed"], fields["steps"])
    return fields


def fits(name: str, text: str) -> bool:
    """Whether a field of text has the form that records want."""
    return _FORMS[name].fullmatch(text) is not None


def check_image(image: object) -> None:
    """Raises RecordError unless it is an image as records have it: name, sha256, kind."""
    if not isinstance(image, dict) or set(image) != {"name", "sha256", "kind"} or image["kind"] not in _IMAGE_KINDS:
        raise RecordError("image")
    for name, form in (("name", _IMAGE_NAME), ("sha256", _FORMS["prev"])):
        if not isinstance(image[name], str) or not form.fullmatch(image[name]):
            raise RecordError(f"image.{name}")


def _check_steps(passed: object, steps: object) -> None:
    if not isinstance(passed, bool) or not isinstance(steps, list):
        raise RecordError("passed or steps")
    for step in steps:
        if not isinstance(step, dict) or set(step) != {"name", "passed", "facts"}:
            raise RecordError("steps")
        if not isinstance(step["name"], str) or not _STEP_NAME.fullmatch(step["name"]):
            raise RecordError("steps.name")
        if not isinstance(step["passed"], bool) or not isinstance(step["facts"], dict):
            raise RecordError(f"steps: {step['name']}")
        if _holds_phone(step["facts"]):
            raise RecordError(f"steps: {step['name']} holds a phone number")
    if passed and not all(step["passed"] for step in steps):
        raise RecordError("passed, although a step did not")


def _holds_phone(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_phone, value)) or any(map(_holds_phone, value.values()))
    if isinstance(value, list):
        return any(map(_holds_phone, value))
    return isinstance(value, str) and _PHONE.fullmatch(value) is not None


def _no_constant(name: str) -> object:
    raise ValueError(name)
