"""A terminal with a multiplexer, on the bench: frames out, frames in, and no line of the emulator's own code.

In: commands for a DLCI. Out: what each DLCI said. Its check sum is the division of the standard, bit by bit.
"""

from __future__ import annotations

from collections import defaultdict

from tests.tools.modem.bench import Bench

SABM, UA, DM, DISC, UIH = 0x2F, 0x63, 0x0F, 0x43, 0xEF


def crc(data: bytes) -> int:
    """x^8 + x^2 + x + 1, reversed, start FF, complement."""
    register = 0xFF
    for byte in data:
        for bit in range(8):
            out = (register ^ byte >> bit) & 1
            register = register >> 1 ^ (0xE0 if out else 0)
    return register ^ 0xFF


def frame(dlci: int, kind: int, information: bytes = b"", *, poll: bool = True, command: bool = True) -> bytes:
    """A frame of the terminal."""
    control = kind | (0x10 if poll and kind != UIH else 0)
    size = len(information)
    length = bytes([size << 1 | 1]) if size < 128 else bytes([size << 1 & 0xFF, size >> 7])
    header = bytes([dlci << 2 | command << 1 | 1, control]) + length
    return b"\xf9" + header + information + bytes([crc(header if kind == UIH else header + information)]) + b"\xf9"


def parse(data: bytes) -> list[tuple[int, int, bytes]]:
    """(dlci, control with its P/F, information) of frames that follow each other without a gap."""
    found = []
    while data:
        assert data[0] == 0xF9
        size, header = data[3] >> 1, 4
        if not data[3] & 1:
            size, header = size | data[4] << 7, 5
        end = header + size
        covered = data[1:header] if data[2] & 0xEF == UIH else data[1:end]
        assert data[end] == crc(covered)
        assert data[end + 1] == 0xF9
        found.append((data[1] >> 2, data[2], data[header:end]))
        data = data[end + 2 :]
    return found


class MuxBench(Bench):
    """A modem in CMUX with DLCI 1 to `channels` open and their echo off."""

    def __init__(self, channels: int = 3, start: str = "AT+CMUX=0") -> None:
        super().__init__()
        assert self.send(start) == b"\r\nOK\r\n"
        self.feed(b"".join(frame(n, SABM) for n in range(channels + 1)))
        self.sleep(0)
        self.out()
        for n in range(1, channels + 1):
            assert self.ask(n, "ATE0") == b"ATE0\r\r\nOK\r\n"
        self.events.clear()

    def write_to(self, dlci: int, data: bytes) -> None:
        for start in range(0, len(data), 127):
            self.feed(frame(dlci, UIH, data[start : start + 127]))

    def heard(self) -> dict[int, bytes]:
        """What each DLCI has said since the last look."""
        said: dict[int, bytes] = defaultdict(bytes)
        for dlci, control, information in parse(self.out()):
            assert control & 0xEF == UIH
            said[dlci] += information
        return dict(said)

    def ask(self, dlci: int, command: str, wait: float = 0.0) -> bytes:
        """A command on one DLCI, and what this one said."""
        self.write_to(dlci, command.encode("latin-1") + b"\r")
        self.sleep(wait)
        return self.heard().get(dlci, b"")
