"""When the modem is switched on, off and on again, or cut from its supply.

In: what its lines say, what it answers, uptime. Out: moves of the board's ModemSwitch.
PWRKEY toggles: must never press it on a modem that may well run and has not been asked, nor while one is starting.
"""

import asyncio

from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.hal.base import ModemSwitch

_ON_MS = const(1200)  # PWRKEY low for at least 1 s
_OFF_MS = const(1500)
# Unanswered `AT` (plain, and after the end of multiplexing) that make a silent modem one that is off.
_ASK_FIRST = const(2)
_ANSWER_MS = const(12_000)  # between two moves: it starts in 3 s, and is heard within 8
_MUTE = const(8)  # unanswered `AT` of a modem whose line says that it runs
_LEAVE_MS = const(5_000)  # a modem that logs off from the network says so, or drops its line, within this
_REST_MS = const(1_000)  # without power between off and on, 800 at least
CUT_MS = const(2_000)  # the capacitors at the supply drain in that
_LOOK_MS = const(100)


def wake(status: "bool | None", unanswered: int, since_ms: "int | None") -> str:
    """What a modem that does not answer needs: "" (time), "on" or "restart". since_ms: since the last move, or None."""
    if since_ms is not None and since_ms < _ANSWER_MS:
        return ""
    if status is None:
        return "on" if unanswered >= _ASK_FIRST else ""
    if not status:
        return "on"
    return "restart" if unanswered >= _MUTE else ""


def left(status: "bool | None", said: bool, waited_ms: int) -> str:
    """Whether it is off so long after PWRKEY was pressed to that end: "off", "" (not yet), "stuck" or "unknown"."""
    if status is False or (status is None and said):
        return "off"
    if waited_ms < _LEAVE_MS:
        return ""
    return "stuck" if status else "unknown"


class Power:
    """The moves. One at a time: who asks for a restart while one runs waits for that one."""

    def __init__(self, switch: "ModemSwitch", ms: "Callable[[], int]", on_off: "Callable[[], None]") -> None:
        self.switch = switch
        self.ms = ms
        self.on_off = on_off  # the modem has lost, or is about to lose, whatever it knew
        self.restarts = 0
        self.cuts = 0
        self.stuck = 0  # times that nothing could be done
        self._said = False
        self._moved_ms: int | None = None
        self._lock = asyncio.Lock()
        self._wired = False  # the line has said in this boot that the module runs

    @property
    def moving(self) -> bool:
        """Whether a restart is under way: what the modem says meanwhile holds no longer than that."""
        return self._lock.locked()

    def shown(self) -> "bool | None":
        """Whether the module's own line says that it runs; None until it has once said so.

        A wire that is broken says no for ever, and must not keep a module that answers from dialling.
        """
        status = self.switch.status()
        self._wired = self._wired or status is True
        return status if self._wired else None

    def said_down(self) -> None:
        """The modem says that it goes off."""
        self._said = True

    async def unanswered(self, times: int) -> None:
        """The modem has not answered so many `AT` in a row."""
        if self._lock.locked():
            return  # it is off because somebody moves it: a second press would undo the first
        since = None if self._moved_ms is None else self.ms() - self._moved_ms
        what = wake(self.switch.status(), times, since)
        if what == "on":
            async with self._lock:
                await self._on()
        elif what == "restart":
            await self.restart()

    async def restart(self) -> None:
        """Off and on again, whatever state it is in. Nothing if it is just starting."""
        asked = self.ms()
        async with self._lock:
            if self._moved_ms is not None and (self._moved_ms >= asked or asked - self._moved_ms < _ANSWER_MS):
                return
            self.restarts += 1
            self.on_off()
            if await self._off():
                self.on_off()  # until its last moment it may have said that it is registered
                await asyncio.sleep(_REST_MS / 1000)
                await self._on()

    async def _on(self) -> None:
        self._said = False
        await self.switch.press(_ON_MS)
        self._moved_ms = self.ms()

    async def _off(self) -> bool:
        """Whether it is off now."""
        verdict = "off" if self.switch.status() is False else await self._leave()
        if verdict == "off":
            return True
        if await self.switch.supply(False):
            self.cuts += 1
            await asyncio.sleep(CUT_MS / 1000)
            await self.switch.supply(True)
            return True
        # Nobody knows on which side the toggle stands: it was off and is starting now, or it is beyond our reach.
        self.stuck += verdict == "stuck"
        self._moved_ms = self.ms()
        return False

    async def _leave(self) -> str:
        """Press PWRKEY to switch off, and see what comes of it."""
        self._said = False
        await self.switch.press(_OFF_MS)
        begun = self.ms()
        while True:
            verdict = left(self.switch.status(), self._said, self.ms() - begun)
            if verdict:
                return verdict
            await asyncio.sleep(_LOOK_MS / 1000)
