"""The frozen list holds everything that the firmware imports, and nothing that a home must not run."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
# In C in the port, as its documentation lists them.
BUILT_IN = {
    "binascii", "builtins", "collections", "errno", "esp32", "gc", "hashlib", "io", "json", "machine", "micropython",
    "os", "random", "select", "struct", "sys", "time", "tls", "vfs",
}  # fmt: skip


class Build:
    """What MicroPython's build does with the list."""

    def __init__(self) -> None:
        self.frozen: dict[str, Path] = {}
        self.required: list[str] = []

    def module(self, path: str, *, base_path: str, opt: int) -> None:
        assert opt == 3
        self.frozen[path] = Path(base_path, path).resolve(strict=True)

    def package(self, name: str, files: Any = None, *, base_path: str, opt: int) -> None:
        assert opt == 3
        base = Path(base_path)
        if files is None:
            files = [str(path.relative_to(base / name)) for path in (base / name).rglob("*.py")]
        for file in files:
            path = base / name / file
            self.frozen[f"{name}/{file}"] = path if "$" in base_path else path.resolve(strict=True)

    def require(self, name: str) -> None:
        self.required.append(name)


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Build:
    monkeypatch.chdir(ROOT / "firmware")
    made = Build()
    code = (ROOT / "firmware" / "manifest.py").read_text()
    exec(  # as the build does
        compile(code, "manifest.py", "exec"),
        {"module": made.module, "package": made.package, "require": made.require, "os": os},
    )
    return made


def imports(path: Path) -> set[str]:
    """Top modules that a file may import at run time."""
    tree = ast.parse(path.read_text())
    never = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id in ("TYPE_CHECKING", "_TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in never:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_everything_that_is_imported_is_in_the_image(build: Build) -> None:
    """Frozen, required, or built in; only the desk's way in names the desk's machine."""
    missing = set()
    for name, path in build.frozen.items():
        if not path.is_file():
            continue  # of MicroPython's own tree
        for wanted in imports(path):
            as_path = wanted.replace(".", "/")
            there = f"{as_path}.py" in build.frozen or f"{as_path}/__init__.py" in build.frozen
            if not there and wanted.split(".")[0] not in BUILT_IN and wanted not in build.required:
                missing.add((name, wanted))
    assert missing == {("firmware/main.py", "firmware.hal.unix")}


def test_no_file_on_the_flash_runs_in_place_of_ours(build: Build) -> None:
    """The three names that the interpreter looks for are taken, and the port's own list is not asked."""
    assert {"_boot.py", "boot.py", "main.py"} <= set(build.frozen)
    assert "firmware/manifest.py" not in build.frozen
    assert "firmware/hal/unix.py" not in build.frozen
    assert "include(" not in (ROOT / "firmware" / "manifest.py").read_text()
