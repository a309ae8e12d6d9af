"""The MicroPython process of one terminal: started, asked, answered, killed.

In: time, contacts and bytes for its UART. Out: frames: what it did and until when it sleeps. It never outlives us, and
while it works the world stands still, so a real clock decides nothing but how long interpreted code took.
"""

from __future__ import annotations

import os
import signal
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from tools.embedded import children
from tools.terminal import find_runtime

ROOT = Path(__file__).resolve().parents[2]
# The formats of board.py, which runs in MicroPython and cannot be imported here.
HEAD_OUT = struct.Struct("<QqI")
HEAD_IN = struct.Struct("<QQHBH")
ACTION = struct.Struct("<BQH")
PIECE_MAX = 0xFFFF
NO_WAKE = -1


class ChildError(Exception):
    """MicroPython ended by itself or said what no board says; the text holds the last of its output."""


@dataclass(frozen=True)
class Action:
    """One thing that the terminal did: kind (u: bytes to the UART, n: a line, k: PWRKEY …), world µs, content."""

    kind: str
    at: int
    data: bytes


@dataclass(frozen=True)
class Frame:
    """What it did since the last answer, and until when it sleeps (world µs; None: until something happens)."""

    now: int
    wake: int | None
    actions: tuple[Action, ...]


@dataclass(frozen=True)
class Launch:
    """How a terminal is started."""

    folder: Path  # its file system
    device: str
    server: str  # HOST:PORT as the modem is told
    password: str
    factor: float = 0.0  # world time that a second of interpretation here takes there
    heap: str = "4M"
    script: Path = ROOT / "tools" / "virtual" / "inside.py"
    more: tuple[str, ...] = ()  # further `--name value` for the script


class Child:
    """One run of the firmware, from power-on to its end."""

    def __init__(self, launch: Launch, now: int, cause: str, seed: int) -> None:
        self.factor = launch.factor
        self.frames = 0
        self._answered_at = now
        self._log = launch.folder.parent / f"{launch.folder.name}.log"
        runtime = find_runtime(None)
        if runtime is None:
            raise ChildError("there is no MicroPython for this platform here")
        their_in, self._to = os.pipe()
        self._from, their_out = os.pipe()
        given = {
            "in": their_in, "out": their_out, "us": now, "factor": launch.factor, "seed": seed, "cause": cause,
            "state": launch.folder, "device": launch.device, "server": launch.server, "password": launch.password,
        }  # fmt: skip
        words = [str(word) for name, value in given.items() for word in (f"--{name}", value)]
        with self._log.open("ab") as log:
            self.process = children.start(
                [str(runtime), "-X", f"heapsize={launch.heap}", str(launch.script), *words, *launch.more],
                pass_fds=(their_in, their_out),
                stdout=log,
                stderr=log,
                env={"PATH": os.environ.get("PATH", ""), "MICROPYPATH": f"{ROOT}:.frozen"},
                death_signal=signal.SIGKILL,
            )
        os.close(their_in)
        os.close(their_out)
        self._cpu = self._cpu_ns()

    def receive(self) -> Frame:
        """The next frame. Blocks as long as the firmware computes; ChildError if it ended."""
        now, wake, count = HEAD_OUT.unpack(self._read(HEAD_OUT.size))
        raw = self._read(count) if count else b""
        self.frames += 1
        actions = []
        at = 0
        while at < count:
            kind, when, size = ACTION.unpack_from(raw, at)
            at += ACTION.size
            actions.append(Action(chr(kind), when, raw[at : at + size]))
            at += size
        frame = Frame(now, None if wake == NO_WAKE else wake, tuple(actions))
        return self._corrected(frame) if self.factor and self.frames > 1 else frame

    def answer(self, now: int, horizon: int, levels: int, flags: int, received: bytes) -> None:
        """Let it go on at `now`; it may run to `horizon` without asking, for nothing happens outside before."""
        os.write(self._to, HEAD_IN.pack(now, horizon, levels, flags, len(received)) + received)
        self._answered_at = now
        if self.factor:
            self._cpu = self._cpu_ns()

    def kill(self) -> None:
        """As a power cut: SIGKILL, wherever it is."""
        children.stop(self.process, signal.SIGKILL)
        for fd in (self._to, self._from):
            os.close(fd)

    def _corrected(self, frame: Frame) -> Frame:
        """World time by CPU time used; the child itself has only a wall clock, which others' work stretches."""
        begun = self._answered_at
        wall = frame.now - begun
        used = int((self._cpu_ns() - self._cpu) / 1000 * self.factor)
        if wall <= used or wall <= 0:
            return frame
        shrink = used / wall
        actions = tuple(Action(a.kind, begun + int((a.at - begun) * shrink), a.data) for a in frame.actions)
        wake = None if frame.wake is None else max(begun + used, frame.wake - (wall - used))
        return Frame(begun + used, wake, actions)

    def _cpu_ns(self) -> int:
        # The clock id of another process, as clock_getcpuclockid(3) makes it on Linux.
        return time.clock_gettime_ns((~self.process.pid << 3) | 2)

    def _read(self, count: int) -> bytes:
        out = b""
        while len(out) < count:
            piece = os.read(self._from, count - len(out))
            if not piece:
                code = self.process.wait()
                said = self._log.read_text(errors="replace")[-2000:]
                raise ChildError(f"MicroPython ended with code {code}: {said}")
            out += piece
        return out
