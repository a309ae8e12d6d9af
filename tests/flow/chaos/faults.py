"""Faults: each does something to a running part, for a while that is drawn, and undoes it. Returns when that was."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING

from tests.flow.chaos.judge import Fault

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    from tests.flow.chaos.world import World

    Doing = Callable[[World, random.Random], Awaitable[None]]

AWAY_S = (0.0, 8.0)
FROZEN_S = (1.0, 8.0)
SWALLOWED_S = (2.0, 25.0)  # past the time after which ingest gives up a database that keeps the line


async def _ingest_killed(world: World, dice: random.Random) -> None:
    service = dice.choice(world.ingests)
    service.kill()
    await asyncio.sleep(dice.uniform(*AWAY_S))
    await service.start()


async def _both_killed(world: World, dice: random.Random) -> None:
    for service in world.ingests:
        service.kill()
    await asyncio.sleep(dice.uniform(*AWAY_S))
    for service in world.ingests:
        await service.start()


async def _ingest_frozen(world: World, dice: random.Random) -> None:
    service = dice.choice(world.ingests)
    service.signal(signal.SIGSTOP)
    await asyncio.sleep(dice.uniform(*FROZEN_S))
    service.signal(signal.SIGCONT)


async def _send_killed(world: World, dice: random.Random) -> None:
    world.send.kill()
    await asyncio.sleep(dice.uniform(*AWAY_S))
    await world.send.start()


async def _broker_killed(world: World, dice: random.Random) -> None:
    world.broker.kill()
    await asyncio.sleep(dice.uniform(*AWAY_S))
    await asyncio.to_thread(world.broker.start)


async def _broker_frozen(world: World, dice: random.Random) -> None:
    world.broker.signal(signal.SIGSTOP)
    await asyncio.sleep(dice.uniform(*FROZEN_S))
    world.broker.signal(signal.SIGCONT)


async def _database_killed(world: World, dice: random.Random) -> None:
    await asyncio.to_thread(world.server.kill)
    await asyncio.sleep(dice.uniform(*AWAY_S))
    await asyncio.to_thread(world.server.start)


async def _database_frozen(world: World, dice: random.Random) -> None:
    world.server.freeze()
    await asyncio.sleep(dice.uniform(*FROZEN_S))
    world.server.thaw()


async def _database_swallowed(world: World, dice: random.Random) -> None:
    world.proxy.swallow()
    await asyncio.sleep(dice.uniform(*SWALLOWED_S))
    world.proxy.flow()


FAULTS: dict[tuple[str, str], Doing] = {
    ("ingest", "killed"): _ingest_killed,
    ("broker", "killed"): _broker_killed,
    ("database", "killed"): _database_killed,
    ("ingest", "frozen"): _ingest_frozen,
    ("database", "swallowed"): _database_swallowed,
    ("broker", "frozen"): _broker_frozen,
    ("send", "killed"): _send_killed,
    ("database", "frozen"): _database_frozen,
    ("ingests", "killed"): _both_killed,
}
PAUSE_S = (1.0, 5.0)


async def in_turn(world: World, dice: random.Random, seconds: float) -> list[Fault]:
    """All of them in an order that is drawn, and again, until the time is over; each ends before the next begins."""
    done: list[Fault] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for whom, what in dice.sample(list(FAULTS), len(FAULTS)):
            if time.monotonic() >= deadline and {each.whom for each in done} >= {"ingest", "broker", "database"}:
                break
            await asyncio.sleep(dice.uniform(*PAUSE_S))
            begun = time.time()
            await FAULTS[whom, what](world, dice)
            done.append(Fault(what, whom, begun, time.time()))
    return done
