"""Key-value storage as it lies on flash: what a loader reads of a chip whose program kept values there.

In: blobs by namespace and name. Out: pages of the vendor's format, each a header, two bits for each entry, and entries
of 32 bytes. Only written: the emulated program keeps its values in files.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE, ENTRY, ENTRIES = 4_096, 32, 126
_FULL, _ACTIVE = 0xFFFFFFFC, 0xFFFFFFFE
_VERSION_2 = 0xFE
_U8, _DATA, _INDEX = 0x01, 0x42, 0x48  # kinds of entries
_NO_CHUNK = 0xFF
_WRITTEN = 0b10  # of the two bits of an entry; 0b11 is an empty one


def pages(values: dict[tuple[str, str], bytes], size: int) -> bytes:
    """So many bytes of flash with these values, {(namespace, name): blob}."""
    if not values:
        return b"\xff" * size
    made: list[list[bytes]] = [[]]
    for group in _groups(values):
        if len(made[-1]) + len(group) > ENTRIES:
            made.append([])  # a blob's piece is never parted
        made[-1] += group
    whole = b"".join(_page(number, entries, last=number == len(made) - 1) for number, entries in enumerate(made))
    return whole[:size].ljust(size, b"\xff")


def _groups(values: dict[tuple[str, str], bytes]) -> Iterator[list[bytes]]:
    """Entries that stay together: a namespace's own, a blob's bytes, a blob's index."""
    spaces: dict[str, int] = {}
    for (space, name), blob in sorted(values.items()):
        if space not in spaces:
            spaces[space] = len(spaces) + 1
            yield [_entry((0, _U8, 1, _NO_CHUNK), space, bytes([spaces[space]]).ljust(8, b"\xff"))]
        at, span = spaces[space], 1 + -(-len(blob) // ENTRY)
        facts = struct.pack("<HHI", len(blob), 0xFFFF, _crc(blob))
        padded = blob.ljust((span - 1) * ENTRY, b"\xff")
        rest = [padded[start : start + ENTRY] for start in range(0, len(padded), ENTRY)]
        yield [_entry((at, _DATA, span, 0), name, facts), *rest]
        yield [_entry((at, _INDEX, 1, _NO_CHUNK), name, struct.pack("<IBBH", len(blob), 1, 0, 0xFFFF))]


def _entry(head: tuple[int, int, int, int], name: str, data: bytes) -> bytes:
    """`head`: namespace, kind, entries in all, number of the piece."""
    tail = name.encode().ljust(16, b"\0") + data
    return bytes(head) + struct.pack("<I", _crc(bytes(head) + tail)) + tail


def _page(number: int, entries: list[bytes], *, last: bool) -> bytes:
    head = struct.pack("<IB", number, _VERSION_2) + b"\xff" * 19
    state = struct.pack("<I", _ACTIVE if last else _FULL)
    bits = int.from_bytes(b"\xff" * ENTRY, "little")
    for at in range(len(entries)):
        bits &= ~(0b11 << 2 * at) | _WRITTEN << 2 * at
    whole = state + head + struct.pack("<I", _crc(head)) + bits.to_bytes(ENTRY, "little") + b"".join(entries)
    return whole.ljust(PAGE, b"\xff")


def _crc(data: bytes) -> int:
    return zlib.crc32(data, 0xFFFFFFFF)
