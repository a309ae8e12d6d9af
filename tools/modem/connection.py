"""One TCP connection of the modem: bounded buffers between the AT channel and a real socket.

In: what the socket reports and what CIPSEND brings. Out: unsolicited lines and bytes for the socket. While the packet
service is suspended, bytes wait on both sides; nothing is thrown away except into a black hole, and that is counted.
With a pace, bytes are on their way for a while; those that arrive in a suspension wait for its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tools.modem.flight import Flight
from tools.modem.pace import Traffic
from tools.modem.timing import CONNECT_LONGEST_MULTIPLE_S, CONNECT_LONGEST_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.modem.core import Modem

MAX_SEGMENT = 1460  # what one CIPSEND or CIPRXGET=2 moves, from the vendor's manual
RX_LIMIT = 8 * MAX_SEGMENT  # then reading stops and TCP holds the sender back
TX_LIMIT = 8 * MAX_SEGMENT  # then CIPSEND answers SEND FAIL
WORST_MARGIN_S = 1.0  # on the worst day a connection stands so shortly before it would have failed

CONNECTING, CONNECTED, CLOSED = "CONNECTING", "CONNECTED", "CLOSED"


class Pipe(Protocol):
    """The socket's side of a connection."""

    def write(self, data: bytes) -> None:
        """Send."""

    def close(self) -> None:
        """Close at once; no report follows."""

    def pause(self) -> None:
        """Read no more for now."""

    def resume(self) -> None:
        """Read again."""

    def backlog(self) -> int:
        """Bytes written that the other side has not taken."""


class Internet(Protocol):
    """Opens sockets; reports into the connection's `connected`, `failed`, `received`, `closed`."""

    def open(self, host: str, port: int, connection: Connection) -> Pipe:
        """Start to connect."""

    def resolve(self, host: str, done: Callable[[str | None], None]) -> None:
        """Look up a name; None if there is none."""


class Connection:
    """A connection with number `n` (always 0 in single mode)."""

    def __init__(self, modem: Modem, internet: Internet, n: int, host: str, port: int) -> None:
        self.modem = modem
        self.internet = internet
        self.n, self.host, self.port = n, host, port
        self.state = CONNECTING
        self.rx = bytearray()
        self.tx = bytearray()
        self.accepted = 0  # bytes taken from the terminal
        self.in_black_hole = False
        self._vanished = 0
        self._pipe: Pipe | None = None
        self._established = False
        self._ended_while_suspended: str | None = None
        self.traffic = Traffic()
        self._up = Flight(modem, self._arrive)
        self._down = Flight(modem, self._land)
        limit = CONNECT_LONGEST_MULTIPLE_S if modem.data.multiple else CONNECT_LONGEST_S
        self._limit = modem.wait(limit, self._give_up)
        if modem.worst:
            modem.wait(limit - WORST_MARGIN_S, self._open)
        elif modem.air.pace is not None:
            modem.timers.after(modem.air.round_trips(host) * modem.air.pace.round_trip, self._open)
        else:
            modem.wait(modem.timing.round_trip, self._open)

    # From the AT side.

    def room(self) -> int:
        """Bytes that may still come in."""
        return RX_LIMIT - len(self.rx) - self._down.size

    def can_take(self, count: int) -> bool:
        """Whether `count` more bytes fit into the sending buffer."""
        return self.state == CONNECTED and self.unsent() + count <= TX_LIMIT

    def unsent(self) -> int:
        """Bytes accepted that the other side has not taken; those in a black hole never will be."""
        backlog = self._pipe.backlog() if self._pipe is not None else 0
        return self._vanished + len(self.tx) + self._up.size + backlog

    def send(self, data: bytes) -> None:
        """Bytes from CIPSEND; `can_take` was asked before."""
        self.accepted += len(data)
        if self.in_black_hole:
            self._vanish(len(data))
            return
        self.tx += data
        self._flush()

    def take(self, count: int) -> bytes:
        """Up to `count` received bytes, for CIPRXGET=2."""
        data = bytes(self.rx[:count])
        del self.rx[: len(data)]
        self._steer()
        return data

    def hang_up(self) -> None:
        """The terminal closes it; what is on its way still arrives."""
        if self.state == CLOSED:
            return
        self.modem.air.closed(self.traffic)
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            self._up.then(pipe)
        self.drop()

    def drop(self) -> None:
        """End it without a word: power or context are gone."""
        self.state = CLOSED
        self.tx.clear()
        self._limit.cancel()
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def refresh(self) -> None:
        """The packet service was suspended or resumed."""
        if not self.modem.data.suspended:
            if self._established and self.state == CONNECTING:
                self._report_connected()
            elif self._pipe is None and self.state == CONNECTING:
                self._open()
            self._up.resume()
            self._down.resume()
            self._flush()
            if self._ended_while_suspended is not None:
                self._over(self._ended_while_suspended)
        self._steer()

    def fall_into_black_hole(self) -> None:
        """From now on nothing passes either way and nobody is told, until the terminal closes it."""
        self.in_black_hole = True
        self._vanish(len(self.tx))
        self.tx.clear()
        self._steer()

    # From the socket.

    def connected(self) -> None:
        """The socket is open."""
        self._established = True
        if self.state == CONNECTING and not self.modem.data.suspended:
            self._report_connected()
        self._steer()

    def failed(self) -> None:
        """The socket could not be opened."""
        self._over("fail")

    def received(self, data: bytes) -> None:
        """Bytes of the other side, at most `room()`."""
        if self.state == CLOSED:
            return
        if self.in_black_hole:
            self.modem.dropped["rx_black_hole"] += len(data)
            return
        for start in range(0, len(data), MAX_SEGMENT):
            part = data[start : start + MAX_SEGMENT]
            self._down.send(part, self.modem.air.down(self.traffic, len(part)))
        self._steer()

    def _land(self, data: bytes) -> None:
        """Bytes of the other side have crossed the air."""
        if self.state == CLOSED:
            return
        if self.in_black_hole:
            self.modem.dropped["rx_black_hole"] += len(data)
            return
        if not self.modem.registers.number("+CIPRXGET"):
            self.modem.data.push(self, data)
            return
        first = not self.rx
        self.rx += data
        self._steer()
        if first:
            self.modem.data.announce(self.n)

    def closed(self) -> None:
        """The other side closed."""
        self._over("closed")

    # Inside.

    def _vanish(self, count: int) -> None:
        self._vanished += count
        self.modem.dropped["tx_black_hole"] += count

    def _open(self) -> None:
        data = self.modem.data
        if self.state == CONNECTING and self._pipe is None and not data.suspended and not self.in_black_hole:
            if self.modem.faults.on("connect_fail"):
                self.modem.wait(self.modem.timing.round_trip, self.failed)
            else:
                self.modem.air.opened(self.traffic, self.host)
                self._pipe = self.internet.open(self.host, self.port, self)

    def _report_connected(self) -> None:
        self.state = CONNECTED
        self._limit.cancel()
        self.modem.data.report(self.n, "CONNECT OK")
        self.modem.event("data_connect", n=self.n, host=self.host, port=self.port)

    def _over(self, how: str) -> None:
        if self.state == CLOSED or self.in_black_hole:
            return
        if self.modem.data.suspended:
            self._ended_while_suspended = how
        elif self._down.size:
            self.modem.timers.after(self._down.left(), lambda: self._over(how))  # the end comes behind the last byte
        else:
            self._end(how)

    def _end(self, how: str) -> None:
        self._ended_while_suspended = None
        if self.state == CLOSED:
            return
        was = self.state
        self.drop()
        if was == CONNECTING or how == "fail":
            self.modem.data.report_failure(self.n)
            self.modem.event("data_fail", n=self.n, host=self.host, port=self.port)
        else:
            self.modem.air.closed(self.traffic)
            self.modem.data.report(self.n, "CLOSED")
            self.modem.event("data_close", n=self.n, by="peer")

    def _give_up(self) -> None:
        if self.state == CONNECTING:
            self._end("fail")

    def _flush(self) -> None:
        while self.tx and self._pipe is not None and self.state == CONNECTED and not self.modem.data.suspended:
            part = bytes(self.tx[:MAX_SEGMENT])
            del self.tx[: len(part)]
            self._up.send(part, self.modem.air.up(self.traffic, len(part)))

    def _arrive(self, data: bytes) -> None:
        """Bytes of the terminal have crossed the air."""
        if self.in_black_hole:
            self._vanish(len(data))
        elif self._pipe is not None:
            self._pipe.write(data)

    def _steer(self) -> None:
        """Read only while bytes may flow and there is room for them; a black hole takes everything."""
        if self._pipe is None or not self._established:
            return
        if self.in_black_hole or (self.room() > 0 and not self.modem.data.suspended):
            self._pipe.resume()
        else:
            self._pipe.pause()
