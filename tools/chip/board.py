"""The board itself, in its own thread: what is wired to what, and which program has the chip.

In: levels, voltages, the cable's bytes, what the program does. Out: senses, the modem's lines, starts of the program.
A watchdog that was started bites whoever starves it, a soft reset included.
"""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.chip.cable import Cable
from tools.chip.loader import Loader
from tools.chip.pages import pages
from tools.chip.program import Program, Start
from tools.chip.router import LOADER, Order, Router
from tools.chip.senses import Sense, colour
from tools.modem import port as modem_port
from tools.modem.core import Modem
from tools.modem.dialect import Identity
from tools.modem.network import Network

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from pathlib import Path

    from firmware.board.table import Divider, Table

POWER, HARD, WATCHDOG, SOFT = 1, 2, 3, 5  # machine.reset_cause()
CONSOLE_KEPT = 1 << 20  # bytes of what the program printed
LATE_S = 0.002  # more than the program's clock rounds away
BITE_S = 0.25  # between two looks at the watchdog
# Where an image has what, from firmware/BUILD.md: writing there takes what was there.
NVS = range(0x9000, 0xD000)
FILES_AT = 0x310000
BOOTLOADER_AT = {"esp32": 0x1000, "esp32s2": 0x1000}  # 0 on the others
BLANK_SAYS = b"invalid header: 0xffffffff\r\n"
REBOOT_SAYS = b"MPY: soft reboot\r\n"
RAW_SAYS, FRIENDLY_SAYS = b"raw REPL; CTRL-B to exit\r\n", b">>> "
CELL_EMPTY_MV, CELL_FULL_MV = 3_400, 4_200


@dataclass(frozen=True)
class Settings:
    """See Chip."""

    folder: Path
    chip: str
    mac: str
    flash_mb: int
    imei: str
    iccid: str | None
    network: Network | None
    image: Path | None
    blank: bool
    speed: float


class _Runner(modem_port.Runner):
    """The modem, whose events are kept."""

    def __init__(self, port: modem_port.Port, build: modem_port.Build, keep: Callable[[dict[str, Any]], None]) -> None:
        self._keep = keep
        super().__init__(port, build)

    def event(self, name: str, fields: dict[str, Any]) -> None:
        """One more."""
        self._keep({"ev": name, **fields})


class Board:
    """Made and used in the loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, settings: Settings, table: type[Table]) -> None:
        self._loop = loop
        self._settings = settings
        self._table = table
        self._files = settings.folder / "files"
        self.told = threading.Condition()
        self.lamp, self.buzzer = Sense(), Sense()
        self.events: list[dict[str, Any]] = []
        self.boots: list[int] = []
        self.console = bytearray()
        self.clock: list[int] | None = None
        self._levels = {pin: 1 for _, pin in table.keys}
        self._millivolts: dict[int, int] = {}
        self._program: Program | None = None
        self._watchdog: tuple[float, float] | None = None  # (limit s, fed at)
        self._in_loader = False
        self._pressed = (0.0, 0)  # PWRKEY: here, and by the program's clock
        self._raw = False  # the prompt that tools use
        self._router = Router()
        self.cable = Cable(loop, settings.folder / "port", self._from_host)
        self.loader = Loader(settings.folder, settings.chip, settings.mac, settings.flash_mb, self.cable.write)
        self._line = modem_port.Port()
        self.runner = _Runner(self._line, self._build, self._keep)
        loop.add_reader(self._line.master, self._from_modem_line)
        self.runner.tell(self.runner.modem.power_on)
        self._look()

    def _build(self, timers: Any, sink: Any, internet: Any) -> Modem:
        one = self._settings
        identity = Identity(imei=one.imei) if one.iccid is None else Identity(imei=one.imei, iccid=one.iccid)
        return Modem(timers, sink, internet, network=one.network or Network(), identity=identity, speed=one.speed)

    def close(self) -> None:
        """Everything ends."""
        self._halt()
        self.cable.unplug()
        self.loader.close()
        self._looking.cancel()
        self.runner.tell(self.runner.modem.power_off)
        self._line.close()

    # The world

    def put(self, pin: int, level: int) -> None:
        """A level at a pin."""
        if self._levels.get(pin) != level:
            self._levels[pin] = level
            if self._program is not None:
                self._program.tell({"gpio": pin, "level": level})

    def volts(self, divider: Divider | None, millivolts: int) -> None:
        """A voltage in front of a divider."""
        if divider is None:
            return
        at_pin = millivolts * divider.times[1] // divider.times[0]
        self._millivolts[divider.pin] = at_pin
        if self._program is not None:
            self._program.tell({"mv": divider.pin, "level": at_pin})

    def cell(self, millivolts: int) -> None:
        """The battery, as chip and modem measure it."""
        self.volts(self._table.battery, millivolts)
        share = (millivolts - CELL_EMPTY_MV) * 100 // (CELL_FULL_MV - CELL_EMPTY_MV)
        self.runner.modem.battery = (millivolts, max(0, min(100, share)))

    # The cable

    def unplug(self) -> None:
        """Nobody is at the other end, in the middle of whatever it was."""
        self.cable.unplug()
        self._router.reset()

    def _from_host(self, data: bytes) -> None:
        for who, piece in self._router.feed(data, self._loop.time()):
            if who == LOADER:
                self._enter_loader()
                self._wipe(self.loader.feed(piece))
                continue
            if self._in_loader:
                self.boot(HARD)  # whoever was in the loader comes out of it by a reset
            if self._program is not None:
                self._program.type(piece)

    def _enter_loader(self) -> None:
        if not self._in_loader:
            self._in_loader = True
            self._watchdog = None  # it was entered by a reset
            self._halt()
            self.loader.put(NVS.start, pages(self._values(), len(NVS)))

    def _values(self) -> dict[tuple[str, str], bytes]:
        """What the program keeps in the key-value storage."""
        kept = [path for path in (self._files / ".nvs").glob("*.*") if not path.name.endswith("~")]
        names = [path.name.split(".", 1) for path in kept]
        return {(space, name): path.read_bytes() for (space, name), path in zip(names, kept, strict=True)}

    def _wipe(self, order: Order | None) -> None:
        """What an erased part of the flash held is gone."""
        erased = order.erased(self._settings.flash_mb << 20) if order is not None else range(0)
        if erased and erased.start < NVS.stop and NVS.start < erased.stop:
            shutil.rmtree(self._files / ".nvs", ignore_errors=True)
        if erased.stop > FILES_AT:
            for path in self._files.iterdir():
                if path.name in (".nvs", ".rtc"):
                    continue
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()

    # The program

    def boot(self, cause: int, *, raw: bool = False) -> None:
        """Start what is on the flash, anew."""
        self._halt()
        one = self._settings
        self._in_loader = False
        self._raw = False
        self._router.reset()
        if cause == POWER:
            self._power_cut()
        if cause != SOFT:
            self._watchdog = None  # a soft reset does not stop it
        with self.told:
            self.boots.append(cause)
            self.told.notify_all()
        if one.blank and not self._has_image():
            self.said(BLANK_SAYS)
            return
        room = max(0, (one.flash_mb << 20) - FILES_AT)
        self._program = Program(
            self._loop, Start(cause, one.mac, self._files, one.image, self._line.name, room, raw), self
        )
        for pin, level in self._levels.items():
            self._program.tell({"gpio": pin, "level": level})
        for pin, level in self._millivolts.items():
            self._program.tell({"mv": pin, "level": level})
        self._status()

    def _power_cut(self) -> None:
        """The clock's memory is gone, and the modem is off until its key is pressed; from the factory it runs."""
        (self._files / ".rtc").unlink(missing_ok=True)
        if self.boots:
            modem = self.runner.modem
            self.runner.tell(lambda: modem.supply(on=False))
            self.runner.tell(lambda: modem.supply(on=True))
            with self.told:
                self.lamp.change(self._loop.time(), 0)

    def _has_image(self) -> bool:
        at = BOOTLOADER_AT.get(self._settings.chip, 0)
        if not self.loader.flash.exists():
            return False
        with self.loader.flash.open("rb") as flash:
            flash.seek(at)
            return flash.read(1) == b"\xe9"  # the first byte of whatever the ROM starts

    def _halt(self) -> None:
        """No program: its lines are let go."""
        program, self._program = self._program, None
        if program is not None:
            program.kill()
            self.runner.tell(self.runner.modem.pwrkey_up)
            with self.told:
                self.buzzer.change(self._loop.time(), 0)
                self.told.notify_all()

    def said(self, text: bytes) -> None:
        """The program printed it."""
        with self.told:
            self.console += text
            del self.console[:-CONSOLE_KEPT]
            self.told.notify_all()
        last = bytes(self.console[-len(text) - len(RAW_SAYS) :])
        self._raw = last.rfind(RAW_SAYS) > last.rfind(FRIENDLY_SAYS) or (self._raw and FRIENDLY_SAYS not in text)
        self.cable.write(text)

    def ended(self) -> None:
        """Ctrl-D at its prompt, or sys.exit(): a soft reset. In the raw prompt main.py is left out."""
        raw = self._raw
        self.said(REBOOT_SAYS)
        self.boot(SOFT, raw=raw)

    def _again(self, program: Program | None, how: Callable[[], None]) -> None:
        if program is self._program:
            how()

    def did(self, what: dict[str, Any]) -> None:
        """The program did something to its lines."""
        if "reset" in what:
            self._loop.call_soon(self._again, self._program, lambda: self.boot(HARD))
            return
        if "exit" in what:
            self._loop.call_soon(self._again, self._program, self.ended)
            return
        with self.told:
            self._take(what)
            self.told.notify_all()

    def _take(self, what: dict[str, Any]) -> None:
        now, modem = self._loop.time(), self.runner.modem
        if "lamp" in what:
            self.lamp.change(now, colour(what["grb"]))
        elif "tone" in what:
            self.buzzer.change(now, what["hz"])
        elif "watchdog" in what:
            self._watchdog = (what["watchdog"] / 1000, now)
        elif "fed" in what and self._watchdog is not None:
            self._watchdog = (self._watchdog[0], now)
        elif "clock" in what:
            self.clock = what["clock"]
        elif "baud" in what:
            modem.terminal_baud = what["baud"]
        elif what.get("gpio") == self._table.pwrkey:
            self._pwrkey(what["level"] == self._table.pwrkey_pressed, what["ms"])
        elif what.get("gpio") == self._table.supply:
            self.runner.tell(lambda: modem.supply(on=what["level"] == 1))

    # The modem

    def _pwrkey(self, pressed: bool, ms: int) -> None:
        """Held for as long as the program's clock says; the way of the two news to here may differ by some ms."""
        now, modem = self._loop.time(), self.runner.modem
        if pressed:
            self._pressed = (now, ms)
            self.runner.tell(modem.pwrkey_down)
        else:
            held = self._pressed[0] + (ms - self._pressed[1]) / 1000 + LATE_S
            self._loop.call_at(max(now, held), self.runner.tell, modem.pwrkey_up)

    def _from_modem_line(self) -> None:
        """Bytes for the modem, after whatever the program did to its lines before."""
        if self._program is not None:
            self._program.listen()
        self.runner.read()

    def _keep(self, event: dict[str, Any]) -> None:
        with self.told:
            self.events.append(event)
            self.told.notify_all()
        if event["ev"] == "power":
            self._loop.call_soon(self._status)

    def _status(self) -> None:
        if self._table.status is not None:
            self.put(self._table.status, int(self.runner.modem.running))

    def _look(self) -> None:
        """At the watchdog."""
        if self._watchdog is not None and self._loop.time() - self._watchdog[1] > self._watchdog[0]:
            self.boot(WATCHDOG)
        self._looking = self._loop.call_later(BITE_S, self._look)
