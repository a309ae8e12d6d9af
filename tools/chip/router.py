"""One cable, two programs behind it: the boot ROM's loader and the console of what runs from flash.

In: bytes of the host's tools. Out: the same bytes for the one they are meant for. A board with reset lines is put into
its loader by them; here the bytes tell: what a loader is sent begins with SLIP's mark, and no console is sent that.
"""

from __future__ import annotations

SLIP = 0xC0
LOADER, CONSOLE = "loader", "console"


class Router:
    """Feed it the host's bytes; it says who gets which."""

    def __init__(self) -> None:
        self.at = CONSOLE
        self._inside = False  # of a frame

    def feed(self, data: bytes) -> list[tuple[str, bytes]]:
        """(who, bytes), in order."""
        out: list[tuple[str, bytearray]] = []
        for byte in data:
            if byte == SLIP:
                self._inside = not self._inside
                who = LOADER
            else:
                who = LOADER if self._inside else CONSOLE
            if not out or out[-1][0] != who:
                out.append((who, bytearray()))
            out[-1][1].append(byte)
            self.at = who
        return [(who, bytes(piece)) for who, piece in out]

    def reset(self) -> None:
        """The cable was pulled: no frame is open any more."""
        self._inside = False
