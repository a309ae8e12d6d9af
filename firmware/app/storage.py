"""Small files that survive a power cut at any moment.

In: names and values. Out: the values of before or of after a cut, never half of one.
Must never raise: broken storage is told by `False` and counted, and everything goes on without it.
"""

import errno
import os

from firmware.core.lines import pack, unpack

FILE_BYTES_MAX = 65_536  # the largest is a full outbox with its days, 104 lines of 480 bytes


class Storage:
    """One folder. `failures` counts writes that did not happen."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.failures = 0
        self.damaged = 0  # lines and files that were there and could not be read

    def read_bytes(self, name: str) -> "bytes | None":
        """The file, or None where there is none."""
        try:
            with open(self.folder + "/" + name, "rb") as file:
                return bytes(file.read(FILE_BYTES_MAX))
        except OSError as error:
            if error.args[0] != errno.ENOENT:
                self.damaged += 1
            return None

    def read(self, name: str) -> object:
        """The checked value of a file, or None."""
        raw = self.read_bytes(name)
        if raw is None:
            return None
        value = unpack(raw)
        if value is None:
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
