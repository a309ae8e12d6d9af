"""A modem on a bench: bytes in, bytes out, a clock that only the test moves, and an internet of plain objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tools.modem import control
from tools.modem.core import Modem
from tools.modem.timers import Timers

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.modem.connection import Connection

# 18 March 2030, 08:00:00 UTC: 16:00 in Beijing.
START = 1_900_051_200.0


class BenchPipe:
    """A socket without a network: the test plays the other side."""

    def __init__(self, host: str, port: int, connection: Connection) -> None:
        self.host, self.port, self.connection = host, port, connection
        self.sent = bytearray()
        self.paused = self.gone = False
        self.stuck = 0  # bytes that the other side does not take

    def write(self, data: bytes) -> None:
        self.sent += data

    def close(self) -> None:
        self.gone = True

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def flow(self) -> str:
        return "held" if self.paused else "open"

    def backlog(self) -> int:
        return self.stuck


class Bench:
    """The modem with everything around it; it is on and registered unless `boot` is False."""

    def __init__(self, *, boot: bool = True) -> None:
        self.timers = Timers(START)
        self.pipes: list[BenchPipe] = []
        self.events: list[dict[str, Any]] = []
        self.refuse_connections = False
        self._out = bytearray()
        self.modem = Modem(self.timers, self, self)
        if boot:
            self.modem.power_on()
            self.sleep(30)
            self.send("ATE0")
            self.out()
            self.events.clear()

    # The modem's sink and internet.

    def write(self, data: bytes) -> None:
        self._out += data

    def event(self, name: str, fields: dict[str, Any]) -> None:
        self.events.append({"ev": name, **fields})

    def open(self, host: str, port: int, connection: Connection) -> BenchPipe:
        pipe = BenchPipe(host, port, connection)
        self.pipes.append(pipe)
        report = connection.failed if self.refuse_connections else connection.connected
        self.timers.after(0.05, report)
        return pipe

    def resolve(self, host: str, done: Callable[[str | None], None]) -> None:
        done("192.0.2.7" if host.endswith(".example") else None)

    # The test's hands.

    def sleep(self, seconds: float) -> None:
        self.timers.advance(self.timers.now + seconds)

    def feed(self, data: bytes) -> None:
        self.modem.feed(data)

    def send(self, command: str, wait: float = 0.0) -> bytes:
        """A command line and all that came out by `wait` seconds later."""
        self.modem.feed(command.encode("latin-1") + b"\r")
        self.sleep(wait)
        return self.out()

    def out(self) -> bytes:
        """What has come out since the last look."""
        data = bytes(self._out)
        self._out.clear()
        return data

    def after(self, seconds: float) -> bytes:
        """What comes out within the next seconds."""
        self.sleep(seconds)
        return self.out()

    def control(self, line: str) -> str:
        return control.execute(self.modem, line)

    def names(self) -> list[str]:
        return [event["ev"] for event in self.events]

    def connect(self, *profile: str) -> BenchPipe:
        """Bearer up and one connection open, with manual receive and quick send."""
        for command in ("AT+CIPRXGET=1", "AT+CIPQSEND=1", *profile, 'AT+CSTT="cmiot","",""', "AT+CIICR", "AT+CIFSR"):
            self.send(command, 5)
        assert self.send('AT+CIPSTART="TCP","broker.example",1883', 5) == b"\r\nOK\r\n\r\nCONNECT OK\r\n"
        return self.pipes[-1]
