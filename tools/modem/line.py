"""The serial line as the modem hears it: bytes in, command lines and payloads out.

A line ends with CR; LF is ignored. After a prompt the same bytes are a payload: counted, or up to Ctrl-Z.
It never knows what a command means.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_LINE = 556  # characters after AT, from the vendor's manual; one more and the whole line is refused
MAX_BUFFER = 2 * MAX_LINE  # bytes of one line, with any noise before its AT
MAX_TEXT = 1460  # what a prompt takes at most: one segment of the modem's TCP stack
CR, LF, BACKSPACE, CTRL_Z, ESCAPE = 0x0D, 0x0A, 0x08, 0x1A, 0x1B


@dataclass(frozen=True)
class Command:
    """One command line without its AT; `too_long` if it went over the limit (its text is cut then)."""

    text: str
    too_long: bool = False


@dataclass(frozen=True)
class Payload:
    """What was typed at a prompt; None if it was cancelled by ESC."""

    data: bytes | None


class Line:
    """Collects bytes until they make a command line or a payload."""

    def __init__(self) -> None:
        self.ignored = 0  # lines without AT: noise, or half a line
        self._buffer = bytearray()
        self._count: int | None = None
        self._prompted = False
        self._overrun = False

    @property
    def at_prompt(self) -> bool:
        """True while the bytes that come in are a payload."""
        return self._prompted

    def prompt(self, count: int | None) -> None:
        """From now on collect a payload: `count` bytes, or up to Ctrl-Z if None."""
        self._buffer.clear()
        self._prompted = True
        self._count = count

    def reset(self) -> None:
        """Back to command lines; what was half collected is gone."""
        self._buffer.clear()
        self._prompted = self._overrun = False
        self._count = None

    def push(self, byte: int) -> Command | Payload | None:
        """One byte; the thing that it completes, if it completes one."""
        if self._prompted:
            return self._push_payload(byte)
        if byte == BACKSPACE:
            del self._buffer[-1:]
        elif byte == CR:
            return self._end_line()
        elif byte != LF:
            if len(self._buffer) < MAX_BUFFER:
                self._buffer.append(byte)
            else:
                self._overrun = True
        return None

    def _push_payload(self, byte: int) -> Payload | None:
        if self._count is None and byte in (CTRL_Z, ESCAPE):
            return self._end_payload(None if byte == ESCAPE else bytes(self._buffer))
        if self._count is not None or len(self._buffer) < MAX_TEXT:
            self._buffer.append(byte)
        if self._count is not None and len(self._buffer) >= self._count:
            return self._end_payload(bytes(self._buffer))
        return None

    def _end_payload(self, data: bytes | None) -> Payload:
        self.reset()
        return Payload(data)

    def _end_line(self) -> Command | None:
        text = self._buffer.decode("latin-1")
        overrun, self._overrun = self._overrun, False
        self._buffer.clear()
        # Noise before AT happens at power-on and on long wires: the modem looks for the prefix.
        start = text.upper().find("AT")
        if start < 0:
            self.ignored += bool(text.strip())
            return None
        body = text[start + 2 :]
        return Command(body[:MAX_LINE].strip(), too_long=overrun or len(body) > MAX_LINE)


def framed(text: str) -> bytes:
    """One response as it stands on the wire with V1."""
    return b"\r\n" + text.encode("latin-1", "replace") + b"\r\n"
