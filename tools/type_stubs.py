"""Shows the type checker what `machine`, `esp32` and `vfs` offer on the chip, and nothing else of MicroPython.

In: micropython-esp32-stubs as installed, a heap of loose files that no type checker looks for. Out: the few that the
firmware imports, as stub-only packages (PEP 561) beside it. Its `time`, `os`, `select` … must never be seen: the cloud
and the tools have those of CPython. Run by the set-up; running it again does no harm.
"""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path

MODULES = ("machine", "esp32", "vfs")
PACKAGES = ("_mpy_shed",)  # what those three import


def expose(site: Path) -> None:
    """Make the stub-only packages in this site-packages folder."""
    for name in MODULES:
        target = site / f"{name}-stubs"
        target.mkdir(exist_ok=True)
        shutil.copyfile(site / f"{name}.pyi", target / "__init__.pyi")
    for name in PACKAGES:
        shutil.copytree(site / name, site / f"{name}-stubs", dirs_exist_ok=True)


if __name__ == "__main__":
    expose(Path(sysconfig.get_path("purelib")))
