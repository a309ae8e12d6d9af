"""The ladder's orders to the modem, one after the other.

In: dial, answer, hang up, restart. Out: what `Voice` is told, and which attempt its steps belong to.
Must never begin an order before the last one is done, nor let a dial go out that a hang-up has overtaken.
"""

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.hal.base import Board
    from firmware.modem.voice import Voice

KINDS = ("dial", "answer", "hangup", "restart_modem")


class Orders:
    """Start `run` as a task; `give` may be called at any time."""

    def __init__(
        self,
        board: "Board",
        voice: "Voice",
        *,
        talking: "Callable[[], None]",
        ended: "Callable[[int, str], None]",
        clearing: "Callable[[], None]",
        clear: "Callable[[], None]",
    ) -> None:
        self.board = board
        self.voice = voice
        self.attempt: int | None = None  # the ladder's attempt that voice is busy with; None: not the ladder's
        self.faults = 0  # orders that failed in this program
        self._talking = talking
        self._ended = ended
        self._clearing = clearing
        self._clear = clear
        self._queue: "list[tuple[object, ...]]" = []
        self._overtaken: list[int] = []  # attempts that a hang-up ended before they began
        self._wake = asyncio.Event()

    def give(self, order: "tuple[object, ...]") -> None:
        """Take an order; returns at once. A hang-up ends what has not begun and aborts a dial that has."""
        if order[0] in ("hangup", "restart_modem"):
            for one in self._queue:
                if one[0] in ("dial", "answer") and isinstance(one[1], int):
                    self._overtaken.append(one[1])
            self._queue = [one for one in self._queue if one[0] not in ("dial", "answer")]
            self.voice.abort()
        self._queue.append(order)
        self._wake.set()

    def end(self, cause: str) -> None:
        """The call of the present attempt is over; nothing if that has been told."""
        attempt, self.attempt = self.attempt, None
        if attempt is not None:
            self._ended(attempt, cause)

    async def run(self) -> None:
        """For ever."""
        while True:
            while not self._queue:
                self._wake.clear()
                await self._wake.wait()
            try:
                await self._obey(self._queue.pop(0))
            except Exception:
                self.faults += 1
                self.end("modem_error")  # the ladder must not wait for a call that is not made

    async def _obey(self, order: "tuple[object, ...]") -> None:
        what = order[0]
        if what == "hangup":
            await self._hang_up()
            return
        if what == "restart_modem":
            await self._restart()
            return
        self.attempt = order[1] if isinstance(order[1], int) else None
        if what == "dial":
            await self.voice.dial(str(order[2]))
        elif self.voice.state == "talking":
            self._talking()  # answered before the alarm began
        else:
            await self.voice.answer()
            if not self.voice.in_call():
                self.end("no_carrier")

    async def _hang_up(self) -> None:
        self._clearing()
        await self.voice.hang_up("local_hangup")
        self._tell_overtaken()
        self.end("local_hangup")  # nothing if the step of the call has told it already
        self._clear()

    async def _restart(self) -> None:
        if self.voice.restart is not None:
            await self.voice.restart()
        else:
            self.board.note("no_power_switch", {})
        self._tell_overtaken()

    def _tell_overtaken(self) -> None:
        overtaken, self._overtaken = self._overtaken, []
        for attempt in overtaken:
            self._ended(attempt, "local_hangup")
