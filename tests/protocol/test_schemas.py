"""The schemas say what `decode` does, but for the points that the README lists."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError, validators

import protocol
from protocol import messages
from protocol.errors import RemoteProtocolError
from protocol.fields import PAYLOAD_BYTES_MAX, fields_of
from tests.protocol.strategies import JSON, KINDS
from tests.protocol.strategies import messages as any_message
from tests.protocol.vector_files import lines

if TYPE_CHECKING:
    from collections.abc import Iterator


def _pattern(_validator: object, pattern: str, instance: object, _schema: object) -> Iterator[ValidationError]:
    """As ECMA-262 has it: `$` is the end, where Python's would pass over a last line feed."""
    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
        yield ValidationError("pattern")


Validator = validators.extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]
SCHEMAS = Path(protocol.__file__).parent / "schema"


def schema(direction: str, kind: str) -> Any:
    return json.loads((SCHEMAS / f"{direction}.{kind}.json").read_text(encoding="utf-8"))


VALIDATORS = {which: Validator(schema(*which)) for which in KINDS}
# What JSON Schema cannot say; the reason that `decode` gives for it.
WEAKER = {"size", "text", "json"}


def is_weaker_here(error: RemoteProtocolError, message: dict[str, Any]) -> bool:
    if error.reason in WEAKER:
        return True
    value = message.get(error.field or "")
    if error.field == "day":
        return error.reason == "range"  # a day that the calendar does not have
    return "e+" in repr(value) or ".0" in repr(value) or re.search("[\ud800-\udfff]", str(value)) is not None


def agree(which: tuple[str, str], payload: bytes) -> None:
    message = json.loads(payload)
    accepted = VALIDATORS[which].is_valid(message)
    try:
        messages.decode(*which, payload)
    except RemoteProtocolError as error:
        assert not accepted or is_weaker_here(error, message), error  # noqa: PT017
    else:
        assert accepted


@pytest.mark.parametrize("which", KINDS)
def test_a_schema_is_a_schema(which: tuple[str, str]) -> None:
    """Of the dialect it names."""
    Draft202012Validator.check_schema(schema(*which))


def test_good_vectors_are_valid() -> None:
    """Canonical or not."""
    for line in lines("good.jsonl"):
        VALIDATORS[line["direction"], line["kind"]].validate(json.loads(line["bytes"]))


def test_schema_and_decode_agree_on_the_bad_vectors() -> None:
    """Where a payload is JSON of a known kind, both refuse it."""
    for line in lines("bad.jsonl"):
        if line["reason"] not in ("json", "text", "kind"):
            agree((line["direction"], line["kind"]), line["bytes"])


@given(st.sampled_from(KINDS), st.data())
def test_schema_and_decode_agree_on_one_field_with_any_value(which: tuple[str, str], data: st.DataObject) -> None:
    """Each field's schema against each field's rule."""
    fields = data.draw(any_message(*which))
    name = data.draw(st.sampled_from([row[0] for row in fields_of(*which)]))
    payload = json.dumps({**fields, name: data.draw(JSON)}, ensure_ascii=False).encode("utf-8")
    if len(payload) <= PAYLOAD_BYTES_MAX[which[0]]:
        agree(which, payload)


def test_asyncapi_refers_only_to_what_is_there() -> None:
    """Channels and schemas of the document exist, every kind once, and only `state` is retained."""
    document = json.loads((SCHEMAS / "asyncapi.json").read_text(encoding="utf-8"))
    assert document["asyncapi"] == "3.0.0"
    assert set(document["channels"]) == {f"{direction}.{kind}" for direction, kind in KINDS}
    for name, operation in document["operations"].items():
        assert operation["channel"]["$ref"] == f"#/channels/{name}"
        assert operation["action"] == ("send" if name.startswith("up.") else "receive")
        assert operation["bindings"]["mqtt"]["retain"] == (name == "up.state")
        (message,) = document["channels"][name]["messages"].values()
        direction, kind = name.split(".")
        assert message["payload"]["schema"]["$ref"] == f"{direction}.{kind}.json"
        VALIDATORS[direction, kind].validate(message["examples"][0]["payload"])
