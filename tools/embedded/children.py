"""Child processes that never outlive us: ended in order, and by the kernel if we are killed."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
STOP_S = 10.0  # a healthy process of ours ends in well under a second; PostgreSQL's fast shutdown in a few

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with_parent(sig: int) -> Callable[[], None]:
    def prepare() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, sig)

    return prepare


def start(command: Sequence[str], *, death_signal: int = signal.SIGTERM, **options: Any) -> subprocess.Popen[bytes]:
    """Start a program that gets `death_signal` from the kernel (Linux) when its parent dies, kill -9 included.

    It is moved out of our process group, so Ctrl-C in the terminal reaches only us and we end it in order.
    """
    if sys.platform == "linux":
        options["preexec_fn"] = _die_with_parent(death_signal)
    if sys.platform != "win32":
        options.setdefault("process_group", 0)
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen(command, **options)  # the caller ends it with stop()


def stop(process: subprocess.Popen[bytes], sig: int = signal.SIGTERM, wait_s: float = STOP_S) -> None:
    """Ask a process to end, then insist. Safe for one that has ended."""
    if process.poll() is None:
        process.send_signal(sig)
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(wait_s)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def rss_mb(process: subprocess.Popen[bytes]) -> float:
    """The most memory that a process ever had. Linux only."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return round(int(kib) / 1024, 1)


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], what: str, wait_s: float = 30.0) -> None:
    """Poll until `ready()`; RuntimeError if the process ends first or the time is up."""
    deadline = time.monotonic() + wait_s
    while not ready():
        if process.poll() is not None:
            raise RuntimeError(f"{what} ended with exit code {process.returncode} while starting")
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what} was not ready within {wait_s:.0f} s")
        time.sleep(0.02)
