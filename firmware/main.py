"""Builds the parts of the terminal and starts its tasks; read this first.

In: the command line (descriptors of UART, keys and password, state folder, device, server). Out: a running terminal.
Must never let one task take another down: a task that fails is started again and counted, the keys first of all.
"""

import asyncio
import os
import sys

import firmware
from firmware.app.alarm import Alarm
from firmware.app.commands import Commands
from firmware.app.config import SHIPPED, Config
from firmware.app.mail import Mail
from firmware.app.storage import Storage
from firmware.app.telemetry import Telemetry
from firmware.core.clock import DeviceClock
from firmware.core.ids import IdSource, open_ids
from firmware.core.indicator import Indicator
from firmware.core.ladder import Ladder
from firmware.core.outbox import Outbox
from firmware.core.schedule import Heartbeat
from firmware.hal.unix import Board
from firmware.modem.at import AT
from firmware.modem.sim800 import Sim800
from firmware.modem.sock import ModemStream
from firmware.modem.voice import Voice
from firmware.net.link import Identity, Link
from firmware.net.sender import Sender
from protocol import messages, topics

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from firmware.net.mqtt import Client

_FACTORY_EVERY = 5  # tries to connect
_RESTART_S = 0.2  # between the death of a task and its new start


def arguments(argv: "list[str]") -> "dict[str, str]":
    """`--name value …` as a dict."""
    return {argv[at][2:]: argv[at + 1] for at in range(0, len(argv) - 1, 2)}


def runtime() -> str:
    """What interprets this, for example `micropython 1.29.0 linux`."""
    version = ".".join([str(part) for part in sys.implementation.version[:3]])
    return "%s %s %s" % (sys.implementation.name, version, sys.platform)


def read_password(fd: str) -> bytes:
    """The first line of an inherited file; empty without one."""
    if not fd:
        return b""
    with open(int(fd), "rb") as file:
        return bytes(file.read(256)).split(b"\n")[0].rstrip(b"\r")


def fresh_ids(storage: Storage) -> IdSource:
    """Ids of this boot, saved before the first is used. If that fails, a new epoch keeps them unique."""
    epoch = "".join(["%02x" % byte for byte in os.urandom(4)])
    ids = open_ids(storage.read("ids"), epoch)
    if not storage.write("ids", ids.stored()):
        ids = open_ids(None, epoch)
    ids.changed = False
    return ids


class Terminal:
    """All parts, tied together."""

    def __init__(self, board: Board, device: str, server: str, password: bytes) -> None:
        self.board = board
        self.device = device
        self.server = server
        self.failures: dict[str, int] = {}  # task: times it died
        self.storage = Storage(board.folder)
        self.ids = fresh_ids(self.storage)
        self.clock = DeviceClock(firmware.BUILD_EPOCH)
        self.outbox = Outbox(self.ids)
        stored = self.storage.read_bytes("outbox")
        if stored:
            self.storage.damaged += self.outbox.load(stored, board.now())
        self.mail = Mail(self.ids, self.outbox, self.clock, board.now)
        self.config = Config(self.storage)
        self.ladder = Ladder(self.config.plans(), self.config.ver, self.config.times())
        self.config.load(self.ladder.set_plans)
        self.ladder.configure(self.config.times())
        self.telemetry = Telemetry(
            device=device,
            board=board,
            mail=self.mail,
            outbox=self.outbox,
            storage=self.storage,
            config=self.config,
        )
        self.alarm = Alarm(
            board=board,
            ladder=self.ladder,
            indicator=Indicator(),
            mail=self.mail,
            storage=self.storage,
            config=self.config,
            telemetry=self.telemetry,
        )
        self._modem()
        self._net(password)
        heartbeat = Heartbeat(device, self.config.number("hb"), board.now())
        self.alarm.attach(self.modem, self.voice, self.link)
        self.telemetry.attach(self.modem, self.voice, self.link, heartbeat)
        cause = self.storage.read("cause")
        self.storage.remove("cause")
        if isinstance(cause, str):
            self.telemetry.cause = cause
        self.telemetry.check_storage()

    def _modem(self) -> None:
        board = self.board
        self.at = AT(board.uart, board.now)
        self.modem = Sim800(self.at, board.now, self._on_notice, self._on_time, board.restart_modem)
        self.modem.volume = self.config.number("vol")
        alarm = self.alarm
        self.voice = Voice(self.at, self._on_step, alarm.on_incoming, alarm.on_missed, board.restart_modem)
        self.stream = ModemStream(self.at, self.alarm.held, self.alarm.wanted)
        self.modem.on_reset = [self.voice.forget, self.stream.forget]
        self.at.on("+DTMF:*", self._on_dtmf)

    def _net(self, password: bytes) -> None:
        board, device = self.board, self.device
        self.sender = Sender(
            device=device,
            outbox=self.outbox,
            now=board.now,
            session=lambda: self.link.client,
            held=self.alarm.held,
            save=self._save_outbox,
            then=self.alarm.store,
            on_refused=self.telemetry.refused,
        )
        self.mail.kick = self.sender.kick
        self.commands = Commands(
            device=device,
            board=board,
            mail=self.mail,
            outbox=self.outbox,
            storage=self.storage,
            config=self.config,
            telemetry=self.telemetry,
            alarm=self.alarm,
            sender=self.sender,
        )
        identity = Identity(device, password, topics.build("up", "state", device), topics.terminal_filter(device))
        self.link = Link(
            stream=self.stream,
            identity=identity,
            ms=board.now,
            draw=board.draw,
            ready=self.modem.registered,
            held=self.alarm.held,
            wanted=self.alarm.wanted,
            where=self._where,
            will=lambda: self._state("offline"),
            on_message=self.commands.on_message,
            on_up=self._on_up,
            on_down=self._on_down,
            on_session=self.sender.kick,
        )

    def _on_step(self, step: str, cause: "str | None") -> None:
        self.alarm.on_step(step, cause)
        if not self.voice.in_call():
            self.stream.resumed()  # what the desk said during the call is wanted before the next dial
            self.link.kick()

    def _on_notice(self, name: str, val: "int | None") -> None:
        if name == "voice_back":
            self.board.note("registered", {})
            self.link.kick()
        elif name == "voice_lost":
            self.board.note("unregistered", {})
        self.telemetry.notice(name, val)

    def _on_time(self, epoch: int) -> bool:
        return self.clock.set(epoch, self.board.now())

    def _on_dtmf(self, line: str) -> None:
        self.alarm.act(self.ladder.dtmf(line[6:].strip(), self.board.now()))

    def _where(self) -> "tuple[str, int, str]":
        """Server and access point; now and then those of the factory, for a configuration may have cut us off."""
        server, apn = self.config.text("srv") or self.server, self.config.text("apn") or ""
        if self.link.misses % _FACTORY_EVERY == _FACTORY_EVERY - 1:
            server, apn = self.server, str(SHIPPED["apn"])
        host, _, port = server.rpartition(":")
        return host, int(port), apn

    def _state(self, st: str) -> bytes:
        fields = self.mail.stamp()
        fields["s"] = fields["u"]
        fields["st"] = st
        return messages.encode("up", "state", fields)

    async def _on_up(self, client: "Client") -> None:
        await client.publish(topics.build("up", "state", self.device), self._state("online"), 1, True)
        self.telemetry.restore("server_refused")
        self.outbox.link_up(self.board.now())
        self.board.note("connected", {"present": client.present})

    def _on_down(self, why: str) -> None:
        self.board.note("disconnected", {"why": why})
        if why == "refused":
            self.telemetry.fault("server_refused", None, "broker")

    def _save_outbox(self) -> bool:
        saved = self.storage.write_lines("outbox", self.outbox.dump_lines())
        if saved:
            self.telemetry.restore("storage_damaged")
        else:
            self.telemetry.fault("storage_damaged")
        return saved

    # Tasks

    async def keep(self, name: str, task: "Callable[[], Awaitable[None]]") -> None:
        """Run a task for ever: whatever ends it, it starts again."""
        while True:
            try:
                await task()
            except Exception as error:
                self.board.note("task_failed", {"task": name, "error": repr(error)[:80]})
            self.failures[name] = self.failures.get(name, 0) + 1
            await asyncio.sleep(_RESTART_S)

    async def run(self) -> None:
        """Start everything, the keys first; ends only with the program."""
        self.board.note(
            "boot",
            {
                "device": self.device,
                "firmware": firmware.VERSION,
                "runtime": runtime(),
                "epoch": self.ids.epoch,
                "boot": self.ids.boot,
            },
        )
        tasks: "list[tuple[str, Callable[[], Awaitable[None]]]]" = [
            ("keys", self.alarm.run),
            ("contacts", self.board.watch),
            ("at_read", self.at.read_forever),
            ("at_write", self.at.write_forever),
            ("orders", self.alarm.orders.run),
            ("voice", self.voice.run),
            ("modem", self.modem.run),
            ("sender", self.sender.run),
            ("link", self.link.run),
            ("telemetry", self.telemetry.run),
            ("commands", self.commands.run),
        ]
        running = [asyncio.create_task(self.keep(name, task)) for name, task in tasks]
        try:
            await self.alarm.resume()
        except Exception as error:
            self.board.note("task_failed", {"task": "resume", "error": repr(error)[:80]})
        await asyncio.gather(*running)


def main(argv: "list[str]") -> None:
    """The desk: everything comes on the command line, but for the password."""
    given = arguments(argv)
    board = Board(int(given["uart-fd"]), int(given["keys-fd"]), given["state"])
    password = read_password(given.get("password-fd", ""))
    asyncio.run(Terminal(board, given["device"], given["server"], password).run())


if __name__ == "__main__":
    main(sys.argv[1:])
