"""The real tools as programs, on any port."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LIMIT_S = 120  # of one program on a busy machine
# The emulated console's Ctrl-C is a signal; late, it comes into the paste that follows: then a person tries again.
BROKEN_PASTE = "could not complete raw paste"


def run(name: str, *words: str, code: int | None = 0) -> str:
    """What it says; `code` is the exit code that it must have, None for any but 0."""
    done = _once(name, *words)
    if BROKEN_PASTE in done.stdout + done.stderr:
        done = _once(name, *words)
    said = done.stdout + done.stderr
    assert done.returncode == code if code is not None else done.returncode != 0, said
    return said


def _once(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name(name))
    return subprocess.run(
        [program, *words], capture_output=True, text=True, timeout=LIMIT_S, check=False, stdin=subprocess.DEVNULL
    )


def esptool(port: str, *words: str, code: int | None = 0) -> str:
    """Of Espressif."""
    return run("esptool", "--port", port, "--before", "no-reset", "--after", "no-reset", *words, code=code)


def mpremote(port: str, *words: str, code: int | None = 0) -> str:
    """Of MicroPython."""
    return run("mpremote", "connect", port, *words, code=code)
