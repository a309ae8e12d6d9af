"""What was done to one board, by its MAC: a line when a step begins, a line with its facts when it is done.

In: steps and facts. Out: which steps need not be done again. Lines are on disk before and after each step, so that a
bench that lost its power knows where it was. Must never hold a password or a phone number.
"""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tools.board import bench as folders

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.board.bench import Bench

BEGUN, DONE, UNDONE = "begun", "done", "undone"


def utc_now() -> datetime:
    """The bench's clock."""
    return datetime.now(UTC)


class Journal:
    """Of one board, and its log file."""

    def __init__(self, bench: Bench, mac: str, now: Callable[[], datetime] = utc_now) -> None:
        name = mac.replace(":", "")
        self.mac = mac
        self.path = bench.journal / f"{name}.jsonl"
        self.log_path = bench.log / f"{name}.log"
        self._now = now
        self._lock = threading.Lock()
        self._done: dict[str, dict[str, Any]] = {}
        self._open: set[str] = set()
        self._read()

    def facts(self, step: str) -> dict[str, Any] | None:
        """What is known of a step that is done; None if it is not."""
        return self._done.get(step)

    def open(self, step: str) -> bool:
        """Whether it was begun and never ended."""
        return step in self._open

    def begin(self, step: str) -> None:
        """From here on the step may be half done: what it did before does not count any more."""
        self._write(step, BEGUN, {})

    def done(self, step: str, facts: dict[str, Any]) -> None:
        """It holds, and need not be done again."""
        self._write(step, DONE, facts)

    def undo(self, *steps: str) -> None:
        """What was done does not hold any more."""
        for step in steps:
            if step in self._done or step in self._open:
                self._write(step, UNDONE, {})

    def log(self, text: str) -> None:
        """One more piece for whoever asks later what happened."""
        lines = "".join(f"{self._stamp()} {line}\n" for line in text.splitlines() if line.strip())
        with self._lock:
            folders.append(self.log_path, lines.encode())

    def _stamp(self) -> str:
        return self._now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def _write(self, step: str, state: str, facts: dict[str, Any]) -> None:
        line = json.dumps({"at": self._stamp(), "step": step, "state": state, "facts": facts}, ensure_ascii=False)
        folders.append(self.path, line.encode() + b"\n")
        self.log(f"{step} {state} {json.dumps(facts, ensure_ascii=False) if facts else ''}")
        self._apply(step, state, facts)

    def _apply(self, step: str, state: str, facts: dict[str, Any]) -> None:
        self._done.pop(step, None)
        self._open.discard(step)
        if state == DONE:
            self._done[step] = facts
        elif state == BEGUN:
            self._open.add(step)

    def _read(self) -> None:
        if not self.path.exists():
            return
        data = self.path.read_bytes()
        if data and not data.endswith(b"\n"):  # the power went while a line was written
            folders.append(self.path, b"\n")
        for raw in data.splitlines():
            try:
                line = json.loads(raw)
                self._apply(line["step"], line["state"], line["facts"])
            except (ValueError, KeyError, TypeError):
                continue
