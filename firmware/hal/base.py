"""What every machine offers to the terminal, with the answer of a machine that has no such part.

One file per machine fills it in: esp32.py and unix.py. It decides nothing, and nothing here imports a machine.
"""

import asyncio

from protocol.codes import KEYS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.modem.port import Port

NVS_NAME_MAX = 15  # of the chip
NVS_BLOB_MAX = 1_900  # bytes; the chip's partition is 16 KiB, a page of it is 4, and every write needs a free one


class Nvs:
    """Small values that survive the loss of the file system, each whole or as it was before. Never raises."""

    def get(self, name: str) -> "bytes | None":
        """The value, or None."""
        raise NotImplementedError

    def set(self, name: str, data: bytes) -> bool:
        """Store it for good; False if that cannot be."""
        raise NotImplementedError

    def remove(self, name: str) -> None:
        """Forget it; nothing if there is none."""
        raise NotImplementedError


class ModemSwitch:
    """The board's hands on the modem's power. It only moves lines; modem/power.py knows when."""

    async def press(self, ms: int) -> None:
        """Hold PWRKEY low for so long. It toggles: on a module that runs, it switches off."""
        raise NotImplementedError

    def status(self) -> "bool | None":
        """Whether the module says that it runs; None on a board without that line."""
        return None

    async def supply(self, on: bool) -> bool:
        """The load switch of its supply; False on a board without one."""
        return False


class Board:
    """The machine. Times are ms of uptime, which never wraps."""

    name = ""
    keys: "tuple[str, ...]" = KEYS
    uart: "Port"
    nvs: Nvs
    folder: str  # of the file system
    switch: "ModemSwitch | None" = None
    idle_ms = 10  # longest time between two looks at contacts that rest; a machine whose `edge` is sure may take more

    def now(self) -> int:
        """Uptime in ms, accumulated so that it never wraps."""
        raise NotImplementedError

    def levels(self) -> "list[bool]":
        """Closed contacts, in the order of `keys`."""
        raise NotImplementedError

    async def watch(self) -> None:
        """Whatever the machine itself has to do all the time: read its keys, move lamp and tones on. For ever."""
        while True:  # noqa: ASYNC110 - there is nothing to wait for
            await asyncio.sleep(3_600)

    async def edge(self, limit_ms: int) -> None:
        """Until a contact may have moved, `limit_ms` at most."""
        await asyncio.sleep(limit_ms / 1000)

    def lamp(self, state: str) -> None:
        """Show a state of codes.LAMPS."""

    def beep(self, name: str) -> None:
        """Sound one of codes.BEEPS, without waiting for its end."""

    def say(self, text: str) -> None:
        """The modem has begun to speak this; a board in a home has nothing to add."""

    def note(self, what: str, fields: "dict[str, object]") -> None:
        """A line for tools; a board in a home has nobody to tell."""

    def mains(self) -> "int | None":
        """1 on mains, 0 on battery, None where the board cannot tell."""
        return None

    def cell_mv(self) -> "int | None":
        """The battery's voltage in mV as the board measures it; None where only the modem can."""
        return None

    def temperature(self) -> "int | None":
        """Degrees Celsius inside, or None."""
        return None

    def heap(self) -> int:
        """Free heap in bytes."""
        raise NotImplementedError

    def draw(self) -> int:
        """Sixteen random bits."""
        raise NotImplementedError

    def reset_cause(self) -> str:
        """Why the machine started, one of codes.RESET_CAUSES, as far as it can tell."""
        return "unknown"

    def set_time(self, epoch: int) -> None:
        """The network's time, in seconds of UTC, for whoever checks the dates of certificates."""

    def console(self) -> None:
        """Look at what a technician typed, without waiting; a machine without a lock has none to open."""

    def feed(self) -> None:
        """Tell the watchdog that all is well. Without it the machine restarts."""

    def reboot(self) -> None:
        """Start again, now."""
        raise NotImplementedError
