"""Everything is killed, frozen and cut off in turn while a fleet talks; afterwards the books must hold."""

from __future__ import annotations

import random
import secrets
from typing import TYPE_CHECKING

import pytest

from tests.flow.chaos.faults import in_turn
from tests.flow.chaos.judge import judge
from tests.flow.chaos.world import day_of, world_of
from tests.flow.parts import scalar

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from tests.fixtures.broker import Mosquitto
    from tests.flow.chaos.judge import Said

TERMINALS = 60


async def _run(broker: Mosquitto, folder: Path, seconds: float) -> None:
    seed = secrets.randbelow(1_000_000)
    print(f"seed {seed}")
    async with world_of(broker, folder, TERMINALS) as world:
        world.start_fleet(seconds)
        faults = await in_turn(world, random.Random(seed), seconds)
        counted = await world.fleet_ended()
        day = await world.close_books()
        sent, stored = world.sent(), await world.stored()
        found = judge(sent, stored, faults)
        told = f"seed {seed}: {found.told()}; {counted}; {faults}"
        assert found.clean, told
        assert counted["outstanding"] == 0, told
        presses = [each for each in sent if each.kind == "press"]
        assert len(presses) > TERMINALS, told
        assert await scalar(world.database, "select sum(presses) from device_day") == len(presses), told
        assert await scalar(world.database, "select count(*) from case_fact where kind = 'press'") == len(presses), told
        assert await scalar(world.database, "select count(*) from quarantine") == 0, told
        # What the broker took with it is counted, and nobody's day is.
        lost_today = _beats_of(sent, day).intersection(found.beats_lost)
        missing = await scalar(world.database, "select sum(missing) from heartbeat_account where day = %s", day)
        assert missing == len(lost_today), told
        assert await world.verdicts(day) == {"normal": TERMINALS}, told


def _beats_of(sent: list[Said], day: date) -> set[tuple[str, str]]:
    return {each.name for each in sent if each.kind == "hb" and day_of(each.body["t"]) == day}


@pytest.mark.timeout(1500)
async def test_two_minutes_of_kills_lose_and_double_nothing(broker: Mosquitto, tmp_path: Path) -> None:
    """Sent is stored, heartbeats are missing only where a broker was killed and then counted, every day is a day."""
    await _run(broker, tmp_path, 120.0)


@pytest.mark.long
@pytest.mark.timeout(2400)
async def test_fifteen_minutes_of_kills_lose_and_double_nothing(broker: Mosquitto, tmp_path: Path) -> None:
    """The same for longer, with other moments."""
    await _run(broker, tmp_path, 900.0)
