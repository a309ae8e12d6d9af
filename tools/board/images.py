"""Images that this bench may write: copies in its folder, each with what is known of it.

In: a file, and the SHA-256 that its publisher states if there is one. Out: registered images; at every use the copy is
hashed again. Nothing is downloaded, and nothing that is not whole, or is for another chip, gets in.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tools.board import bench as folders
from tools.board import espimage
from tools.board.esp import CHIP
from tools.board.texts import BenchError

if TYPE_CHECKING:
    from pathlib import Path

    from tools.board.bench import Bench

MEGABYTE = 1 << 20
# A name goes into signed records: no spaces, as in `image (1).bin`, no Chinese.
NAME_CHARS_MAX = 120
_NOT_IN_NAMES = re.compile(r"[^\x21-\x7e]+")
IMAGE_BYTES_MAX = 16 * MEGABYTE  # the largest flash of the chip
WANTED_CN = (
    "请在 https://micropython.org/download/ESP32_GENERIC/ 下载 “Support for OTA” 一栏 v1.29.0 的 .bin 文件"
    "（ESP32_GENERIC-OTA-…-v1.29.0.bin），再运行 onekey image add 文件"
)
WANTED = (
    "get the v1.29.0 .bin under “Support for OTA” of https://micropython.org/download/ESP32_GENERIC/ "
    "(ESP32_GENERIC-OTA-…-v1.29.0.bin), then run onekey image add FILE"
)


@dataclass(frozen=True)
class Image:
    """One that may be written. `kind` is `home` (our program is frozen in) or `trial` (official MicroPython)."""

    name: str
    sha256: str
    chip: str
    version: str
    kind: str
    slots: int
    flash_mb: int
    bytes: int


def digest(data: bytes) -> str:
    """As registered."""
    return hashlib.sha256(data).hexdigest()


def add(bench: Bench, file: Path, sha256: str = "") -> Image:
    """Register a file. Adding the same again changes nothing. Raises BenchError."""
    try:
        data = file.read_bytes() if file.stat().st_size <= IMAGE_BYTES_MAX else b""
    except OSError:
        raise BenchError("bad_image", path=file, why_cn="读不到", why="it cannot be read") from None
    image = _image(file, data, sha256)
    folders.replace(bench.images / f"{image.sha256}.bin", data)
    folders.replace(bench.images / f"{image.sha256}.json", json.dumps(asdict(image)).encode())
    return image


def _image(file: Path, data: bytes, sha256: str) -> Image:
    found = digest(data)
    if sha256 and found != sha256.strip().lower():
        raise BenchError("bad_hash", found=found)
    try:
        facts = espimage.read(data)
    except espimage.NotAnImageError as error:
        raise BenchError("bad_image", path=file.name, why_cn=error.args[0], why=error.args[1]) from None
    except espimage.OtherChipError as error:
        raise BenchError("other_chip", found=error.args[0], wanted=CHIP) from None
    flash_mb = -(-facts.flash_bytes // MEGABYTE)
    name = _NOT_IN_NAMES.sub("-", file.stem)[:NAME_CHARS_MAX]
    return Image(
        name, found, facts.chip, facts.version, facts.kind, facts.slots, flash_mb, len(data)
    )  # fmt: skip


def listing(bench: Bench) -> list[Image]:
    """All, by name."""
    known = []
    for path in sorted(bench.images.glob("*.json")):
        try:
            known.append(Image(**json.loads(path.read_text())))
        except (ValueError, TypeError):
            continue  # a file of somebody else's: nothing that can be written
    return sorted(known, key=lambda image: (image.name, image.sha256))


def remove(bench: Bench, name: str) -> Image:
    """Raises BenchError."""
    image = find(bench, name)
    for ending in ("json", "bin"):
        (bench.images / f"{image.sha256}.{ending}").unlink(missing_ok=True)
    return image


def find(bench: Bench, name: str = "") -> Image:
    """The image of that name (or start of its hash); without a name the only one. Raises BenchError."""
    known = listing(bench)
    fitting = [image for image in known if not name or image.name == name or (image.sha256.startswith(name.lower()))]
    if len(fitting) == 1:
        return fitting[0]
    if not known:
        raise BenchError("no_image", wanted_cn=WANTED_CN, wanted=WANTED)
    names = ", ".join(f"{image.name} ({image.sha256[:12]})" for image in fitting or known)
    raise BenchError("which_image", names=names)


def file(bench: Bench, image: Image) -> Path:
    """Its bytes on this bench, hashed just now. Raises BenchError."""
    path = bench.images / f"{image.sha256}.bin"
    try:
        found = digest(path.read_bytes())
    except OSError:
        raise BenchError("bad_image", path=image.name, why_cn="读不到", why="it cannot be read") from None
    if found != image.sha256:
        raise BenchError("bad_hash", found=found)
    return path
