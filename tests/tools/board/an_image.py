"""Images as a build of MicroPython lays them out: loader, table of partitions, program, with checksums and hashes."""

from __future__ import annotations

import hashlib
import random
import struct
from functools import reduce

BANNER = b"MicroPython v1.29.0 on 2026-08-29; Generic ESP32 module with ESP32\0"
FROZEN = b"firmware/entry.py\0"
TABLE_AT, PROGRAM_AT = 0x7000, 0xF000  # in the file: 0x1000 less than in flash
TWO_SLOTS = (
    (1, 2, 0x9000, 0x4000, b"nvs"),
    (1, 0, 0xD000, 0x2000, b"otadata"),
    (0, 0x10, 0x10000, 0x180000, b"ota_0"),
    (0, 0x11, 0x190000, 0x180000, b"ota_1"),
    (1, 0x81, 0x310000, 0xF0000, b"vfs"),
)


def part(body: bytes, chip: int = 0) -> bytes:
    """A loader or a program: header, one segment, checksum, hash."""
    head = struct.pack("<BBBBI4xH9xB", 0xE9, 1, 2, 0x20, 0x40081000, chip, 1)
    whole = head + struct.pack("<II", 0x3F400000, len(body)) + body
    whole += bytes(15 - len(whole) % 16) + bytes([reduce(lambda x, y: x ^ y, body, 0xEF)])
    return whole + hashlib.sha256(whole).digest()


def table(partitions: tuple[tuple[int, int, int, int, bytes], ...]) -> bytes:
    """The table of partitions."""
    rows = [struct.pack("<HBBII16s4x", 0x50AA, kind, sub, at, size, name) for kind, sub, at, size, name in partitions]
    return b"".join(rows)


def program(*, home: bool = False, banner: bytes = BANNER, size: int = 30_000, seed: int = 1) -> bytes:
    """What an update sends: a description, then the program."""
    body = struct.pack("<I", 0xABCD5432) + bytes(252) + banner + (FROZEN if home else b"")
    body += random.Random(seed).randbytes(size)
    return part(body + bytes(-len(body) % 4))


def image(
    *,
    home: bool = False,
    chip: int = 0,
    banner: bytes = BANNER,
    partitions: tuple[tuple[int, int, int, int, bytes], ...] = TWO_SLOTS,
    size: int = 30_000,
    seed: int = 1,
) -> bytes:
    """A whole one."""
    out = bytearray(b"\xff" * PROGRAM_AT)
    loader = part(bytes(range(256)) * 8, chip)
    out[: len(loader)] = loader
    rows = table(partitions)
    out[TABLE_AT : TABLE_AT + len(rows)] = rows
    return bytes(out) + program(home=home, banner=banner, size=size, seed=seed)
