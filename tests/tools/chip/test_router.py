"""Which bytes are the loader's, however they are cut into pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tools.chip.router import CONSOLE, GAP_S, LOADER, Order, Router, order

FRAMES = st.binary(min_size=1, max_size=40).map(
    lambda body: b"\xc0" + body.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"
)
TEXTS = st.text(min_size=1, max_size=40).map(str.encode)


@given(st.lists(st.one_of(FRAMES, TEXTS), max_size=8), st.integers(1, 50))
def test_frames_go_to_the_loader_whole_and_text_to_the_console(pieces: list[bytes], size: int) -> None:
    """Nothing is lost, nothing is swapped."""
    router, stream = Router(), b"".join(pieces)
    got = [one for at in range(0, len(stream), size) for one in router.feed(stream[at : at + size], 0.0)]
    assert [piece for who, piece in got if who == LOADER] == [piece for piece in pieces if piece[0] == 0xC0]
    text = b"".join(piece for who, piece in got if who == CONSOLE)
    assert text == b"".join(piece for piece in pieces if piece[0] != 0xC0)


def test_a_frame_that_was_broken_off_is_dropped() -> None:
    """What comes later is not its end."""
    router = Router()
    assert router.feed(b"\xc0\x00\x08", 0.0) == []
    assert router.feed(b"\x03", GAP_S * 2) == [(CONSOLE, b"\x03")]


def test_commands_are_read_as_the_vendor_describes_them() -> None:
    """Address and size where there are some."""
    begin = b"\x00\x10\x10\x00\0\0\0\0" + b"".join(n.to_bytes(4, "little") for n in (0x2000, 1, 0x4000, 0x1000))
    assert order(b"\xc0" + begin + b"\xc0") == Order("FLASH_DEFL_BEGIN", 0x1000, 0x2000)
    assert Order("FLASH_DEFL_BEGIN", 0x1000, 0x2000).erased(1 << 22) == range(0x1000, 0x3000)
    assert order(b"\xc0\x00\x20\x00\x00\xc0") is None
