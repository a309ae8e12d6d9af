"""A board in a box: one serial port with a boot ROM and a MicroPython behind it, keys, lamp, buzzer, cell and modem.

In: what tools send to `port`, what hands do. Out: what the program did to its lines. The ROM is esp32-mock-bootloader,
the interpreter MicroPython's unix port with `machine` and `esp32` of inside/, the modem the emulator of tools/modem.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import tty
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from firmware.board import okb_a
from tools import environment
from tools.chip.router import LOADER, Router
from tools.chip.senses import Sense, colour
from tools.embedded import children
from tools.embedded.ports import free_port, listens
from tools.modem import port as modem_port
from tools.modem.core import Modem
from tools.modem.dialect import Identity
from tools.modem.network import Network
from tools.terminal import find_runtime

if TYPE_CHECKING:
    from collections.abc import Callable

INSIDE = Path(__file__).with_name("inside")
HEAP = "4M"
READ = 4096
CELL_MV, MAINS_MV = 3_900, 5_000
POWER, WATCHDOG, HARD, SOFT = 1, 3, 2, 5  # machine.reset_cause()
START_S = 20.0
BITE_S = 0.5  # between two looks at the watchdog
_SILENT = subprocess.DEVNULL


class _Runner(modem_port.Runner):
    """The modem, whose events are kept."""

    def __init__(self, port: modem_port.Port, build: modem_port.Build, keep: Callable[[dict[str, Any]], None]) -> None:
        self._keep = keep
        super().__init__(port, build)

    def event(self, name: str, fields: dict[str, Any]) -> None:
        """One more."""
        self._keep({"ev": name, **fields})


class Chip:
    """Use as a context manager. Everything outside its own thread goes through `_do`."""

    def __init__(
        self,
        folder: Path,
        *,
        chip: str = "esp32",
        mac: str = "24:6f:28:00:00:01",
        imei: str = "860000000000017",
        iccid: str | None = None,
        network: Network | None = None,
        image: Path | None = None,
    ) -> None:
        self.folder = folder
        self.kind = chip
        self.mac = mac
        self.port = str(folder / "port")
        self.files = folder / "files"  # the root of its file system
        self.image = image  # frozen program: a folder whose modules the interpreter finds without files of its own
        self.lamp, self.buzzer = Sense(), Sense()
        self.events: list[dict[str, Any]] = []  # of the modem
        self.boots: list[int] = []  # reset cause of each
        self.network = network or Network()
        self.told = threading.Condition()
        self.console = bytearray()  # all that it ever said
        self._identity = Identity(imei=imei) if iccid is None else Identity(imei=imei, iccid=iccid)
        self._router = Router()
        self._rom: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: tuple[float, float] | None = None  # (limit s, fed at)
        self._levels: dict[int, int] = {}
        self._millivolts: dict[int, int] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._boot_wanted: int | None = None

    # Life

    def __enter__(self) -> Self:
        self.files.mkdir(parents=True, exist_ok=True)
        self._table = okb_a.Board
        for _, pin in self._table.keys:
            self._levels[pin] = 1
        self.battery_mv(CELL_MV)
        self.mains(on=True)
        port = free_port()
        self._rom_port = port
        program = str(environment.program("esp32-mock-bootloader"))
        self.rom_text = self.folder / "rom.log"
        with self.rom_text.open("wb") as log:
            self._rom = children.start(
                [program, "run", "--chip", self.kind, "--port", str(port)], stdout=log, stderr=log
            )
        children.wait_until(lambda: listens(port), self._rom, "the ROM loader", START_S)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        ready = threading.Event()
        self._ready = ready
        self._thread.start()
        if not ready.wait(START_S):
            raise RuntimeError("the chip did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_S)
        if self._rom is not None:
            children.stop(self._rom)
        with suppress(OSError):
            Path(self.port).unlink()

    # Hands

    def press(self, key: str, ms: int) -> None:
        """A finger, for so long."""
        self.hold(key)
        time.sleep(ms / 1000)
        self.release(key)

    def hold(self, key: str) -> None:
        """A finger that stays."""
        self._level(dict(self._table.keys)[key], 0)

    def release(self, key: str) -> None:
        """It goes."""
        self._level(dict(self._table.keys)[key], 1)

    def mains(self, *, on: bool) -> None:
        """The adapter."""
        self._volts(self._table.mains, MAINS_MV if on else 0)

    def battery_mv(self, millivolts: int) -> None:
        """The cell."""
        self._volts(self._table.battery, millivolts)

    def unplug(self) -> None:
        """The cable: the port is gone, whoever has it open gets an error."""
        self._do(self._close_port)

    def plug(self) -> None:
        """The cable again, at the same name."""
        self._do(self._open_port)

    def reset(self, cause: int = HARD) -> None:
        """The button on the board; POWER: all power away for a moment."""
        self._do(lambda: self._boot(cause))

    # Senses

    def nvs(self, name: str, space: str = "onekey") -> bytes | None:
        """A value of the chip's key-value storage."""
        path = self.files / ".nvs" / f"{space}.{name}"
        return path.read_bytes() if path.exists() else None

    def rom_log(self) -> list[str]:
        """What the ROM was told, line by line."""
        return self.rom_text.read_text(errors="replace").splitlines()

    def wait(self, ready: Callable[[], bool], limit_s: float = 30.0) -> bool:
        """Until something that the chip tells makes `ready()` true; False if it does not."""
        with self.told:
            return self.told.wait_for(ready, limit_s)

    # Inside the thread

    def _do(self, what: Callable[[], object]) -> None:
        done = threading.Event()

        def inside() -> None:
            try:
                what()
            finally:
                done.set()

        self._loop.call_soon_threadsafe(inside)
        done.wait(START_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._ready.set()
        self._loop.run_forever()

    async def _start(self) -> None:
        self._modem_port = modem_port.Port()
        self.runner = _Runner(self._modem_port, self._build, self._keep)
        self._loop.add_reader(self._modem_port.master, self.runner.read)
        self.runner.tell(self.runner.modem.power_on)
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._rom_port)
        self._answers = self._loop.create_task(self._from_rom())
        self._master = -1
        self._boot(POWER)
        self._open_port()
        self._watch()

    def _build(self, timers: Any, sink: Any, internet: Any) -> Modem:
        return Modem(timers, sink, internet, network=self.network, identity=self._identity)

    def _end(self) -> None:
        self._kill()
        self._close_port()
        self._answers.cancel()
        if self._writer is not None:
            self._writer.close()
        self._modem_port.close()

    def _keep(self, event: dict[str, Any]) -> None:
        with self.told:
            self.events.append(event)
            self.told.notify_all()

    def _open_port(self) -> None:
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self._slave = slave
        os.set_blocking(self._master, False)
        with suppress(FileNotFoundError):
            Path(self.port).unlink()
        Path(self.port).symlink_to(os.ttyname(slave))
        self._loop.add_reader(self._master, self._from_host)

    def _close_port(self) -> None:
        if self._master < 0:
            return
        self._loop.remove_reader(self._master)
        with suppress(OSError):
            Path(self.port).unlink()
        os.close(self._slave)
        os.close(self._master)
        self._master = -1
        self._router.reset()

    def _from_host(self) -> None:
        try:
            data = os.read(self._master, READ)
        except OSError:
            return
        for who, piece in self._router.feed(data):
            if who == LOADER:
                self._boot_wanted = HARD  # whoever was in the loader comes out of it by a reset
                if self._writer is not None:
                    self._writer.write(piece)
            else:
                if self._boot_wanted is not None:
                    self._boot(self._boot_wanted)
                with suppress(OSError):
                    os.write(self._console, piece)

    async def _from_rom(self) -> None:
        while data := await self._reader.read(READ):
            self._to_host(data)

    def _to_host(self, data: bytes) -> None:
        if self._master >= 0:
            with suppress(OSError):
                os.write(self._master, data)

    # The program

    def _boot(self, cause: int) -> None:
        """Start the interpreter anew."""
        self._kill()
        self._boot_wanted = None
        if cause == POWER:
            (self.files / ".rtc").unlink(missing_ok=True)
        if self.image is not None:
            shutil.copytree(self.image, self.files / ".image", dirs_exist_ok=True)
        self._watchdog = None
        self._console, console = os.openpty()
        tty.setraw(console)
        to_read, to_write = os.pipe()
        from_read, from_write = os.pipe()
        line = os.open(self._modem_port.name, os.O_RDWR | os.O_NOCTTY)
        for fd in (to_read, line):
            os.set_blocking(fd, False)  # the interpreter's reads wait for every byte that they ask for otherwise
        runtime = find_runtime(None)
        if runtime is None:
            raise RuntimeError("there is no MicroPython for this platform here")
        words = [
            f"in={to_read}", f"out={from_write}", f"cause={cause}", f"inside={INSIDE}", f"root={self.files}",
            f"mac={self.mac}", f"modem={line}", f"image={int(self.image is not None)}",
        ]  # fmt: skip
        self._process = children.start(
            [str(runtime), "-X", f"heapsize={HEAP}", "-i", str(INSIDE / "start.py"), *words],
            stdin=console, stdout=console, stderr=console, pass_fds=(to_read, from_write, line),
            env={"PATH": os.environ.get("PATH", ""), "MICROPYPATH": ".frozen", "HOME": str(self.folder)},
        )  # fmt: skip
        for fd in (console, to_read, from_write, line):
            os.close(fd)
        self._world, self._out, self._rest = to_write, from_read, b""
        os.set_blocking(self._console, False)
        os.set_blocking(from_read, False)
        with self.told:
            self.boots.append(cause)
        for pin, level in self._levels.items():
            self._send({"gpio": pin, "level": level})
        for pin, level in self._millivolts.items():
            self._send({"mv": pin, "level": level})
        self._status()
        self._loop.add_reader(self._console, self._from_console)
        self._loop.add_reader(from_read, self._from_program)

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for fd in (self._console, self._out):
            self._loop.remove_reader(fd)
        children.stop(process, signal.SIGKILL)
        for fd in (self._console, self._out, self._world):
            os.close(fd)

    def _from_console(self) -> None:
        try:
            data = os.read(self._console, READ)
        except OSError:
            data = b""
        if not data:  # the interpreter ended: Ctrl-D at its prompt is a soft reset
            self._boot(SOFT)
            return
        with self.told:
            self.console += data
            self.told.notify_all()
        self._to_host(data)

    def _from_program(self) -> None:
        try:
            data = os.read(self._out, READ)
        except OSError:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            told = json.loads(line)
            if "reset" in told:
                self._boot(HARD)
                return
            with self.told:
                self._take(told)
                self.told.notify_all()

    def _take(self, told: dict[str, Any]) -> None:
        now = self._loop.time()
        if "lamp" in told:
            self.lamp.change(now, colour(told["grb"]))
        elif "tone" in told:
            self.buzzer.change(now, told["hz"])
        elif "watchdog" in told:
            self._watchdog = (told["watchdog"] / 1000, now)
        elif "fed" in told and self._watchdog is not None:
            self._watchdog = (self._watchdog[0], now)
        elif told.get("gpio") == self._table.pwrkey:
            pressed = told["level"] == self._table.pwrkey_pressed
            modem = self.runner.modem
            self.runner.tell(modem.pwrkey_down if pressed else modem.pwrkey_up)
        elif told.get("gpio") == self._table.supply:
            self.runner.tell(lambda: self.runner.modem.supply(on=told["level"] == 1))

    def _watch(self) -> None:
        """The watchdog, and the modem's STATUS line."""
        if self._watchdog is not None and self._loop.time() - self._watchdog[1] > self._watchdog[0]:
            self._boot(WATCHDOG)
        self._status()
        self._loop.call_later(BITE_S, self._watch)

    def _status(self) -> None:
        if self._table.status is not None:
            self._put(self._table.status, int(self.runner.modem.running))

    def _level(self, pin: int, level: int) -> None:
        self._do(lambda: self._put(pin, level))

    def _put(self, pin: int, level: int) -> None:
        if self._levels.get(pin) != level:
            self._levels[pin] = level
            self._send({"gpio": pin, "level": level})

    def _volts(self, divider: Any, millivolts: int) -> None:
        at_pin = millivolts * divider.times[1] // divider.times[0]
        self._millivolts[divider.pin] = at_pin
        if self._process is not None:
            self._do(lambda: self._send({"mv": divider.pin, "level": at_pin}))

    def _send(self, line: dict[str, Any]) -> None:
        if self._process is not None:
            with suppress(OSError):
                os.write(self._world, json.dumps(line).encode() + b"\n")


if sys.platform == "win32":
    raise ImportError("Windows has no pseudo-terminals")
