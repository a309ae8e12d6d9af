"""One JSON value per line with a check in front, for every small file that the terminal keeps.

In: plain values. Out: bytes of one line, and back. A damaged line is found and costs that line only.
"""

import binascii
import json

from protocol import const

_CHECK_CHARS = const(8)


def pack(value: object) -> bytes:
    """`<crc32 as 8 hex digits> <json>` and a newline."""
    text = json.dumps(value, separators=(",", ":")).encode("utf-8")  # an outbox of sixty is held in this form
    return b"%08x %s\n" % (binascii.crc32(text) & 0xFFFFFFFF, text)


def unpack(line: bytes) -> object:
    """The value of one line, or None where the line is torn or damaged."""
    line = line.rstrip(b"\r\n")
    text = line[_CHECK_CHARS + 1 :]
    if (
        line[:_CHECK_CHARS] != b"%08x" % (binascii.crc32(text) & 0xFFFFFFFF)
        or line[_CHECK_CHARS : _CHECK_CHARS + 1] != b" "
    ):
        return None
    try:
        value: object = json.loads(text.decode("utf-8"))
    except (ValueError, RuntimeError):
        return None
    return value
