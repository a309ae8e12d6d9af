"""The reader of JSON on both Pythons: the grammar written out, and what it must agree on with CPython's."""

from protocol import jsontext
from tests.protocol.vector_files import label, lines


def refused(read: object, data: bytes) -> str:
    """The kind of refusal, or "" where the bytes are read."""
    assert callable(read)
    try:
        read(data)
    except jsontext.NotUtf8Error:
        return "text"
    except ValueError:
        return "json"
    return ""


def test_the_written_grammar_reads_every_good_message_like_the_other_reader() -> None:
    for line in lines("good.jsonl"):
        assert jsontext.read(line["bytes"]) == jsontext.loads(line["bytes"]), label(line)


def test_both_readers_refuse_what_is_not_json() -> None:
    for line in lines("bad.jsonl"):
        wanted = line["reason"] if line["reason"] in ("text", "json") else ""
        for read in (jsontext.read, jsontext.loads):
            assert refused(read, line["bytes"]) == wanted, label(line)


def test_an_escaped_pair_of_surrogates_is_one_character() -> None:
    """MicroPython's own reader makes two of it."""
    assert jsontext.loads(b'"\\ud842\\udfb7"') == "\U00020bb7"
    assert jsontext.loads(b'"\\ud842\\ud842\\udfb7"') == chr(0xD842) + "\U00020bb7"
    assert jsontext.loads(b'"\\udfb7\\ud842"') == chr(0xDFB7) + chr(0xD842)


def test_the_deepest_is_read_and_one_deeper_is_not() -> None:
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        deepest = opening * jsontext.DEPTH_MAX + b"1" + closing * jsontext.DEPTH_MAX
        assert not refused(jsontext.loads, deepest)
        assert refused(jsontext.loads, opening + deepest + closing) == "json"
        assert refused(jsontext.loads, opening * 5000) == "json"
        assert refused(jsontext.read, opening * 5000) == "json"


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert jsontext.loads(b"[" + b",".join([b"[]"] * 40) + b"]") == [[]] * 40


def test_numbers_are_exact_where_they_are_whole() -> None:
    for text in ("0", "-0", "9007199254740991", "-9007199254740993", "123456789012345678901234567890"):
        assert jsontext.loads(text.encode()) == int(text)
    assert isinstance(jsontext.loads(b"1.0"), float)
    assert isinstance(jsontext.loads(b"1e3"), float)


def test_text_is_written_with_the_two_escapes_that_json_needs() -> None:
    assert jsontext.dumps({"b": ['a"\\', None], "a": 2**53 - 1}) == '{"a":9007199254740991,"b":["a\\"\\\\",null]}'
    assert jsontext.dumps("一键呼/\U00020bb7") == '"一键呼/\U00020bb7"'
