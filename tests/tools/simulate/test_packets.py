"""The wire of a simulated terminal: packets come out whole however the bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.simulated import packets

PUBLISHES = st.lists(st.tuples(st.integers(1, packets.MID_MAX), st.text("ab/é", min_size=1), st.binary(max_size=300)))


@given(PUBLISHES, st.data())
def test_packets_come_out_as_they_went_in(sent: list[tuple[int, str, bytes]], data: st.DataObject) -> None:
    """Any number of them, in pieces of any size."""
    stream = b"".join(packets.publish(mid, topic, payload) for mid, topic, payload in sent)
    reader, found = packets.Reader(), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        for kind, flags, body in reader.feed(stream[:size]):
            topic, mid, payload = packets.parse_publish(flags, body)
            found.append((kind, int.from_bytes(mid, "big"), topic, payload))
        stream = stream[size:]
    assert found == [(packets.PUBLISH, *each) for each in sent]


@pytest.mark.parametrize("data", [b"\x30\xff\xff\xff\xff\x01", b"\x30\xff\xff\xff\x7f"])
def test_what_is_longer_than_the_contract_allows_is_an_error(data: bytes) -> None:
    """Also a length that has no end."""
    with pytest.raises(packets.PacketError):
        list(packets.Reader().feed(data))


@pytest.mark.parametrize(("flags", "body"), [(2, b"\x00\x05ab"), (2, b"\x00\x02ab\x00"), (0, b"\x00\x01\xff")])
def test_a_publish_that_is_cut_short_or_no_text_is_an_error(flags: int, body: bytes) -> None:
    """It is never read beyond its end."""
    with pytest.raises(packets.PacketError):
        packets.parse_publish(flags, body)
