"""`onekey serve ingest`: MQTT in. Listens, commits one message after the other, and acknowledges."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cloud.ingest.lane import Lane
from cloud.ingest.listen import Listener
from cloud.run.process import run
from cloud.sealed import Box

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloud.settings import Settings


async def main(settings: Settings, ready: Callable[[], None]) -> None:
    """Until cancelled."""
    listener = Listener(settings)
    lane = Lane(settings, Box(settings.data_key_bytes), listener)
    listening = asyncio.ensure_future(listener.run())
    working = asyncio.ensure_future(lane.run(ready))
    try:
        done, _ = await asyncio.wait({listening, working}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        # First the work, so that what was committed is acknowledged on a connection that still stands.
        for task in (working, listening):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


if __name__ == "__main__":
    run(main)
