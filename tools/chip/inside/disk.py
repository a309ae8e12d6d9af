"""The chip's file system: a folder of this machine as the root, nothing else in sight. Runs in MicroPython.

In: paths of the program. Out: files, until there is no more room. What the emulation itself keeps there is not listed.
"""

import errno
import io

import vfs  # type: ignore[import-not-found, unused-ignore]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BLOCK = 4_096
HIDDEN = (".nvs", ".rtc")  # key-value storage and the clock's memory are other parts of a chip
ENOSPC = 28  # the interpreter has no name for it
_FOLDER = 0x4000
_WRITES = "wax+"


class Disk:
    """What `vfs.mount` takes: the interpreter's own, whose renames lose their way under a root, over whole paths."""

    def __init__(self, root: str, room: int) -> None:
        self._root = root.rstrip("/")
        self._room = room  # bytes; 0: nothing can be written
        self._used = 0
        self._all = vfs.VfsPosix()  # type: ignore[attr-defined, unused-ignore]
        self._cwd = "/"

    def _path(self, path: str) -> str:
        if ".." in path.split("/"):
            raise OSError(errno.ENOENT)  # nothing is above the root, and no program of ours goes up
        return self._root + (path if path.startswith("/") else self._cwd.rstrip("/") + "/" + path)

    def mount(self, readonly: bool, mkfs: bool) -> None:
        """Nothing to do."""

    def umount(self) -> None:
        """Nothing to do."""

    def open(self, path: str, mode: str) -> object:
        """A file. One that is written is counted."""
        kept = path.lstrip("/").split("/")[0] in HIDDEN
        if kept or not [letter for letter in _WRITES if letter in mode]:
            return self._all.open(self._path(path), mode)
        self._used = self._count(self._root)
        if self._used >= self._room:
            raise OSError(ENOSPC)
        return Written(self._all.open(self._path(path), mode), self)

    def take(self, size: int) -> None:
        """Room for so many bytes more."""
        if self._used + size > self._room:
            raise OSError(ENOSPC)
        self._used += size

    def _count(self, folder: str) -> int:
        total = 0
        for entry in self._all.ilistdir(folder):
            path = folder + "/" + entry[0]
            if entry[0] in HIDDEN or entry[0] in (".", ".."):
                continue
            total += self._count(path) if entry[1] == _FOLDER else self._all.stat(path)[6]
        return total

    def ilistdir(self, path: str) -> object:
        """Entries."""
        return iter([entry for entry in self._all.ilistdir(self._path(path)) if entry[0] not in HIDDEN])

    def mkdir(self, path: str) -> None:
        """A folder."""
        self._all.mkdir(self._path(path))

    def rmdir(self, path: str) -> None:
        """No folder."""
        self._all.rmdir(self._path(path))

    def remove(self, path: str) -> None:
        """No file."""
        self._all.remove(self._path(path))

    def rename(self, old: str, new: str) -> None:
        """At once, over what was there."""
        self._all.rename(self._path(old), self._path(new))

    def stat(self, path: str) -> object:
        """Kind and size."""
        return self._all.stat(self._path(path))

    def statvfs(self, path: str) -> object:
        """Room, in blocks."""
        free = max(0, self._room - self._count(self._root)) // BLOCK
        return (BLOCK, BLOCK, self._room // BLOCK, free, free, 0, 0, 0, 0, 255)

    def chdir(self, path: str) -> None:
        """Where relative paths begin."""
        self._cwd = path if path.startswith("/") else self._cwd.rstrip("/") + "/" + path

    def getcwd(self) -> str:
        """There."""
        return self._cwd


class Written(io.IOBase):
    """A file whose bytes are counted."""

    def __init__(self, file: "Any", disk: Disk) -> None:
        self._file = file
        self._disk = disk

    def __enter__(self) -> "Written":  # noqa: PYI034 - MicroPython has no Self
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)

    def write(self, data: bytes) -> int:
        """All of it, or none and an error."""
        self._disk.take(len(data))
        return int(self._file.write(data))

    def close(self) -> None:
        """To the disk."""
        self._file.close()

    def flush(self) -> None:
        """To the disk, too."""
        self._file.flush()
