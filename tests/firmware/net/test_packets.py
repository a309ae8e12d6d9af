"""MQTT packets come out the same however the stream is cut, and damage is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.net import packets

STREAM = (
    packets.frame(packets.CONNACK, 0, b"\x00\x00")
    + packets.publish("okc/v1/down/receipt/DESK01", b"x" * 200, 7)
    + packets.puback(513)
    + packets.frame(packets.PINGRESP, 0, b"")
    + packets.publish("t", b"", retain=True)
)


def feed(pieces: list[bytes]) -> list[tuple[int, int, bytes]]:
    parser = packets.Parser()
    return [packet for piece in pieces for packet in parser.feed(piece)]


def test_every_cut_into_two_gives_the_same_packets() -> None:
    """Also inside the length of the head."""
    whole = feed([STREAM])
    assert [kind for kind, _, _ in whole] == [2, 3, 4, 13, 3]
    for cut in range(len(STREAM) + 1):
        assert feed([STREAM[:cut], STREAM[cut:]]) == whole, cut
    assert feed([STREAM[at : at + 1] for at in range(len(STREAM))]) == whole


def test_a_publish_is_read_as_it_was_written() -> None:
    """Topic, QoS, id and payload."""
    (_, flags, body), (_, bare_flags, bare) = feed([STREAM])[1], feed([STREAM])[4]
    assert packets.read_publish(flags, body) == ("okc/v1/down/receipt/DESK01", 1, 7, b"x" * 200)
    assert packets.read_publish(bare_flags, bare) == ("t", 0, 0, b"")


def test_a_publish_beyond_the_limit_is_skipped_and_its_beginning_kept() -> None:
    """However it is cut; what follows is read as ever, and no more than the limit is ever held."""
    large = packets.publish("okc/v1/down/config/DESK01", b"y" * 5000, 9)
    stream = packets.puback(1) + large + packets.puback(2)
    for size in (1, 7, 300, 1024, len(stream)):
        parser, seen = packets.Parser(), []
        for at in range(0, len(stream), size):
            seen += parser.feed(stream[at : at + size])
            assert size > packets._BODY_MAX or len(parser._buffer) <= packets._BODY_MAX + 5
        assert [kind for kind, _, _ in seen] == [packets.PUBACK, packets.TOO_LARGE, packets.PUBACK]
        topic, qos, packet_id, _ = packets.read_publish(seen[1][1], seen[1][2])
        assert (topic, qos, packet_id) == ("okc/v1/down/config/DESK01", 1, 9)


@given(st.lists(st.integers(0, 3000), max_size=6), st.integers(1, 700))
def test_packets_of_any_size_come_whole_or_are_skipped_in_order(sizes: list[int], cut: int) -> None:
    """A model of one line: a PUBLISH up to the limit is whole, beyond it only known."""
    made = [packets.publish("t", bytes(size), number + 1) for number, size in enumerate(sizes)]
    stream = b"".join(made)
    seen = feed([stream[at : at + cut] for at in range(0, len(stream), cut)])
    want = [packets.PUBLISH if 5 + size <= packets._BODY_MAX else packets.TOO_LARGE for size in sizes]
    assert [kind for kind, _, _ in seen] == want
    assert [packets.read_publish(flags, body)[2] for _, flags, body in seen] == list(range(1, len(sizes) + 1))


def test_a_packet_beyond_every_limit_is_refused_before_it_is_collected() -> None:
    """Its length alone is enough; so is a large one that is no PUBLISH."""
    for head in (b"\x30\xff\xff\xff\x7f", b"\x30\xff\xff\xff\xff\x01", b"\x40\xff\x7f"):
        with pytest.raises(packets.PacketError):
            packets.Parser().feed(head)


@given(st.integers(0, 15), st.binary(max_size=40))
def test_any_body_of_a_publish_is_read_or_refused(flags: int, body: bytes) -> None:
    """Never another exception: the reader must not die of a packet."""
    with contextlib.suppress(packets.PacketError):
        packets.read_publish(flags, body)


@given(st.lists(st.binary(max_size=300), max_size=6))
def test_noise_is_packets_or_an_error(pieces: list[bytes]) -> None:
    """And the buffer stays bounded."""
    parser = packets.Parser()
    with contextlib.suppress(packets.PacketError):
        for piece in pieces:
            parser.feed(piece)
            assert len(parser._buffer) <= packets._BODY_MAX + 5


def test_connect_asks_for_a_kept_session_and_a_retained_will() -> None:
    """Flags of MQTT 3.1.1: will, will QoS 1, will retained, user and password, no clean session."""
    packet = packets.connect("DESK01", b"pw", 300, "w", b"x")
    assert packet[2:9] == b"\x00\x04MQTT\x04"
    assert packet[9] == 0xEC
    assert packet[10:12] == b"\x01\x2c"
    assert packet.endswith(b"\x00\x06DESK01\x00\x02pw")
