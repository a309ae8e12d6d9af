"""Every message that the tables allow comes back as it went, and fits, whatever is in it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import messages
from protocol.errors import LocalProtocolError
from protocol.fields import KINDS as TABLES
from protocol.fields import PAYLOAD_BYTES_MAX, UP_OVERHEAD_BYTES, UP_PUBLISH_BYTES_MAX, fields_of
from protocol.topics import DEVICE_CHARS_MAX, build
from tests.protocol.strategies import KINDS
from tests.protocol.strategies import messages as any_message
from tests.protocol.vector_files import whole
from tools.wire import samples

# The limit in bytes of these binds before those of their fields, and `encode` says so.
MAY_BE_TOO_LARGE = {("down", "config"), ("down", "cmd")}


@pytest.mark.parametrize(("direction", "kind"), KINDS)
@given(data=st.data())
def test_decode_gives_back_what_encode_took(direction: str, kind: str, data: st.DataObject) -> None:
    """Field by field, for every kind; and the bytes of a decoded message are the bytes it came in."""
    fields: dict[str, Any] = data.draw(any_message(direction, kind))
    try:
        payload = messages.encode(direction, kind, fields)
    except LocalProtocolError as error:
        assert (error.reason, (direction, kind) in MAY_BE_TOO_LARGE) == ("size", True)  # noqa: PT017
        return
    decoded = messages.decode(direction, kind, payload)
    assert decoded == whole(direction, kind, fields)
    assert messages.encode(direction, kind, decoded) == payload
    assert len(payload) <= PAYLOAD_BYTES_MAX[direction]
    if direction == "up":
        assert messages.read_id(payload) == fields["id"]


@pytest.mark.parametrize("kind", TABLES["up"])
def test_the_largest_message_up_fits_one_publish(kind: str) -> None:
    """Nothing that a terminal may say is too large to be said: 480 bytes with the longest topic."""
    payload = messages.encode("up", kind, samples.largest("up", kind))
    topic = build("up", kind, "X" * DEVICE_CHARS_MAX)
    remaining = 2 + len(topic) + 2 + len(payload)
    publish = 1 + (2 if remaining > 127 else 1) + remaining
    assert publish <= UP_PUBLISH_BYTES_MAX


def test_the_overhead_is_that_of_the_longest_topic() -> None:
    """The payload's share of the 480 bytes follows from the topic, not from a guess."""
    longest = max(len(build("up", kind, "X" * DEVICE_CHARS_MAX)) for kind in TABLES["up"])
    assert 3 + 2 + longest + 2 == UP_OVERHEAD_BYTES
    assert PAYLOAD_BYTES_MAX["up"] == UP_PUBLISH_BYTES_MAX - UP_OVERHEAD_BYTES


@pytest.mark.parametrize("kind", ["receipt", "route", "desk"])
def test_the_largest_message_down_of_these_kinds_fits(kind: str) -> None:
    """What answers a press is never refused for its size."""
    values = {
        name: 1 if name == "v" else samples.largest_value(type_, low, high)
        for name, type_, _need, low, high in fields_of("down", kind)
    }
    assert len(messages.encode("down", kind, values)) <= PAYLOAD_BYTES_MAX["down"]
