"""Frames of the multiplexer, byte by byte: as published, cut anywhere, damaged anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.modem.muxbench import frame as terminal_frame
from tools.modem.frames import DISC, DM, SABM, UA, UIH, Decoder, Frame, encode

# Known from captures of many modems and from the standard's own tables.
TABLE = (
    (Frame(0, SABM, poll=True, command=True), "F9 03 3F 01 1C F9"),
    (Frame(0, UA, poll=True, command=True), "F9 03 73 01 D7 F9"),
    (Frame(1, SABM, poll=True, command=True), "F9 07 3F 01 DE F9"),
    (Frame(1, UA, poll=True, command=True), "F9 07 73 01 15 F9"),
    (Frame(0, DISC, poll=True, command=True), "F9 03 53 01 FD F9"),
    (Frame(0, UIH, b"\xc3\x01", command=True), "F9 03 EF 05 C3 01 F2 F9"),
    (Frame(1, UIH, b"AT\r", command=True), "F9 07 EF 07 41 54 0D D3 F9"),
)


def decode(data: bytes, limit: int = 127) -> tuple[list[Frame], Decoder]:
    """Every frame in these bytes."""
    decoder = Decoder(limit)
    return [found for byte in data if (found := decoder.push(byte)) is not None], decoder


@pytest.mark.parametrize(("frame", "text"), TABLE)
def test_frames_are_those_of_the_standard(frame: Frame, text: str) -> None:
    """Pins flag, address, control, length, check sum, and that both directions agree."""
    data = bytes.fromhex(text)
    assert encode(frame) == data
    assert decode(data)[0] == [frame]


def test_the_length_has_one_byte_up_to_127_and_two_beyond() -> None:
    """Pins the extension bit."""
    assert encode(Frame(1, UIH, bytes(127)))[3] == 0xFF
    assert encode(Frame(1, UIH, bytes(128)))[3:5] == b"\x00\x01"
    assert encode(Frame(1, UIH, bytes(1500)))[3:5] == bytes([(1500 << 1) & 0xFE, 1500 >> 7])
    assert decode(encode(Frame(1, UIH, bytes(1500))), 1500)[0] == [Frame(1, UIH, bytes(1500))]


def test_one_flag_may_close_a_frame_and_open_the_next() -> None:
    """Pins shared flags and idle flags."""
    one, two = encode(Frame(1, UIH, b"a")), encode(Frame(2, UIH, b"b"))
    found, decoder = decode(one[:-1] + two + b"\xf9\xf9\xf9" + one)
    assert [frame.information for frame in found] == [b"a", b"b", b"a"]
    assert (decoder.bad, decoder.noise) == (0, 0)


def test_a_frame_longer_than_agreed_is_dropped_at_its_length() -> None:
    """Pins that a garbled length cannot make the decoder wait for kilobytes."""
    found, decoder = decode(encode(Frame(1, UIH, bytes(128))) + encode(Frame(1, UIH, b"next")))
    assert [frame.information for frame in found] == [b"next"]
    assert decoder.bad >= 1


def test_half_a_frame_swallows_what_follows_it_and_no_more() -> None:
    """Pins what a terminal meets that restarts in the middle of a frame: it has to say more than once who it is."""
    half = encode(Frame(1, UIH, b"x" * 100))[:10]
    close = encode(Frame(0, UIH, b"\xc3\x01", command=True))
    assert decode(half + close)[0] == []
    assert Frame(0, UIH, b"\xc3\x01", command=True) in decode(half + b"\xf9" * 130 + close)[0]


frames = st.builds(
    Frame,
    st.integers(0, 61),  # the two beyond would look like flags
    st.sampled_from([SABM, UA, DM, DISC, UIH]),
    st.binary(max_size=127),
    st.booleans(),
    st.booleans(),
)


@given(frames)
def test_two_writers_of_the_standard_agree(frame: Frame) -> None:
    """Pins the encoder against one that divides bit by bit."""
    other = terminal_frame(frame.dlci, frame.kind, frame.information, poll=frame.poll, command=frame.command)
    if frame.kind == UIH and frame.poll:
        assert decode(encode(frame))[0] == [frame]
    else:
        assert encode(frame) == other


@given(st.lists(frames, max_size=6), st.binary(max_size=20))
def test_frames_come_through_with_noise_before_them(many: list[Frame], noise: bytes) -> None:
    """Pins that the decoder hunts for a flag first."""
    noise = noise.replace(b"\xf9", b"")
    assert decode(noise + b"".join(map(encode, many)))[0] == many


@given(st.lists(frames, min_size=1, max_size=4), st.data())
def test_a_damaged_byte_never_makes_a_frame_of_its_own_and_the_line_recovers(
    many: list[Frame], data: st.DataObject
) -> None:
    """Pins the check sum over the header, and that flags bring the decoder back."""
    stream = bytearray(b"".join(map(encode, many)))
    place = data.draw(st.integers(0, len(stream) - 1))
    stream[place] ^= 1 << data.draw(st.integers(0, 7))
    after = Frame(1, UIH, b"after", command=True)
    found = decode(bytes(stream) + b"\xf9" * 130 + encode(after))[0]
    assert found[-1] == after


@given(st.integers(0, 30))
def test_a_frame_cut_off_at_any_byte_costs_that_frame(cut: int) -> None:
    """Pins every length at which a line may break, with the flags that a careful terminal sends first."""
    whole = encode(Frame(2, UIH, b"AT+CIPSEND=100\r", command=True))
    after = Frame(0, UIH, b"\xc3\x01", command=True)
    found = decode(whole[: min(cut, len(whole) - 2)] + b"\xf9" * 130 + encode(after))[0]
    assert found == [after]
