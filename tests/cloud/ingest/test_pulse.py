"""What a door says of itself: one gap for one outage, and none for a clock that is set."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from cloud import clock
from cloud.devices import actions, store
from cloud.devices.models import DOORS, Gap
from cloud.ingest.careful import Careful
from cloud.ingest.lease import LASTS, Lease
from cloud.ingest.pulse import BEAT_S, Pulse
from cloud.sealed import Box
from cloud.settings import Settings
from cloud.tally import Tally
from tests.flow.parts import environment, scalar, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cloud.db import Conn

NOW = datetime(2026, 3, 31, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ALLOWED = actions.INGEST_SILENCE_ALLOWED


def settings(database: str) -> Settings:
    env = {name.lower().removeprefix("okc_"): value for name, value in environment(database, 1).items()}
    return Settings.model_validate({name: value for name, value in env.items() if name != "path"})


class Clocks:
    """The wall's, which may be set, and the loop's, which only goes on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall = NOW
        self._loop = asyncio.get_running_loop()
        self._ahead = 0.0
        real = self._loop.time
        monkeypatch.setattr(clock, "now", lambda: self.wall)
        monkeypatch.setattr(self._loop, "time", lambda: real() + self._ahead)

    def pass_by(self, seconds: float) -> None:
        self._ahead += seconds
        self.wall += timedelta(seconds=seconds)


@pytest.fixture
async def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


@pytest.fixture
async def tally() -> Tally:
    return Tally("ingest")


@pytest.fixture
async def pulse(database: str, tally: Tally) -> AsyncIterator[Pulse]:
    careful = Careful(settings(database), Box(bytes(32)), tally.counts)
    yield Pulse("ingest", careful, tally, lambda: True, lambda: None)
    await careful.drop()


async def gaps(database: str) -> list[Any]:
    async with await psycopg.AsyncConnection.connect(database) as conn:
        return await (await conn.execute("select from_at, until_at from ingest_gap order by 1")).fetchall()


@pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["forward", "back"])
async def test_a_clock_that_is_set_is_counted_and_makes_no_gap(
    database: str, clocks: Clocks, pulse: Pulse, tally: Tally, step: timedelta
) -> None:
    """Forward it would excuse an hour in which terminals were heard; and back again the same hour."""
    assert await pulse.beat()
    clocks.wall += step
    clocks.pass_by(BEAT_S)
    assert await pulse.beat()
    assert tally.untold()["clock_steps"] == 1
    clocks.wall -= step
    clocks.pass_by(BEAT_S)
    assert await pulse.beat()
    assert tally.untold()["clock_steps"] == 1, "the first was told, the second is new"
    clocks.pass_by(BEAT_S)
    assert await pulse.beat()
    assert tally.untold() == {}
    assert tally.counts["clock_steps"] == 2
    assert await gaps(database) == []


async def test_a_silence_across_a_step_is_as_long_as_it_was(database: str, clocks: Clocks, pulse: Pulse) -> None:
    """Measured by the clock that never steps, and put before the moment that is now believed."""
    assert await pulse.beat()
    clocks.wall -= HOUR
    clocks.pass_by(600)
    assert await pulse.beat()
    ((begun, ended),) = await gaps(database)
    assert (ended, round((ended - begun).total_seconds())) == (clocks.wall, 600)


async def test_two_doors_tell_of_one_outage_as_one_gap(conn: Conn) -> None:
    """Whichever comes first; another outage is another gap."""
    first = NOW + timedelta(seconds=3)
    await actions.ingest_works(conn, "ingest", NOW, {})
    await actions.ingest_works(conn, "beats", first, {})
    back = NOW + timedelta(minutes=10)
    await actions.ingest_works(conn, "beats", back, {}, (first, timedelta(seconds=597)))
    await actions.ingest_works(conn, "ingest", back + timedelta(seconds=2), {}, (NOW, timedelta(seconds=602)))
    later = back + HOUR
    over = ALLOWED + timedelta(seconds=1)
    await actions.ingest_works(conn, "ingest", later, {}, (back + timedelta(seconds=2), over))
    await actions.ingest_works(conn, "beats", later, {}, (back, ALLOWED))
    assert await store.gaps(conn, NOW, NOW + timedelta(seconds=1), ALLOWED) == [
        Gap(from_at=NOW, until_at=back + timedelta(seconds=2)),
        Gap(from_at=later - over, until_at=later),
    ]


async def test_doors_that_come_back_at_the_same_moment_make_one_gap(database: str) -> None:
    """Each in a transaction that does not see the other's."""
    async with await psycopg.AsyncConnection.connect(database) as conn:
        for door in DOORS:
            await actions.ingest_works(conn, door, NOW, {})
    back = NOW + HOUR
    async with (
        await psycopg.AsyncConnection.connect(database) as other,
        await psycopg.AsyncConnection.connect(database) as one,
    ):
        await actions.ingest_works(one, DOORS[0], back, {}, (NOW, HOUR))
        second = asyncio.ensure_future(actions.ingest_works(other, DOORS[1], back, {}, (NOW, HOUR)))

        async def waits_or_is_done() -> Any:
            waiting = "select count(*) > 0 from pg_locks where not granted"
            return second.done() or await scalar(database, waiting)

        await until(waits_or_is_done, "the second door has come as far as it can")
        await one.commit()
        await second
    assert await gaps(database) == [(NOW, back)]


async def test_a_worker_that_was_away_while_another_worked_makes_no_gap(
    database: str, clocks: Clocks, pulse: Pulse, tally: Tally
) -> None:
    """Frozen, or standing by: its own clock tells of an hour, the table of five seconds."""
    assert await pulse.beat()
    clocks.pass_by(HOUR.total_seconds())
    async with await psycopg.AsyncConnection.connect(database) as conn:
        for beat_at in (NOW + timedelta(seconds=5), clocks.wall - timedelta(seconds=5)):
            await store.beat(conn, "ingest", beat_at, {})
    assert await pulse.beat()
    assert await gaps(database) == []
    assert tally.counts["clock_steps"] == 0


async def test_a_lease_from_a_future_that_was_taken_back_is_nobodys(database: str) -> None:
    """The database's clock went back an hour and the holder died with it: nobody waits for that hour."""
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as conn:
        await conn.execute(
            "insert into lease (name, holder, until_at) values ('ingest', gen_random_uuid(), clock_timestamp() + %s)",
            [HOUR + LASTS],
        )
    lease = Lease(settings(database), "ingest")
    running = asyncio.ensure_future(lease.run())
    try:

        async def held() -> bool:
            return lease.held

        await until(held, "the lane is ours")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
