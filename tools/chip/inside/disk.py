"""The chip's file system: a folder of this machine as the root, nothing else in sight. Runs in MicroPython."""

import vfs  # type: ignore[import-not-found, unused-ignore]


class Disk:
    """What `vfs.mount` takes: the interpreter's own, whose renames lose their way under a root, over whole paths."""

    def __init__(self, root: str) -> None:
        self._root = root.rstrip("/")
        self._all = vfs.VfsPosix()
        self._cwd = "/"

    def _path(self, path: str) -> str:
        return self._root + (path if path.startswith("/") else self._cwd.rstrip("/") + "/" + path)

    def mount(self, readonly: bool, mkfs: bool) -> None:
        """Nothing to do."""

    def umount(self) -> None:
        """Nothing to do."""

    def open(self, path: str, mode: str) -> object:
        """A file."""
        return self._all.open(self._path(path), mode)

    def ilistdir(self, path: str) -> object:
        """Entries."""
        return self._all.ilistdir(self._path(path))

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
        """Room, of this machine's disk."""
        return self._all.statvfs(self._path(path))

    def chdir(self, path: str) -> None:
        """Where relative paths begin."""
        self._cwd = path if path.startswith("/") else self._cwd.rstrip("/") + "/" + path

    def getcwd(self) -> str:
        """There."""
        return self._cwd
