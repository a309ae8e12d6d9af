"""Personal data at rest: opens only with its key, tells nothing, is found by its hash."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.sealed import KEY_BYTES, Box, SealBroken, seal_for

BOX = Box(b"k" * 32)


@given(st.text())
def test_what_is_sealed_can_be_opened(text: str) -> None:
    """Any text, the empty one too."""
    assert BOX.open(BOX.seal(text)) == text


def test_the_same_text_is_sealed_differently_each_time_but_found_by_the_same_hash() -> None:
    """Two rows with one phone number do not show that it is one, unless one has the key."""
    assert BOX.seal("13800000001") != BOX.seal("13800000001")
    assert BOX.digest("13800000001") == BOX.digest("13800000001") != Box(b"q" * 32).digest("13800000001")


@given(st.binary(min_size=1, max_size=40), st.integers(0, 200), st.integers(1, 255))
def test_an_altered_blob_does_not_open(data: bytes, at: int, flip: int) -> None:
    """Every byte is guarded."""
    blob = bytearray(BOX.seal_bytes(data))
    blob[at % len(blob)] ^= flip
    with pytest.raises(SealBroken):
        BOX.open_bytes(bytes(blob))


@given(st.binary(max_size=60))
def test_bytes_that_were_never_sealed_do_not_open(data: bytes) -> None:
    """And nothing else than SealBroken comes of it."""
    with pytest.raises(SealBroken):
        BOX.open_bytes(data)


def test_another_key_does_not_open_and_a_short_one_is_refused() -> None:
    """A wrong key must be noticed at once."""
    with pytest.raises(SealBroken):
        Box(b"q" * 32).open(BOX.seal("x"))
    with pytest.raises(ValueError, match="32 bytes"):
        Box(b"short")


def test_what_others_seal_for_us_only_we_open_and_only_as_what_it_is() -> None:
    """Never twice the same bytes; an altered one, another's key and another place are refused."""
    box, other = Box(b"\x01" * KEY_BYTES), Box(b"\x02" * KEY_BYTES)
    blob = seal_for(box.public_key(), b"photo", b"job 1 photo")
    assert box.open_sent(blob, b"job 1 photo") == b"photo"
    assert b"photo" not in blob
    assert blob != seal_for(box.public_key(), b"photo", b"job 1 photo")
    altered = [blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :] for at in range(len(blob))]
    for opener, sent, about in (
        (other, blob, b"job 1 photo"), (box, blob, b"job 2 photo"), (box, b"", b""), (box, blob[:-1], b"job 1 photo"),
        *((box, each, b"job 1 photo") for each in altered),
    ):  # fmt: skip
        with pytest.raises(SealBroken):
            opener.open_sent(sent, about)
