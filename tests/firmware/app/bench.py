"""A whole terminal without hardware: time stands where the test puts it, or a modem in memory answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from firmware.hal.base import Board as Machine
from firmware.hal.unix import FileNvs
from firmware.main import Terminal
from firmware.modem.port import Port
from protocol import codes, messages, topics
from tests.firmware.modem.peer import Peer, end, keep

if TYPE_CHECKING:
    from pathlib import Path

DEVICE = "DESK01"
NOW = 1_795_000_000


class Wire(Port):
    """A UART that nobody answers."""

    async def read(self, most: int) -> bytes:
        raise NotImplementedError

    async def write(self, data: bytes) -> None:
        raise NotImplementedError


class Bare(Machine):
    """A board without hardware: time stands where the test puts it."""

    name = "test"
    keys = codes.KEYS

    def __init__(self, folder: Path) -> None:
        self.uart: Port = Wire()
        self.folder = str(folder)
        self.nvs = FileNvs(f"{folder}.nvs")  # beside it: it survives the loss of the folder
        self.ms = 1000
        self.notes: list[tuple[str, dict[str, Any]]] = []

    def now(self) -> int:
        return self.ms

    def levels(self) -> list[bool]:
        return [False] * len(self.keys)

    def note(self, what: str, fields: dict[str, Any]) -> None:
        self.notes.append((what, fields))

    def lamp(self, state: str) -> None:
        self.note("lamp", {"state": state})

    def beep(self, name: str) -> None:
        self.note("beep", {"name": name})

    def heap(self) -> int:
        return 1

    def draw(self) -> int:
        return 0


class Ticking(Bare):
    """Real time."""

    def now(self) -> int:
        return int(asyncio.get_running_loop().time() * 1000)


def build(board: Bare) -> Terminal:
    """A terminal on that board."""
    return Terminal(board, DEVICE, "h:1883", b"")


def give(terminal: Terminal, kind: str, fields: dict[str, Any]) -> None:
    """A message of the cloud arrives."""
    terminal.commands.on_message(topics.build("down", kind, DEVICE), messages.encode("down", kind, fields))


def waiting(terminal: Terminal) -> list[tuple[str, dict[str, object]]]:
    """What the terminal would send now."""
    terminal.sender.store()
    return [(kind, fields) for _, kind, fields in terminal.outbox.due(terminal.board.now(), 64)]


class Live:
    """Keys, orders, voice and engine run; the modem is a table of answers, registered and with a clear line."""

    def __init__(self, folder: Path) -> None:
        self.board = Ticking(folder)
        self.peer = Peer()
        self.board.uart = self.peer
        self.terminal = build(self.board)
        self.alarm = self.terminal.alarm
        self.listed = ""  # what AT+CLCC answers
        self.peer.answers["AT+CLCC"] = lambda _: self.listed + "\r\nOK\r\n"
        self.peer.answers["ATH"] = self._hang_up
        self.terminal.modem.ready = True
        self.terminal.modem.reg = 1
        channels = self.terminal.channels
        channels.voice.unsure = False  # it has answered
        channels.settled = True
        parts = [part for _, part in channels.tasks()]
        parts += [self.alarm.run, self.alarm.orders.run, self.terminal.voice.run]
        self.tasks = [asyncio.create_task(keep(part)) for part in parts]

    def _hang_up(self, _: str) -> str:
        self.listed = ""
        return "\r\nOK\r\n"

    def fire(self, key: str) -> None:
        """The key fires now."""
        self.alarm._fire(key, "hold", 700, self.board.now())

    def ring(self, number: str) -> None:
        """Somebody calls."""
        self.listed = f'\r\n+CLCC: 1,1,4,0,0,"{number}",129,""\r\n'
        self.peer.say(f'\r\nRING\r\n\r\n+CLIP: "{number}",129,"",0,"",0\r\n')

    def show(self, line: str) -> None:
        """The call in the modem is now like this, and the modem says so."""
        self.listed = f"\r\n+CLCC: {line}\r\n"
        self.peer.say(self.listed)

    def dials(self) -> list[str]:
        """Numbers dialled so far."""
        return [one[3:-1] for one in self.peer.commands() if one.startswith("ATD")]

    def notes(self, what: str) -> list[dict[str, Any]]:
        """Notes of a name."""
        return [fields for name, fields in self.board.notes if name == what]

    async def close(self) -> None:
        """Ends its tasks."""
        for task in self.tasks:
            await end(task)
