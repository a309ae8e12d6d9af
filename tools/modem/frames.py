"""Frames of the serial multiplexer, 3GPP 27.010 basic option: bytes in, frames out, and back.

A frame is F9, address, control, length (one or two bytes), information, check sum, F9; one flag may close and open.
A frame that does not add up is dropped and counted, with whatever it swallowed; the next flag starts anew.
"""

from __future__ import annotations

from dataclasses import dataclass

FLAG = 0xF9
SABM, UA, DM, DISC, UIH = 0x2F, 0x63, 0x0F, 0x43, 0xEF
POLL = 0x10  # P in commands, F in responses; never part of the kind
COMMAND = 0x02  # C/R in the address: set in commands of the terminal and in our answers to them
EA = 0x01  # last byte of an address, a length, or a value
_GOOD = 0xCF  # the residue of a header with its own check sum


@dataclass(frozen=True)
class Frame:
    """One frame; `kind` without its poll bit, `command` the C/R bit as it stood in the address."""

    dlci: int
    kind: int
    information: bytes = b""
    poll: bool = False
    command: bool = False


def _table() -> tuple[int, ...]:
    """CRC-8 of the standard: x^8 + x^2 + x + 1, lowest bit first."""
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xE0 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_CRC = _table()


def _residue(data: bytes) -> int:
    crc = 0xFF
    for byte in data:
        crc = _CRC[crc ^ byte]
    return crc


def check_sum(data: bytes) -> int:
    """The FCS over these bytes."""
    return 0xFF - _residue(data)


def _covered(kind: int, header: bytes, information: bytes) -> bytes:
    """What the check sum stands for: UIH leaves its information out."""
    return header if kind == UIH else header + information


def encode(frame: Frame) -> bytes:
    """A frame with both flags."""
    size = len(frame.information)
    length = bytes((size << 1 | EA,)) if size <= 127 else bytes((size << 1 & 0xFE, size >> 7))
    address = frame.dlci << 2 | (COMMAND if frame.command else 0) | EA
    header = bytes((address, frame.kind | (POLL if frame.poll else 0))) + length
    fcs = check_sum(_covered(frame.kind, header, frame.information))
    return bytes((FLAG,)) + header + frame.information + bytes((fcs, FLAG))


class Decoder:
    """Collects bytes until they make a frame; `limit` is the longest information it takes (N1)."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bad = 0  # frames that did not add up
        self.noise = 0  # bytes between frames
        self._buffer = bytearray()
        self._hunting = True  # until a flag

    def push(self, byte: int) -> Frame | None:
        """One byte; the frame that it completes, if it completes one."""
        if self._hunting:
            self.noise += byte != FLAG
            self._hunting = byte != FLAG
            return None
        buffer = self._buffer
        if not buffer and byte == FLAG:
            return None  # flags between frames
        buffer.append(byte)
        size = self._size()
        if size is None:
            return None
        header = 3 if buffer[2] & EA else 4
        if size > self.limit:
            self._drop(byte)
            return None
        if len(buffer) < header + size + 2:
            return None
        return self._end(header, size)

    def _size(self) -> int | None:
        """The length of the information, None until it is known."""
        buffer = self._buffer
        if len(buffer) < 3:
            return None
        if buffer[2] & EA:
            return buffer[2] >> 1
        return buffer[2] >> 1 | buffer[3] << 7 if len(buffer) > 3 else None

    def _end(self, header: int, size: int) -> Frame | None:
        """Everything up to the place of the closing flag is there."""
        buffer = bytes(self._buffer)
        information, fcs, flag = buffer[header : header + size], buffer[-2], buffer[-1]
        kind = buffer[1] & ~POLL
        covered = _covered(kind, buffer[:header], information)
        if flag != FLAG or not buffer[0] & EA or _residue(covered + bytes((fcs,))) != _GOOD:
            self._drop(flag)
            return None
        self._buffer.clear()  # its flag may open the next frame
        return Frame(buffer[0] >> 2, kind, information, bool(buffer[1] & POLL), bool(buffer[0] & COMMAND))

    def _drop(self, last: int) -> None:
        self.bad += 1
        self._buffer.clear()
        self._hunting = last != FLAG
