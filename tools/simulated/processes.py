"""One fleet in several processes: each plays a part of it, and this one adds up what they count.

In: the command line of each part, lines from standard input. Out: `ready` once all are, counts of all together.
A part that ends by itself ends all of them: a fleet with a hole is no measurement.
"""

from __future__ import annotations

import json
import queue
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from tools.embedded import children
from tools.simulated.counts import merged

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Sequence

STOP_S = 120.0  # the parts settle their calls first


class PartError(Exception):
    """A part of the fleet ended before it was asked to."""


class Parts:
    """`run` once."""

    def __init__(self, commands: Sequence[list[str]], say: Callable[[str], None], *, reads: bool) -> None:
        self._commands = commands
        self._say = say
        self._reads = reads
        self._events: queue.SimpleQueue[tuple[int, str | None]] = queue.SimpleQueue()
        self._parts: list[subprocess.Popen[bytes]] = []
        self._counting: list[dict[str, Any]] = []

    def run(self) -> dict[str, Any]:
        """The counts of all. Raises PartError."""
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: self._ask_to_end())
        try:
            for command in self._commands:
                # Into our own standard error; what a part prints comes here.
                self._parts.append(children.start(command, stdin=-1, stdout=-1))
            for number, part in enumerate(self._parts):
                threading.Thread(target=self._read, args=(number, part), daemon=True).start()
            if self._reads:
                threading.Thread(target=self._listen, daemon=True).start()
            return self._collect()
        finally:
            for part in self._parts:
                children.stop(part, wait_s=STOP_S)

    def _collect(self) -> dict[str, Any]:
        ready, last = 0, dict[int, dict[str, Any]]()
        while len(last) < len(self._parts):
            number, line = self._events.get()
            if number < 0:
                self._forward(line or "")
            elif line is None:
                if number not in last:
                    raise PartError(f"part {number + 1} of {len(self._parts)} ended early")
            elif line == "ready":
                ready += 1
                if ready == len(self._parts):
                    self._say("ready")
            elif '"raw"' not in line:
                self._say(line)
            elif (told := json.loads(line))["last"]:
                last[number] = told
            else:
                self._count(told)
        return together(last.values())

    def _count(self, told: dict[str, Any]) -> None:
        self._counting.append(told)
        if len(self._counting) == len(self._parts):
            print(json.dumps(together(self._counting)), flush=True)
            self._counting = []

    def _forward(self, line: str) -> None:
        words = line.split()
        if len(words) == 3 and words[0] == "storm":  # each part has its share of it
            line = f"storm {float(words[1]) / len(self._parts)} {words[2]}"
        for part in self._parts:
            if part.stdin is not None:
                part.stdin.write(line.encode() + b"\n")
                part.stdin.flush()

    def _read(self, number: int, part: subprocess.Popen[bytes]) -> None:
        for line in part.stdout or ():
            self._events.put((number, line.decode().rstrip("\n")))
        self._events.put((number, None))

    def _listen(self) -> None:
        for line in sys.stdin:
            self._events.put((-1, line.rstrip("\n")))

    def _ask_to_end(self) -> None:
        for part in self._parts:
            if part.poll() is None:
                part.send_signal(signal.SIGTERM)


def together(parts: Any) -> dict[str, Any]:
    """One fleet's summary of what its parts told."""
    parts = list(parts)
    total = {name: sum(part[name] for part in parts) for name in ("terminals", "outstanding", "rss_mb")}
    return {**total, **merged(part["raw"] for part in parts).summary()}
