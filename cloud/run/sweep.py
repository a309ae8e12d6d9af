"""`onekey serve sweep`: what is due by the passing of time. In: the clock. Out: escalations, sums, retention, words.

Every job is a transaction of its own; one that fails is logged and tried at the next turn, and stops no other.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import psycopg

from cloud import clock, db
from cloud.billing import actions as billing
from cloud.calls import actions as calls
from cloud.devices import actions as devices
from cloud.devices import store as devices_store
from cloud.down import store as down
from cloud.errors import described
from cloud.ingest import sums, weeks
from cloud.run import carrier, checkup, post, watch
from cloud.run.process import run
from cloud.sealed import Box
from cloud.tally import Series, Tally

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloud.db import Conn
    from cloud.settings import Settings

    Job = Callable[[Conn, datetime], Awaitable[int]]

log = logging.getLogger(__name__)

TURN_S = 1.0  # the shortest promise kept here is 15 s: everyone on the desk is told of a call that nobody took
BEAT_S = 5.0
QUIET_S = 15.0  # three beats; a turn takes milliseconds
DOWN_KEPT = timedelta(days=7)  # what was told to a terminal, for questions about last week
RETIRED_AT_ONCE = 5_000  # rows in one transaction: some 50 ms
RETIRE_EVERY = timedelta(minutes=1)
WEEKS_EVERY = timedelta(hours=1)  # they are made eight weeks ahead
PAUSES_EVERY = timedelta(minutes=1)  # pauses begin and end at midnight


class Sweep:
    """The jobs, and what they remember between two turns: nothing that a restart would miss."""

    def __init__(self, settings: Settings, box: Box) -> None:
        self._settings = settings
        self._box = box
        self._looked_at: datetime | None = None
        self._retired_at: datetime | None = None
        self._paused_at: datetime | None = None
        self._weeks_at: datetime | None = None
        series = {"turn_s": Series(), "look_s": Series()}
        counted = (*self.jobs, *checkup.COUNTED, *carrier.COUNTED, *post.COUNTED, "failed")
        self.tally = Tally("sweep", counted, series)
        self._well_at: float | None = None

    @property
    def jobs(self) -> dict[str, Job]:
        """Name and work of each."""
        return {
            "escalated": self._escalate,
            "calls_over": self._calls_over,
            "retired": self._retire,
            "pauses": self._follow_pauses,
            "weeks": self._keep_weeks,
            "summed": self._sum_up,
        }

    async def turn(self, conn: Conn, now: datetime) -> bool:
        """Do every job once; True where all went well."""
        well, loop = True, asyncio.get_running_loop()
        begun = loop.time()
        for name, job in self.jobs.items():
            try:
                async with conn.transaction():
                    done = await job(conn, now)
                self.tally.counts[name] += done
            except Exception as error:  # one broken job must not stop the others
                if db.is_outage(error, conn):
                    raise
                well = False
                self.tally.counts["failed"] += 1
                log.error("%s failed: %s", name, described(error))  # noqa: TRY400 - its text may quote a row
        self.tally.series["turn_s"].add(loop.time() - begun)
        if well:
            self._well_at = loop.time()
        return well

    def wrong(self, loop_now: float) -> list[str]:
        """What is not as it should be."""
        late = self._well_at is None or loop_now - self._well_at > QUIET_S
        return ["no turn went well lately"] if late else []

    async def beat(self, conn: Conn, now: datetime) -> None:
        """Say that the sweep works."""
        async with conn.transaction():
            told = self.tally.untold()
            await devices_store.beat(conn, "sweep", now, told, self.tally.present())
        self.tally.told(told)

    async def _escalate(self, conn: Conn, now: datetime) -> int:
        return await calls.sweep(conn, self._box, self._settings, now)

    async def _calls_over(self, conn: Conn, now: datetime) -> int:
        """Terminals that are no longer presumed in a call look different from now on."""
        since, self._looked_at = self._looked_at or now - timedelta(seconds=TURN_S), now
        over = await devices_store.calls_presumed_over(conn, since, now)
        for device_id in over:
            await devices.tell_live(conn, device_id)
        return len(over)

    async def _retire(self, conn: Conn, now: datetime) -> int:
        if self._retired_at is not None and now - self._retired_at < RETIRE_EVERY:
            return 0
        retired = await down.retire(conn, now - DOWN_KEPT, RETIRED_AT_ONCE)
        if retired < RETIRED_AT_ONCE:
            self._retired_at = now  # else there is more: again at the next turn
        return retired

    async def _follow_pauses(self, conn: Conn, now: datetime) -> int:
        if self._paused_at is not None and now - self._paused_at < PAUSES_EVERY:
            return 0
        changed = await billing.follow_pauses(conn, now)
        self._paused_at = now
        return changed

    async def _keep_weeks(self, conn: Conn, now: datetime) -> int:
        if self._weeks_at is not None and now - self._weeks_at < WEEKS_EVERY:
            return 0
        if await weeks.keep(conn, now, timedelta(days=self._settings.raw_days)):
            self._weeks_at = now
        return 0

    async def _sum_up(self, conn: Conn, now: datetime) -> int:
        return await (sums.forget_due if await weeks.is_hyper(conn) else sums.sum_up)(conn, now)


async def main(settings: Settings, ready: Callable[[], None]) -> None:
    """Until cancelled; waits for a database that is away."""
    sweep = Sweep(settings, Box(settings.data_key_bytes))
    looks = checkup.Checkup(sweep.tally)
    cards = carrier.Carrier(settings, sweep.tally)
    letters = post.Post(settings, sweep.tally)
    sweep.tally.look = lambda: {**cards.present(clock.now()), **letters.present()}

    async def check() -> dict[str, list[str]]:
        now = asyncio.get_running_loop().time()
        return {
            "sweep": sweep.wrong(now), "health": looks.wrong(now), "carrier": cards.wrong(clock.now()),
            "mail": letters.wrong(),
        }  # fmt: skip

    async with watch.beside(settings, "sweep", [sweep.tally], check):
        beside = [asyncio.create_task(each) for each in (looks.turns(settings), cards.turns(), letters.turns())]
        try:
            await _turns(settings, sweep, ready)
        finally:
            for each in beside:
                each.cancel()
            await asyncio.gather(*beside, return_exceptions=True)


async def _turns(settings: Settings, sweep: Sweep, ready: Callable[[], None]) -> None:
    told = False
    while True:
        try:
            async with await db.connect(settings.database_url) as conn:
                await db.check_schema(conn)
                beat_due = 0.0
                while True:
                    loop_now = asyncio.get_running_loop().time()
                    well = await sweep.turn(conn, clock.now())
                    if well and loop_now >= beat_due:
                        await sweep.beat(conn, clock.now())
                        beat_due = loop_now + BEAT_S
                    if not told:
                        told = True
                        ready()
                    await asyncio.sleep(TURN_S)
        except psycopg.Error as error:
            log.warning("begins anew: %s", type(error).__name__)
            await asyncio.sleep(TURN_S)


if __name__ == "__main__":
    run(main)
