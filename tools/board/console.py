"""The console of a board that runs MicroPython, over mpremote's own transport.

In: a port; Python for the board. Out: what it printed, files that are there as they were sent. Every wait has a limit,
a failure is a BenchError that tells a cable from a board. Must never log what it sends: identities go this way too.
"""

from __future__ import annotations

import errno
import hashlib
import struct
import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

from mpremote import transport_serial
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport

from tools.board import ports
from tools.board.texts import BenchError

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")

# Mpremote prints what a deaf board said to standard output, which is for the result; the failure is told anyway.
transport_serial.print = lambda *_words, **_options: None

BAUD = 115_200
ANSWER_S = 10.0  # of the board to anything that is not slow by itself
STARTS_S = 12.0  # a board after its reset: loader, file system, our own program up to where Ctrl-C ends it
QUIET_S = 0.2  # a prompt that says nothing for so long has answered everything
KNOCK_S = 2.0  # between two tries
CHUNK = 1024  # bytes of a file in one message: more costs the board's heap, less the cable's time
HASH_S = 60.0  # of the whole program, which takes a chip a few seconds
_BROKEN = (TransportError, OSError, struct.error)

_LIST = """
import os
def walk(at):
    for name, kind, *_ in os.ilistdir(at or "/"):
        path = at + "/" + name
        if kind & 0x4000:
            print(path + "/")
            walk(path)
        else:
            print(path)
walk("")
"""
_HASHES = """
import hashlib
piece = memoryview(bytearray(1024))
for path in paths:
    try:
        file = open(path, "rb")
    except OSError:
        continue
    whole = hashlib.sha256()
    while True:
        size = file.readinto(piece)
        if not size:
            break
        whole.update(piece[:size])
    file.close()
    print(whole.digest().hex(), path)
"""
_FOLDERS = """
import os
for path in paths:
    try:
        os.mkdir(path)
    except OSError as error:
        if error.errno != 17:
            raise
"""
_DROP = """
import os
try:
    f.close()
except Exception:
    pass
os.remove(path)
"""
# The board says that it has the command before it carries it out; a reset at once would take that word with it.
_RESET = "import machine, time\ntime.sleep_ms(100)\nmachine.reset()"
RESET_S = 0.3  # until it has happened
_FREE = "import os\ns = os.statvfs('/')\nprint(s[0] * s[3])"


class Console:
    """Use as a context manager: opens the port and waits until the board's prompt is there."""

    def __init__(self, port: str, answer_s: float = ANSWER_S, starts_s: float = STARTS_S) -> None:
        self.port = port
        self._answer_s = answer_s
        self._starts_s = starts_s
        self._transport: SerialTransport | None = None

    def __enter__(self) -> Self:
        ports.judge(self.port)
        try:
            self._open()
            self._knock()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    @property
    def transport(self) -> SerialTransport:
        """Mpremote's own, for whoever talks with a program on the board."""
        if self._transport is None:
            raise BenchError("unplugged", port=self.port)
        return self._transport

    def run(self, source: str, timeout_s: float | None = None, **values: Any) -> str:
        """Run Python on the board with these names set; what it printed. Raises BenchError with its last line."""
        named = "".join(f"{name} = {value!r}\n" for name, value in values.items())
        try:
            out, error = self.transport.exec_raw(named + source, timeout=timeout_s or self._answer_s)
        except _BROKEN as broken:
            raise self._told(broken) from None
        if error:
            raise BenchError("on_board", error=_last(error.decode("utf-8", "replace")))
        return str(out.decode("utf-8", "replace")).replace("\r\n", "\n")

    def put(self, path: str, data: bytes) -> None:
        """A file in a folder that is there: what was there stays until every byte has been compared."""
        fresh = path + ".new"
        try:
            self._file(path, lambda: self.transport.fs_writefile(fresh, data, CHUNK))
        except BenchError as error:
            if error.name == "full":
                self.run(_DROP, path=fresh)
            raise
        if self.sha256(fresh) != hashlib.sha256(data).hexdigest():
            self.run(_DROP, path=fresh)
            raise BenchError("differs", path=path)
        self.run("import os\nos.rename(fresh, path)", fresh=fresh, path=path)

    def folders(self, paths: list[str]) -> None:
        """Made where they are not there, each after the one that it is in."""
        self.run(_FOLDERS, paths=sorted(paths, key=len))

    def hashes(self, paths: list[str]) -> dict[str, str]:
        """SHA-256 of those that are there, worked out by the board."""
        lines = self.run(_HASHES, HASH_S, paths=paths).splitlines()
        return {path: digest for digest, path in (line.split(" ", 1) for line in lines)}

    def sha256(self, path: str) -> str | None:
        """Of one file; None if it is not there."""
        return self.hashes([path]).get(path)

    def listing(self) -> list[str]:
        """Paths of all files and, with a slash at the end, folders."""
        return self.run(_LIST).split()

    def remove(self, path: str) -> None:
        """A file or an empty folder, if it is there."""
        try:
            drop = self.transport.fs_rmdir if path.endswith("/") else self.transport.fs_rmfile
            self._file(path, lambda: drop(path.rstrip("/")))
        except FileNotFoundError:
            return

    def free(self) -> int:
        """Bytes left in its file system."""
        return int(self.run(_FREE))

    def reset(self) -> None:
        """Start the board anew. Its prompt comes back only if no program holds it."""
        try:
            self.transport.exec_raw_no_follow(_RESET)
        except _BROKEN as broken:
            raise self._told(broken) from None
        self._close()

    def again(self) -> None:
        """Reset, and be at its prompt again."""
        self.reset()
        time.sleep(RESET_S)
        self._open()
        self._knock()

    def _open(self) -> None:
        try:
            self._transport = SerialTransport(self.port, BAUD, timeout=self._answer_s)
            self._transport.serial.write_timeout = self._answer_s
        except _BROKEN:
            ports.judge(self.port)
            raise BenchError("no_board", port=self.port) from None

    def _knock(self) -> None:
        """Ctrl-C until the raw prompt is there. No soft reset: it would start the program that was just ended."""
        deadline = time.monotonic() + self._starts_s
        unheard = False  # a knock that may be answered yet
        while True:
            try:
                self.transport.enter_raw_repl(soft_reset=False, timeout_overall=KNOCK_S)
                if not unheard:
                    return
                self._hear_out()
                unheard = False
            except OSError as broken:
                raise self._told(broken) from None
            except TransportError:
                unheard = True
                if time.monotonic() > deadline:
                    raise BenchError("silent", port=self.port) from None

    def _hear_out(self) -> None:
        """A program that was deaf at first left every knock to the prompt, which answers each of them."""
        serial, quiet = self.transport.serial, False
        while not quiet:
            time.sleep(QUIET_S)
            quiet = not serial.read(serial.inWaiting())

    def _close(self) -> None:
        transport, self._transport = self._transport, None
        if transport is None:
            return
        for leave in (transport.exit_raw_repl, transport.close, transport.serial.close):
            try:
                leave()
            except OSError:
                continue  # the cable is out: there is nobody to take leave of

    def _file(self, path: str, work: Callable[[], _T]) -> _T:
        try:
            return work()
        except TransportExecError as error:
            raise BenchError("on_board", error=_last(error.error_output)) from None
        except FileNotFoundError:
            raise
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise BenchError("full", path=path) from None
            raise self._told(error) from None
        except (TransportError, struct.error) as error:
            raise self._told(error) from None

    def _told(self, error: Exception) -> BenchError:
        if isinstance(error, OSError) or ports.gone(self.port):
            return BenchError("unplugged", port=self.port)
        return BenchError("silent", port=self.port)


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:200] if lines else "?"
