"""`onekey flash`: find a board on a serial port, and write one verified MicroPython image to it.

In: a port (any pyserial URL) and an image with the SHA-256 that its publisher states. Out: what is on the port;
with an image, a board that holds exactly these bytes. Nothing is erased before chip, flash size, image and hash are
known to fit, nothing is downloaded, and running it again repairs whatever was cut short. Provisioning follows it.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, NoReturn

import typer

app = typer.Typer(add_completion=False)

CHIP = "ESP32"  # the terminal's chip; S2, S3 and C3 have other pins and boot offsets
IMAGE_OFFSET = 0x1000  # where an ESP32's boot ROM looks for the second-stage loader
FLASH_MIN_MB = 4  # MicroPython, two update slots and the file system (the board's smallest part)
_MAGIC = 0xE9  # first byte of every Espressif image
_CHIP_ID_AT = 12  # two bytes, little endian; 0 is the ESP32
TALK_TIMEOUT_S = 60  # reading identity takes 2-5 s; a minute means a dead cable
WRITE_TIMEOUT_S = 600  # 4 MB at 115200 baud without the stub loader takes 6 minutes

# Exit codes, for scripts at the bench.
USAGE, NO_PORT, NO_BOARD, WRONG_BOARD, BAD_IMAGE, NOT_WRITTEN = 2, 10, 11, 12, 13, 14


@dataclass(frozen=True)
class Board:
    """What answers on a port."""

    family: str  # ESP32, ESP32-S3, …
    chip: str  # as the chip says, for example ESP32-D0WDQ6
    mac: str
    flash_mb: int


def _fail(code: int, chinese: str, english: str) -> NoReturn:
    print(f"失败：{chinese} / failed: {english}", file=sys.stderr)
    raise typer.Exit(code)


def check_image(path: Path, sha256: str) -> bytes:
    """The image's bytes, if it is one for this chip and has the stated hash; else exits with BAD_IMAGE."""
    try:
        data = path.read_bytes()
    except OSError:
        _fail(BAD_IMAGE, f"读不到镜像文件 {path}", f"cannot read the image {path}")
    found = hashlib.sha256(data).hexdigest()
    if found != sha256.strip().lower():
        _fail(BAD_IMAGE, f"镜像校验值不符，实际为 {found}", f"the image's SHA-256 is {found}, not the one given")
    if len(data) <= _CHIP_ID_AT + 1 or data[0] != _MAGIC:
        _fail(BAD_IMAGE, "不是乐鑫固件镜像", "not an Espressif image")
    if data[_CHIP_ID_AT] or data[_CHIP_ID_AT + 1]:
        _fail(BAD_IMAGE, f"镜像不是 {CHIP} 用的", f"the image is not for the {CHIP}")
    return data


def parse_identity(text: str) -> Board | None:
    """The board in esptool's report of `flash-id`, or None where a line is missing."""
    family = re.search(r"^Connected to (\S+) on", text, re.MULTILINE)
    chip = re.search(r"^Chip type:\s+(\S+)", text, re.MULTILINE)
    mac = re.search(r"^MAC:\s+([0-9a-f:]{17})", text, re.MULTILINE)
    size = re.search(r"^Detected flash size:\s+(\d+)MB", text, re.MULTILINE)
    if not (family and chip and mac and size):
        return None
    return Board(family[1], chip[1], mac[1], int(size[1]))


def _esptool(port: str, words: list[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    socket_port = "://" in port  # no reset lines behind a URL: the board is put into its loader by hand
    reset = ["--before", "no-reset", "--after", "no-reset"] if socket_port else []
    command = [sys.executable, "-m", "esptool", "--port", port, *reset, *words]
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", "no answer in time")


def identify(port: str) -> Board:
    """Read chip, MAC and flash size; exits with NO_BOARD or WRONG_BOARD. Changes nothing on the board."""
    done = _esptool(port, ["flash-id"], TALK_TIMEOUT_S)
    board = parse_identity(done.stdout)
    if done.returncode != 0 or board is None:
        _fail(NO_BOARD, f"{port} 上没有应答的板子，请检查线缆和下载模式", f"no board answers on {port}")
    if board.family != CHIP:
        _fail(WRONG_BOARD, f"芯片是 {board.chip}，需要 {CHIP}", f"the chip is {board.chip}, not {CHIP}")
    if board.flash_mb < FLASH_MIN_MB:
        _fail(WRONG_BOARD, f"闪存只有 {board.flash_mb} MB", f"only {board.flash_mb} MB of flash, {FLASH_MIN_MB} needed")
    return board


def write(port: str, image: Path) -> None:
    """Write the image and read it back; exits with NOT_WRITTEN. The next run repairs a write that was cut."""
    for words in (["write-flash", hex(IMAGE_OFFSET), str(image)], ["verify-flash", hex(IMAGE_OFFSET), str(image)]):
        if _esptool(port, words, WRITE_TIMEOUT_S).returncode != 0:
            _fail(NOT_WRITTEN, "写入或回读校验没有完成，请重新运行", f"{words[0]} did not finish; run it again")


def ports() -> list[str]:
    """Serial ports of this machine with something plugged in."""
    from serial.tools import list_ports  # noqa: PLC0415 - the extra `bench`

    return [port.device for port in list_ports.comports() if port.vid is not None]


@app.command()
def flash(
    port: Annotated[str, typer.Option(help="Serial port or pyserial URL; found if there is just one.")] = "",
    image: Annotated[Path | None, typer.Option(help="MicroPython image for the ESP32; omit to identify only.")] = None,
    sha256: Annotated[str, typer.Option(help="The image's SHA-256 as its publisher states it.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Identify the board on a port; with --image, write it and verify it by reading back."""
    if image is not None:
        if not sha256:
            _fail(USAGE, "写入镜像必须给出 --sha256", "--image needs --sha256")
        check_image(image, sha256)
    if not port:
        found = ports()
        if len(found) != 1:
            listed = ", ".join(found) or "-"
            _fail(NO_PORT, f"找到的串口：{listed}，请用 --port 指定", f"serial ports: {listed}; name one with --port")
        port = found[0]
    board = identify(port)
    if image is not None:
        write(port, image)
    if as_json:
        print(json.dumps({"port": port, **asdict(board), "written": image is not None, "sha256": sha256 or None}))
    else:
        print(f"{port}: {board.chip}  MAC {board.mac}  {board.flash_mb} MB")
        if image is not None:
            print("写入并回读校验完成 / written and verified")
