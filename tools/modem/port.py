"""The modem on a pseudo-terminal: PTY, symlink, control socket, signals, and the one loop that turns real time.

In: options. Out: the PTY's name as the first line of standard output (link and socket stand by then), after it one JSON
line per event. It leaves no symlink and no socket behind, however it is asked to end.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import termios
import time
import tty
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tools.modem import control
from tools.modem.internet import SocketInternet
from tools.modem.timers import Timers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tools.modem.connection import Internet
    from tools.modem.core import Modem, Sink

    Build = Callable[[Timers, Sink, Internet], Modem]

READ_SIZE = 4096
STDOUT = 1
HANG_UP_S = 1.0  # a caller that does not go by itself by then ends with the program
MAX_UNREAD = 65_536  # bytes kept for a terminal that does not read; beyond it they are lost, as on a wire


class Port:
    """The master side of a PTY whose slave we keep open too, so that terminals may come and go."""

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        attributes = termios.tcgetattr(self._slave)
        attributes[4] = attributes[5] = termios.B115200
        termios.tcsetattr(self._slave, termios.TCSANOW, attributes)
        os.set_blocking(self.master, False)
        self.name = os.ttyname(self._slave)
        self._unread = bytearray()

    def read(self) -> bytes:
        """What the terminal has written; empty if nothing."""
        try:
            return os.read(self.master, READ_SIZE)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> bool:
        """Bytes for the terminal; at most MAX_UNREAD wait for it, False if these were lost."""
        if len(self._unread) + len(data) > MAX_UNREAD:
            return False
        loop = asyncio.get_running_loop()
        if not self._unread:
            loop.add_writer(self.master, self._flush)
        self._unread += data
        self._flush()
        return True

    def _flush(self) -> None:
        with suppress(BlockingIOError):
            while self._unread:
                del self._unread[: os.write(self.master, self._unread)]
        if not self._unread:
            asyncio.get_running_loop().remove_writer(self.master)

    def close(self) -> None:
        """Give the PTY back."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self.master)
        loop.remove_writer(self.master)
        os.close(self.master)
        os.close(self._slave)


class Runner:
    """Turns real time and real bytes into calls of the modem, and the modem's output into bytes and JSON lines."""

    def __init__(self, port: Port, build: Build) -> None:
        self._port = port
        self._loop = asyncio.get_running_loop()
        # Time of day once, then a clock that never jumps: nobody's NTP moves a call.
        self._start = time.time() - self._loop.time()
        self._handle: asyncio.TimerHandle | None = None
        self._callers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.modem = build(Timers(self._now()), self, SocketInternet(self.tell))

    def write(self, data: bytes) -> None:
        """Sink: bytes for the terminal."""
        if not self._port.write(data):
            self.modem.dropped["tx_unread"] += len(data)

    def event(self, name: str, fields: dict[str, Any]) -> None:
        """Sink: one JSON line."""
        line = {"at": round(self.modem.now, 3), "ev": name, **fields}
        if not _print(json.dumps(line, ensure_ascii=False)):
            self.modem.dropped["events"] += 1

    def tell(self, do: Callable[[], None]) -> None:
        """Run what is due, then this, then set the alarm for what is due next."""
        timers = self.modem.timers
        timers.advance(self._now())
        do()
        timers.advance(timers.now)
        self._set_alarm()

    def read(self) -> None:
        """The terminal has written."""
        data = self._port.read()
        self.tell(lambda: self.modem.feed(data))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One caller at the control socket."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine of the server runs in a task
        self._callers[task] = writer
        try:
            with suppress(ConnectionError, asyncio.LimitOverrunError, ValueError):
                while line := await reader.readline():
                    writer.write(f"{self._execute(line.decode('utf-8', 'replace').strip())}\n".encode())
                    await writer.drain()
        finally:
            del self._callers[task]
            writer.close()

    async def hang_up(self) -> None:
        """End the control connections, so that no task of theirs is left."""
        for writer in self._callers.values():
            writer.close()
        if self._callers:
            await asyncio.wait(list(self._callers), timeout=HANG_UP_S)

    def _execute(self, text: str) -> str:
        answers: list[str] = []
        self.tell(lambda: answers.append(control.execute(self.modem, text)))
        return answers[0]

    def _now(self) -> float:
        return self._start + self._loop.time()

    def _set_alarm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        due = self.modem.timers.next_at()
        if due is not None:
            self._handle = self._loop.call_at(due - self._start, self.tell, _nothing)


def _print(line: str) -> bool:
    """One line of standard output; False if nobody reads it. A full pipe must not stop the modem."""
    with suppress(OSError):
        if select.select([], [STDOUT], [], 0)[1]:
            os.write(STDOUT, f"{line}\n".encode())
            return True
    return False


def _nothing() -> None:
    """The alarm itself does nothing; what is due is run before it."""


async def run(build: Build, link: Path | None, control_path: Path | None) -> None:
    """The whole life of the emulator that `build` makes, until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    port = Port()
    server: asyncio.Server | None = None
    try:
        runner = Runner(port, build)
        if link is not None:
            _make_link(port.name, link)
        if control_path is not None:
            _remove(control_path)
            server = await asyncio.start_unix_server(runner.serve, control_path, limit=control.MAX_LINE)
        loop.add_reader(port.master, runner.read)
        _print(port.name)
        runner.tell(runner.modem.power_on)
        await stop.wait()
        runner.tell(runner.modem.power_off)
        await runner.hang_up()
    finally:
        if server is not None:
            server.close()
        port.close()
        _remove_link(port.name, link)
        _remove(control_path)


def _remove(path: Path | None) -> None:
    if path is not None and path.is_socket():
        path.unlink(missing_ok=True)


def _make_link(name: str, link: Path) -> None:
    """A symlink to the PTY; one that points to an old PTY is replaced, a real file never."""
    if link.is_symlink():
        link.unlink()
    link.symlink_to(name)


def _remove_link(name: str, link: Path | None) -> None:
    if link is not None and link.is_symlink() and str(link.readlink()) == name:
        link.unlink()
