"""3GPP 27.010, basic option: four channels on one wire, seen from the terminal's side.

In: bytes of the wire, and `now` in ms. Out: bytes for the wire in `out`, what each channel brought, and why it ended.
Must never wait for bytes that a restarted modem will not send, nor lose what such a modem says without a frame.
"""

from protocol import const

_FLAG = const(0xF9)
_SABM = const(0x2F)
_UA = const(0x63)
_DM = const(0x0F)
_DISC = const(0x43)
UIH = const(0xEF)
_POLL = const(0x10)  # P of a command, F of an answer
_CONTROL = const(0)  # DLCI; the first carries the multiplexer's own messages
VOICE = const(1)
DATA = const(2)
TEXTS = const(3)
_DLCIS = const(4)
N1 = const(127)  # most bytes in a frame, as the modem has it without being asked
RAW = const(-1)  # in the place of a DLCI: a line that came without a frame
# In the place of a DLCI: the channel named beside it has ended, and what was asked there is not answered.
LOST = const(-2)

T1_MS = const(1_000)  # an answer to SABM takes a modem a few ms; pieces of a UART may come 400 ms late, each way
_TRIES = const(4)
_REOPEN_MS = const(10_000)  # a channel of data or texts that the modem closed is asked for again after this
_STUCK_MS = const(600)  # no modem pauses so long within a frame, nor comes any piece of a UART so late
_LINE_MAX = const(64)  # of a line without a frame: what a starting modem says is short
_OUT_MAX = const(512)  # answers to the modem's own messages; a healthy one sends few

_MSC = const(0xE1)  # types, as answers have them
_CLD = const(0xC1)
_TEST = const(0x21)
_FLOW_ON = const(0xA1)
_FLOW_OFF = const(0x61)
_NSC = const(0x11)
_COMMAND = const(0x02)  # in a type or an address: asked by us, or answered to us
_BASIC = const((_SABM, _UA, _DM, _DISC, UIH))
_MSC_STOP = const(0x02)  # the FC bit: send no more on this channel
_MSC_READY = const(0x8D)  # we are here and take data
_TEST_MAX = const(32)

_CLOSED = const(0)
_OPENING = const(1)
_OPEN = const(2)


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
    header = bytes((dlci << 2 | (_COMMAND if command else 0) | 1, control, len(info) << 1 | 1))
    return bytes((_FLAG,)) + header + info + bytes((fcs(header), _FLAG))


def recover() -> bytes:
    """For a modem of which nothing is known but that `AT` was not answered.

    Leaves a prompt, fills up a frame of ours that was cut, ends multiplexing (the modem speaks plain AT afterwards),
    and ends the line that all this is to a modem that does not multiplex.
    """
    return b"\x1b" + bytes((_FLAG,)) * (N1 + 6) + frame(_CONTROL, UIH, bytes((_CLD | _COMMAND, 1))) + b"\r"


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
            if held[at] != _FLAG:
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
        if self._since is None or now - self._since < _STUCK_MS:
            return []
        self.bad += 1
        held, self._held = self._held, b""
        return self.feed(held[1:], now)

    def _token(self, held: bytes, at: int, size: int, tokens: "list[tuple[int, int, bytes]]") -> bool:
        """Whether a whole frame stands here."""
        if held[at + size - 1] != _FLAG or fcs(held[at + 1 : at + 4]) != held[at + size - 2]:
            self.bad += 1
            return False
        self._line = bytearray()
        tokens.append((held[at + 1] >> 2, held[at + 2] & ~_POLL, held[at + 4 : at + size - 2]))
        return True

    def _stray(self, byte: int, tokens: "list[tuple[int, int, bytes]]") -> None:
        if byte == 10:
            line = bytes(self._line).strip()
            self._line = bytearray()
            if line:
                tokens.append((RAW, 0, line))
        elif len(self._line) < _LINE_MAX:
            self._line.append(byte)
        else:
            self.dropped += 1


def _measure(held: bytes, at: int) -> int:
    """Bytes from a flag to the flag after it; 0 if no frame begins here. More than there are: wait."""
    count = len(held) - at
    if count > 1 and (not held[at + 1] & 1 or held[at + 1] >> 2 >= _DLCIS):
        return 0
    if count > 2 and held[at + 2] & ~_POLL not in _BASIC:
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
        self.state = [_CLOSED] * _DLCIS
        self.ended = ""  # why there is no session any more: unanswered, refused, closed
        self.up = False  # all channels have been open
        self.heard = False  # the modem has answered
        self.dropped = 0  # frames and answers that went nowhere
        self._stopped = [False] * _DLCIS
        self._all_stopped = False
        self._tries = [0] * _DLCIS
        self._due = [0] * _DLCIS
        self._ask(_CONTROL, now)

    def may_send(self, dlci: int) -> bool:
        """Whether the modem takes bytes on a channel now."""
        return not self.ended and self.state[dlci] == _OPEN and not self._stopped[dlci] and not self._all_stopped

    def receive(self, piece: bytes, now: int) -> "list[tuple[int, bytes]]":
        """(DLCI, bytes), (RAW, line) and (LOST, one byte: the DLCI) of this piece."""
        return self._take(self.decoder.feed(piece, now), now)

    def tick(self, now: int) -> "list[tuple[int, bytes]]":
        """Ask again what was not answered; call it every 100 ms or so. Gives what `receive` gives."""
        news = self._take(self.decoder.tick(now), now)
        for dlci in range(_DLCIS):
            if self.state[dlci] == _OPENING and now >= self._due[dlci]:
                if self._tries[dlci] < _TRIES:
                    self._ask(dlci, now)
                else:
                    self._unopened(dlci, now, "unanswered")
            elif self.state[dlci] == _CLOSED and self.up and now >= self._due[dlci]:
                self._tries[dlci] = 0
                self._ask(dlci, now)
        return news

    def _ask(self, dlci: int, now: int) -> None:
        self.state[dlci] = _OPENING
        self._tries[dlci] += 1
        self._due[dlci] = now + T1_MS
        self._say(frame(dlci, _SABM | _POLL))

    def _say(self, data: bytes) -> None:
        if len(self.out) + len(data) > _OUT_MAX:
            self.dropped += 1
        else:
            self.out.extend(data)

    def _take(self, tokens: "list[tuple[int, int, bytes]]", now: int) -> "list[tuple[int, bytes]]":
        news: list[tuple[int, bytes]] = []
        for dlci, control, info in tokens:
            if dlci == RAW:
                news.append((RAW, info))
            elif control == UIH and self.state[dlci] != _OPEN:
                self.dropped += 1
            elif control == UIH and dlci == _CONTROL:
                self._messages(info)
            elif control == UIH:
                if info:
                    news.append((dlci, info))
            else:
                self._supervise(dlci, control, now, news)
        return news

    def _supervise(self, dlci: int, control: int, now: int, news: "list[tuple[int, bytes]]") -> None:
        """SABM, UA, DM and DISC."""
        if control == _SABM:  # its side of the channel began anew; ours stands
            self._say(frame(dlci, _UA | _POLL, b"", False))
        elif control == _UA:
            if self.state[dlci] == _OPENING:
                self._opened(dlci, now)
        else:
            if control == _DISC:
                self._say(frame(dlci, _UA | _POLL, b"", False))
            if self.state[dlci] == _OPENING:
                self._unopened(dlci, now, "refused")
            elif self.state[dlci] == _OPEN:
                news.append((LOST, bytes((dlci,))))
                self._unopened(dlci, now, "closed")

    def _opened(self, dlci: int, now: int) -> None:
        self.state[dlci] = _OPEN
        self.heard = True
        self._tries[dlci] = 0
        self._stopped[dlci] = False
        if dlci != _CONTROL:
            self._say(frame(_CONTROL, UIH, bytes((_MSC | _COMMAND, 5, dlci << 2 | 3, _MSC_READY))))
        if not self.up and dlci + 1 < _DLCIS:
            self._ask(dlci + 1, now)
        else:
            self.up = True

    def _unopened(self, dlci: int, now: int, why: str) -> None:
        """Without the voice's channel, or before all were open, there is no session; else it is asked for later."""
        self.state[dlci] = _CLOSED
        self._due[dlci] = now + _REOPEN_MS
        if dlci in (_CONTROL, VOICE) or not self.up:
            self.ended = why

    def _messages(self, info: bytes) -> None:
        """The modem's own messages: type, length, value, one after the other."""
        at = 0
        while at + 2 <= len(info):
            kind, size = info[at], info[at + 1] >> 1
            value = info[at + 2 : at + 2 + size]
            at += 2 + size
            if not kind & _COMMAND:
                continue  # an answer to ours
            kind &= ~_COMMAND
            if kind == _MSC and len(value) >= 2 and value[0] >> 2 < _DLCIS:
                self._stopped[value[0] >> 2] = bool(value[1] & _MSC_STOP)
            elif kind == _CLD:
                self.ended = "closed"
            elif kind in (_FLOW_ON, _FLOW_OFF):
                self._all_stopped = kind == _FLOW_OFF
            elif kind != _TEST:
                value = bytes((kind | _COMMAND,))
                kind = _NSC
            value = value[:_TEST_MAX]
            self._say(frame(_CONTROL, UIH, bytes((kind, len(value) << 1 | 1)) + value))
