"""Message ids: `e.b.n`, unique for the life of a terminal.

e: 8 hex digits drawn when the terminal's storage holds none; b: boot count; n: sequence within the boot.
"""

from protocol import const

EPOCH_CHARS = const(8)
BOOT_MAX = const(9_999_999)  # a reboot every minute for 19 years
SEQUENCE_MAX = const(99_999_999)  # a message a second for 3 years in one boot
ID_CHARS_MAX = const(EPOCH_CHARS + 1 + 7 + 1 + 8)
_HEX = const("0123456789abcdef")


def _number(text: str, most: int) -> int | None:
    """The value of a decimal without sign or leading zero, or None."""
    if not text or len(text) > len(str(most)) or (text[0] == "0" and len(text) > 1):
        return None
    for char in text:
        if char not in "0123456789":
            return None
    value = int(text)
    return value if value <= most else None


def parse_id(text: object) -> tuple[str, int, int] | None:
    """(epoch, boot, sequence) of an id, or None where it is not one."""
    if not isinstance(text, str) or len(text) > ID_CHARS_MAX:
        return None
    parts = text.split(".")
    if len(parts) != 3 or len(parts[0]) != EPOCH_CHARS:
        return None
    for char in parts[0]:
        if char not in _HEX:
            return None
    boot = _number(parts[1], BOOT_MAX)
    sequence = _number(parts[2], SEQUENCE_MAX)
    if boot is None or sequence is None:
        return None
    return parts[0], boot, sequence


def make_id(epoch: str, boot: int, sequence: int) -> str:
    """The id's text. The caller guarantees the ranges; `messages.encode` checks them."""
    return "%s.%d.%d" % (epoch, boot, sequence)
