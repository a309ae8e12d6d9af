"""`onekey serve ingest`: MQTT in, on two lanes: heartbeats in batches, everything else at once and one by one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cloud.devices.models import DOORS
from cloud.ingest import beats, lane
from cloud.ingest.beats import Beats
from cloud.ingest.lane import Lane
from cloud.ingest.listen import Listener
from cloud.run.process import run
from cloud.sealed import Box

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloud.settings import Settings


async def main(settings: Settings, ready: Callable[[], None]) -> None:
    """Until cancelled."""
    box = Box(settings.data_key_bytes)
    listener = Listener(settings)
    open_doors: set[str] = set()

    def opened(door: str) -> None:
        open_doors.add(door)
        if len(open_doors) == len(DOORS):
            ready()

    listening = asyncio.ensure_future(listener.run())
    working = asyncio.ensure_future(Lane(settings, box, listener).run(lambda: opened(lane.DOOR)))
    beating = asyncio.ensure_future(Beats(settings, box).run(lambda: opened(beats.DOOR)))
    try:
        done, _ = await asyncio.wait({listening, working, beating}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        # First the work, so that what was committed is acknowledged on a connection that still stands.
        for task in (working, beating, listening):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


if __name__ == "__main__":
    run(main)
