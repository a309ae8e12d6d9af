"""A modem in memory: answers by a table, says what the test wants, and records what it was told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from firmware.modem.channels import Channels
from firmware.modem.port import Port

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


CMUX = "AT+CMUX=0"


class Peer(Port):
    """The port of the engine. `answers`: command -> text to send, None for silence, or a function of the command."""

    def __init__(self) -> None:
        self.told: list[bytes] = []  # every write, as it came
        self.answers: dict[str, str | Callable[[str], str] | None] = {"AT": "\r\nOK\r\n", CMUX: "\r\nERROR\r\n"}
        self.default: str | None = "\r\nOK\r\n"
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(self, most: int) -> bytes:
        return await self._pieces.get()

    async def write(self, data: bytes) -> None:
        self.told.append(data)
        if not data.endswith(b"\r"):
            return
        text = data[:-1].decode("latin-1")
        answer = self.answers.get(text, self.default)
        if callable(answer):
            answer = answer(text)
        if answer is not None:
            self.say(answer)

    def say(self, text: str | bytes) -> None:
        """Bytes of the modem, now."""
        self._pieces.put_nowait(text.encode() if isinstance(text, str) else text)

    def commands(self) -> list[str]:
        return [data[:-1].decode("latin-1") for data in self.told if data.endswith(b"\r")]


class Clock:
    """Uptime by the loop's own clock."""

    def __call__(self) -> int:
        return int(asyncio.get_running_loop().time() * 1000)


class Bench:
    """An engine with its two tasks and a peer."""

    def __init__(self, peer: Peer | None = None) -> None:
        self.peer = peer or Peer()
        self.channels = Channels(self.peer, Clock())
        self.at = self.channels.voice
        self.at.unsure = False  # it has answered
        self.at.port.heard()
        self._tasks = [asyncio.create_task(keep(task)) for _, task in self.channels.tasks()]

    async def close(self) -> None:
        for task in self._tasks:
            await end(task)


async def keep(task: Callable[[], Awaitable[None]]) -> None:
    """A task of the firmware as one of asyncio."""
    await task()


async def end(task: asyncio.Task[None]) -> None:
    """Cancel for good: a `wait_for` whose event came in the same turn swallows the first try."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.01)


async def settle(what: Callable[[], bool], wait_s: float = 5.0) -> None:
    """Let the loop run until something is so."""
    deadline = asyncio.get_running_loop().time() + wait_s
    while not what():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.005)
