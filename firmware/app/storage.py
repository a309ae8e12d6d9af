"""Small files that survive a power cut at any moment.

In: names and values. Out: the values of before or of after a cut, never half of one.
Must never raise, nor read a whole file into memory: broken storage is told by `False` and counted, and everything goes
on without it.
"""

import errno
import os

from firmware.core.lines import pack, unpack
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Iterator

# The longest is a configuration of 1,400 bytes, in a Python that writes \u for each character.
_LINE_BYTES_MAX = const(4_096)
# The largest is an outbox before it is rewritten, 104 lines of 480 bytes and as much again.
FILE_BYTES_MAX = const(131_072)
_PIECE = const(512)


class Storage:
    """One folder. `failures` counts writes that did not happen."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.failures = 0
        self.damaged = 0  # lines and files that were there and could not be read

    def lines(self, name: str) -> "Iterator[bytes]":
        """The lines of a file, one by one and without their end; none where there is no file. Read it to its end."""
        try:
            with open(self.folder + "/" + name, "rb") as file:
                rest, left, skip = b"", FILE_BYTES_MAX, False
                while left > 0:
                    piece = bytes(file.read(min(_PIECE, left)))
                    if not piece:
                        break
                    left -= len(piece)
                    parts = piece.split(b"\n")
                    for part in parts[:-1]:
                        if not skip:
                            yield rest + part
                        rest, skip = b"", False
                    rest += parts[-1]
                    if len(rest) > _LINE_BYTES_MAX or skip:
                        self.damaged += 0 if skip else 1
                        rest, skip = b"", True
                if left <= 0:
                    self.damaged += 1  # whatever wrote that, it was not this firmware
                elif rest:
                    yield rest
        except OSError as error:
            if error.args[0] != errno.ENOENT:
                self.damaged += 1

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        try:
            os.stat(self.folder + "/" + name)
        except OSError:
            return False
        return True

    def read(self, name: str) -> object:
        """The checked value of a file of one line, or None."""
        if not self.exists(name):
            return None
        value, count, before = None, 0, self.damaged
        for line in self.lines(name):
            count += 1
            value = unpack(line) if count == 1 else None
        if value is None and self.damaged == before:
            self.damaged += 1
        return value

    def write_lines(self, name: str, lines: "list[bytes]") -> bool:
        """Write beside, then rename over: a cut leaves the old file or the new one."""
        path = self.folder + "/" + name
        try:
            with open(path + ".new", "wb") as file:
                for line in lines:
                    file.write(line)
            os.rename(path + ".new", path)
        except OSError:
            self.failures += 1
            self.remove(name + ".new")  # on a full chip it would keep the room that the next try needs
            return False
        return True

    def append_lines(self, name: str, lines: "list[bytes]") -> bool:
        """Add to a file. A cut leaves it as it was; on a machine that may keep half of it, half a line at most."""
        try:
            with open(self.folder + "/" + name, "ab") as file:
                file.write(b"\n")  # whatever half a line stands there ends here
                for line in lines:
                    file.write(line)
        except OSError:
            self.failures += 1
            return False
        return True

    def write(self, name: str, value: object) -> bool:
        """One checked value."""
        return self.write_lines(name, [pack(value)])

    def remove(self, name: str) -> None:
        """Forget a file; nothing if there is none."""
        try:
            os.remove(self.folder + "/" + name)
        except OSError:
            pass
