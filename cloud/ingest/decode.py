"""What a message is. In: topic and payload. Out: a checked message, or why it must go to quarantine.

Pure, and total: no bytes from outside may raise. Whether the device is known is asked later, of the database.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from cloud.ingest.models import Checked, Quarantine
from protocol import messages, topics
from protocol.errors import RemoteProtocolError

_DEVICE_PART, _PARTS = 4, 5


def decode(topic: str, payload: bytes) -> Checked | Quarantine:
    """The message, or the reason against it with device and id where they can be read."""
    try:
        direction, kind, device_id = topics.parse(topic)
        body = messages.decode("up", kind if direction == "up" else "", payload)
    except RemoteProtocolError as error:
        return Quarantine(
            reason=error.reason,
            field=error.field,
            device_id=_device_of(topic),
            message_id=messages.read_id(payload),
        )
    return Checked(device_id=device_id, id=str(body["id"]), kind=kind, body=body, content_hash=content_hash(kind, body))


def content_hash(kind: str, body: dict[str, Any]) -> bytes:
    """SHA-256 of what a message says: without `s`, which changes with every resend.

    Absent fields are left out, so that the hash of an old message stays what it was when a kind gains a field.
    """
    said = {name: value for name, value in body.items() if name != "s" and value is not None}
    text = json.dumps([kind, said], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def _device_of(topic: str) -> str | None:
    parts = topic.split("/")
    return parts[_DEVICE_PART] if len(parts) == _PARTS and topics.is_device_id(parts[_DEVICE_PART]) else None
