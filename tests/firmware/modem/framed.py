"""A modem in memory that multiplexes: 27.010 written a second time, small and slow, to hold the terminal's against.

In: what the terminal writes. Out: answers of the peer's table, on the channel on which they were asked.
"""

from __future__ import annotations

from tests.firmware.modem.peer import CMUX, Peer

FLAG = 0xF9
SABM, UA, DM, DISC, UIH = 0x3F, 0x73, 0x1F, 0x53, 0xEF
CLD = 0xC3


def checksum(header: bytes) -> int:
    """By polynomial division of the reversed bits, as the standard says it and not as programs do it."""
    bits = [header[at // 8] >> (at % 8) & 1 for at in range(len(header) * 8)] + [0] * 8
    for at in range(8):
        bits[at] ^= 1
    for at in range(len(header) * 8):
        if bits[at]:
            for offset in (0, 6, 7, 8):
                bits[at + offset] ^= 1
    rest = bits[-8:]
    return 0xFF - sum(bit << at for at, bit in enumerate(rest))


def made(dlci: int, control: int, info: bytes = b"", command: bool = False) -> bytes:
    """A frame of the modem's side."""
    header = bytes([dlci * 4 + 2 * command + 1, control, len(info) * 2 + 1])
    return bytes([FLAG]) + header + info + bytes([checksum(header), FLAG])


def split(stream: bytes) -> list[tuple[int, int, bytes]]:
    """(DLCI, control, info) of an undamaged stream of whole frames, flags between them shared or not."""
    frames = []
    at = 0
    while at < len(stream):
        assert stream[at] == FLAG
        if at + 1 == len(stream) or stream[at + 1] == FLAG:
            at += 1
            continue
        size = stream[at + 3] >> 1
        header = stream[at + 1 : at + 4]
        assert checksum(header) == stream[at + 4 + size]
        frames.append((header[0] >> 2, header[1], stream[at + 4 : at + 4 + size]))
        at += size + 5
    return frames


class FramedPeer(Peer):
    """`mode`: plain or framed. `deaf`: channels that answer nothing. `refused`: channels that are answered with DM."""

    def __init__(self) -> None:
        super().__init__()
        self.answers[CMUX] = self._begin
        self.mode = "plain"
        self.deaf: set[int] = set()
        self.refused: set[int] = set()
        self.held: dict[str, str] = {}  # command: what it will answer, once the test says so
        self.asked: list[tuple[int, str]] = []  # (channel, command); channel 0 is the bare wire
        self.opened: set[int] = set()
        self.frames: list[tuple[int, int, bytes]] = []
        self._buffer = b""
        self._lines: dict[int, bytes] = {}

    def _begin(self, _: str) -> str:
        self.mode = "framed"
        return "\r\nOK\r\n"

    async def write(self, data: bytes) -> None:
        self.told.append(data)
        if self.mode == "plain":
            self._hear(0, data)
        else:
            self._buffer += data
            self._cut()

    def _cut(self) -> None:
        """Whole frames of the buffer; what is none is thrown away."""
        while FLAG in self._buffer:
            self._buffer = self._buffer[self._buffer.index(FLAG) :].lstrip(bytes([FLAG]))
            if len(self._buffer) < 5 or len(self._buffer) < (self._buffer[2] >> 1) + 5:
                self._buffer = bytes([FLAG]) + self._buffer if self._buffer else b""
                return
            size = self._buffer[2] >> 1
            header, info, rest = self._buffer[:3], self._buffer[3 : 3 + size], self._buffer[3 + size :]
            if checksum(header) == rest[0] and rest[1] == FLAG:
                self._buffer = rest[2:]
                self._frame(header[0] >> 2, header[1], info)
            if self.mode == "plain":
                rest, self._buffer = self._buffer, b""
                self._hear(0, rest)

    def _frame(self, dlci: int, control: int, info: bytes) -> None:
        self.frames.append((dlci, control, info))
        if dlci in self.deaf:
            return
        if control == SABM:
            if dlci in self.refused:
                self.say(made(dlci, DM))
            else:
                self.opened.add(dlci)
                self.say(made(dlci, UA))
        elif control == UIH and dlci == 0 and info[0] == CLD:
            self.mode = "plain"
            self.opened.clear()
        elif control == UIH and dlci:
            self._hear(dlci, info)

    def _hear(self, channel: int, data: bytes) -> None:
        *lines, self._lines[channel] = (self._lines.get(channel, b"") + data).split(b"\r")
        for line in lines:
            text = line.decode("latin-1").strip()
            if not text.startswith("AT"):
                continue  # noise, as a modem has it
            self.asked.append((channel, text))
            answer = self.answers.get(text, self.default)
            if callable(answer):
                answer = answer(text)
            if answer is not None:
                self.on(channel, answer)

    def on(self, channel: int, text: str) -> None:
        """The modem says this on a channel, in frames of any size."""
        if not channel:
            self.say(text)
        elif channel not in self.deaf:
            self.say(made(channel, UIH, text.encode()))

    def commands(self) -> list[str]:
        return [text for _, text in self.asked]

    def reset(self) -> None:
        """Power was lost: it forgets everything and says so on the bare wire."""
        self.mode = "plain"
        self.opened.clear()
        self._buffer = b""
        self.say("\r\nRDY\r\n")
