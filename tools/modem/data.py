"""The packet service as AT commands: bearer, CIPSTATUS states, and up to six TCP connections.

In: CSTT, CIICR, CIFSR, CIPSTART and so on, in the order that the vendor's state table allows. Out: their results and
`CLOSED`, `+CIPRXGET: 1`, `+PDP: DEACT`. Suspended while a call is set up or stands, or without a network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tools.modem.connection import CLOSED, CONNECTED, CONNECTING, MAX_SEGMENT, Connection, Internet
from tools.modem.pace import Traffic
from tools.modem.syntax import ERROR, OK, Answer, Request

if TYPE_CHECKING:
    from tools.modem.channel import Channel
    from tools.modem.core import Modem

Service = Literal["on", "off", "blackhole"]

INITIAL, START, CONFIG, GPRSACT, STATUS, DEACT = (
    "IP INITIAL",
    "IP START",
    "IP CONFIG",
    "IP GPRSACT",
    "IP STATUS",
    "PDP DEACT",
)
MAX_CONNECTIONS = 6
ACK_POLL_S = 0.1  # CIPQSEND=0: how often the modem looks whether the other side has taken everything
MAX_HOST = 128


class Data:
    """Bearer and connections."""

    def __init__(self, modem: Modem, internet: Internet) -> None:
        self.modem = modem
        self.internet = internet
        self.service: Service = "on"  # a switch of the test; outlives a power cycle
        self.bearer = INITIAL
        self.apn = ""
        self.connections: dict[int, Connection] = {}
        self.at: Channel | None = None  # gave the last command; hears what the packet service says

    @property
    def suspended(self) -> bool:
        """Class B: no packets while a call is set up or stands; and none without a network."""
        return self.modem.voice.busy or not self.modem.radio.registered

    @property
    def traffic(self) -> Traffic:
        """Bytes on the air so far, up and down, with their headers."""
        return self.modem.air.traffic

    @property
    def multiple(self) -> bool:
        """AT+CIPMUX=1."""
        return bool(self.modem.registers.number("+CIPMUX"))

    def state(self) -> str:
        """What AT+CIPSTATUS calls it."""
        if self.bearer != STATUS:
            return self.bearer
        if self.multiple:
            return "IP PROCESSING" if any(c.state != CLOSED for c in self.connections.values()) else STATUS
        connection = self.connections.get(0)
        if connection is None:
            return STATUS
        return {CONNECTING: "TCP CONNECTING", CONNECTED: "CONNECT OK", CLOSED: "TCP CLOSED"}[connection.state]

    def refresh(self) -> None:
        """A call, or the network, came or went."""
        for connection in list(self.connections.values()):
            connection.refresh()

    # Switches.

    def set_service(self, service: Service) -> None:
        """The network's packet service: there, gone, or swallowing every byte."""
        self.service = service
        if service == "blackhole":
            # What the network forgot once never comes back for a connection: a driver has to notice and start anew.
            for connection in self.connections.values():
                connection.fall_into_black_hole()
        self.modem.radio.set_packet(service != "off")

    def deactivate(self) -> None:
        """The network takes the context away."""
        if self.bearer not in (GPRSACT, STATUS):
            return
        open_count = self._drop_all()
        self.bearer = DEACT
        self.modem.urc("+PDP: DEACT")
        self.modem.event("data_lost", why="deact", connections=open_count)

    def lose_power(self) -> None:
        """Everything is gone, without a word on the line."""
        open_count = self._drop_all()
        self.bearer = INITIAL
        if open_count:
            self.modem.event("data_lost", why="power", connections=open_count)

    def shut(self) -> None:
        """AT+CIPSHUT."""
        for connection in self.connections.values():
            if connection.state != CLOSED:
                self.modem.event("data_close", n=connection.n, by="terminal")
                connection.hang_up()
        self._drop_all()
        self.bearer = INITIAL

    def _drop_all(self) -> int:
        open_count = sum(connection.state != CLOSED for connection in self.connections.values())
        for connection in self.connections.values():
            connection.drop()
        self.connections.clear()
        return open_count

    # Lines about one connection.

    def prefix(self, n: int) -> str:
        """`<n>, ` in multiple mode."""
        return f"{n}, " if self.multiple else ""

    def report(self, n: int, text: str) -> None:
        """A line that says in multiple mode which connection it means."""
        self.modem.urc(self.prefix(n) + text)

    def report_failure(self, n: int) -> None:
        """CONNECT FAIL; in single mode with the state before it."""
        if not self.multiple:
            self.modem.urc(f"STATE: {self.state()}")
        self.report(n, "CONNECT FAIL")

    def announce(self, n: int) -> None:
        """There are bytes to fetch."""
        self.modem.urc("+CIPRXGET: 1" + (f",{n}" if self.multiple else ""))

    def push(self, connection: Connection, received: bytes) -> None:
        """Automatic receive: bytes go out as they come, with a head if that was asked for."""
        if self.multiple:
            self.modem.push(f"\r\n+RECEIVE,{connection.n},{len(received)}:\r\n".encode())
        elif self.modem.registers.number("+CIPHEAD"):
            self.modem.push(f"\r\n+IPD,{len(received)}:".encode())
        self.modem.push(received)

    def pick(self, args: tuple[str, ...]) -> tuple[Connection | None, tuple[str, ...]]:
        """The connection that the arguments mean, and the arguments behind its number."""
        if not self.multiple:
            return self.connections.get(0), args
        number = int(args[0]) if args and args[0].isdigit() else -1
        return self.connections.get(number), args[1:]


def _shut(at: Channel, _: Request) -> Answer:
    at.modem.data.shut()
    return Answer(final="SHUT OK", after=at.modem.timing.shut)


def _status(at: Channel, _: Request) -> Answer:
    data = at.modem.data

    def states() -> None:
        at.modem.urc(f"STATE: {data.state()}")
        for n in range(MAX_CONNECTIONS if data.multiple else 0):
            connection = data.connections.get(n)
            if connection is None:
                at.modem.urc(f'C: {n},,"","","","INITIAL"')
            else:
                at.modem.urc(f'C: {n},0,"TCP","{connection.host}","{connection.port}","{connection.state}"')

    return Answer(then=states)


def _start_task(at: Channel, request: Request) -> Answer:
    if at.modem.data.bearer != INITIAL or any(len(arg) > 50 for arg in request.args):
        return ERROR
    at.modem.data.apn = request.args[0] if request.args else "CMNET"
    at.modem.data.bearer = START
    return OK


def _apn(at: Channel, _: Request) -> Answer:
    return Answer((f'+CSTT: "{at.modem.data.apn}","",""',))


def _bring_up(at: Channel, _: Request) -> Answer | None:
    data = at.modem.data
    if data.bearer != START:
        return ERROR
    data.bearer = CONFIG

    def done() -> None:
        # A new session cannot start in a call.
        if at.modem.radio.attached and not data.suspended:
            data.bearer = GPRSACT
            at.finish(OK)
        else:
            data.bearer = START
            at.finish(ERROR)

    at.modem.wait(at.modem.timing.bearer, done)
    return None


def _address(at: Channel, _: Request) -> Answer:
    if at.modem.data.bearer not in (GPRSACT, STATUS):
        return ERROR
    at.modem.data.bearer = STATUS
    return Answer(final=at.modem.identity.address)


def _resolve(at: Channel, request: Request) -> Answer:
    host = request.args[0]
    if not host or len(host) > MAX_HOST:
        return ERROR

    def found(address: str | None) -> None:
        if address is None or at.modem.data.suspended or at.modem.data.service != "on":
            at.modem.urc("+CDNSGIP: 0,8")
        else:
            at.modem.urc(f'+CDNSGIP: 1,"{host}","{address}"')

    ready = at.modem.data.bearer in (GPRSACT, STATUS)

    def ask() -> None:
        air, modem = at.modem.air, at.modem
        air.resolved(Traffic(), host)
        if air.pace is not None:
            modem.timers.after(air.pace.round_trip, lambda: modem.data.internet.resolve(host, found))
        else:
            modem.wait(modem.timing.resolve, lambda: modem.data.internet.resolve(host, found))

    return Answer(then=ask) if ready else ERROR


def _connect(at: Channel, request: Request) -> Answer:
    data, args = at.modem.data, request.args
    n = 0
    if data.multiple:
        n = int(args[0]) if args[0].isdigit() else -1
        args = args[1:]
    if len(args) != 3 or args[0].upper() != "TCP" or not args[2].isdigit() or not 0 < int(args[2]) < 65536:
        return at.refuse(50)
    if not 0 <= n < MAX_CONNECTIONS or not 0 < len(args[1]) <= MAX_HOST:
        return at.refuse(50)
    old = data.connections.get(n)
    if old is not None and old.state != CLOSED:
        return Answer(then=lambda: data.report(n, "ALREADY CONNECT"))
    state = data.state()
    # The table of the manual: one connection starts from IP STATUS only, after a closed one comes CIPSHUT.
    if state not in ((STATUS, "IP PROCESSING") if data.multiple else (STATUS,)):
        return Answer(then=lambda: data.report_failure(n))

    def go() -> None:
        connection = Connection(at.modem, data.internet, n, args[1], int(args[2]))
        data.connections[n] = connection
        if data.service == "blackhole":
            connection.fall_into_black_hole()

    return Answer(then=go)


def _send(at: Channel, request: Request) -> Answer:
    data = at.modem.data
    connection, rest = data.pick(request.args)
    if connection is None or connection.state != CONNECTED:
        return at.refuse(3)
    if rest and not (rest[0].isdigit() and 0 < int(rest[0]) <= MAX_SEGMENT):
        return at.refuse(50)

    def take(payload: bytes | None) -> Answer | None:
        if payload is None:
            return OK
        if at.modem.faults.on("send_fail") or not connection.can_take(len(payload)):
            at.modem.dropped["tx_refused"] += len(payload)
            return Answer(final=data.prefix(connection.n) + "SEND FAIL")
        connection.send(payload)
        if at.modem.registers.number("+CIPQSEND"):
            number = f"{connection.n}," if data.multiple else ""
            return Answer(final=f"DATA ACCEPT:{number}{len(payload)}")
        at.modem.wait(at.modem.timing.round_trip, lambda: _acknowledge(at, connection))
        return None

    return at.prompt(int(rest[0]) if rest else None, take)


def _acknowledge(at: Channel, connection: Connection) -> None:
    """CIPQSEND=0: the channel is held until the other side has taken the bytes."""
    prefix = at.modem.data.prefix(connection.n)
    if connection.state != CONNECTED:
        at.finish(Answer(final=prefix + "SEND FAIL"))
    elif connection.unsent():
        at.modem.timers.after(ACK_POLL_S, lambda: _acknowledge(at, connection))
    else:
        at.finish(Answer(final=prefix + "SEND OK"))


def _sendable(_at: Channel, _: Request) -> Answer:
    return Answer((f"+CIPSEND: {MAX_SEGMENT}",))


def _acked(at: Channel, request: Request) -> Answer:
    connection, _ = at.modem.data.pick(request.args)
    if connection is None:
        return at.refuse(3)
    waiting = connection.unsent()
    return Answer((f"+CIPACK: {connection.accepted},{connection.accepted - waiting},{waiting}",))


def _close(at: Channel, request: Request) -> Answer:
    connection, _ = at.modem.data.pick(request.args)
    if connection is None or connection.state == CLOSED:
        return ERROR
    connection.hang_up()
    at.modem.event("data_close", n=connection.n, by="terminal")
    return Answer(final=at.modem.data.prefix(connection.n) + "CLOSE OK")


def _receive_mode(at: Channel, request: Request) -> Answer:
    """Manual or automatic; to be chosen before a connection is opened."""
    if any(connection.state != CLOSED for connection in at.modem.data.connections.values()):
        return at.refuse(3)
    at.registers.set("+CIPRXGET", request.args)
    return OK


def _receive(at: Channel, request: Request) -> Answer:
    data, mode = at.modem.data, request.args[0]
    if mode in {"0", "1"} and len(request.args) == 1:
        return _receive_mode(at, request)
    if mode not in {"2", "4"} or not at.modem.registers.number("+CIPRXGET"):
        return ERROR
    connection, rest = data.pick(request.args[1:])
    if connection is None:
        return at.refuse(3)
    number = f"{connection.n}," if data.multiple else ""
    if mode == "4":
        return Answer((f"+CIPRXGET: 4,{number}{len(connection.rx)}",))
    if len(rest) != 1 or not rest[0].isdigit() or not 0 < int(rest[0]) <= MAX_SEGMENT:
        return at.refuse(50)
    taken = connection.take(int(rest[0]))
    return Answer((f"+CIPRXGET: 2,{number}{len(taken)},{len(connection.rx)}",), raw=taken)


def _multiple(at: Channel, request: Request) -> Answer:
    if at.modem.data.bearer != INITIAL or not at.registers.set("+CIPMUX", request.args):
        return ERROR
    return OK


COMMANDS = {
    ("+CIPSHUT", "exec"): _shut,
    ("+CIPSTATUS", "exec"): _status,
    ("+CSTT", "write"): _start_task,
    ("+CSTT", "exec"): _start_task,
    ("+CSTT", "read"): _apn,
    ("+CIICR", "exec"): _bring_up,
    ("+CIFSR", "exec"): _address,
    ("+CDNSGIP", "write"): _resolve,
    ("+CIPSTART", "write"): _connect,
    ("+CIPSEND", "write"): _send,
    ("+CIPSEND", "exec"): _send,
    ("+CIPSEND", "read"): _sendable,
    ("+CIPACK", "exec"): _acked,
    ("+CIPACK", "write"): _acked,
    ("+CIPCLOSE", "exec"): _close,
    ("+CIPCLOSE", "write"): _close,
    ("+CIPRXGET", "write"): _receive,
    ("+CIPMUX", "write"): _multiple,
}
