"""`onekey simulate` as a part of a bench: started as its users start it, asked for its counts while it runs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.embedded import children

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
ANSWER_S = 120.0  # a machine that is full of handshakes answers late
LOOK_S = 0.5


class Simulated:
    """One fleet; `words` are those of the command line."""

    def __init__(self, words: list[str], log: Path) -> None:
        with log.open("ab") as errors:
            self._process = children.start(
                [sys.executable, "-m", "tools", "simulate", *words, "--control"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd=ROOT,
            )  # fmt: skip
        self._log = log
        self._told: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._over = False
        threading.Thread(target=self._read, daemon=True).start()

    def ask(self, line: str) -> None:
        """A line for its standard input."""
        if self._process.stdin is None:
            raise RuntimeError("the fleet has no standard input")
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def counts(self) -> dict[str, Any]:
        """What it has counted until now. Raises RuntimeError where it is gone."""
        with self._news:
            before = len(self._told)
            self.ask("count")
            if not self._news.wait_for(lambda: len(self._told) > before or self._over, ANSWER_S) or self._over:
                raise RuntimeError(f"the fleet does not answer: {self._log.read_text()[-500:]}")
            return self._told[-1]

    def stop(self) -> dict[str, Any]:
        """What it has counted at its end."""
        children.stop(self._process, signal.SIGTERM, ANSWER_S)
        with self._news:
            self._news.wait_for(lambda: self._over, ANSWER_S)
            return self._told[-1] if self._told else {}

    def _read(self) -> None:
        try:
            for line in self._process.stdout or ():
                if line.startswith(b"{"):
                    with self._news:
                        self._told.append(json.loads(line))
                        self._news.notify_all()
        except ValueError:
            pass  # closed under us at the end
        with self._news:
            self._over = True
            self._news.notify_all()


def together(fleets: list[Simulated]) -> dict[str, float]:
    """The plain counts of several fleets."""
    found = [each.counts() for each in fleets]
    return {
        name: sum(each[name] for each in found) for name, value in found[0].items() if isinstance(value, int | float)
    }


def until(fleets: list[Simulated], true: Callable[[dict[str, float]], bool], within_s: float) -> dict[str, float]:
    """Their counts once that is so, or at the end of the time, whatever they are then: a figure is told as it is."""
    deadline = time.monotonic() + within_s
    while not true(found := together(fleets)) and time.monotonic() < deadline:
        time.sleep(LOOK_S)
    return found
