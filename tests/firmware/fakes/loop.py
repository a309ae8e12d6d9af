"""CPython's event loop on the chip's clock: when nothing is ready, the chip's time goes on to the next thing due.

In: a coroutine. Out: its result, or what the chip did to it (Reset, Starved). Hours pass in moments, and always alike.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from typing import TYPE_CHECKING, Any

from tests.firmware.fakes.chip import CHIP

if TYPE_CHECKING:
    from collections.abc import Coroutine

FOR_EVER_S = 1.0  # a loop with nothing to do still lets the chip's time pass


class _Sleeper(selectors.SelectSelector):
    """Waiting moves the chip's clock."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Nothing is ever ready but time."""
        wait = FOR_EVER_S if timeout is None else timeout
        CHIP.advance(math.ceil(wait * 1_000 - 1e-6) if wait > 0 else 0)
        return []


class ChipLoop(asyncio.SelectorEventLoop):
    """See above."""

    def __init__(self) -> None:
        super().__init__(_Sleeper())

    def time(self) -> float:
        """Seconds."""
        return CHIP.ms / 1_000


def run(main: Coroutine[Any, Any, Any], limit_ms: int) -> None:
    """Run it for so long at most. A reset of the chip passes through."""

    async def bounded() -> None:
        task = asyncio.ensure_future(main)
        await asyncio.wait([task], timeout=limit_ms / 1_000)
        if task.done():
            task.result()
        task.cancel()
        await asyncio.wait([task])

    with asyncio.Runner(loop_factory=ChipLoop) as runner:
        runner.run(bounded())
