"""What a PDF of ours holds, read from its bytes: pages, fonts, lines of text.

In: bytes. Out: plain data. Reads what reportlab writes (one content stream a page, ToUnicode maps), nothing more.
"""

from __future__ import annotations

import base64
import re
import zlib
from dataclasses import dataclass

_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)


@dataclass(frozen=True)
class Read:
    """One file."""

    pages: list[tuple[float, float]]  # width and height, mm
    fonts: list[str]
    embedded: int  # programs of fonts
    lines: list[str]


def _objects(data: bytes) -> dict[int, bytes]:
    return {int(n): body for n, body in re.findall(rb"(?:^|\n)(\d+) 0 obj\s(.*?)\sendobj", data, re.DOTALL)}


def _stream(body: bytes) -> bytes:
    head, _, rest = body.partition(b"stream")
    content = rest.lstrip(b"\r\n").rpartition(b"endstream")[0]
    if b"ASCII85Decode" in head:
        content = base64.a85decode(content.strip().removesuffix(b"~>"))
    return zlib.decompressobj().decompress(content) if b"FlateDecode" in head else content


def _letters(cmap: bytes) -> dict[int, str]:
    return {
        int(code, 16): bytes.fromhex(value.decode()).decode("utf-16-be")
        for code, value in re.findall(rb"<(\w{2})> <(\w+)>", cmap.partition(b"beginbfchar")[2])
    }


def _bytes(text: bytes) -> bytes:
    return _ESCAPE.sub(lambda m: bytes([int(m[1], 8)]) if m[1].isdigit() else m[1], text)


def read(data: bytes) -> Read:
    """The file, if it is one of ours."""
    objects = _objects(data)
    maps = {}
    for name, number in re.findall(rb"/(F\d+\+\d+) (\d+) 0 R", data):
        cmap = re.search(rb"/ToUnicode (\d+) 0 R", objects[int(number)])
        assert cmap, "text that cannot be copied or read aloud"
        maps[name] = _letters(_stream(objects[int(cmap[1])]))
    lines = []
    for body in objects.values():
        content = _stream(body) if b"stream" in body else b""
        if b" Tj" not in content:
            continue
        for block in re.findall(rb"BT (.*?) ET", content, re.DOTALL):
            pieces = re.findall(rb"/(F\d+\+\d+) [\d.]+ Tf|\(((?:\\.|[^\\)])*)\) Tj", block, re.DOTALL)
            line, font = "", b""
            for name, text in pieces:
                font = name or font
                line += "" if name else "".join(maps[font][code] for code in _bytes(text))
            lines.append(line)
    boxes = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", data)
    return Read(
        [(float(w) / 72 * 25.4, float(h) / 72 * 25.4) for w, h in boxes],
        [name.decode() for name in re.findall(rb"/BaseFont /(\S+)", data)],
        data.count(b"/FontFile2 "),
        lines,
    )
