"""A board in a box: one serial port with a boot ROM and a MicroPython behind it, keys, lamp, buzzer, cell and modem.

In: what tools send to `port`, what hands do. Out: what the program did to its lines. The ROM is esp32-mock-bootloader,
the interpreter MicroPython's unix port with `machine` and `esp32` of inside/, the modem the emulator of tools/modem.
"""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Self, TypeVar

from firmware.board import okb_a
from tools.chip.board import HARD, POWER, Board, Settings
from tools.modem import control

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tools.chip.senses import Sense
    from tools.modem.core import Modem
    from tools.modem.network import Network
    from tools.modem.port import Runner

T = TypeVar("T")

CELL_MV, MAINS_MV = 3_900, 5_000
ANSWER_S = 30.0  # of the board's own thread, on a machine that has much else to do
NAMESPACE = "onekey"


class Chip:
    """Use as a context manager. The board lives in a thread of its own; everything from outside goes through `_do`."""

    def __init__(
        self,
        folder: Path,
        *,
        chip: str = "esp32",
        mac: str = "24:6f:28:00:00:01",
        flash_mb: int = 4,
        imei: str = "860000000000017",
        iccid: str | None = None,
        network: Network | None = None,
        image: Path | None = None,
        blank: bool = False,
        speed: float = 1.0,
    ) -> None:
        """A board of its own folder.

        `image`: a folder that is frozen into its program; `blank`: nothing runs before an image was written; `speed`
        divides the modem's delays.
        """
        self.folder = folder
        self.mac = mac
        self.port = str(folder / "port")
        self.files = folder / "files"  # the root of its file system
        self._settings = Settings(folder, chip, mac, flash_mb, imei, iccid, network, image, blank, speed)
        self._table = okb_a.Board
        self.keys = dict(self._table.keys)  # name: pin
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    # Life

    def __enter__(self) -> Self:
        self.files.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        try:
            self._board = self._do(lambda: Board(self._loop, self._settings, self._table))
            self.battery_mv(CELL_MV)
            self.mains(on=True)
            self._do(lambda: self._board.boot(POWER))
            self.plug()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._do(self._board.close)
        finally:
            self._stop()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER_S)
        self._loop.run_until_complete(_cancel(asyncio.all_tasks(self._loop)))
        self._loop.close()

    # Hands

    def press(self, key: str, ms: int) -> None:
        """A finger, for so long."""
        self.hold(key)
        time.sleep(ms / 1000)
        self.release(key)

    def hold(self, key: str) -> None:
        """A finger that stays."""
        self._do(lambda: self._board.put(self.keys[key], 0))

    def release(self, key: str) -> None:
        """It goes."""
        self._do(lambda: self._board.put(self.keys[key], 1))

    def mains(self, *, on: bool) -> None:
        """The adapter."""
        self._do(lambda: self._board.volts(self._table.mains, MAINS_MV if on else 0))

    def battery_mv(self, millivolts: int) -> None:
        """The cell, which feeds the modem too."""
        self._do(lambda: self._board.cell(millivolts))

    def unplug(self) -> None:
        """The cable: the port is gone, whoever has it open gets an error. The board runs on, from its cell."""
        self._do(self._board.unplug)

    def plug(self) -> None:
        """The cable again, at the same name."""
        self._do(self._board.cable.plug)

    def reset(self, cause: int = HARD) -> None:
        """The button on the board; POWER: all power away for a moment."""
        self._do(lambda: self._board.boot(cause))

    def late(self, order: str, seconds: float) -> None:
        """The loader takes its time over an order, by the name that `rom_log` has, as behind a slow adapter."""
        self._do(lambda: self._board.loader.late.update({order: seconds}))

    def control(self, order: str) -> str:
        """A line for the modem's control socket (tools/modem/README.md), and its answer."""
        answers: list[str] = []
        self._do(lambda: self.runner.tell(lambda: answers.append(control.execute(self.modem, order))))
        return answers[0]

    # Senses

    @property
    def lamp(self) -> Sense:
        """Colours as 0xRRGGBB."""
        return self._board.lamp

    @property
    def buzzer(self) -> Sense:
        """Pitches in Hz."""
        return self._board.buzzer

    @property
    def events(self) -> list[dict[str, Any]]:
        """What happened in the modem, as {"ev": ...}."""
        return self._board.events

    @property
    def boots(self) -> list[int]:
        """The cause of each start, as machine.reset_cause() has it."""
        return self._board.boots

    @property
    def console(self) -> bytearray:
        """All that the program ever printed."""
        return self._board.console

    @property
    def clock(self) -> list[int] | None:
        """What the program set its clock to: year, month, day, weekday, hour, minute, second, microsecond."""
        return self._board.clock

    @property
    def network(self) -> Network:
        """Of telephones."""
        return self.modem.network

    @property
    def modem(self) -> Modem:
        """The module."""
        return self.runner.modem

    @property
    def runner(self) -> Runner:
        """Its time; change the module through it, in the board's thread: `control` does."""
        return self._board.runner

    def nvs(self, name: str, space: str = NAMESPACE) -> bytes | None:
        """A value of the chip's key-value storage, as it is on flash."""
        path = self.files / ".nvs" / f"{space}.{name}"
        return path.read_bytes() if path.exists() else None

    def set_nvs(self, name: str, value: bytes, space: str = NAMESPACE) -> None:
        """A value as if it had been there since the board was made; a program that runs may have read another."""
        folder = self.files / ".nvs"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{space}.{name}").write_bytes(value)

    def nvs_names(self, space: str = NAMESPACE) -> list[str]:
        """What it holds."""
        found = (self.files / ".nvs").glob(f"{space}.*")
        return sorted(path.name[len(space) + 1 :] for path in found if not path.name.endswith("~"))

    def rom_log(self) -> list[str]:
        """What the ROM was told, one line for each command; address and size in bytes where it has them."""
        return [str(order) for order in self._do(lambda: list(self._board.loader.log))]

    def flash_bytes(self, at: int = 0, size: int | None = None) -> bytes:
        """What is on the flash."""
        path = self._board.loader.flash
        data = path.read_bytes() if path.exists() else b""
        return data[at:] if size is None else data[at : at + size]

    def wait(self, ready: Callable[[], bool], limit_s: float = 30.0) -> bool:
        """Until something that the board tells makes `ready()` true; False if it does not."""
        told = self._board.told
        with told:
            return told.wait_for(ready, limit_s)

    def _do(self, what: Callable[[], T]) -> T:
        """In the board's thread; what it raises is raised here."""
        answer: Future[T] = Future()

        def inside() -> None:
            try:
                answer.set_result(what())
            except BaseException as error:  # noqa: BLE001 - it belongs to the caller
                answer.set_exception(error)

        self._loop.call_soon_threadsafe(inside)
        return answer.result(ANSWER_S)


async def _cancel(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
