"""Rules of the house that speak up: sizes, openings, words, what may be imported where, what lies at the top."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60

TOP = {
    "firmware", "cloud", "protocol", "hardware", "tools", "tests", "flash.sh", "onekey", "pyproject.toml",
    "README.md", "LICENSE",
}  # fmt: skip
# Modules that MicroPython does not have, or that cost a terminal memory it does not have.
NOT_ON_THE_TERMINAL = {"enum", "dataclasses", "typing", "__future__", "re", "pathlib", "logging", "collections.abc"}
# Joined here, so that this file does not hold them itself.
STUB_WORDS = ["".join(parts) for parts in (("TO", "DO"), ("FIX", "ME"), ("XX", "X "))]


def files() -> list[Path]:
    """Every file that belongs to the project: tracked, or new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


FILES = files()
PYTHON = [path for path in FILES if path.suffix == ".py"]
PRODUCT = [path for path in PYTHON if path.relative_to(ROOT).parts[0] != "tests"]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_top_level_holds_exactly_the_house() -> None:
    """A reader sees the rooms and nothing else."""
    assert {path.relative_to(ROOT).parts[0] for path in FILES if not name(path).startswith(".")} == TOP


@pytest.mark.parametrize("path", PYTHON, ids=name)
def test_a_file_can_be_read_at_a_sitting(path: Path) -> None:
    """At most 400 lines, functions of at most 60, and the first thing said is what the file is for."""
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= FILE_LINES_MAX
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "opens without saying what comes in, what goes out, what it must never do"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= FUNCTION_LINES_MAX, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("path", PRODUCT, ids=name)
def test_the_product_holds_no_stub(path: Path) -> None:
    """A word that marks unfinished work has no place in what is shipped."""
    text = path.read_text(encoding="utf-8")
    assert [word for word in STUB_WORDS if word in text] == []


def test_what_is_not_implemented_is_the_shape_of_something_that_is() -> None:
    """A method may be left to its children only where the product has some (MicroPython has no protocols)."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in PRODUCT]
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    parents = {
        base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "") for c in classes for base in c.bases
    }
    open_ = {
        c.name for c in classes for node in ast.walk(c) if isinstance(node, ast.Raise) and "NotImpl" in ast.dump(node)
    }
    raised = sum(
        "NotImpl" in ast.dump(node) for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Raise)
    )
    within = sum("NotImpl" in ast.dump(node) for c in classes for node in ast.walk(c) if isinstance(node, ast.Raise))
    assert open_ <= parents
    assert raised == within


@pytest.mark.parametrize(
    "path", [p for p in PYTHON if p.relative_to(ROOT).parts[0] in ("protocol", "firmware")], ids=name
)
def test_the_terminal_imports_only_what_it_has(path: Path) -> None:
    """MicroPython has no enum, dataclasses or typing; only the hal touches the machine."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    never_run = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id.endswith("TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        if id(node) not in never_run:
            assert not NOT_ON_THE_TERMINAL & set(names), names
        if "machine" in names or "esp32" in names:
            assert path.parent == ROOT / "firmware" / "hal"


def test_the_lock_names_no_registry_host() -> None:
    """Packages come from whatever registry the machine is set up for."""
    for lock in (ROOT / "tools" / "requirements.lock", ROOT / "cloud" / "html" / "npm" / "package-lock.json"):
        text = lock.read_text()
        assert "--index-url" not in text
        assert '"resolved"' not in text
        assert "https://" not in "".join(
            line for line in text.splitlines() if "funding" not in line and "url" not in line
        )


def test_every_room_is_named_in_the_readme() -> None:
    """A newcomer finds each folder's purpose on the first page."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for room in ("firmware", "protocol", "cloud", "tools", "tests", "hardware"):
        assert f"{room}/" in readme
    walk = (ROOT / "cloud" / "README.md").read_text(encoding="utf-8")
    for room in sorted(path.parent.name for path in (ROOT / "cloud").glob("*/__init__.py")):
        assert f"`{room}/`" in walk, room
