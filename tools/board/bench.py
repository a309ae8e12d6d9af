"""The folder of one bench: images, journals, logs, and what provisioning keeps there.

In: `--bench DIR`, else OKC_BENCH, else ~/.onekey-bench. Out: paths. It holds credentials, so nobody but its owner may
read it, from the moment it is made.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tools.board.texts import BenchError

VARIABLE = "OKC_BENCH"
DEFAULT = "~/.onekey-bench"
PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600


@dataclass(frozen=True)
class Bench:
    """Where things are."""

    folder: Path

    @property
    def images(self) -> Path:
        """Registered images."""
        return self.folder / "images"

    @property
    def journal(self) -> Path:
        """What was done to each board."""
        return self.folder / "journal"

    @property
    def log(self) -> Path:
        """What was said to each board."""
        return self.folder / "log"

    @property
    def labels(self) -> Path:
        """Labels of boards that passed."""
        return self.folder / "labels"


def find(given: Path | None = None) -> Bench:
    """The bench, made if it is not there. Raises BenchError."""
    folder = given or Path(os.environ.get(VARIABLE) or Path(DEFAULT).expanduser())
    bench = Bench(folder.absolute())
    try:
        for one in (bench.folder, bench.images, bench.journal, bench.log, bench.labels):
            one.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        raise BenchError("bench", path=folder, error=error.strerror) from None
    return bench


def append(path: Path, data: bytes) -> None:
    """Add to a private file, on disk when this returns."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, PRIVATE_FILE)
    try:
        os.write(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)


def replace(path: Path, data: bytes) -> None:
    """Write a private file whole: a reader sees the old one or the new one, also after a power cut."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
