"""The parser sees the same tokens however the stream is cut."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from firmware.modem.parser import _DATA_MAX, _LINE_MAX, Parser

# An echo, a report between a command and its result, raw bytes with line ends and results in them, bare replies.
STREAM = (
    b"AT+CSQ\r\r\n+CREG: 1\r\n\r\n+CSQ: 22,0\r\n\r\nOK\r\n"
    b"\r\n+CIPRXGET: 2,12,0\r\nOK\r\n\r\n> \x00\xffAB\r\nOK\r\n"
    b"\r\n10.1.2.3\r\n\r\nSHUT OK\r\n\r\nCONNECT OK\r\n\r\n860000000000017\r\n\r\nOK\r\n\r\nDATA ACCEPT:12\r\n"
)
TOKENS = [
    ("line", "AT+CSQ"),
    ("line", "+CREG: 1"),
    ("line", "+CSQ: 22,0"),
    ("line", "OK"),
    ("line", "+CIPRXGET: 2,12,0"),
    ("data", b"OK\r\n\r\n> \x00\xffAB"),
    ("line", "OK"),
    ("line", "10.1.2.3"),
    ("line", "SHUT OK"),
    ("line", "CONNECT OK"),
    ("line", "860000000000017"),
    ("line", "OK"),
    ("line", "DATA ACCEPT:12"),
]


def feed(parser: Parser, pieces: list[bytes]) -> list[tuple[str, str | bytes]]:
    return [token for piece in pieces for token in parser.feed(piece)]


def test_every_cut_into_two_gives_the_same_tokens() -> None:
    """The UART's buffer ends anywhere."""
    for cut in range(len(STREAM) + 1):
        assert feed(Parser(), [STREAM[:cut], STREAM[cut:]]) == TOKENS, cut


def test_byte_by_byte_gives_the_same_tokens() -> None:
    """The slowest reader of all."""
    assert feed(Parser(), [STREAM[at : at + 1] for at in range(len(STREAM))]) == TOKENS


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_any_cuts_give_the_same_tokens(cuts: list[int]) -> None:
    """Any number of pieces, empty ones too."""
    edges = [0, *sorted(cuts), len(STREAM)]
    assert feed(Parser(), [STREAM[a:b] for a, b in pairwise(edges)]) == TOKENS


@given(st.binary(max_size=_DATA_MAX), st.integers(0, 40))
def test_counted_bytes_come_through_whatever_they_are(data: bytes, cut: int) -> None:
    """Results and reports inside the counted bytes are data."""
    stream = b"\r\n+CIPRXGET: 2,%d,0\r\n%s\r\nOK\r\n" % (len(data), data)
    tokens = feed(Parser(), [stream[:cut], stream[cut:]])
    assert [value for kind, value in tokens if kind == "data"] == ([data] if data else [])
    assert tokens[-1] == ("line", "OK")


@given(st.lists(st.binary(max_size=700), max_size=8))
def test_noise_never_raises_and_never_grows(pieces: list[bytes]) -> None:
    """A wrong baud rate or a broken wire costs lines, not the program."""
    parser = Parser()
    for piece in pieces:
        parser.feed(piece)
        assert len(parser._line) <= _LINE_MAX
        assert len(parser._data) <= _DATA_MAX


def test_a_prompt_counts_only_while_one_is_awaited() -> None:
    """`>` in a short message is text."""
    parser = Parser()
    assert parser.feed(b"\r\n> text\r\n") == [("line", "> text")]
    parser.expect_prompt = True
    assert parser.feed(b"\r\n> ") == [("prompt", "")]
    assert parser.feed(b"\r\nDATA ACCEPT:3\r\n") == [("line", "DATA ACCEPT:3")]


def test_lines_too_long_or_not_text_or_with_impossible_counts_are_dropped_and_counted() -> None:
    """Nothing is guessed from a damaged line."""
    parser = Parser()
    assert parser.feed(
        b"x" * (_LINE_MAX + 1) + b"\r\n\xff\xfe\r\n+CIPRXGET: 2,99999,0\r\n+CIPRXGET: 2,x,0\r\nOK\r\n"
    ) == [("line", "OK")]
    assert parser.dropped == 4


def test_a_multiplexed_read_counts_its_third_number() -> None:
    """`+CIPRXGET: 2,<n>,<read>,<left>` of a connection by number."""
    assert feed(Parser(), [b"+CIPRXGET: 2,0,3,7\r\nabc\r\nOK\r\n"]) == [
        ("line", "+CIPRXGET: 2,0,3,7"),
        ("data", b"abc"),
        ("line", "OK"),
    ]


def test_an_echo_that_an_answer_follows_without_a_line_end_is_told_apart() -> None:
    """A modem that frames its answers as `OK<CR><LF>` puts its echo into the same line."""
    assert feed(Parser(), [b"AT\rOK\r\n", b"AT+CSQ\r+CSQ: 20,0\r\nOK\r\n"]) == [
        ("line", "OK"),
        ("line", "+CSQ: 20,0"),
        ("line", "OK"),
    ]
