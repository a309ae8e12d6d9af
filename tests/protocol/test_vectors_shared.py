"""The golden vectors, on both Pythons: a device and a cloud cannot disagree quietly."""

from protocol import codes, ids, messages, topics
from protocol.errors import LocalProtocolError, RemoteProtocolError
from protocol.fields import KINDS, PAYLOAD_BYTES_MAX
from tests.protocol.vector_files import label, lines, whole


def refusal(direction: str, kind: str, payload: bytes) -> tuple[str, str | None] | None:
    """(reason, field) of the refusal, or None where the payload is taken. Any other exception fails the test."""
    try:
        messages.decode(direction, kind, payload)
    except RemoteProtocolError as error:
        return error.reason, error.field
    return None


def test_a_good_message_decodes_to_its_fields() -> None:
    for line in lines("good.jsonl"):
        got = messages.decode(line["direction"], line["kind"], line["bytes"])
        assert got == whole(line["direction"], line["kind"], line["fields"]), label(line)


def test_a_writer_makes_exactly_the_canonical_bytes() -> None:
    for line in lines("good.jsonl"):
        made = messages.encode(line["direction"], line["kind"], line["fields"])
        assert (made == line["bytes"]) == line["canonical"], label(line)


def test_a_bad_message_is_refused_with_its_reason_and_field() -> None:
    for line in lines("bad.jsonl"):
        got = refusal(line["direction"], line["kind"], line["bytes"])
        assert got == (line["reason"], line["field"]), "%s: %s" % (label(line), got)


def test_the_id_of_a_refused_message_is_read_where_it_can_be() -> None:
    for line in lines("bad.jsonl"):
        assert messages.read_id(line["bytes"]) == line["read_id"], label(line)


def test_a_message_cut_at_any_length_is_refused_and_nothing_worse() -> None:
    for line in lines("good.jsonl"):
        payload = line["bytes"].rstrip()
        for length in range(len(payload)):
            got = refusal(line["direction"], line["kind"], payload[:length])
            assert got in (("json", None), ("text", None)), "%s at %d: %s" % (label(line), length, got)


def test_what_decode_refuses_in_a_field_encode_refuses_too() -> None:
    """Whose fault it is differs, why does not."""
    from protocol.jsontext import loads

    for line in lines("bad.jsonl"):
        if line["field"] is None:
            continue
        fields = loads(line["bytes"])
        assert isinstance(fields, dict)
        if line["field"] == "v" and fields.get("v") is None:
            continue  # encode fills it in
        try:
            messages.encode(line["direction"], line["kind"], fields)
        except LocalProtocolError as error:
            assert (error.reason, error.field) == (line["reason"], line["field"]), label(line)
        else:
            raise AssertionError(label(line))


def test_every_kind_has_a_smallest_a_full_and_a_largest_vector() -> None:
    names = {(line["direction"], line["kind"], line["name"]) for line in lines("good.jsonl")}
    for direction in KINDS:
        for kind in KINDS[direction]:
            for name in ("minimal", "full", "largest"):
                assert (direction, kind, name) in names
    sizes = [(line["direction"], len(line["bytes"])) for line in lines("good.jsonl")]
    for direction in KINDS:
        assert max([size for where, size in sizes if where == direction]) == PAYLOAD_BYTES_MAX[direction]


def test_topics_have_parts_or_a_reason() -> None:
    for line in lines("topics.jsonl"):
        if "parts" in line:
            parts = line["parts"]
            assert topics.parse(line["topic"]) == tuple(parts)
            assert topics.build(parts[0], parts[1], parts[2]) == line["topic"]
            assert len(line["topic"]) <= topics.TOPIC_BYTES_MAX
            continue
        try:
            topics.parse(line["topic"])
        except RemoteProtocolError as error:
            assert error.reason == line["reason"], line["topic"]
        else:
            raise AssertionError(line["topic"])


def test_ids_have_parts_or_are_none() -> None:
    for line in lines("ids.jsonl"):
        got = ids.parse_id(line["id"])
        assert got == (tuple(line["parts"]) if line["parts"] else None), line["id"]
        if got:
            assert ids.make_id(got[0], got[1], got[2]) == line["id"]
            assert len(line["id"]) <= ids.ID_CHARS_MAX


def test_topics_and_tables_name_the_same_kinds() -> None:
    for direction in KINDS:
        listed = codes.UP_KINDS if direction == "up" else codes.DOWN_KINDS
        assert set(listed) == set(KINDS[direction])
    assert set(codes.RECEIPTED_KINDS) <= set(codes.UP_KINDS)
