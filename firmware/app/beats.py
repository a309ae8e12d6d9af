"""Heartbeats: that the terminal lives, and how well.

In: facts of all parts, the pace that the battery allows. Out: `hb` messages, each at once or not at all: an old
heartbeat says nothing. Must never hold up anything else: a call may stop one in the middle.
"""

import asyncio

from firmware.core.power import beat_due_s
from firmware.modem.command import ATError
from protocol import const, messages, topics
from protocol.errors import LocalProtocolError

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.app.config import Config
    from firmware.app.mail import Mail
    from firmware.core.outbox import Outbox
    from firmware.core.schedule import Heartbeat
    from firmware.hal.base import Board
    from firmware.modem.sim800 import Sim800
    from firmware.modem.voice import Voice
    from firmware.net.link import Link

_RTT_MAX_MS = const(600_000)  # of the wire; a ping that a call interrupted took as long as the call


class Beats:
    """Call `tick` often. `count` is told of each beat that is tried."""

    modem: "Sim800"
    voice: "Voice"
    link: "Link"
    heartbeat: "Heartbeat"

    def __init__(
        self,
        *,
        device: str,
        board: "Board",
        mail: "Mail",
        outbox: "Outbox",
        config: "Config",
        count: "Callable[[], None]",
    ) -> None:
        self.device = device
        self.board = board
        self.mail = mail
        self.outbox = outbox
        self.config = config
        self.missed = 0  # heartbeats not sent since the last one that was
        self.failed: int | None = None  # parts that failed the last self-test, as a bit mask
        self._count = count
        self._first = True  # none has been sent in this boot
        self._silent = False  # the battery does not allow any
        self._beating: "asyncio.Task[bool] | None" = None

    def pace(self, level: str, now: int) -> None:
        """Beat as the configuration and the battery want it."""
        every_s = beat_due_s(level, self.config.number("hb"))
        self._silent = every_s is None
        if every_s is not None:
            self.heartbeat.set_every(every_s, now)

    def tick(self, now: int) -> None:
        """Begin a beat if one is due, as a task of its own: one that a call holds up must not stop the day's record."""
        if self._silent or not ((self._first and self.link.client is not None) or self.heartbeat.due(now)):
            return
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self.beat())

    async def beat(self) -> bool:
        """One heartbeat, or one more that was missed (False)."""
        self._count()
        client = self.link.client
        if client is None or self.voice.in_call():
            self.missed += 1
            return False
        try:
            await self.modem.measure()
        except ATError:
            pass  # the figures of the last minute then
        fields = self.mail.stamp()
        fields["s"] = fields["u"]
        fields.update(self.figures())
        try:
            await client.publish(topics.build("up", "hb", self.device), messages.encode("up", "hb", fields))
        except (OSError, LocalProtocolError):
            self.missed += 1
            return False
        self._first = False
        self.missed = 0
        return True

    def figures(self) -> "dict[str, object]":
        """The fields of a heartbeat."""
        board, modem = self.board, self.modem
        cell_mv = board.cell_mv()
        return {
            "bat": modem.mv if cell_mv is None else min(max(cell_mv, 0), 10_000),
            "pct": modem.pct,
            "mains": board.mains(),
            "csq": modem.csq,
            "reg": modem.reg,
            "net": "gsm" if modem.registered() else "none",
            "cell": modem.cell or None,
            "temp": _within(board.temperature(), -60, 120),
            "heap": board.heap(),
            "box": len(self.outbox),
            "drops": self.outbox.drops,
            "call": 1 if self.voice.in_call() else 0,
            "cfg": self.config.ver,
            "rtt": None if self.link.rtt_ms is None else min(self.link.rtt_ms, _RTT_MAX_MS),
            "test": self.failed,
            "missed": self.missed,
        }


def _within(value: "int | None", low: int, high: int) -> "int | None":
    return None if value is None else min(max(value, low), high)
