"""PostgreSQL with TimescaleDB where no native one is installed: in WebAssembly, in memory, one connection at a time.

In: the packages pinned in wasm/package-lock.json, fetched once into the environment. Out: a server on loopback, for
tests of schema, inserts, policies and aggregates: it knows no COPY, no second connection and no durability.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.embedded import children, node

_WASM = Path(__file__).resolve().parent / "wasm"
_FILES = ("package.json", "package-lock.json", "server.js")


class Timescale:
    """One server. start(), dsn(), stop()."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    def start(self) -> None:
        """Raises RuntimeError where it does not come up."""
        self._process = children.start(
            [str(node.program()), "server.js"], cwd=installed(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        said = self._process.stdout.readline() if self._process.stdout else b""
        if not said.strip().isdigit():
            self.stop()
            raise RuntimeError("TimescaleDB in WebAssembly does not start")
        self._port = int(said)

    def stop(self) -> None:
        """It is gone afterwards, and all that was in it."""
        if self._process is not None:
            children.stop(self._process)
            self._process = None

    def dsn(self) -> str:
        """Connection string of its one database."""
        return f"host=127.0.0.1 port={self._port} user=postgres password=postgres dbname=postgres sslmode=disable"


def installed() -> Path:
    """Where its packages are, fetched first where this lock was never fetched."""
    digest = hashlib.sha256(b"".join((_WASM / name).read_bytes() for name in _FILES)).hexdigest()[:16]
    folder = Path(sys.prefix) / f"timescale-{digest}"
    if not folder.exists():
        scratch = Path(tempfile.mkdtemp(prefix="timescale-", dir=sys.prefix))
        for name in _FILES:
            shutil.copy(_WASM / name, scratch)
        if not node.npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund"], scratch):
            raise RuntimeError("npm ci failed; its own lines above say why")
        try:
            scratch.rename(folder)
        except OSError:  # somebody else was first
            shutil.rmtree(scratch)
    return folder
