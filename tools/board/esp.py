"""The chip's loader through esptool, as a process of its own: what is there, write an image, read it back.

In: a port. Out: a Board, or flash that holds exactly the image's bytes, or a BenchError. Nothing here erases before it
is told to, and no call lasts longer than its limit. The key-value storage, which lies in the midst of where an image
goes, holds the terminal's credential, which is nowhere else: writing leaves it as it is.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tools.board import ports
from tools.board.espimage import NVS
from tools.board.texts import BenchError
from tools.embedded import children

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CHIP = "ESP32"  # the terminal's chip; S2, S3 and C3 have other pins and boot offsets
IMAGE_OFFSET = 0x1000  # where an ESP32's boot ROM looks for the second-stage loader
_IDENTITY = b"password".ljust(16, b"\0")  # an entry's name as NVS keeps it, at byte 8 of each 32
_ENTRY, _NAME_AT = 32, 8
FLASH_MIN_MB = 4  # MicroPython, two update slots and the file system (the board's smallest part)
TALK_TIMEOUT_S = 60.0  # reading identity takes 2-5 s; a minute means a dead cable
TIMES = Path(__file__).with_name("esptool.cfg")  # a technician's own, if one is set, is left alone
WRITE_TIMEOUT_S = 600.0  # 4 MB at 115200 baud without the stub loader takes 6 minutes
_LOST = re.compile(
    r"device disconnected|Input/output error|No such file|could not open port|PortNotFound|Write timeout|"
    r"Broken pipe|Bad file descriptor|Connection (?:reset|refused|closed)|socket disconnected|not configured",
    re.IGNORECASE,
)
_LOCKED = re.compile(r"exclusively lock|Resource busy|port is busy", re.IGNORECASE)
_PERCENT = re.compile(r"^Writing at .*?(\d+(?:\.\d+)?)%")


@dataclass(frozen=True)
class Board:
    """What answers on a port."""

    family: str  # ESP32, ESP32-S3, …
    chip: str  # as the chip says, for example ESP32-D0WDQ6
    mac: str
    flash_mb: int


def parse_identity(text: str) -> Board | None:
    """The board in esptool's report of `flash-id`, or None where a line is missing."""
    family = re.search(r"^Connected to (\S+) on", text, re.MULTILINE)
    chip = re.search(r"^Chip type:\s+(\S+)", text, re.MULTILINE)
    mac = re.search(r"^MAC:\s+([0-9a-f:]{17})", text, re.MULTILINE)
    size = re.search(r"^Detected flash size:\s+(\d+)(MB|KB)", text, re.MULTILINE)
    if not (family and chip and mac and size):
        return None
    return Board(family[1], chip[1], mac[1], int(size[1]) if size[2] == "MB" else 0)


def _quiet(_: object) -> None:
    pass


def run(
    port: str,
    words: list[str],
    timeout_s: float,
    tell: Callable[[float], None] = _quiet,
    log: Callable[[str], None] = _quiet,
) -> tuple[int, str]:
    """(exit code, all that esptool said). A URL has no reset lines: the board is put into its loader by hand."""
    reset = ["--before", "no-reset", "--after", "no-reset"] if ports.URL in port else []
    command = [sys.executable, "-m", "esptool", "--port", port, *reset, *words]
    fixed = {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1"}
    environment = {"ESPTOOL_CFGFILE": str(TIMES), **os.environ, **fixed}
    process = children.start(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
    limit = threading.Timer(timeout_s, process.kill)
    limit.start()
    said: list[str] = []
    try:
        for raw in process.stdout or ():
            line = raw.decode("utf-8", "replace").rstrip()
            said.append(line)
            percent = _PERCENT.match(line)
            if percent:
                tell(float(percent[1]) / 100)
            else:
                log(line)
        code = process.wait()
    finally:
        limit.cancel()
        children.stop(process)
    return code, "\n".join(said)


def _failed(port: str, said: str, otherwise: BenchError) -> BenchError:
    if _LOCKED.search(said):
        return BenchError("busy", port=port)
    if ports.gone(port) or _LOST.search(said):
        return BenchError("unplugged", port=port)
    return otherwise


def identify(port: str, log: Callable[[str], None] = _quiet) -> Board:
    """Read chip, MAC and flash size. Changes nothing on the board. Raises BenchError."""
    ports.judge(port)
    code, said = run(port, ["flash-id"], TALK_TIMEOUT_S, log=log)
    board = parse_identity(said)
    if code == 0 and board is not None:
        return board
    nobody = BenchError("no_board", port=port)
    raise nobody if ports.URL in port else _failed(port, said, nobody)


def check(board: Board) -> None:
    """Raises BenchError unless this is a terminal's chip with flash enough for any of its images."""
    if board.family != CHIP:
        raise BenchError("wrong_chip", chip=board.chip, wanted=CHIP)
    if board.flash_mb < FLASH_MIN_MB:
        raise BenchError("small_flash", found=board.flash_mb, needed=FLASH_MIN_MB)


def erase(port: str, log: Callable[[str], None] = _quiet) -> None:
    """All of it, identity included. Raises BenchError."""
    code, said = run(port, ["erase-flash"], WRITE_TIMEOUT_S, log=log)
    if code != 0:
        raise _failed(port, said, BenchError("not_written"))


def holds_identity(port: str, log: Callable[[str], None] = _quiet) -> bool:
    """Whether a credential is, or was since the last erasing, in its key-value storage. Raises BenchError.

    Through the loader: a terminal that is locked, or whose program is broken, does not say.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "nvs"
        code, said = run(port, ["read-flash", hex(NVS.start), hex(len(NVS)), str(file)], TALK_TIMEOUT_S, log=log)
        if code != 0:
            raise _failed(port, said, BenchError("no_board", port=port))
        data = file.read_bytes()
    names = (data[at + _NAME_AT : at + _NAME_AT + len(_IDENTITY)] for at in range(0, len(data), _ENTRY))
    return _IDENTITY in names


@contextmanager
def _parts(image: Path) -> Iterator[list[str]]:
    """The image without what lies under the key-value storage, as addresses and files."""
    data = image.read_bytes()
    ends = ((IMAGE_OFFSET, NVS.start), (NVS.stop, IMAGE_OFFSET + len(data)))
    with TemporaryDirectory() as folder:
        words: list[str] = []
        for start, stop in ends:
            part = Path(folder) / hex(start)
            part.write_bytes(data[start - IMAGE_OFFSET : stop - IMAGE_OFFSET])
            words += [hex(start), str(part)]
        yield words


def write(port: str, image: Path, tell: Callable[[float], None] = _quiet, log: Callable[[str], None] = _quiet) -> None:
    """Write the image. Raises BenchError; the next write repairs one that was cut."""
    with _parts(image) as parts:
        code, said = run(port, ["write-flash", "--flash-size", "keep", *parts], WRITE_TIMEOUT_S, tell, log)
    if code != 0:
        raise _failed(port, said, BenchError("not_written"))


def verify(port: str, image: Path, log: Callable[[str], None] = _quiet) -> None:
    """Read the flash back against the image. Raises BenchError."""
    with _parts(image) as parts:
        code, said = run(port, ["verify-flash", "--flash-size", "keep", *parts], WRITE_TIMEOUT_S, log=log)
    if code != 0:
        raise _failed(port, said, BenchError("not_verified"))
