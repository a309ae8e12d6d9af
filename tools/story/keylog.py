"""What was pressed, written to a file of the story's own before the key line goes out; read back to be compared."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Pressed:
    """A key line that was written: when (wall time, s), and where the lines of terminal and modem stood."""

    at: float
    key: str
    mark: int
    modem_mark: int


class KeyLog:
    """One JSON line a press."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, key: str, hold_ms: int, mark: int, modem_mark: int = 0) -> Pressed:
        """Note a press that is about to be made."""
        pressed = Pressed(time.time(), key, mark, modem_mark)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"at": pressed.at, "key": key, "hold_ms": hold_ms}) + "\n")
        return pressed

    def keys(self) -> Counter[str]:
        """How often each key was pressed, from the file."""
        if not self._path.exists():
            return Counter()
        return Counter(json.loads(line)["key"] for line in self._path.read_text(encoding="utf-8").splitlines())
