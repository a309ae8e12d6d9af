"""3GPP 27.010, basic option: four channels on one wire, seen from the terminal's side.

In: bytes of the wire, and `now` in ms. Out: bytes for the wire in `out`, what each channel brought, and why it ended.
Must never wait for bytes that a restarted modem will not send, nor lose what such a modem says without a frame.
"""

FLAG = 0xF9
SABM, UA, DM, DISC, UIH = 0x2F, 0x63, 0x0F, 0x43, 0xEF
POLL = 0x10  # P of a command, F of an answer
CONTROL, VOICE, DATA, TEXTS = range(4)  # DLCI; the first carries the multiplexer's own messages
DLCIS = 4
N1 = 127  # most bytes in a frame, as the modem has it without being asked
RAW = -1  # in the place of a DLCI: a line that came without a frame
LOST = -2  # in the place of a DLCI: the channel named beside it has ended, and what was asked there is not answered

T1_MS = 1_000  # an answer to SABM takes a modem a few ms; pieces of a UART may come 400 ms late, each way
TRIES = 4
REOPEN_MS = 10_000  # a channel of data or texts that the modem closed is asked for again after this
STUCK_MS = 600  # no modem pauses so long within a frame, nor comes any piece of a UART so late
LINE_MAX = 64  # of a line without a frame: what a starting modem says is short
OUT_MAX = 512  # answers to the modem's own messages; a healthy one sends few

MSC, CLD, TEST, FLOW_ON, FLOW_OFF, NSC = 0xE1, 0xC1, 0x21, 0xA1, 0x61, 0x11  # types, as answers have them
COMMAND = 0x02  # in a type or an address: asked by us, or answered to us
_BASIC = SABM, UA, DM, DISC, UIH
_MSC_STOP = 0x02  # the FC bit: send no more on this channel
_MSC_READY = 0x8D  # we are here and take data
_TEST_MAX = 32

CLOSED, OPENING, OPEN = range(3)


def fcs(header: bytes) -> int:
    """The checksum of a frame's first bytes."""
    value = 0xFF
    for byte in header:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xE0 if value & 1 else value >> 1
    return 0xFF - value


def frame(dlci: int, control: int, info: bytes = b"", command: bool = True) -> bytes:
    """One frame of ours; `info` at most N1 bytes."""
    header = bytes((dlci << 2 | (COMMAND if command else 0) | 1, control, len(info) << 1 | 1))
    return bytes((FLAG,)) + header + info + bytes((fcs(header), FLAG))


CLOSE = frame(CONTROL, UIH, bytes((CLD | COMMAND, 1)))  # ends multiplexing; the modem speaks plain AT afterwards
# For a modem of which nothing is known but that `AT` was not answered: leave a prompt, fill up a frame of ours that was
# cut, end multiplexing, and end the line that all this is to a modem that does not multiplex.
RECOVER = b"\x1b" + bytes((FLAG,)) * (N1 + 6) + CLOSE + b"\r"


class Decoder:
    """Pieces of the wire -> (DLCI, control, info), and (RAW, 0, line) for text between frames."""

    def __init__(self) -> None:
        self.bad = 0  # flags that began no frame
        self.dropped = 0  # bytes between frames that made no line
        self._held = b""  # from a flag on, too short yet to be told
        self._line = bytearray()
        self._since: int | None = None  # when `_held` began to wait

    def feed(self, piece: bytes, now: int) -> "list[tuple[int, int, bytes]]":
        """What this piece completes."""
        tokens: list[tuple[int, int, bytes]] = []
        held = self._held + piece if self._held else piece
        at = 0
        while at < len(held):
            if held[at] != FLAG:
                self._stray(held[at], tokens)
                at += 1
                continue
            size = _measure(held, at)
            if size > len(held) - at:
                break
            if size and self._token(held, at, size, tokens):
                at += size - 1  # the flag at its end may begin the next one
            else:
                at += 1
        self._held = held[at:]
        self._since = now if len(self._held) > 1 else None
        return tokens

    def tick(self, now: int) -> "list[tuple[int, int, bytes]]":
        """A frame that does not go on is none: what stands behind its flag may be text."""
        if self._since is None or now - self._since < STUCK_MS:
            return []
        self.bad += 1
        held, self._held = self._held, b""
        return self.feed(held[1:], now)

    def _token(self, held: bytes, at: int, size: int, tokens: "list[tuple[int, int, bytes]]") -> bool:
        """Whether a whole frame stands here."""
        if held[at + size - 1] != FLAG or fcs(held[at + 1 : at + 4]) != held[at + size - 2]:
            self.bad += 1
            return False
        self._line = bytearray()
        tokens.append((held[at + 1] >> 2, held[at + 2] & ~POLL, held[at + 4 : at + size - 2]))
        return True

    def _stray(self, byte: int, tokens: "list[tuple[int, int, bytes]]") -> None:
        if byte == 10:
            line = bytes(self._line).strip()
            self._line = bytearray()
            if line:
                tokens.append((RAW, 0, line))
        elif len(self._line) < LINE_MAX:
            self._line.append(byte)
        else:
            self.dropped += 1


def _measure(held: bytes, at: int) -> int:
    """Bytes from a flag to the flag after it; 0 if no frame begins here. More than there are: wait."""
    count = len(held) - at
    if count > 1 and (not held[at + 1] & 1 or held[at + 1] >> 2 >= DLCIS):
        return 0
    if count > 2 and held[at + 2] & ~POLL not in _BASIC:
        return 0
    if count <= 3:
        return count + 1
    if not held[at + 3] & 1:
        return 0  # longer than N1
    return (held[at + 3] >> 1) + 6


class Mux:
    """One session, begun when the modem has said OK to `AT+CMUX=0`. Write `out` to the wire after every call."""

    def __init__(self, now: int) -> None:
        self.decoder = Decoder()
        self.out = bytearray()
        self.state = [CLOSED] * DLCIS
        self.ended = ""  # why there is no session any more: unanswered, refused, closed
        self.up = False  # all channels have been open
        self.heard = False  # the modem has answered
        self.dropped = 0  # frames and answers that went nowhere
        self._stopped = [False] * DLCIS
        self._all_stopped = False
        self._tries = [0] * DLCIS
        self._due = [0] * DLCIS
        self._ask(CONTROL, now)

    def may_send(self, dlci: int) -> bool:
        """Whether the modem takes bytes on a channel now."""
        return not self.ended and self.state[dlci] == OPEN and not self._stopped[dlci] and not self._all_stopped

    def receive(self, piece: bytes, now: int) -> "list[tuple[int, bytes]]":
        """(DLCI, bytes), (RAW, line) and (LOST, one byte: the DLCI) of this piece."""
        return self._take(self.decoder.feed(piece, now), now)

    def tick(self, now: int) -> "list[tuple[int, bytes]]":
        """Ask again what was not answered; call it every 100 ms or so. Gives what `receive` gives."""
        news = self._take(self.decoder.tick(now), now)
        for dlci in range(DLCIS):
            if self.state[dlci] == OPENING and now >= self._due[dlci]:
                if self._tries[dlci] < TRIES:
                    self._ask(dlci, now)
                else:
                    self._unopened(dlci, now, "unanswered")
            elif self.state[dlci] == CLOSED and self.up and now >= self._due[dlci]:
                self._tries[dlci] = 0
                self._ask(dlci, now)
        return news

    def _ask(self, dlci: int, now: int) -> None:
        self.state[dlci] = OPENING
        self._tries[dlci] += 1
        self._due[dlci] = now + T1_MS
        self._say(frame(dlci, SABM | POLL))

    def _say(self, data: bytes) -> None:
        if len(self.out) + len(data) > OUT_MAX:
            self.dropped += 1
        else:
            self.out.extend(data)

    def _take(self, tokens: "list[tuple[int, int, bytes]]", now: int) -> "list[tuple[int, bytes]]":
        news: list[tuple[int, bytes]] = []
        for dlci, control, info in tokens:
            if dlci == RAW:
                news.append((RAW, info))
            elif control == UIH and self.state[dlci] != OPEN:
                self.dropped += 1
            elif control == UIH and dlci == CONTROL:
                self._messages(info)
            elif control == UIH:
                if info:
                    news.append((dlci, info))
            else:
                self._supervise(dlci, control, now, news)
        return news

    def _supervise(self, dlci: int, control: int, now: int, news: "list[tuple[int, bytes]]") -> None:
        """SABM, UA, DM and DISC."""
        if control == SABM:  # its side of the channel began anew; ours stands
            self._say(frame(dlci, UA | POLL, b"", False))
        elif control == UA:
            if self.state[dlci] == OPENING:
                self._opened(dlci, now)
        else:
            if control == DISC:
                self._say(frame(dlci, UA | POLL, b"", False))
            if self.state[dlci] == OPENING:
                self._unopened(dlci, now, "refused")
            elif self.state[dlci] == OPEN:
                news.append((LOST, bytes((dlci,))))
                self._unopened(dlci, now, "closed")

    def _opened(self, dlci: int, now: int) -> None:
        self.state[dlci] = OPEN
        self.heard = True
        self._tries[dlci] = 0
        self._stopped[dlci] = False
        if dlci != CONTROL:
            self._say(frame(CONTROL, UIH, bytes((MSC | COMMAND, 5, dlci << 2 | 3, _MSC_READY))))
        if not self.up and dlci + 1 < DLCIS:
            self._ask(dlci + 1, now)
        else:
            self.up = True

    def _unopened(self, dlci: int, now: int, why: str) -> None:
        """Without the voice's channel, or before all were open, there is no session; else it is asked for later."""
        self.state[dlci] = CLOSED
        self._due[dlci] = now + REOPEN_MS
        if dlci in (CONTROL, VOICE) or not self.up:
            self.ended = why

    def _messages(self, info: bytes) -> None:
        """The modem's own messages: type, length, value, one after the other."""
        at = 0
        while at + 2 <= len(info):
            kind, size = info[at], info[at + 1] >> 1
            value = info[at + 2 : at + 2 + size]
            at += 2 + size
            if not kind & COMMAND:
                continue  # an answer to ours
            kind &= ~COMMAND
            if kind == MSC and len(value) >= 2 and value[0] >> 2 < DLCIS:
                self._stopped[value[0] >> 2] = bool(value[1] & _MSC_STOP)
            elif kind == CLD:
                self.ended = "closed"
            elif kind in (FLOW_ON, FLOW_OFF):
                self._all_stopped = kind == FLOW_OFF
            elif kind != TEST:
                value = bytes((kind | COMMAND,))
                kind = NSC
            value = value[:_TEST_MAX]
            self._say(frame(CONTROL, UIH, bytes((kind, len(value) << 1 | 1)) + value))
