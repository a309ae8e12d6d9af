"""Device health, looked at every minute beside the other jobs of the sweep.

In: the clock, and the data key for how old and how frail people are. Out: findings, and how urgent each terminal is.

On a connection of its own: a look takes seconds, and nobody who waits for an escalation may wait for it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import psycopg

from cloud import clock, db
from cloud.errors import described
from cloud.health import actions, ranking
from cloud.sealed import Box

if TYPE_CHECKING:
    from datetime import datetime

    from cloud.db import Conn
    from cloud.settings import Settings
    from cloud.tally import Tally

log = logging.getLogger(__name__)

LOOK_EVERY_S = 60.0  # the shortest time that makes a finding is two minutes
LOOK_ENDS_S = 60.0  # 50,000 terminals take some four seconds
QUIET_S = 300.0  # five looks; what they find is for people who drive there
COUNTED = (
    "findings_opened", "findings_closed", "incidents_opened", "incidents_closed", "looks_frozen", "looks_failed",
)  # fmt: skip


async def look(conn: Conn, tally: Tally, box: Box, now: datetime) -> bool:
    """One look in a transaction of its own; True where it went well."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    try:
        async with db.in_time(conn, LOOK_ENDS_S):
            looked = await actions.look(conn, now)
            if not looked.frozen:
                await ranking.rank(conn, box, now)
    except Exception as error:  # the next look may go well
        if db.is_outage(error, conn):
            raise
        tally.counts["looks_failed"] += 1
        log.error("look failed: %s", described(error))  # noqa: TRY400 - its text may quote a row
        return False
    tally.counts["findings_opened"] += looked.opened
    tally.counts["findings_closed"] += looked.closed
    tally.counts["incidents_opened"] += looked.incidents_opened
    tally.counts["incidents_closed"] += looked.incidents_closed
    tally.counts["looks_frozen"] += looked.frozen
    tally.series["look_s"].add(loop.time() - begun)
    return True


class Checkup:
    """Look after look, and whether they go well."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._well_at: float | None = None  # or when it began, so that a start has its time

    def wrong(self, loop_now: float) -> list[str]:
        """What is not as it should be."""
        if self._well_at is None or loop_now - self._well_at > QUIET_S:
            return ["no look at device health went well lately"]
        return []

    async def turns(self, settings: Settings) -> None:
        """Until cancelled; waits for a database that is away."""
        loop = asyncio.get_running_loop()
        self._well_at = loop.time()
        box = Box(settings.data_key_bytes)
        while True:
            try:
                async with await db.connect(settings.database_url) as conn:
                    await db.check_schema(conn)
                    while True:
                        if await look(conn, self._tally, box, clock.now()):
                            self._well_at = loop.time()
                        await asyncio.sleep(LOOK_EVERY_S)
            except psycopg.Error as error:
                log.warning("health begins anew: %s", type(error).__name__)
                await asyncio.sleep(1.0)
