"""What a child process says, line by line, each stamped when it was read."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Line:
    """One line: wall time of reading (s), its text, and its JSON object (empty where it is none)."""

    at: float
    text: str
    data: dict[str, Any]


class SilenceError(Exception):
    """What was waited for did not come in time."""


class Lines:
    """Collects a stream in a thread; wait_for() finds a line that came or waits for it."""

    def __init__(self, stream: IO[bytes], name: str, show: Callable[[Line], None] | None = None) -> None:
        self.name = name
        self.seen: list[Line] = []
        self._show = show
        self._news = threading.Condition()
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(stream,), name=name, daemon=True)
        self._thread.start()

    def mark(self) -> int:
        """A place in the stream, to look only at what comes after it."""
        with self._news:
            return len(self.seen)

    def since(self, mark: int) -> list[Line]:
        """Lines read after a mark."""
        with self._news:
            return self.seen[mark:]

    def wait_for(self, wanted: Callable[[Line], bool], wait_s: float, what: str, mark: int = 0) -> Line:
        """The first line after `mark` that is wanted. Raises SilenceError on time-out or at the end."""
        deadline = time.monotonic() + wait_s
        with self._news:
            place = mark
            while True:
                for line in self.seen[place:]:
                    place += 1
                    if wanted(line):
                        return line
                left = deadline - time.monotonic()
                if left <= 0 or self.ended.is_set():
                    why = "the process has ended" if self.ended.is_set() else f"not within {wait_s:.0f} s"
                    raise SilenceError(f"{self.name}: {what}: {why}")
                self._news.wait(left)

    def _read(self, stream: IO[bytes]) -> None:
        try:
            for raw in stream:
                line = _parse(raw)
                with self._news:
                    self.seen.append(line)
                    self._news.notify_all()
                if self._show is not None:
                    self._show(line)
        except ValueError:  # the stream was closed under us while the demo ends
            pass
        finally:
            with self._news:
                self.ended.set()
                self._news.notify_all()


def _parse(raw: bytes) -> Line:
    text = raw.decode(errors="replace").strip()
    data: Any = None
    if text.startswith("{"):
        try:
            data = json.loads(text)
        except ValueError:
            data = None
    return Line(time.time(), text, data if isinstance(data, dict) else {})
