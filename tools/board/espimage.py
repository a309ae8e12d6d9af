"""What a file says about itself that would be written to a chip: which chip, which program, whole or cut.

In: the bytes. Out: facts, or why it is none of ours. Pure. An image of MicroPython is a loader, a table of partitions
and a program, laid out as they lie in flash from IMAGE_OFFSET on; loader and program end in hashes of their own.
"""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass

CHIPS = {0: "ESP32", 2: "ESP32-S2", 5: "ESP32-C3", 9: "ESP32-S3", 12: "ESP32-C2", 13: "ESP32-C6", 16: "ESP32-H2"}
OURS = 0
OFFSET = 0x1000  # in flash, of the file's first byte
TABLE_AT = 0x8000 - OFFSET
# Key-value storage, in flash: of every table of partitions that we take (firmware/BUILD.md). Images leave it empty.
NVS = range(0x9000, 0xD000)
_MAGIC = 0xE9
_HEADER = struct.Struct("<BBBBI4xH9xB")  # magic, segments, mode, size, entry; chip; whether a hash follows
_SEGMENT = struct.Struct("<II")
_SEGMENTS_MAX = 16  # of the boot ROM
_ENTRY = struct.Struct("<HBBII16s4x")  # of a partition
_ENTRY_MAGIC, _ENTRIES_MAX = 0x50AA, 95
_APP, _DATA, _FIRST_OTA, _LAST_OTA = 0, 1, 0x10, 0x1F
_DESCRIPTION_MAGIC = struct.pack("<I", 0xABCD5432)
_DESCRIPTION_AT = _HEADER.size + _SEGMENT.size
_BANNER = re.compile(rb"MicroPython (v\d+\.\d+\.\d+[0-9A-Za-z.+-]{0,40}) on \d{4}-\d\d-\d\d")
_OUR_PROGRAM = b"firmware/entry.py\0"  # in the list of frozen modules
_CHECKSUM_SEED = 0xEF


class NotAnImageError(Exception):
    """(Chinese, English): why it is no whole image."""


class OtherChipError(Exception):
    """The name of the chip that it is for."""


@dataclass(frozen=True)
class Facts:
    """What an image says of itself."""

    chip: str
    version: str  # of MicroPython
    kind: str  # "home": our program is frozen into it; "trial": official MicroPython
    slots: int  # partitions for programs: two can be updated and rolled back
    flash_bytes: int  # what its partitions need


def read(data: bytes) -> Facts:
    """Raises NotAnImageError or OtherChipError."""
    chip = _chip(data)
    if data[_DESCRIPTION_AT:].startswith(_DESCRIPTION_MAGIC):
        raise NotAnImageError("这是升级文件，要用完整镜像 micropython.bin", "an update; the whole image is wanted")
    if _whole(data, 0) > TABLE_AT:
        raise NotAnImageError("开头不是引导程序", "no loader at its start")
    table = _table(data)
    programs = [(at, size) for kind, sub, at, size in table if kind == _APP]
    if not programs:
        raise NotAnImageError("没有分区表", "no table of partitions")
    if data[NVS.start - OFFSET : NVS.stop - OFFSET].strip(b"\xff"):
        raise NotAnImageError("键值存储区里有内容", "something lies where the key-value storage is")
    at, size = min(programs)
    if _whole(data, at - OFFSET) - (at - OFFSET) > size:
        raise NotAnImageError("程序比分区大", "the program is longer than its partition")
    banner = _BANNER.search(data)
    if banner is None:
        raise NotAnImageError("里面没有 MicroPython", "no MicroPython in it")
    return Facts(
        chip=CHIPS[chip],
        version=banner[1].decode(),
        kind="home" if _OUR_PROGRAM in data else "trial",
        slots=sum(_FIRST_OTA <= sub <= _LAST_OTA for kind, sub, _, _ in table if kind == _APP),
        flash_bytes=max(OFFSET + len(data), *(at + size for _, _, at, size in table)),
    )


def _chip(data: bytes) -> int:
    if len(data) < _DESCRIPTION_AT + len(_DESCRIPTION_MAGIC) or data[0] != _MAGIC:
        raise NotAnImageError("不是乐鑫固件镜像", "not an Espressif image")
    chip = int(_HEADER.unpack_from(data)[5])
    if chip != OURS:
        raise OtherChipError(CHIPS.get(chip, f"chip {chip}"))
    return chip


def _whole(data: bytes, start: int) -> int:
    """Where the loader or program at `start` ends; its checksum and its hash are right."""
    cut = NotAnImageError("文件不完整或已损坏，请重新下载", "cut or damaged; get it again")
    if len(data) < start + _HEADER.size or data[start] != _MAGIC:
        raise cut
    segments, hashed = data[start + 1], data[start + _HEADER.size - 1]
    at, checksum = start + _HEADER.size, _CHECKSUM_SEED
    if not 0 < segments <= _SEGMENTS_MAX:
        raise cut
    for _ in range(segments):
        if len(data) < at + _SEGMENT.size:
            raise cut
        size = int(_SEGMENT.unpack_from(data, at)[1])
        piece = data[at + _SEGMENT.size : at + _SEGMENT.size + size]
        if len(piece) != size:
            raise cut
        checksum = _xor(piece, checksum)
        at += _SEGMENT.size + size
    end = start + ((at - start) // 16 + 1) * 16  # the checksum is the last byte of a line of 16
    if len(data) < end or data[end - 1] != checksum:
        raise cut
    if hashed:
        if data[end : end + 32] != hashlib.sha256(data[start:end]).digest():
            raise cut
        end += 32
    return end


def _xor(piece: bytes, seed: int) -> int:
    """All bytes and the seed, as one byte; by eights of them, because a program has a million."""
    padded = piece + bytes(-len(piece) % 8)
    for (word,) in struct.iter_unpack("<Q", padded):
        seed ^= word
    while seed > 0xFF:
        seed = (seed >> 8) ^ (seed & 0xFF)
    return seed


def _table(data: bytes) -> list[tuple[int, int, int, int]]:
    """(kind, sub-kind, where in flash, bytes) of each partition."""
    found = []
    for index in range(_ENTRIES_MAX):
        at = TABLE_AT + index * _ENTRY.size
        if len(data) < at + _ENTRY.size:
            break
        magic, kind, sub, where, size, _ = _ENTRY.unpack_from(data, at)
        if magic != _ENTRY_MAGIC:
            break
        found.append((kind, sub, where, size))
    return found
