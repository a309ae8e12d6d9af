"""Builds the parts of the terminal and starts its tasks; read this first.

In: the command line (descriptors of UART, keys and password, state folder, device, server). Out: a running terminal.
Must never let one part keep another from its work: the keys come first.
"""

import asyncio
import os
import sys

import firmware
from firmware.app.alarm import Alarm
from firmware.app.commands import Commands
from firmware.app.config import SHIPPED, Config
from firmware.app.keeper import Keeper
from firmware.app.mail import Mail
from firmware.app.outboxfile import OutboxFile
from firmware.app.selftest import SelfTest
from firmware.app.storage import Storage
from firmware.app.supervisor import Supervisor
from firmware.app.telemetry import Telemetry
from firmware.app.texts import Texts
from firmware.core.clock import DeviceClock
from firmware.core.ids import IdSource, open_ids
from firmware.core.indicator import Indicator
from firmware.core.ladder import Ladder
from firmware.core.outbox import Outbox
from firmware.core.schedule import Heartbeat
from firmware.modem.channels import Channels
from firmware.modem.power import Power
from firmware.modem.sim800 import Sim800
from firmware.modem.sms import Sms
from firmware.modem.sock import PUSHES, ModemStream
from firmware.modem.tts import Tts
from firmware.modem.voice import Voice
from firmware.net import roots
from firmware.net.dates import Dates
from firmware.net.link import Identity, Link
from firmware.net.sender import Sender
from firmware.net.tls import TLSStream
from protocol import const, messages, topics

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from firmware.hal.base import Board
    from firmware.net.mqtt import Client

_FACTORY_EVERY = const(5)  # tries to connect


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


def read_roots(fd: str) -> "list[bytes] | None":
    """The roots in an inherited file, DER after DER; None without a file, which is a plain line."""
    if not fd:
        return None
    with open(int(fd), "rb") as file:
        file.seek(0)  # a start before this one has read it
        return roots.split(bytes(file.read(roots.ROOTS_MAX * roots.ROOT_BYTES_MAX + 1)))


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

    def __init__(
        self, board: "Board", device: str, server: str, password: bytes, trusted: "list[bytes] | None" = None
    ) -> None:
        self.board = board
        self.device = device
        self.server = server
        self.keeper = Keeper(self._tasks, board.note)
        self.left_out: "tuple[str, ...]" = ()  # tasks that this start does without
        self._wish = ("", "")  # server and access point as configured
        self.storage = Storage(board.folder)
        self.ids = fresh_ids(self.storage)
        self.clock = DeviceClock(firmware.BUILD_EPOCH)
        self.dates = Dates(board.nvs, board.set_time, firmware.BUILD_EPOCH)
        self.outbox = Outbox(self.ids)
        self.outbox_file = OutboxFile(self.storage, self.outbox)
        self.outbox_file.load(board.now())
        self.mail = Mail(self.ids, self.outbox, self.clock, board.now)
        self.config = Config(self.storage, board.nvs)
        self.ladder = Ladder(self.config.plans(), self.config.ver, self.config.times())
        self.config.load(self.ladder.set_plans)
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
            config=self.config,
            telemetry=self.telemetry,
        )
        self.alarm.configure()
        self.selftest = SelfTest(device, self.telemetry, self.storage, self.config)
        self.alarm.pressed = [self.telemetry.supply.pressed, self.selftest.pressed]
        self._modem()
        self._net(password, trusted)
        heartbeat = Heartbeat(device, self.config.number("hb"), board.now())
        self.alarm.attach(self.modem, self.voice, self.link, self.tts, self.texts)
        self.telemetry.attach(self.modem, self.voice, self.link, heartbeat)
        cause = self.storage.read("cause")
        self.storage.remove("cause")
        self.telemetry.cause = cause if isinstance(cause, str) else board.reset_cause()
        self.telemetry.check_storage()
        self.commands.resume()

    def _modem(self) -> None:
        board = self.board
        self.channels = Channels(board.uart, board.now)
        self.channels.busy = self.alarm.wanted
        self.modem = Sim800(self.channels, board.now, self._on_notice, self._on_time)
        restart = None
        if board.switch is not None:
            self.modem.power = Power(board.switch, board.now, self.modem.switched_off)
            restart = self.modem.power.restart
        self.modem.volume = self.config.number("vol")
        alarm = self.alarm
        rings, missed = alarm.incoming.on_incoming, alarm.incoming.on_missed
        self.voice = Voice(self.channels.voice, self._on_step, rings, missed, restart)
        self.voice.beside = self.channels.beside
        if self.modem.power is not None:
            self.voice.powered = self.modem.power.shown
        self.stream = ModemStream(self.channels, self.alarm.held, self._data_waits)
        self.tts = Tts(self.channels, board.now, alarm.sounds.silent)
        self.sms = Sms(self.channels, alarm.held)
        self.texts = Texts(
            device=self.device,
            config=self.config,
            sms=self.sms,
            idle=lambda: self.modem.ready and self.channels.settled and not self.ladder.running and not alarm.held(),
            store=alarm.store,
            told=alarm.texted,
        )
        self.modem.on_reset = [self.voice.forget, self.stream.forget, self.sms.forget, self.tts.forget]
        self.channels.on("+DTMF:*", self._on_dtmf)
        self.supervisor = Supervisor(
            board=board,
            silent=lambda: not self.modem.ready,
            open_=lambda: self.voice.in_call() or self.ladder.running,
            restart=restart,
            reboot=self._reboot,
        )
        alarm.beat = lambda: self.supervisor.beat("keys")
        self.modem.beat = lambda: self.supervisor.beat("modem")

    def _net(self, password: bytes, trusted: "list[bytes] | None") -> None:
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
        self.telemetry.store, self.telemetry.busy = self.sender.store, self.alarm.wanted
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
            selftest=self.selftest,
        )
        self.commands.failures = self.keeper.failures
        identity = Identity(device, password, topics.build("up", "state", device), topics.terminal_filter(device))
        self.link = Link(
            # Only a desk may go without roots. A board gives a list; with an empty one it connects to nobody.
            stream=self.stream
            if trusted is None
            else TLSStream(self.stream, trusted, self.alarm.held, self.alarm.wanted),
            identity=identity,
            ms=board.now,
            draw=board.draw,
            ready=lambda: self.modem.registered() and self.channels.settled and self.telemetry.supply.data(),
            held=self.alarm.held,
            wanted=self._data_waits,
            where=self._where,
            will=lambda: self._state("offline"),
            on_message=self.commands.on_message,
            on_up=self._on_up,
            on_down=self._on_down,
            on_session=self.sender.kick,
            on_skipped=self.commands.too_large,
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
        if not self.clock.set(epoch, self.board.now()):
            return False
        self.dates.told(epoch)
        if self.link.refusal == "certificate":
            self.link.changed()  # it may have been the date
        return True

    def _on_dtmf(self, line: str) -> None:
        self.alarm.act(self.ladder.dtmf(line[6:].strip(), self.board.now()))

    def _where(self) -> "tuple[str, int, str]":
        """Server and access point; now and then those of the factory, for a configuration may have cut us off."""
        server, apn = self.config.text("srv") or self.server, self.config.text("apn") or ""
        if self._wish != (server, apn):
            self._wish = (server, apn)
            self.link.misses = 0  # those of a server that nobody wants any more
        if self.link.misses % _FACTORY_EVERY == _FACTORY_EVERY - 1:
            server, apn = self.server, str(SHIPPED["apn"])
        host, _, port = server.rpartition(":")
        return host, int(port), apn

    def _state(self, st: str) -> bytes:
        fields = self.mail.stamp()
        fields["s"] = fields["u"]
        fields["st"] = st
        return messages.encode("up", "state", fields)

    def _data_waits(self) -> bool:
        """Whether no data command may begin: in a call, and on one channel before it too."""
        return self.alarm.held() if self.channels.multiplexed else self.alarm.wanted()

    async def _on_up(self, client: "Client") -> None:
        await client.publish(topics.build("up", "state", self.device), self._state("online"), 1, True)
        self.telemetry.restore("server_refused")
        self.dates.proven(self.clock.epoch(self.board.now()))
        self.outbox.link_up(self.board.now())
        self.board.note("connected", {"present": client.present})

    def _on_down(self, why: str) -> None:
        self.board.note("disconnected", {"why": why})
        if why == PUSHES:
            self.telemetry.fault("data_lost", None, why)
        if self.link.refusal:
            self.telemetry.fault("server_refused", None, self.link.refusal)

    def _save_outbox(self) -> bool:
        self.telemetry.faults.store()  # first: of a fault that is told the next start knows
        saved = self.outbox_file.save()
        self.telemetry.stored(saved)
        return saved

    def _reboot(self, cause: str) -> None:
        """The last resort of the supervisor. What is open goes on after it, as after a power cut."""
        self.storage.write("cause", cause)
        self._save_outbox()
        self.board.reboot()

    # Tasks

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
        self.keeper.start()
        try:
            await self.alarm.before.resume()
        except Exception as error:
            self.keeper.told("resume", error)
        await self.keeper.run()

    def _tasks(self) -> "list[tuple[str, Callable[[], Awaitable[None]]]]":
        """Names and tasks of this start, in the order in which they begin."""
        tasks: "list[tuple[str, Callable[[], Awaitable[None]]]]" = [
            ("keys", self.alarm.run),
            ("supervisor", self.supervisor.run),
            ("contacts", self.board.watch),
            ("orders", self.alarm.orders.run),
            ("texts", self.texts.run),
            ("sounds", self.alarm.sounds.run),
            ("voice", self.voice.run),
            ("modem", self.modem.run),
            ("sender", self.sender.run),
            ("link", self.link.run),
            ("telemetry", self.telemetry.run),
            ("commands", self.commands.run),
            ("selftest", self.selftest.run),
        ]
        tasks[3:3] = self.channels.tasks()
        return [(name, task) for name, task in tasks if name not in self.left_out]


def main(argv: "list[str]") -> None:
    """The desk: everything comes on the command line, but for the password."""
    given = arguments(argv)
    from firmware.hal.unix import Board  # noqa: PLC0415 - this machine and no other has it

    board = Board(int(given["uart-fd"]), int(given["keys-fd"]), given["state"])
    password = read_password(given.get("password-fd", ""))
    trusted = read_roots(given.get("ca-fd", ""))
    asyncio.run(Terminal(board, given["device"], given["server"], password, trusted).run())


if __name__ == "__main__":
    main(sys.argv[1:])
