"""A technician's job on its way: signed by the bench that did it, its people sealed to the registry's public key. Pure.

In: what the technician said and took, or a parcel as it came. Out: the parcel's parts, or what is in it, checked.
Clear are ids, kind and day; who did it, why, the pictures and the call to 120 are sealed, each for its one place.
"""

from __future__ import annotations

import base64
import hashlib
import json
import uuid
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cloud.field.models import INSTALL, PHOTO, REMOVE, RETIRE, SIGNATURE, SWAP, Call120, Job, Picture
from cloud.field.rules import picture_media
from cloud.sealed import seal_for
from cloud.stock.record import canonical
from protocol import topics

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from cloud.sealed import Box

VERSION = 1
# The same key signs records of boards: one must never pass for the other.
_PURPOSE = b"okc field job\x00"
_FIELDS = {"v", "bench", "job", "words", "files", "call_120", "signed_off_at", "sig"}
WORDS = ("actor", "reason", "without_acceptance")
CALL = "call_120"
CONTENT_BYTES_MAX = 65_536  # words of 400 bytes and some pictures' hashes are 4,000
FILES_MAX = 20  # a technician takes one to five


class ParcelError(Exception):
    """It is not what a bench signed; the text says what is wrong, never what is in it."""


@dataclass(frozen=True, kw_only=True)
class Errand:
    """The clear part of a job: what a technician's notebook can read of it."""

    visit_id: uuid.UUID
    kind: str
    device_id: str
    home_id: uuid.UUID | None
    old_device_id: str | None
    retire_old: bool
    on: date
    begun_at: datetime
    offline: bool


@dataclass(frozen=True)
class Parcel:
    """Signed content, and sealed pictures by the SHA-256 of their sealed bytes, as far as they are sent."""

    content: dict[str, Any] = field(repr=False)
    pictures: dict[str, bytes] = field(repr=False)


@dataclass(frozen=True)
class Opened:
    """What was in a parcel."""

    job: Job
    pictures: list[Picture]
    call: Call120 | None
    not_sent: list[tuple[str, bytes]]  # kind and SHA-256 of pictures that are signed for and did not come


def errand(raw: dict[str, Any]) -> Errand:
    """The clear part, read from JSON. Raises ParcelError."""
    try:
        found = Errand(
            **{
                **raw,
                "visit_id": uuid.UUID(raw["visit_id"]),
                "home_id": uuid.UUID(raw["home_id"]) if raw["home_id"] else None,
                "on": date.fromisoformat(raw["on"]),
                "begun_at": datetime.fromisoformat(raw["begun_at"]),
            }
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ParcelError("job") from None
    ids = [found.device_id] + ([found.old_device_id] if found.old_device_id is not None else [])
    if found.kind not in {INSTALL, SWAP, REMOVE, RETIRE} or not all(isinstance(each, str) for each in ids):
        raise ParcelError("job")
    if not all(map(topics.is_device_id, ids)) or found.begun_at.tzinfo is None:
        raise ParcelError("job")
    return found


def seal(registry_key: bytes, visit_id: str, place: str, data: bytes) -> bytes:
    """Bytes for one place of one job: a word's name, a kind of picture, the call."""
    return seal_for(registry_key, data, _about(visit_id, place))


def signature(content: dict[str, Any], key: Ed25519PrivateKey) -> str:
    """`sig` of the content."""
    return base64.b64encode(key.sign(_signed(content))).decode()


def verify(content: dict[str, Any], public_key: bytes) -> None:
    """Raises ParcelError unless the owner of the key signed exactly this."""
    try:
        given = base64.b64decode(content["sig"], validate=True)
        Ed25519PublicKey.from_public_bytes(public_key).verify(given, _signed(content))
    except (InvalidSignature, KeyError, ValueError, TypeError):
        raise ParcelError("not signed by this bench") from None


def open_parcel(parcel: Parcel, box: Box) -> Opened:
    """What is in a parcel whose signature is right. Raises ParcelError; SealBroken if it was sealed for others."""
    content = parcel.content
    if set(content) != _FIELDS or content["v"] != VERSION or len(canonical(content)) > CONTENT_BYTES_MAX:
        raise ParcelError("form")
    clear = errand(content["job"])
    try:
        words = {name: _word(box, clear, name, content["words"][name]) for name in WORDS}
        call = _call(_word(box, clear, CALL, content["call_120"]))
        pictures, not_sent = _pictures(box, clear, parcel)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ParcelError("words, call or files") from None
    actor = words["actor"]
    if actor is None:
        raise ParcelError("actor")
    job = Job(
        **vars(clear) | {"actor": actor, "reason": words["reason"], "without_acceptance": words["without_acceptance"]}
    )
    return Opened(job, pictures, call, not_sent)


def call_text(call: dict[str, Any]) -> bytes:
    """The call to 120 as it is sealed."""
    return json.dumps(call, ensure_ascii=False).encode()


def _pictures(box: Box, clear: Errand, parcel: Parcel) -> tuple[list[Picture], list[tuple[str, bytes]]]:
    files = parcel.content["files"]
    if not isinstance(files, list) or len(files) > FILES_MAX:
        raise ParcelError("files")
    if not set(parcel.pictures) <= {each["sha256"] for each in files}:
        raise ParcelError("a picture that nobody signed for")
    found: list[Picture] = []
    not_sent: list[tuple[str, bytes]] = []
    for each in files:
        kind, plain = each["kind"], bytes.fromhex(each["plain"])
        if kind not in {PHOTO, SIGNATURE}:
            raise ParcelError("files")
        blob = parcel.pictures.get(each["sha256"])
        if blob is None:
            not_sent.append((kind, plain))
            continue
        if hashlib.sha256(blob).hexdigest() != each["sha256"]:
            raise ParcelError("a picture was altered")
        content = box.open_sent(blob, _about(str(clear.visit_id), kind))
        media = picture_media(content)
        if media is None or hashlib.sha256(content).digest() != plain:
            raise ParcelError("a picture is none")
        found.append(Picture(kind, media, content))
    return found, not_sent


def _word(box: Box, clear: Errand, place: str, sealed: str | None) -> str | None:
    if sealed is None:
        return None
    return box.open_sent(base64.b64decode(sealed, validate=True), _about(str(clear.visit_id), place)).decode()


def _call(text: str | None) -> Call120 | None:
    if text is None:
        return None
    raw = json.loads(text)
    at = datetime.fromisoformat(raw["called_at"]) if raw["called_at"] else None
    return Call120(raw["agreed_with"], at, raw["result"], raw["note"])


def _about(visit_id: str, place: str) -> bytes:
    return f"field {visit_id} {place}".encode()


def _signed(content: dict[str, Any]) -> bytes:
    return _PURPOSE + canonical({name: value for name, value in content.items() if name != "sig"})
