"""JSON by the letter of RFC 8259, with the same verdict on both Pythons: bytes in, plain values out, ValueError else.

MicroPython's reader takes `{"a":1,}`, `[1 2]` and `01`, and does not look at its UTF-8; CPython's takes `NaN`, and
neither minds a name that comes twice. What one side reads, the other must read too, so none of that passes here.
CPython's reader is made strict by its hooks, being C and fast; `read` is the whole grammar for the one without hooks.
"""

import json

from protocol import const

# Ours are at most 4 deep (a stored plan). Bounds what a hostile payload can do to a small stack.
DEPTH_MAX = 8

_ESCAPED = const(b'"\\/bfnrt')  # what may stand behind a backslash,
_MEANT = const('"\\/\b\f\n\r\t')  # and what each of them means
_WORDS = const(((b"true", True), (b"false", False), (b"null", None)))
_QUOTE = const(34)


class NotUtf8Error(ValueError):
    """The bytes are not UTF-8."""


def check_utf8(data: bytes) -> None:
    """Raise NotUtf8Error where RFC 3629 does: overlong forms, surrogates and code points past U+10FFFF included."""
    if not data or max(data) < 0x80:
        return
    at = 0
    while at < len(data):
        lead = data[at]
        at += 1
        if lead < 0x80:
            continue
        if not 0xC2 <= lead <= 0xF4:
            raise NotUtf8Error
        low = {0xE0: 0xA0, 0xF0: 0x90}.get(lead, 0x80)
        high = {0xED: 0x9F, 0xF4: 0x8F}.get(lead, 0xBF)
        for _ in range(1 + (lead >= 0xE0) + (lead >= 0xF0)):
            if at >= len(data) or not low <= data[at] <= high:
                raise NotUtf8Error
            low, high = 0x80, 0xBF
            at += 1


class _Reader:
    """A place in the bytes, which moves forward as values are read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def here(self) -> int:
        """The byte at this place, or -1 at the end."""
        return self.data[self.at] if self.at < len(self.data) else -1

    def peek(self) -> int:
        """The next byte that is not white space, or -1."""
        while self.here() in (32, 9, 10, 13):
            self.at += 1
        return self.here()

    def skip(self, char: str) -> bool:
        """Step over the character if it comes next."""
        found = self.peek() == ord(char)
        if found:
            self.at += 1
        return found

    def need(self, char: str) -> None:
        if not self.skip(char):
            raise ValueError(char)

    def value(self, depth: int) -> object:
        char = self.peek()
        if char == _QUOTE:
            return self.string()
        if char in (0x7B, 0x5B):
            if depth == DEPTH_MAX:
                raise ValueError("too deep")
            return self.members(depth + 1) if char == 0x7B else self.items(depth + 1)
        for word, value in _WORDS:
            if self.data[self.at : self.at + len(word)] == word:
                self.at += len(word)
                return value
        return self.number()

    def members(self, depth: int) -> dict[str, object]:
        self.need("{")
        out: dict[str, object] = {}
        if self.skip("}"):
            return out
        while True:
            self.peek()
            name = self.string()
            if name in out:
                raise ValueError("a name twice")
            self.need(":")
            out[name] = self.value(depth)
            if self.skip("}"):
                return out
            self.need(",")

    def items(self, depth: int) -> list[object]:
        self.need("[")
        out: list[object] = []
        if self.skip("]"):
            return out
        while True:
            out.append(self.value(depth))
            if self.skip("]"):
                return out
            self.need(",")

    def string(self) -> str:
        if self.here() != _QUOTE:
            raise ValueError("a string")
        self.at += 1
        parts = []
        while True:
            # Slices and searches, not steps: this is the terminal's longest loop over a message.
            end = self.data.find(b'"', self.at)
            slash = self.data.find(b"\\", self.at, max(end, 0))
            piece = self.data[self.at : slash if slash >= 0 else end]
            if end < 0 or (piece and min(piece) < 32):
                raise ValueError("a control character, or the end")
            parts.append(str(piece, "utf-8"))
            self.at += len(piece) + 1
            if slash < 0:
                return "".join(parts)
            parts.append(self.escape())

    def escape(self) -> str:
        char = self.here()
        self.at += 1
        if char != ord("u"):
            place = -1 if char < 0 else _ESCAPED.find(bytes((char,)))
            if place < 0:
                raise ValueError("escape")
            return _MEANT[place]
        code = self.hex4()
        if 0xD800 <= code <= 0xDBFF and self.data[self.at : self.at + 2] == b"\\u":
            before = self.at
            self.at += 2
            low = self.hex4()
            if 0xDC00 <= low <= 0xDFFF:
                return chr(0x10000 + ((code - 0xD800) << 10) + low - 0xDC00)
            self.at = before
        return chr(code)

    def hex4(self) -> int:
        digits = self.data[self.at : self.at + 4]
        if len(digits) < 4 or [byte for byte in digits if byte not in b"0123456789abcdefABCDEF"]:
            raise ValueError("four hex digits")
        self.at += 4
        return int(str(digits, "utf-8"), 16)

    def digits(self) -> int:
        start = self.at
        while 48 <= self.here() <= 57:
            self.at += 1
        if self.at == start:
            raise ValueError("a value")
        return self.at - start

    def number(self) -> object:
        start = self.at
        if self.here() == ord("-"):
            self.at += 1
        zero = self.here() == 48
        if self.digits() > 1 and zero:
            raise ValueError("a leading zero")
        whole = True
        if self.here() == ord("."):
            whole = False
            self.at += 1
            self.digits()
        if self.here() in (0x65, 0x45):
            whole = False
            self.at += 1
            if self.here() in (0x2B, 0x2D):
                self.at += 1
            self.digits()
        text = str(self.data[start : self.at], "utf-8")
        return int(text) if whole else float(text)


def read(data: bytes) -> object:
    """The value of a JSON text. Raises ValueError."""
    check_utf8(data)
    reader = _Reader(data)
    value = reader.value(0)
    if reader.peek() != -1:
        raise ValueError("something after the value")
    return value


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a name twice")
    return out


def _no_constant(name: str) -> object:
    raise ValueError(name)


def _check_depth(value: object, left: int) -> None:
    inner = list(value.values()) if isinstance(value, dict) else value
    if isinstance(inner, list):
        if left == 0:
            raise ValueError("too deep")
        for item in inner:
            _check_depth(item, left - 1)


def _read_with_hooks(data: bytes) -> object:
    try:
        text = str(data, "utf-8")
    except UnicodeError:
        raise NotUtf8Error
    try:
        value: object = _DECODER.decode(text)
    except RuntimeError:
        # RecursionError: thousands of open brackets are bad JSON, not a fault of ours.
        raise ValueError("too deep")
    # Fewer brackets than levels cannot be too deep, and most messages have two.
    if data.count(b"[") + data.count(b"{") > DEPTH_MAX:
        _check_depth(value, DEPTH_MAX)
    return value


loads = read
if hasattr(json, "JSONDecoder"):
    _DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)
    loads = _read_with_hooks


def dumps(value: object) -> str:
    """JSON of a checked value, without spaces, keys of objects sorted, on both Pythons alike.

    Checked values are None, int, str without control characters, lists and dicts of such: the two
    replacements are all that JSON needs escaped.
    """
    if isinstance(value, dict):
        return "{%s}" % ",".join(["%s:%s" % (dumps(name), dumps(value[name])) for name in sorted(value)])
    if isinstance(value, (list, tuple)):
        return "[%s]" % ",".join([dumps(item) for item in value])
    if isinstance(value, str):
        return '"%s"' % value.replace("\\", "\\\\").replace('"', '\\"')
    if isinstance(value, int):
        return "%d" % value
    return "null"
