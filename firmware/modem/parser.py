"""Bytes of the modem -> tokens, however the reads are cut.

In: any piece of the stream. Out: ("line", text), ("prompt", ""), ("data", bytes after a `+CIPRXGET: 2` line).
Must never grow without bound and never take counted bytes for lines or lines for counted bytes.
"""

from protocol import const

_LINE_MAX = const(512)  # longest line of the dialect is a report of a short message, 280 hex digits and a head
_DATA_MAX = const(1460)  # the modem's own limit of one socket read
_COUNTED = const("+CIPRXGET: 2,")


def counted(line: str) -> int:
    """How many raw bytes follow a line: 0 for all but `+CIPRXGET: 2,[<n>,]<read>,<left>`; -1 if it cannot be read."""
    if not line.startswith(_COUNTED):
        return 0
    fields = line[len(_COUNTED) :].split(",")
    try:
        count = int(fields[-2])
    except (IndexError, ValueError):
        return -1
    return count if 0 <= count <= _DATA_MAX else -1


class Parser:
    """Feed it pieces, get tokens. `expect_prompt` is set by the engine only while a command waits for `> `."""

    def __init__(self) -> None:
        self.expect_prompt = False
        self.dropped = 0  # lines too long, not text, or with an impossible count
        self._line = bytearray()
        self._overlong = False
        self._data = bytearray()
        self._missing = 0  # raw bytes still to come

    def reset(self) -> None:
        """Forget a half-read token: the modem restarted or a read timed out."""
        self.expect_prompt = False
        self._line = bytearray()
        self._overlong = False
        self._data = bytearray()
        self._missing = 0

    def feed(self, piece: bytes) -> "list[tuple[str, str | bytes]]":
        """The tokens that this piece completes."""
        tokens: list[tuple[str, str | bytes]] = []
        at = 0
        while at < len(piece):
            if self._missing:
                part = piece[at : at + self._missing]
                self._data.extend(part)
                self._missing -= len(part)
                at += len(part)
                if not self._missing:
                    tokens.append(("data", bytes(self._data)))
                    self._data = bytearray()
                continue
            byte = piece[at]
            at += 1
            if byte == 10:  # "\n" ends a line; an echo ends in "\r" and so shares the line end of what follows
                self._end_line(tokens)
            elif byte == 62 and self.expect_prompt and not self._line.strip():
                self.expect_prompt = False
                self._line = bytearray()
                tokens.append(("prompt", ""))
            elif len(self._line) < _LINE_MAX:
                self._line.append(byte)
            else:
                self._overlong = True
        return tokens

    def _end_line(self, tokens: "list[tuple[str, str | bytes]]") -> None:
        # An echo ends in CR alone; where the answer begins without one of its own, both stand in one line.
        raw, overlong = bytes(self._line).strip().rsplit(b"\r", 1)[-1], self._overlong
        self._line = bytearray()
        self._overlong = False
        if not raw:
            return
        try:
            text = str(raw, "utf-8")
        except UnicodeError:
            self.dropped += 1
            return
        count = counted(text)
        if overlong or count < 0:
            self.dropped += 1
            return
        tokens.append(("line", text))
        if count:
            self._missing = count
