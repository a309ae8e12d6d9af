"""Make `.venv` and install the project into it, on a machine that has Python 3.11 or later and nothing else.

In: the lock beside this file. Out: the path of the environment's Python. Uses the standard library only, talks on
standard error only, and does nothing when the environment already matches the lock.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "tools" / "requirements.lock"
PYTHON_MIN = (3, 11)
# What the environment depends on: a change in one of these makes it anew.
_INPUTS = (
    "tools/requirements.lock",
    "pyproject.toml",
    "tools/build_assets.py",
    "tools/type_stubs.py",
    "cloud/html/npm/package-lock.json",
)
_STALE_LOCK_S = 1800  # a set-up that takes half an hour is dead


def say(text: str) -> None:
    """One line of progress on standard error."""
    print(f"[setup] {text}", file=sys.stderr, flush=True)


def folder() -> Path:
    """Where the environment lives: `.venv` in the project, or ONEKEY_VENV."""
    return Path(os.environ.get("ONEKEY_VENV", str(ROOT / ".venv")))


def program(name: str) -> Path:
    """The path of a program inside the environment."""
    windows = os.name == "nt"
    return folder() / ("Scripts" if windows else "bin") / (name + (".exe" if windows else ""))


def _wanted() -> str:
    digest = hashlib.sha256(f"{sys.version_info[:3]} {ROOT}".encode())
    for name in _INPUTS:
        path = ROOT / name
        digest.update(path.read_bytes() if path.exists() else b"-")
    return digest.hexdigest()


def _run(title: str, command: list[str]) -> None:
    """Run one long step, with a sign of life every ten seconds."""
    say(title)
    begun = time.monotonic()
    with subprocess.Popen(command, cwd=ROOT, stdout=sys.stderr.fileno(), stdin=subprocess.DEVNULL) as process:
        while True:
            try:
                code = process.wait(timeout=10)
                break
            except subprocess.TimeoutExpired:
                say(f"  … {time.monotonic() - begun:.0f} s")
    if code != 0:
        say(f"{title} failed (exit code {code}). The lines above say why; running the command again resumes.")
        raise SystemExit(1)


def ensure() -> Path:
    """The environment's Python, after installing whatever the lock names and is not there yet."""
    if sys.version_info < PYTHON_MIN:
        say(f"Python {PYTHON_MIN[0]}.{PYTHON_MIN[1]} or later is needed; this is {sys.version.split()[0]}.")
        raise SystemExit(1)
    stamp = folder() / "onekeycall.stamp"
    wanted = _wanted()
    python = program("python")
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    guard = folder().with_name(folder().name + ".lock")
    _take(guard)
    try:
        if not (python.exists() and stamp.exists() and stamp.read_text() == wanted):
            _build(python)
            stamp.write_text(wanted)
    finally:
        guard.unlink(missing_ok=True)
    return python


def _take(guard: Path) -> None:
    """Hold the set-up alone: two terminals may start at once."""
    told = False
    while True:
        try:
            os.close(os.open(guard, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            if time.time() - guard.stat().st_mtime > _STALE_LOCK_S:
                guard.unlink(missing_ok=True)
                continue
            if not told:
                say(f"another set-up is running; waiting (if it is not, delete {guard})")
                told = True
            time.sleep(0.5)
        else:
            return


def _build(python: Path) -> None:
    if not python.exists():
        if importlib.util.find_spec("ensurepip") is None:
            say("this Python has no ensurepip; on Debian and Ubuntu: apt-get install python3-venv")
            raise SystemExit(1)
        say(f"making {folder()}")
        venv.EnvBuilder(with_pip=True, clear=folder().exists()).create(folder())
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", "--no-input"]
    _run(
        "installing the pinned packages (once; about 250 MB)",
        [*pip, "install", "--require-hashes", "--requirement", str(LOCK)],
    )
    _run(
        "building the project and its page assets",
        [*pip, "install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
    )
    _run("showing the chip's modules to the type checker", [str(python), str(ROOT / "tools" / "type_stubs.py")])
