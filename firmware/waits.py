"""Waiting for an event, but not for ever.

In: an event. Out: whether it came in time. `asyncio.wait_for` makes two tasks and three coroutines for each such wait,
about half a kilobyte as long as it lasts, and a terminal always has several: it looks again and again instead.
"""

import asyncio

from protocol import const

_STEP_S = const(0.01)  # as closely as a byte of the UART is seen


async def came(event: asyncio.Event, limit_s: float, step_s: float = _STEP_S) -> bool:
    """Whether the event comes before the time is over. Looks each `step_s`; a busy loop waits longer, never shorter."""
    while not event.is_set():
        if limit_s <= 0:
            return False
        await asyncio.sleep(min(step_s, limit_s))
        limit_s -= step_s
    return True
