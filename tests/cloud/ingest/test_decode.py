"""Topic and payload become a checked message, or a reason with whatever can still be read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.ingest.decode import content_hash, decode
from cloud.ingest.models import Checked, Quarantine
from protocol import messages
from protocol.codes import UP_KINDS
from protocol.errors import REASONS
from protocol.fields import PAYLOAD_BYTES_MAX
from tests.protocol.strategies import messages as any_message

DEVICE = "BJCY000001"
PRESS: dict[str, Any] = {"id": "0badcafe.1.7", "t": None, "u": 5, "s": 9, "key": "sos", "hold": 1200, "how": "hold"}


def topic(kind: str = "press") -> str:
    return f"okc/v1/up/{kind}/{DEVICE}"


def test_a_good_message_keeps_every_field() -> None:
    """Absent fields are None, as the rooms expect them."""
    found = decode(topic(), messages.encode("up", "press", PRESS))
    assert isinstance(found, Checked)
    assert (found.device_id, found.id, found.kind) == (DEVICE, "0badcafe.1.7", "press")
    assert found.body == {"v": 1, **PRESS, "ref": None}


BAD = [
    (topic("pres"), b"{}", "kind", DEVICE, None),
    ("okc/v2/up/press/" + DEVICE, b"{}", "topic", DEVICE, None),
    ("okc/v1/up/press/short", b"{}", "topic", None, None),
    ("okc/v1/down/desk/" + DEVICE, b"{}", "kind", DEVICE, None),
    ("\ufffd", b"", "topic", None, None),
    (topic(), b"\xff", "text", DEVICE, None),
    (topic(), b"[" * 400, "json", DEVICE, None),
    (topic(), b"[]", "shape", DEVICE, None),
    (topic(), b'{"id":"0badcafe.1.7"}', "version", DEVICE, "0badcafe.1.7"),
    (topic(), b'{"v":1,"id":"0badcafe.1.7","t":true}', "type", DEVICE, "0badcafe.1.7"),
    (topic(), b'{"id":"0badcafe.1.7","x":"' + b"x" * 500 + b'"}', "size", DEVICE, "0badcafe.1.7"),
]


@pytest.mark.parametrize(("where", "payload", "reason", "device", "message_id"), BAD)
def test_each_fault_has_its_reason(
    where: str, payload: bytes, reason: str, device: str | None, message_id: str | None
) -> None:
    """Device and id are kept where they can be read: they decide about the receipt."""
    found = decode(where, payload)
    assert isinstance(found, Quarantine)
    assert (found.reason, found.device_id, found.message_id) == (reason, device, message_id)


@given(st.text(max_size=60) | st.sampled_from([topic(kind) for kind in UP_KINDS]), st.binary(max_size=600))
def test_no_bytes_from_outside_raise(where: str, payload: bytes) -> None:
    """Whatever arrives is a message or has a reason."""
    found = decode(where, payload)
    assert isinstance(found, Checked) or found.reason in REASONS


@given(st.sampled_from(UP_KINDS), st.data())
def test_the_hash_is_of_the_content_and_not_of_the_sending(kind: str, data: st.DataObject) -> None:
    """A resend differs in `s` only and is the same; anything else makes it another message."""
    fields: dict[str, Any] = data.draw(any_message("up", kind))
    body = messages.decode("up", kind, json.dumps({**fields, "v": 1}).encode()) if _fits(fields) else None
    if body is None:
        return
    resent = {**body, "s": data.draw(st.none() | st.integers(0, 10**9))}
    assert content_hash(kind, resent) == content_hash(kind, body)
    assert content_hash(kind, {**body, "u": int(fields["u"]) + 1}) != content_hash(kind, body)
    assert content_hash("other", body) != content_hash(kind, body)
    assert content_hash(kind, {**body, "a field of tomorrow": None}) == content_hash(kind, body)


def _fits(fields: dict[str, Any]) -> bool:
    return len(json.dumps({**fields, "v": 1})) <= PAYLOAD_BYTES_MAX["up"]
