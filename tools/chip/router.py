"""One cable, two programs behind it: the boot ROM's loader and the console of what runs from flash.

In: bytes of the host's tools. Out: whole frames for the loader, all other bytes for the console, in their order. Reset
lines would put a board into its loader; here the bytes tell: a frame begins with SLIP's mark, which no text has.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

SLIP, _ESC = 0xC0, 0xDB
LOADER, CONSOLE = "loader", "console"
GAP_S = 1.0  # a frame that does not go on for so long was broken off with its sender
SYNC = "SYNC"

# Commands of the ROM and of the flasher stub, from the vendor's description of the serial protocol.
_NAMES = {
    0x02: "FLASH_BEGIN", 0x03: "FLASH_DATA", 0x04: "FLASH_END", 0x05: "MEM_BEGIN", 0x06: "MEM_END", 0x07: "MEM_DATA",
    0x08: SYNC, 0x09: "WRITE_REG", 0x0A: "READ_REG", 0x0B: "SPI_SET_PARAMS", 0x0D: "SPI_ATTACH",
    0x0E: "READ_FLASH_SLOW", 0x0F: "CHANGE_BAUDRATE", 0x10: "FLASH_DEFL_BEGIN", 0x11: "FLASH_DEFL_DATA",
    0x12: "FLASH_DEFL_END", 0x13: "SPI_FLASH_MD5", 0x14: "GET_SECURITY_INFO", 0xD0: "ERASE_FLASH",
    0xD1: "ERASE_REGION", 0xD2: "READ_FLASH", 0xD3: "RUN_USER_CODE",
}  # fmt: skip
_SIZE_THEN_AT = {"FLASH_BEGIN", "FLASH_DEFL_BEGIN"}  # size, blocks, bytes of a block, address
_AT_THEN_SIZE = {"ERASE_REGION", "READ_FLASH", "SPI_FLASH_MD5"}
_ERASES = _SIZE_THEN_AT | {"ERASE_REGION"}


@dataclass(frozen=True)
class Order:
    """One command to the loader; address and size in bytes where it has them."""

    name: str
    at: int = 0
    size: int = 0

    def __str__(self) -> str:
        """As a line of a log."""
        return f"{self.name} {self.at:#x} {self.size}" if self.size else self.name

    def erased(self, flash: int) -> range:
        """Which part of a flash of so many bytes it erases."""
        if self.name == "ERASE_FLASH":
            return range(flash)
        return range(self.at, min(self.at + self.size, flash)) if self.name in _ERASES else range(0)


def order(frame: bytes) -> Order | None:
    """What a frame of the host says; None for one that is no command, as an acknowledgement."""
    data = frame.strip(bytes((SLIP,))).replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb")
    if len(data) < 8 or data[0] != 0:
        return None
    name, body = _NAMES.get(data[1], f"{data[1]:#x}"), data[8:]
    if name in _SIZE_THEN_AT and len(body) >= 16:
        size, _, _, at = struct.unpack_from("<IIII", body)
        return Order(name, at, size)
    if name in _AT_THEN_SIZE and len(body) >= 8:
        return Order(name, *struct.unpack_from("<II", body))
    return Order(name)


class Router:
    """Feed it the host's bytes with the time in seconds; it says who gets which."""

    def __init__(self) -> None:
        self._frame = bytearray()
        self._fed = 0.0

    def feed(self, data: bytes, now: float) -> list[tuple[str, bytes]]:
        """(who, bytes), in order. A frame comes when it is whole."""
        if now - self._fed > GAP_S:
            self.reset()
        self._fed = now
        out: list[tuple[str, bytes]] = []
        while data:
            at = data.find(SLIP)
            piece, mark = (data, b"") if at < 0 else (data[:at], data[at : at + 1])
            data = data[len(piece) + 1 :]
            if self._frame:
                self._frame += piece + mark
                if mark and len(self._frame) > 2:
                    out.append((LOADER, bytes(self._frame)))
                    self._frame.clear()
            else:
                if piece:
                    out.append((CONSOLE, piece))
                self._frame += mark
        return out

    def reset(self) -> None:
        """The cable was pulled, or whoever sent is gone: no frame is open any more."""
        self._frame.clear()
