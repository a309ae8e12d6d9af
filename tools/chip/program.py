"""What runs from the board's flash: one process of MicroPython's unix port, its console, and a line to its modules.

In: keystrokes, levels of the world. Out: what it prints, what it does to its lines, its end. A Ctrl-C interrupts what
runs unless the program switched that off; at a prompt it is a character like any other.
"""

from __future__ import annotations

import json
import os
import signal
import termios
import time
import tty
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tools.chip.cable import READ, Outlet
from tools.embedded import children
from tools.terminal import find_runtime

if TYPE_CHECKING:
    import asyncio
    import subprocess

INSIDE = Path(__file__).with_name("inside")
HEAP = "4M"
CTRL_A, CTRL_C = b"\x01", b"\x03"
STOPS_S, LOOK_S = 1.0, 0.0005  # a process that does not stop in that is as good as dead
_SIGINT_BIT = 1 << (signal.SIGINT - 1)


class Outside(Protocol):
    """Who hears the program."""

    def said(self, text: bytes) -> None:
        """On its console."""

    def did(self, what: dict[str, Any]) -> None:
        """To its lines."""

    def ended(self) -> None:
        """The process is gone, by itself."""


@dataclass(frozen=True)
class Start:
    """How the chip starts. `raw`: as after a soft reset in the raw prompt, without main.py."""

    cause: int
    mac: str
    files: Path
    image: Path | None
    modem: str  # name of its line
    room: int  # bytes of the file system
    raw: bool = False


class Program:
    """One run, from reset to reset. Start it in the thread that lives as long as it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, start: Start, outside: Outside) -> None:
        self._loop = loop
        self._outside = outside
        self._rest = b""
        self._set_up = False
        self._console, console = os.openpty()
        tty.setraw(console)
        to_read, self._to = os.pipe()
        self._from, from_write = os.pipe()
        line = os.open(start.modem, os.O_RDWR | os.O_NOCTTY)
        termios.tcflush(line, termios.TCIFLUSH)  # what the modem said to a chip that was not there
        for fd in (to_read, line):
            os.set_blocking(fd, False)  # the interpreter's reads wait for every byte that they ask for otherwise
        given = {
            "in": to_read, "out": from_write, "modem": line, "cause": start.cause, "inside": INSIDE,
            "root": start.files.resolve(), "mac": start.mac, "image": start.image.resolve() if start.image else "",
            "room": start.room, "raw": int(start.raw),
        }  # fmt: skip
        try:
            self._process = self._launch(given, console, (to_read, from_write, line))
        finally:
            for fd in (console, to_read, from_write, line):
                os.close(fd)
        os.set_blocking(self._from, False)
        self._keys, self._world = Outlet(loop, self._console), Outlet(loop, self._to)
        loop.add_reader(self._console, self._from_console)
        loop.add_reader(self._from, self.listen)
        if start.raw:
            self._keys.write(CTRL_A)

    @staticmethod
    def _launch(given: dict[str, object], console: int, fds: tuple[int, ...]) -> subprocess.Popen[bytes]:
        runtime = find_runtime(None)
        if runtime is None:
            raise RuntimeError("there is no MicroPython for this platform here")
        words = [f"{name}={value}" for name, value in given.items()]
        return children.start(
            [str(runtime), "-X", f"heapsize={HEAP}", "-i", str(INSIDE / "start.py"), *words],
            stdin=console, stdout=console, stderr=console, pass_fds=fds, death_signal=signal.SIGKILL,
            env={"PATH": os.environ.get("PATH", ""), "MICROPYPATH": ".frozen"},
        )  # fmt: skip

    def type(self, keys: bytes) -> None:
        """To its console."""
        while keys:
            text, stop, keys = keys.partition(CTRL_C)
            if text:
                self._keys.write(text)
            if stop and not self._interrupt():
                self._keys.write(CTRL_C)

    def tell(self, what: dict[str, Any]) -> None:
        """Something of the world has changed."""
        self._world.write(json.dumps(what).encode() + b"\n")

    def listen(self) -> None:
        """Take what it has done."""
        try:
            data = os.read(self._from, READ)
        except OSError:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            what = json.loads(line)
            self._set_up = self._set_up or "boot" in what
            self._outside.did(what)

    def kill(self) -> None:
        """A reset, or no power: at once, wherever it is."""
        for fd in (self._console, self._from):
            self._loop.remove_reader(fd)
        self._keys.close()
        self._world.close()
        children.stop(self._process, signal.SIGKILL)
        for fd in (self._console, self._from, self._to):
            os.close(fd)

    def _from_console(self) -> None:
        try:
            data = os.read(self._console, READ)
        except OSError:
            data = b""
        if data:
            self._outside.said(data)
        else:
            self._loop.remove_reader(self._console)
            self._outside.ended()

    def _interrupt(self) -> bool:
        """Interrupt what runs; False at a prompt, while it sets itself up, or if the program switched it off.

        The interpreter catches the signal only while something runs, and would die of it a moment later: so it is
        stopped while we look.
        """
        if not self._set_up:
            return False
        self._process.send_signal(signal.SIGSTOP)
        try:
            caught = self._caught()
            if caught:
                self._process.send_signal(signal.SIGINT)
        finally:
            self._process.send_signal(signal.SIGCONT)
        return caught

    def _caught(self) -> bool:
        """Whether the interpreter catches SIGINT, once it stands still."""
        deadline = time.monotonic() + STOPS_S
        while time.monotonic() < deadline:
            try:
                text = Path(f"/proc/{self._process.pid}/status").read_text()
            except OSError:
                return False
            status = dict(line.split(":", 1) for line in text.splitlines())
            if status["State"].strip()[0] in "tTZX":
                return bool(int(status.get("SigCgt", "0"), 16) & _SIGINT_BIT)
            time.sleep(LOOK_S)
        return False
