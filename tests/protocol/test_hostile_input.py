"""Whatever comes in, the answer is a checked dict or RemoteProtocolError.

Whatever we try to send, the answer is bytes or LocalProtocolError.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from protocol import jsontext, messages, topics
from protocol.errors import LocalProtocolError, RemoteProtocolError
from protocol.fields import fields_of
from protocol.ids import parse_id
from tests.protocol.strategies import JSON, KINDS
from tests.protocol.strategies import messages as any_message
from tests.protocol.vector_files import lines

kinds = st.sampled_from(KINDS)
payloads_of_vectors = st.sampled_from([line["bytes"] for name in ("good.jsonl", "bad.jsonl") for line in lines(name)])


def reads_or_refuses(direction: str, kind: str, payload: bytes) -> None:
    identity = messages.read_id(payload)
    assert identity is None or parse_id(identity)
    try:
        fields = messages.decode(direction, kind, payload)
    except RemoteProtocolError:
        return
    assert list(fields) == [row[0] for row in fields_of(direction, kind)]
    again = messages.encode(direction, kind, fields)
    assert messages.decode(direction, kind, again) == fields


@given(kinds, st.binary(max_size=600))
def test_random_bytes_are_refused_or_read(which: tuple[str, str], payload: bytes) -> None:
    """Nothing but RemoteProtocolError leaves `decode`, and what is taken can be said again."""
    reads_or_refuses(*which, payload)


@given(kinds, st.dictionaries(st.text(max_size=8), JSON, max_size=6))
def test_random_json_is_refused_or_read(which: tuple[str, str], value: dict[str, Any]) -> None:
    """Well-formed nonsense is nonsense."""
    reads_or_refuses(*which, json.dumps(value).encode())


@given(kinds, payloads_of_vectors, st.integers(0, 1400), st.binary(max_size=3), st.integers(0, 3))
def test_vectors_with_bytes_changed_are_refused_or_read(
    which: tuple[str, str], payload: bytes, at: int, put: bytes, over: int
) -> None:
    """Almost right is where readers break."""
    reads_or_refuses(*which, payload[:at] + put + payload[at + over :])


@given(kinds, st.data())
def test_one_field_with_any_value_is_refused_or_read(which: tuple[str, str], data: st.DataObject) -> None:
    """Each field's own rule meets every JSON value."""
    fields = data.draw(any_message(*which))
    name = data.draw(st.sampled_from([row[0] for row in fields_of(*which)]))
    reads_or_refuses(*which, json.dumps({**fields, name: data.draw(JSON)}).encode())


anything = st.recursive(
    JSON | st.binary(max_size=4) | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.tuples(inner, inner) | st.dictionaries(st.integers() | st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


@given(kinds, st.data())
@example(("up", "press"), None)
def test_encode_of_anything_makes_bytes_or_blames_us(which: tuple[str, str], data: st.DataObject | None) -> None:
    """No other exception can leave the sender of a press."""
    fields: dict[str, Any] = {}
    if data is not None:
        fields = data.draw(any_message(*which))
        names = st.sampled_from([row[0] for row in fields_of(*which)]) | st.text(max_size=4)
        fields.update(data.draw(st.dictionaries(names, anything, max_size=3)))
    try:
        payload = messages.encode(*which, fields)
    except LocalProtocolError:
        return
    messages.decode(*which, payload)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()) | payloads_of_vectors)
def test_the_written_grammar_agrees_with_the_reader_in_c(data: bytes) -> None:
    """What MicroPython runs is checked against CPython's reader, which thousands of others have checked."""
    results: list[Any] = []
    for read in (jsontext.read, jsontext.loads):
        try:
            results.append(repr(read(data)))
        except jsontext.NotUtf8Error:
            results.append("text")
        except ValueError:
            results.append("json")
    assert results[0] == results[1]


@given(st.text(max_size=60) | st.lists(st.sampled_from(["okc", "v1", "up", "press", "BJXC00", "", "+"])).map("/".join))
def test_any_topic_has_parts_or_is_refused(topic: str) -> None:
    """A topic that is read is a topic that is built."""
    try:
        parts = topics.parse(topic)
    except RemoteProtocolError as error:
        assert error.reason in ("topic", "kind")  # noqa: PT017
        return
    assert topics.build(*parts) == topic


def test_errors_hold_no_value_of_a_message() -> None:
    """Error texts are logged and stored, so they name fields and rules only."""
    for line in lines("bad.jsonl"):
        try:
            messages.decode(line["direction"], line["kind"], line["bytes"])
        except RemoteProtocolError as error:
            words = str(error)
        for value in ("女儿", "0a1b2c3d", "13800000001", "01055500001", "860000000000001", "**21"):
            assert value not in words
