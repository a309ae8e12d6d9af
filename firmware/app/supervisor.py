"""Feeds the watchdog while the program works, and does what nobody else dares when it does not.

In: beats of the key loop, the modem's driver and itself. Out: food for the watchdog, restarts as a last resort, the
note that this start is a good one. Must never feed for a key loop that stands, nor restart a terminal that helps.
"""

import asyncio

from firmware.core import watch
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from firmware.hal.base import Board

_LOOK_S = const(1.0)


class Supervisor:
    """Start `run` as a task. Others call `beat`."""

    def __init__(
        self,
        *,
        board: "Board",
        silent: "Callable[[], bool]",
        open_: "Callable[[], bool]",
        restart: "Callable[[], Awaitable[object]] | None",
        reboot: "Callable[[str], None]",
    ) -> None:
        self.board = board
        self.silent = silent  # the modem does not answer
        self.open = open_  # a call or an alarm is under way
        self.restart = restart  # the modem's power, off and on; None: this board cannot
        self.reboot = reboot  # the whole board, for a cause of codes.RESET_CAUSES
        self.retry_ms: "int | None" = None  # this start is not the full one: try that again from then on
        self.starved = 0  # looks at which somebody was late and the watchdog got nothing
        self._watch = watch.Watch(board.now())
        self._silence = watch.Silence()
        self._begun = board.now()
        self._healthy = False
        self._restarting: "asyncio.Task[None] | None" = None

    def beat(self, name: str) -> None:
        """The task of that name has come round."""
        self._watch.beat(name, self.board.now())

    async def run(self) -> None:
        """For ever. Nothing in it waits for anybody."""
        while True:
            self.look()
            await asyncio.sleep(_LOOK_S)

    def look(self) -> None:
        """One look at everything."""
        now = self.board.now()
        self.board.console()
        self._watch.beat("supervisor", now)
        late = self._watch.late(now)
        if late:
            self.starved += 1
            self.board.note("late", {"tasks": late})
        else:
            self.board.feed()
        if not self._healthy and now - self._begun >= watch.HEALTHY_MS:
            self._healthy = True
            if self.retry_ms is None:
                self.board.nvs.remove(watch.NVS_FAILED)
        if self.retry_ms is not None and now >= self.retry_ms and not self.open():
            self.board.nvs.set(watch.NVS_FAILED, watch.again())
            self.reboot("soft")
            return
        todo = self._silence.decide(now, self.silent(), self.open())
        if todo == "reboot":
            self.reboot("watchdog")
        elif todo == "restart" and self.restart is not None and self._restarting is None:
            self._restarting = asyncio.create_task(self._restart(self.restart))

    async def _restart(self, restart: "Callable[[], Awaitable[object]]") -> None:
        try:
            await restart()
        except Exception as error:
            self.board.note("task_failed", {"task": "restart", "error": repr(error)[:80]})
        self._restarting = None
