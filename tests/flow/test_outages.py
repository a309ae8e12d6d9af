"""Outages under load on both lanes: a database that hangs or is full, a row it refuses, a broker that is long gone."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import secrets
import shutil
import subprocess
import tempfile
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from cloud import clock
from cloud.db import migrate
from tests.fixtures.postgres import running
from tests.flow.parts import Service, add_terminal, beat, client, environment, press, scalar, until, up
from tests.flow.proxy import Proxy, proxy_to
from tools.embedded.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from datetime import datetime

    import aiomqtt

    from tests.fixtures.broker import Mosquitto
    from tests.flow.conftest import Walk

pytestmark = pytest.mark.timeout(1800)  # each waits until all is stored, however busy the machine is

DEVICE = "BJCY000003"
# Longer than ingest waits for an answer (20 s), and than a silence that is no gap (30 s).
AWAY_S, LONG_S = 36.0, 600.0
PACE_S = 0.05
SETTLE_S = 400.0  # for minutes of backlog on a machine that does much else
MOMENT = timedelta(seconds=1)  # between two looks at two clocks
DISK_MB = 450  # the server's programs, an empty cluster and its log

# A constraint that nobody thought of: the heartbeat with this voltage is refused, whoever it is with in a batch.
_REFUSED_MV = 1234
_REFUSE = f"alter table heartbeat add constraint odd check (battery_mv <> {_REFUSED_MV})"


@dataclass
class Talk:
    """What one terminal has said so far, by id."""

    terminal: aiomqtt.Client
    device_id: str = DEVICE
    presses: dict[str, dict[str, Any]] = field(default_factory=dict)
    beats: set[str] = field(default_factory=set)
    _number: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def say(self, pairs: int) -> None:
        """A press and a heartbeat, so many times."""
        for _ in range(pairs):
            payload = press(f"0badcafe.1.{next(self._number)}", clock.now(), self.presses)
            await self.terminal.publish(up("press", self.device_id), payload, qos=1)
            name = f"0badcafe.1.{next(self._number)}"
            self.beats.add(name)
            await self.terminal.publish(up("hb", self.device_id), beat(name, clock.now()), qos=1)

    async def go_on(self, seconds: float) -> None:
        """One pair after the other."""
        until_s = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < until_s:
            await self.say(1)
            await asyncio.sleep(PACE_S)  # the pace of the stream


@dataclass
class Outage:
    """A server of this test's own, behind a proxy, with ingest and a terminal on it."""

    server: Postgres
    proxy: Proxy
    database: str
    ingest: Service
    talk: Talk

    async def begin(self, how: str) -> None:
        if how == "frozen":
            self.server.freeze()
        else:
            self.proxy.swallow()

    async def end(self, how: str) -> None:
        if how == "frozen":
            self.server.thaw()
        else:
            self.proxy.flow()

    async def assert_all_stored_once(self) -> None:
        """Both lanes, by id; the days count the same; nothing was taken for bad."""
        await assert_all_stored_once(self.database, self.talk)
        assert await scalar(self.database, "select count(*) from quarantine") == 0

    async def gaps_after(self, back: datetime) -> list[Any]:
        """What is on record when both doors have said that they work again."""

        async def both_beat() -> bool:
            return bool(await scalar(self.database, "select min(beat_at) > %s from service_health", back))

        await until(both_beat, "both doors work again", SETTLE_S)
        async with await psycopg.AsyncConnection.connect(self.database) as conn:
            return await (await conn.execute("select from_at, until_at from ingest_gap")).fetchall()


async def assert_all_stored_once(database: str, talk: Talk) -> None:
    async def drained() -> bool:
        query = (
            "select (select count(*) from message where kind = 'press') >= %s"
            " and (select count(*) from heartbeat) >= %s"
        )
        return bool(await scalar(database, query, len(talk.presses), len(talk.beats)))

    await until(drained, "all is stored", SETTLE_S)
    presses = await scalar(database, "select array_agg(id order by id) from message where kind = 'press'")
    assert presses == sorted(talk.presses)
    assert await scalar(database, "select array_agg(id order by id) from heartbeat") == sorted(talk.beats)
    days = await scalar(database, "select array[sum(presses), sum(beats)]::integer[] from device_day")
    assert days == [len(talk.presses), len(talk.beats)]


@asynccontextmanager
async def outage_of(server: Postgres, broker: Mosquitto) -> AsyncIterator[Outage]:
    database = server.create_database("okc")
    migrate(database)
    password = await add_terminal(database, DEVICE, clock.now())
    broker.add_user(DEVICE, password)
    async with proxy_to(str(server.folder / "s" / ".s.PGSQL.5432")) as proxy:
        through = f"host=127.0.0.1 port={proxy.port} user=postgres dbname=okc"
        ingest = Service("ingest", environment(through, broker.port))
        try:
            await ingest.start()
            async with client(DEVICE, password, broker.port) as terminal:
                yield Outage(server, proxy, database, ingest, Talk(terminal))
        finally:
            ingest.end()


@pytest.mark.parametrize("how", ["frozen", "swallowed"])
@pytest.mark.parametrize("seconds", [AWAY_S, pytest.param(LONG_S, marks=pytest.mark.long)], ids=["short", "long"])
async def test_a_database_that_keeps_the_line_and_says_nothing_loses_nothing_and_makes_one_gap(
    broker: Mosquitto, how: str, seconds: float
) -> None:
    """Ingest does not wait for ever on a connection that is still open, and both doors tell of the same stretch."""
    with running(durable=True) as server:
        async with outage_of(server, broker) as outage:
            await outage.talk.say(20)
            worked_before = await scalar(outage.database, "select min(beat_at) from service_health")
            await outage.begin(how)
            begun = clock.now()
            await outage.talk.go_on(seconds)
            assert "not committed" in outage.ingest.log(), "it gave the silent connection up"
            back = clock.now()
            await outage.end(how)
            await outage.talk.say(20)
            await outage.assert_all_stored_once()
            ((from_at, until_at),) = await outage.gaps_after(back)
            assert worked_before - MOMENT <= from_at <= begun
            assert until_at >= back
            # Beside us: it says goodbye to the database through our proxy.
            assert await asyncio.to_thread(outage.ingest.stop) == 0, outage.ingest.log()


@contextmanager
def small_disk() -> Iterator[Path]:
    """A file system of its own. Mounting needs root, or sudo without a password."""
    folder = Path(tempfile.mkdtemp(prefix="okcfd"))
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    command = [*sudo, "mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=0777", "okcfd", str(folder)]
    try:
        mounted = shutil.which(command[0]) is not None and subprocess.run(command, check=False).returncode == 0
        assert mounted, "a disk that may be filled is mounted by root, or with sudo"
        yield folder
    finally:
        subprocess.run([*sudo, "umount", "--lazy", str(folder)], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(folder, ignore_errors=True)


async def test_a_full_disk_of_the_database_is_waited_for_and_drains_when_there_is_room(broker: Mosquitto) -> None:
    """No message is at fault: none goes to quarantine, none is acknowledged; a door that stores nothing is shut."""
    with small_disk() as folder:
        server = Postgres(folder / "pg", durable=True)
        server.start()
        try:
            async with outage_of(server, broker) as outage:
                await outage.talk.say(20)
                filler = folder / "filler"
                _fill(filler)
                await _talk_until_refused(outage)
                await outage.talk.go_on(AWAY_S)
                back = clock.now()
                filler.unlink()
                if server.process is None or server.process.poll() is not None:
                    server.start()  # where its log had no room either it ended; an operator starts it
                await outage.talk.say(20)
                await outage.assert_all_stored_once()
                ((_, until_at),) = await outage.gaps_after(back)
                assert until_at >= back
        finally:
            server.stop()


def _fill(path: Path) -> None:
    with path.open("wb") as file:
        try:
            while True:
                file.write(bytes(65_536))
                file.flush()
        except OSError:
            pass


async def _talk_until_refused(outage: Outage) -> None:
    async def refused() -> bool:
        await outage.talk.say(20)
        return "53100" in outage.ingest.log() or "not committed" in outage.ingest.log()

    await until(refused, "the disk is full", SETTLE_S)


async def test_a_row_that_a_constraint_refuses_does_not_hold_the_batch_it_came_in(walk: Walk) -> None:
    """Found by halving: it alone goes to quarantine, with the reason."""
    async with await psycopg.AsyncConnection.connect(walk.database, autocommit=True) as conn:
        await conn.execute(_REFUSE.encode())
    ingest = walk.service("ingest")
    await ingest.start()
    assert ingest.stop() == 0
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        talk = Talk(terminal, walk.device_id)
        await talk.say(150)
        odd = beat("0badcafe.1.900", clock.now()).replace(b'"bat":3900', b'"bat":%d' % _REFUSED_MV)
        await terminal.publish(up("hb", walk.device_id), odd, qos=1)
        await talk.say(150)
    await ingest.start()
    await assert_all_stored_once(walk.database, talk)

    async def kept() -> bool:
        row = await scalar(walk.database, "select array_agg(message_id || ' ' || reason) from quarantine")
        return bool(row == ["0badcafe.1.900 refused"])

    await until(kept, "the refused one is in quarantine")


async def test_a_broker_that_is_long_gone_is_found_again_by_both_lanes(walk: Walk) -> None:
    """Past the longest wait between two tries."""
    ingest = walk.service("ingest")
    await ingest.start()
    walk.broker.kill()

    async def tried() -> bool:
        return ingest.log().count("broker cannot be reached") >= 10

    await until(tried, "both lanes try", SETTLE_S)
    walk.broker.start()
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        talk = Talk(terminal, walk.device_id)

        async def subscribed() -> bool:
            connected = "select (counters->>'connected')::int >= 2 from service_health where process = 'beats'"
            return bool(await scalar(walk.database, connected))

        await until(subscribed, "the broker has our session again", SETTLE_S)
        await _first_lane_is_back(walk)
        await talk.say(20)
        await assert_all_stored_once(walk.database, talk)
    assert ingest.stop() == 0


async def _first_lane_is_back(walk: Walk) -> None:
    async def told() -> bool:
        return bool(await scalar(walk.database, "select count(*) = 1 from session_lost where door = 'ingest'"))

    await until(told, "the other lane has its session too")


async def test_ingest_killed_at_moments_that_are_drawn_loses_and_doubles_nothing_on_either_lane(walk: Walk) -> None:
    """Wherever it is: reading, staging, committing, acknowledging."""
    seed = secrets.randbelow(1_000_000)
    print(f"seed {seed}")
    dice = random.Random(seed)
    ingest = walk.service("ingest")
    await ingest.start()
    async with client(walk.device_id, walk.password, walk.broker.port) as terminal:
        talk = Talk(terminal, walk.device_id)
        for _ in range(6):
            talking = asyncio.ensure_future(talk.say(60))
            await asyncio.sleep(dice.uniform(0.0, 0.4))  # the moment of the kill
            ingest.kill()
            await ingest.start()
            await talking
        await assert_all_stored_once(walk.database, talk)
