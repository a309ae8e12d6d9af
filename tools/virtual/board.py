"""The machine of a terminal that lives in simulated time; runs in MicroPython.

In: frames of the world on a pipe (time, contacts, bytes of the UART). Out: frames with what the terminal did and until
when it sleeps. It replaces the clock and the I/O wait of asyncio, and nothing else of the firmware or its runtime.
"""

import asyncio
import builtins
import gc
import json
import os
import struct
import time
from asyncio import core  # type: ignore[attr-defined]  # MicroPython's own

from firmware.hal.base import Board as Machine
from firmware.hal.base import ModemSwitch
from firmware.hal.unix import FileNvs
from firmware.modem.port import Port

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

HEAD_OUT = "<QqI"  # now, wake (-1: never), bytes of actions
HEAD_IN = "<QQHBH"  # now, nothing outside before, levels, flags, bytes of the UART
ACTION = "<BQH"  # kind, when, bytes
FLAG_STATUS = 1  # the modem's STATUS line
_TICKS_MASK = (1 << 30) - 1  # of asyncio's C code
_AHEAD_MS = 3_600_000  # asyncio's C code stamps ready tasks with the real clock: ours must be later, always
_APART_MS = 400_000_000  # 4.6 days; half of asyncio's period is 6.2
_BUFFER = 4096  # actions of one frame, more or less


class World:
    """The pipe to the world, and the clock: microseconds of world time."""

    def __init__(self, fd_in: int, fd_out: int, now_us: int, factor: float) -> None:
        self._in = open(fd_in, "rb", buffering=0)  # noqa: SIM115 - as long as the process lives
        self._out = open(fd_out, "wb", buffering=0)  # noqa: SIM115
        self.us = self._seen = now_us
        self.factor = factor
        self.horizon = 0
        self.levels = 0
        self.flags = 0
        self.probe: Callable[[], bool] | None = None  # whether help is being called, as the ladder has it
        self._probed = False
        self.sample_ms = 0  # tell the free heap so often; 0: never
        self._sampled = 0
        self.rig = 0  # bytes that the world's objects take, which no board has
        self.on_bytes: Callable[[bytearray], None] | None = None
        self.on_levels: Callable[[], None] | None = None
        self._actions = bytearray()
        self._head = bytearray(struct.calcsize(HEAD_IN))
        self._ms_offset = time.ticks_ms() + _AHEAD_MS - now_us // 1000  # type: ignore[attr-defined]
        self._mark = time.ticks_us()  # type: ignore[attr-defined]

    def hello(self) -> None:
        """The first frame: what was computed before it is the compiler's work, which a board does not have."""
        self.exchange(self.us, self.us)

    def now_us(self) -> int:
        """World time, with what the interpreter has used of it since it was told last."""
        if not self.factor:
            return self.us
        # The world corrects what a busy machine added; seen from in here time stands still until it has caught up.
        self._seen = max(self._seen, self.us + int((time.ticks_us() - self._mark) * self.factor))  # type: ignore[attr-defined]
        return self._seen

    def ticks(self) -> int:
        """What asyncio takes for milliseconds."""
        return int(self.now_us() // 1000 + self._ms_offset) & _TICKS_MASK

    def act(self, kind: str, data: bytes) -> None:
        """Something done to the world, now; told with the next frame."""
        self._actions += struct.pack(ACTION, ord(kind), self.now_us(), len(data))
        self._actions += data

    def wait(self, dt: int) -> None:
        """The I/O wait of asyncio: sleep `dt` ms (-1: until something comes from outside)."""
        if dt == 0 and len(self._actions) < _BUFFER:
            return
        if self.probe is not None and self.probe() != self._probed:
            self._probed = not self._probed
            self.act("r", b"1" if self._probed else b"0")
        now = self.now_us()
        # To the next full millisecond of asyncio's clock.
        wake = -1 if dt < 0 else (now // 1000 + dt) * 1000
        if not self._actions and 0 <= wake <= self.horizon:
            self._move(wake)
            return
        self.exchange(now, wake)

    def exchange(self, now: int, wake: int) -> None:
        """One frame out, one frame in."""
        if self.sample_ms and now - self._sampled >= self.sample_ms * 1000:
            self._sampled = now
            gc.collect()
            self.act("h", struct.pack("<I", gc.mem_free() + self.rig))  # type: ignore[attr-defined]
        actions = self._actions
        self._out.write(struct.pack(HEAD_OUT, now, wake, len(actions)))
        if actions:
            self._out.write(actions)
            self._actions = bytearray()
        self._fill(self._head)
        now, self.horizon, levels, self.flags, count = struct.unpack(HEAD_IN, self._head)
        self._move(now)
        ahead = now // 1000 + self._ms_offset - time.ticks_ms()  # type: ignore[attr-defined]
        if not 0 <= ahead < _APART_MS:
            raise SystemExit(70)
        if count:
            piece = bytearray(count)
            self._fill(piece)
            if self.on_bytes is not None:
                self.on_bytes(piece)
        if levels != self.levels:
            self.levels = levels
            if self.on_levels is not None:
                self.on_levels()

    def _move(self, us: int) -> None:
        self.us = max(self.us, us)
        if self.factor:
            self._mark = time.ticks_us()  # type: ignore[attr-defined]

    def _fill(self, buffer: bytearray) -> None:
        view, at = memoryview(buffer), 0
        while at < len(buffer):
            got = self._in.readinto(view[at:])
            if not got:
                raise SystemExit(0)  # the world has ended
            at += got


class Queue:
    """In the place of asyncio's queue of files: there are none, only the world."""

    def __init__(self, world: World) -> None:
        self.map = {0: None}  # never empty: the loop must wait for the world even without a timer
        self.wait_io_event = world.wait


class Uart(Port):
    """The modem's line."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._buffer = bytearray()
        self._news = asyncio.Event()
        world.on_bytes = self._take

    def _take(self, piece: bytearray) -> None:
        self._buffer += piece
        self._news.set()

    async def read(self, most: int) -> bytes:
        """At least one byte."""
        while not self._buffer:
            self._news.clear()
            await self._news.wait()
        piece = bytes(self._buffer[:most])
        self._buffer = self._buffer[most:]
        return piece

    async def write(self, data: bytes) -> None:
        """All bytes; the line takes them at its own pace."""
        self._world.act("u", data)


class Switch(ModemSwitch):
    """PWRKEY, STATUS and the load switch of the modem's supply."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def press(self, ms: int) -> None:
        """Hold PWRKEY low for so long."""
        self._world.act("k", b"1")
        await asyncio.sleep(ms / 1000)
        self._world.act("k", b"0")

    def status(self) -> "bool | None":
        """Whether the module says that it runs."""
        return bool(self._world.flags & FLAG_STATUS)

    async def supply(self, on: bool) -> bool:
        """The load switch."""
        self._world.act("s", b"1" if on else b"0")
        return True


class Board(Machine):
    """The simulated machine."""

    name = "desk"  # what a home has not: a line for tools, and leave to do without TLS
    idle_ms = 1000  # `edge` is sure here

    def __init__(self, world: World, folder: str, cause: str, seed: int) -> None:
        self.world = world
        self.uart = Uart(world)
        self.nvs = FileNvs(folder + "/nvs")
        self.folder = folder
        self.switch = Switch(world)
        self._boot_us = world.us
        self._cause = cause
        self._seed = seed or 1
        self._waiter: object | None = None
        world.on_levels = self._moved

    def now(self) -> int:
        """Uptime in ms."""
        return (self.world.now_us() - self._boot_us) // 1000

    def levels(self) -> "list[bool]":
        """Closed contacts."""
        levels = self.world.levels
        return [bool(levels >> at & 1) for at in range(len(self.keys))]

    async def edge(self, limit_ms: int) -> None:
        """Until a contact moves: the sleeping task is woken early."""
        self._waiter = core.cur_task
        try:
            await asyncio.sleep(limit_ms / 1000)
        finally:
            self._waiter = None

    def _moved(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            core._task_queue.remove(waiter)  # noqa: SLF001 - as asyncio's own I/O queue does
            core._task_queue.push(waiter, self.world.ticks())  # noqa: SLF001

    async def watch(self) -> None:
        """Contacts come with the world's frames."""
        await asyncio.Event().wait()

    def lamp(self, state: str) -> None:
        """Show a state of codes.LAMPS."""
        self._tell({"lamp": state})

    def beep(self, name: str) -> None:
        """Sound one of codes.BEEPS."""
        self._tell({"beep": name})

    def say(self, text: str) -> None:
        """The modem has begun to speak this."""
        self._tell({"say": text})

    def note(self, what: str, fields: "dict[str, object]") -> None:
        """A line for tools."""
        line = dict(fields)
        line["note"] = what
        self._tell(line)

    def _tell(self, line: "dict[str, object]") -> None:
        line["ms"] = self.now()
        self.world.act("n", json.dumps(line).encode())

    def mains(self) -> "int | None":
        """It hangs on the mains unless the world says otherwise."""
        return 1

    def heap(self) -> int:
        """Free heap in bytes."""
        return gc.mem_free()  # type: ignore[attr-defined, no-any-return]

    def draw(self) -> int:
        """Sixteen bits that the seed decides."""
        self._seed = (self._seed * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        return self._seed >> 8 & 0xFFFF

    def reset_cause(self) -> str:
        """As the world has it."""
        return self._cause

    def feed(self) -> None:
        """The watchdog is in the world: it knows the time."""
        self.world.act("w", b"")

    def reboot(self) -> None:
        """Start again, now."""
        self.world.act("x", b"")
        self.world.exchange(self.world.now_us(), -1)


def install(world: World) -> None:
    """From here on asyncio lives in the world's time."""
    core.ticks = world.ticks
    core._io_queue = Queue(world)  # noqa: SLF001


class System:
    """`os` and `open` for the firmware: bytes that the seed decides, and a power cut at the n-th write to storage."""

    def __init__(self, board: Board, cut_after: int) -> None:
        self._board = board
        self._left = cut_after  # writes; 0: no cut
        self._open = builtins.open
        if cut_after:
            builtins.open = self.open  # type: ignore[assignment]

    def urandom(self, count: int) -> bytes:
        """So many bytes."""
        return bytes([self._board.draw() & 255 for _ in range(count)])

    def open(self, path: str, mode: str = "r") -> object:
        """A file; one that is to be written may be the last thing that is done."""
        if "w" in mode or "a" in mode:
            self._count()
        return self._open(path, mode)

    def rename(self, old: str, new: str) -> None:
        """The other half of a write."""
        self._count()
        os.rename(old, new)  # noqa: PTH104 - MicroPython

    def _count(self) -> None:
        if self._left:
            self._left -= 1
            if not self._left:
                self._board.world.act("d", b"")
                self._board.world.exchange(self._board.world.now_us(), -1)

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)


def place(system: System, modules: "list[ModuleType]") -> None:
    """Give it to every module of the firmware that has imported `os`."""
    for module in modules:
        if getattr(module, "os", None) is os:
            module.os = system  # type: ignore[attr-defined]
