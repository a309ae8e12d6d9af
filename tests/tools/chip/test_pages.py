"""The key-value storage on flash, read back by the vendor's published layout and not by our own writer."""

from __future__ import annotations

import struct
import zlib

from hypothesis import given
from hypothesis import strategies as st

from tools.chip.pages import ENTRIES, ENTRY, PAGE, pages

SIZE = 4 * PAGE
names = st.tuples(st.sampled_from(["onekey", "other"]), st.text("abcdefgh", min_size=1, max_size=15))


def values(flash: bytes) -> dict[tuple[str, str], bytes]:
    """Every blob that has data and an index, with all checksums right."""
    spaces: dict[int, str] = {}
    data: dict[tuple[int, bytes], bytes] = {}
    found = {}
    for page in range(0, len(flash), PAGE):
        if flash[page : page + PAGE].strip(b"\xff") == b"":
            continue
        assert struct.unpack_from("<I", flash, page + 28)[0] == zlib.crc32(flash[page + 4 : page + 28], 0xFFFFFFFF)
        bits, at = int.from_bytes(flash[page + 32 : page + 64], "little"), 0
        while at < ENTRIES and bits >> 2 * at & 3 == 2:
            start = page + 64 + at * ENTRY
            entry = flash[start : start + ENTRY]
            assert struct.unpack_from("<I", entry, 4)[0] == zlib.crc32(entry[:4] + entry[8:], 0xFFFFFFFF)
            space, kind, span, key = entry[0], entry[1], entry[2], entry[8:24].rstrip(b"\0")
            if space == 0:
                spaces[entry[24]] = key.decode()
            elif kind == 0x42:
                size, _, crc = struct.unpack_from("<HHI", entry, 24)
                blob = flash[start + ENTRY : start + ENTRY + size]
                assert crc == zlib.crc32(blob, 0xFFFFFFFF)
                data[space, key] = blob
            elif kind == 0x48:
                assert struct.unpack_from("<I", entry, 24)[0] == len(data[space, key])
                found[spaces[space], key.decode()] = data[space, key]
            at += span
    return found


@given(st.dictionaries(names, st.binary(max_size=300), max_size=20))
def test_what_a_program_keeps_is_on_the_flash(kept: dict[tuple[str, str], bytes]) -> None:
    """Also over the end of a page."""
    flash = pages(kept, SIZE)
    assert len(flash) == SIZE
    assert values(flash) == kept


def test_nothing_kept_is_a_blank_flash() -> None:
    """As from the factory."""
    assert pages({}, SIZE) == b"\xff" * SIZE
