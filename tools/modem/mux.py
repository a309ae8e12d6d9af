"""The multiplexer of AT+CMUX: frames in, four AT channels and a control channel out.

In: bytes of the serial line once AT+CMUX was answered. Out: frames. CLD, DISC on DLCI 0 and loss of power end it, and
nothing else does: a terminal that starts anew and sends a bare AT goes unheard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tools.modem.channel import Channel
from tools.modem.frames import DISC, DM, EA, SABM, UA, UIH, Decoder, Frame, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.modem.core import Modem

CHANNELS = 4  # DLCI 1 to 4 carry AT commands
MAX_STOPPED = 8192  # bytes kept for a channel that the terminal has stopped; beyond it they are lost
# Types of the control channel's messages: six bits, then C/R, then EA.
PN, CLD, TEST, FCON, FCOFF, MSC, NSC = 0x20, 0x30, 0x08, 0x28, 0x18, 0x38, 0x04
SIGNALS = 0x8D  # V.24 as this modem shows it: carrier, ready to communicate, ready to receive
STOPPED = 0x02  # FC of the same byte: the sender cannot take more


class Multiplexer:
    """The frames' side of the modem, from AT+CMUX to its end."""

    def __init__(self, modem: Modem, n1: int, transmit: Callable[[bytes], None]) -> None:
        self.modem = modem
        self.n1 = n1
        self.control = False  # DLCI 0 stands
        self.channels: dict[int, Channel] = {}
        self._transmit = transmit
        self._decoder = Decoder(n1)
        self._stopped: set[int] = set()  # the terminal has no room; DLCI 0 stands for all of them
        self._waiting: dict[int, bytearray] = {}

    # Bytes in.

    def feed(self, byte: int) -> None:
        """One byte of the terminal."""
        decoder, dropped = self._decoder, self.modem.dropped
        bad, noise = decoder.bad, decoder.noise
        frame = decoder.push(byte)
        if decoder.bad != bad:
            dropped["mux_bad"] += 1
        if decoder.noise != noise:
            dropped["mux_noise"] += 1
        if frame is not None:
            self._take(frame)

    def _take(self, frame: Frame) -> None:
        if frame.kind == SABM:
            self._open(frame)
        elif frame.kind == DISC:
            self._disconnect(frame)
        elif frame.kind == UIH:
            self._deliver(frame)
        elif frame.kind not in (UA, DM):
            self.modem.dropped["mux_kind"] += 1

    def _open(self, frame: Frame) -> None:
        n = frame.dlci
        if n == 0:
            self.control = True
        elif self.control and n <= CHANNELS:
            if n not in self.channels:
                registers = self.modem.registers.another()
                self.channels[n] = Channel(self.modem, n, registers, lambda out: self.send(n, out))
        else:
            self._answer(frame, DM)
            return
        self._answer(frame, UA)
        if n:
            self.modem.event("mux", dlci=n, state="open")
            self._message(MSC, bytes((n << 2 | 2 | EA, SIGNALS)), command=True)

    def _disconnect(self, frame: Frame) -> None:
        if frame.dlci == 0 and self.control:
            self._answer(frame, UA)
            self.modem.end_mux()
        elif frame.dlci in self.channels:
            self._close(frame.dlci)
            self._answer(frame, UA)
        else:
            self._answer(frame, DM)

    def reset(self) -> None:
        """It is over: whatever runs on its channels is nobody's."""
        for channel in self.channels.values():
            channel.close()
        self.channels.clear()

    def _close(self, n: int) -> None:
        self.channels.pop(n).close()
        self._stopped.discard(n)
        self._waiting.pop(n, None)
        self.modem.event("mux", dlci=n, state="closed")

    def _deliver(self, frame: Frame) -> None:
        if frame.dlci == 0 and self.control:
            self._messages(frame.information)
            return
        channel = self.channels.get(frame.dlci)
        if channel is None:
            self.modem.dropped["mux_closed"] += len(frame.information)
            self._answer(frame, DM)
            return
        for byte in frame.information:
            if self.modem.mux is not self:
                return  # a command in the same frame took the power away
            channel.feed(byte)

    # The control channel.

    def _messages(self, data: bytes) -> None:
        """One or more messages of one frame: type, length, value. Answers to ours need nothing."""
        while len(data) >= 2 and data[0] & data[1] & EA and len(data) >= 2 + (data[1] >> 1):
            end = 2 + (data[1] >> 1)
            kind, value, data = data[0], data[2:end], data[end:]
            if kind & 2:
                self._obey(kind >> 2, value)
            if self.modem.mux is not self:
                return
        if data:
            self.modem.dropped["mux_message"] += 1

    def _obey(self, kind: int, value: bytes) -> None:
        if kind == MSC and len(value) >= 2:
            self._flow(value[0] >> 2, stopped=bool(value[1] & STOPPED))
        elif kind in (FCON, FCOFF):
            self._flow(0, stopped=kind == FCOFF)
        elif kind == PN and len(value) == 8:
            # The terminal proposes; a modem takes back what it cannot do: no longer frames than at the start.
            n1 = min(int.from_bytes(value[4:6], "little"), self.n1)
            value = value[:4] + n1.to_bytes(2, "little") + value[6:]
        elif kind not in (CLD, TEST):
            self._message(NSC, bytes((kind << 2 | 2 | EA,)), command=False)
            return
        self._message(kind, value, command=False)
        if kind == CLD:
            self.modem.end_mux()

    def _message(self, kind: int, value: bytes, *, command: bool) -> None:
        head = bytes((kind << 2 | (2 if command else 0) | EA, len(value) << 1 | EA))
        self._transmit(encode(Frame(0, UIH, head + value)))

    def _flow(self, n: int, *, stopped: bool) -> None:
        """The terminal stops a channel, or all of them as DLCI 0, or lets it go on."""
        if stopped:
            self._stopped.add(n)
            return
        self._stopped.discard(n)
        for dlci in list(self._waiting):
            if not self._stopped & {0, dlci}:
                self.send(dlci, bytes(self._waiting.pop(dlci)))

    # Bytes out.

    def _answer(self, frame: Frame, kind: int) -> None:
        self._transmit(encode(Frame(frame.dlci, kind, poll=frame.poll, command=frame.command)))

    def send(self, n: int, out: bytes) -> None:
        """What a channel says, in frames of at most N1; nothing once it is closed."""
        if n not in self.channels:
            self.modem.dropped["mux_closed"] += len(out)
        elif self._stopped & {0, n}:
            waiting = self._waiting.setdefault(n, bytearray())
            room = MAX_STOPPED - len(waiting)
            waiting += out[:room]
            self.modem.dropped["mux_stopped"] += max(0, len(out) - room)
        else:
            for start in range(0, len(out), self.n1):
                self._transmit(encode(Frame(n, UIH, out[start : start + self.n1])))
