"""The boot ROM's loader as the board meets it: frames in, answers out, a log of what it was told.

In: whole frames of the host. Out: the loader's answers, and each command once, before it is carried out. A host that
asks for the beginning of a conversation anew has reset the chip, by lines that a pseudo-terminal does not have.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tools.chip.router import SYNC, Order, order
from tools.embedded import children

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

_READ = 65_536
_BLANK = b"\xff"
_LOOK_S = 0.02  # between two looks for the port of a loader that starts
START_S = 60.0  # of the interpreter and esptool's tables, on a machine that has much else to do


class Loader:
    """One ROM. Everything in the loop's thread: a child dies with the thread that started it."""

    def __init__(self, folder: Path, chip: str, mac: str, megabytes: int, answer: Callable[[bytes], None]) -> None:
        self.flash = folder / "flash.bin"
        self.log: list[Order] = []
        self.late: dict[str, float] = {}  # name of an order: how many seconds it waits before it is carried out
        self._answer = answer
        self._port_file = folder / "rom.port"
        self._port_file.unlink(missing_ok=True)
        if not self.flash.exists():
            self.flash.write_bytes(_BLANK * (megabytes << 20))
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        words = [chip, mac, str(megabytes), str(self.flash), str(self._port_file)]
        with (folder / "rom.txt").open("wb") as text:
            self._process: subprocess.Popen[bytes] = children.start(
                [sys.executable, str(Path(__file__).with_name("rom.py")), *words], stdout=text, stderr=text
            )
        self._serving = asyncio.get_running_loop().create_task(self._serve())

    def feed(self, frame: bytes) -> Order | None:
        """A whole frame; returns the command that it is."""
        said = order(frame)
        if said is not None:
            if said.name == SYNC and self.log and self.log[-1].name != SYNC:
                self._frames.put_nowait(None)
            self.log.append(said)
        self._frames.put_nowait(frame)
        return said

    def put(self, at: int, data: bytes) -> None:
        """What a program left on the flash."""
        with self.flash.open("r+b") as flash:
            flash.seek(at)
            flash.write(data)

    def close(self) -> None:
        """End the process."""
        self._serving.cancel()
        children.stop(self._process)

    async def _serve(self) -> None:
        await self._up()
        port = int(self._port_file.read_text())
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            answers = asyncio.get_running_loop().create_task(self._pass(reader))
            try:
                while (frame := await self._frames.get()) is not None:
                    if self.late and (said := order(frame)) is not None:
                        await asyncio.sleep(self.late.get(said.name, 0.0))
                    writer.write(frame)
            finally:
                answers.cancel()
                writer.close()

    async def _up(self) -> None:
        waited = 0.0
        while not (self._port_file.exists() and self._port_file.read_text()):
            if self._process.poll() is not None or waited > START_S:
                raise RuntimeError("the ROM loader did not start; rom.txt beside the board's files says why")
            await asyncio.sleep(_LOOK_S)
            waited += _LOOK_S

    async def _pass(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(_READ):
            self._answer(data)
