"""`onekey serve ingest`: MQTT in, on two lanes: heartbeats in batches, everything else at once and one by one.

Any number of these processes may run: on each lane one works, and the others stand by to follow it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cloud.ingest import beats, health, lane
from cloud.ingest.beats import Beats
from cloud.ingest.lane import Lane
from cloud.ingest.lease import Lease
from cloud.ingest.listen import Listener
from cloud.run import watch
from cloud.run.process import run
from cloud.sealed import Box

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from cloud.settings import Settings
    from cloud.tally import Tally

    Work = Callable[[Callable[[], None]], Awaitable[None]]


async def main(settings: Settings, ready: Callable[[], None]) -> None:
    """Until cancelled."""
    box = Box(settings.data_key_bytes)
    doors: dict[str, Work] = {}
    tallies: dict[str, Tally] = {}
    if settings.ingest_lanes != "heartbeats":
        tally = tallies[lane.DOOR] = lane.new_tally()
        doors[lane.DOOR] = lambda opened: _messages(settings, box, tally, opened)
    if settings.ingest_lanes != "messages":
        counted = tallies[beats.DOOR] = beats.new_tally()
        doors[beats.DOOR] = lambda opened: Beats(settings, box, counted).run(opened)
    leases = {door: Lease(settings, door) for door in doors}
    waited_for = set(doors)

    def opened(door: str) -> None:
        if waited_for:
            waited_for.discard(door)
            if not waited_for:
                ready()

    async def check() -> dict[str, list[str]]:
        return {door: _wrong(lease, tallies[door]) for door, lease in leases.items()}

    working = [_by_turns(leases[door], work, door, opened) for door, work in doors.items()]
    async with watch.beside(settings, "ingest", list(tallies.values()), check):
        await _all(working)


def _wrong(lease: Lease, tally: Tally) -> list[str]:
    looked_s = None if lease.looked_at is None else asyncio.get_running_loop().time() - lease.looked_at
    return health.wrong(held=lease.held, looked_s=looked_s, present=tally.present())


async def _messages(settings: Settings, box: Box, tally: Tally, opened: Callable[[], None]) -> None:
    """The lane of everything but heartbeats."""
    listener = Listener(settings)
    # The work ends before the listening, so that what was committed is acknowledged on a connection that still stands.
    await _all([Lane(settings, box, listener, tally).run(opened), listener.run()])


async def _by_turns(lease: Lease, work: Work, door: str, opened: Callable[[str], None]) -> None:
    """Work while the lease is ours, stand by while it is not. A process that stands by is ready too."""

    async def turns() -> None:
        await lease.looked.wait()
        while True:
            if not lease.held:
                opened(door)
            await lease.taken()
            await _until(lease.lost(), work(lambda: opened(door)))

    await _all([turns(), lease.run()])


async def _until(over: Awaitable[None], work: Awaitable[None]) -> None:
    """Work until this is over. An error of the work is ours."""
    waiting, working = asyncio.ensure_future(over), asyncio.ensure_future(work)
    try:
        await asyncio.wait({waiting, working}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        await _end(waiting, working)


async def _all(works: Sequence[Awaitable[None]]) -> None:
    """Until one of them ends by an error, or we are cancelled; the first of them ends first."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await _end(*tasks)


async def _end(*tasks: asyncio.Future[None]) -> None:
    for task in tasks:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


if __name__ == "__main__":
    run(main)
