"""Every shared test module passes in MicroPython too, and the runner that says so can be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.micropython import unix

if TYPE_CHECKING:
    from pathlib import Path

MODULES = sorted(
    ".".join(path.relative_to(unix.ROOT).with_suffix("").parts)
    for folder in ("protocol", "firmware")
    for path in (unix.ROOT / "tests" / folder).rglob("test_*_shared.py")
)


@pytest.mark.parametrize("module", MODULES)
def test_a_shared_module_passes_in_micropython(module: str) -> None:
    """No “works on my desk”: the same functions, called by the interpreter that the terminal has."""
    done = unix.run("run.py", module)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 failed" in done.stdout


def _module(folder: Path, body: str) -> str:
    (folder / "invented_shared.py").write_text(body)
    return "invented_shared"


def test_the_runner_tells_a_failure_and_goes_on(tmp_path: Path) -> None:
    """One failure is printed with its place, the next test still runs, and the status is 1."""
    name = _module(tmp_path, "def test_a():\n    assert 1 == 2, 'one is not two'\n\n\ndef test_b():\n    pass\n")
    done = unix.run("run.py", name, path=str(tmp_path))
    assert done.returncode == 1
    assert "1 passed, 1 failed" in done.stdout
    assert "one is not two" in done.stdout


@pytest.mark.parametrize("body", ["x = 1\n", "import a_module_that_is_not_there\n"])
def test_the_runner_does_not_call_nothing_a_success(tmp_path: Path, body: str) -> None:
    """A module without tests, or one that cannot be imported, is a failure."""
    assert unix.run("run.py", _module(tmp_path, body), path=str(tmp_path)).returncode == 1
