"""The type checker sees the chip's modules, and nothing of MicroPython in the place of CPython's own."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tools import type_stubs

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """
import machine, esp32, time
machine.WDT(timeout=5_000).feed()
reveal_type(esp32.NVS("a").get_blob("b", bytearray(3)))
reveal_type(time.monotonic())
machine.WDT(timeot=5_000)
time.ticks_ms()
"""


def test_only_what_the_firmware_imports_is_shown(tmp_path: Path) -> None:
    """As stub-only packages; a second time does no harm."""
    for name in ("machine", "esp32", "vfs", "time"):
        (tmp_path / f"{name}.pyi").write_text("x: int\n")
    (tmp_path / "_mpy_shed").mkdir()
    (tmp_path / "_mpy_shed" / "__init__.pyi").write_text("y: int\n")
    for _ in range(2):
        type_stubs.expose(tmp_path)
    shown = sorted(path.name for path in tmp_path.glob("*-stubs"))
    assert shown == ["_mpy_shed-stubs", "esp32-stubs", "machine-stubs", "vfs-stubs"]
    assert (tmp_path / "machine-stubs" / "__init__.pyi").read_text() == "x: int\n"


def test_the_environment_has_the_chips_own_signatures(tmp_path: Path) -> None:
    """A wrong argument is an error, and `time` is CPython's: it has no ticks."""
    path = tmp_path / "uses.py"
    path.write_text(SOURCE)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--cache-dir", str(tmp_path), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path)
    said = done.stdout
    assert 'Unexpected keyword argument "timeot"' in said
    assert said.count('Revealed type is "int"') == 1
    assert 'Module has no attribute "ticks_ms"' in said
    assert "Found 2 errors" in said
