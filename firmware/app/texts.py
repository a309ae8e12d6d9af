"""Carries short messages of the ladder to the modem, and keeps its card empty.

In: orders `text` of the ladder. Out: what became of each. An order is stored as spent before it goes out, so that no
restart sends it again; must never begin anything on the modem's only channel while help is being called, but for
an order.
"""

import asyncio

from firmware.core import words
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.app.config import Config
    from firmware.modem.sms import Sms

_LOOK_MS = const(5_000)  # between two looks at the card


class Texts:
    """Start `run` as a task and call `look` often; `give` may be called at any time."""

    def __init__(
        self,
        *,
        device: str,
        config: "Config",
        sms: "Sms",
        idle: "Callable[[], bool]",
        store: "Callable[[], None]",
        told: "Callable[[int, bool], None]",
    ) -> None:
        self.device = device
        self.config = config
        self.sms = sms
        self._idle = idle  # the modem is ready, and nobody is being called
        self._store = store
        self._told = told
        self._order: "tuple[int, str, str] | None" = None  # serial, number, text
        self._wake = asyncio.Event()
        self._look_ms = 0

    @property
    def beside(self) -> bool:
        """Whether a message can go beside a call."""
        return self.sms.channels.multiplexed

    def give(self, serial: int, number: str, about: "dict[str, object]", pressed: "int | None") -> None:
        """Take an order; the ladder gives one at a time. `about`: key and wave; `pressed`: epoch, None if unknown."""
        wave = about["wave"]
        text = words.short_message(
            self.config.text("who"), str(about["key"]), wave if isinstance(wave, int) else 0, self.device, pressed
        )
        self._order = (serial, number, text)
        self._wake.set()

    def withdraw(self) -> None:
        """Nobody needs a message any more: one that has not begun stays here."""
        self._order = None

    def look(self, now: int) -> None:
        """Let the task look at the card now and then. Whoever comes round anyway does this: a timer is a task more."""
        if now - self._look_ms >= _LOOK_MS:
            self._look_ms = now
            self._wake.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            if self._order is not None:
                await self._send()
            elif self.sms.untidy and self._idle():
                await self.sms.tidy()
            self._wake.clear()
            if self._order is None:
                await self._wake.wait()

    async def _send(self) -> None:
        order = self._order
        self._store()
        if order is None:
            return
        self._order = None
        self._told(order[0], await self.sms.send(order[1], order[2]))
