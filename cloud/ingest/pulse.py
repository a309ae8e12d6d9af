"""A door says every few seconds that it works, and what it counted; its silence is a gap that no terminal answers for.

In: whether the broker is there, what was counted. Out: a row of `service_health`, `ingest_gap` after a silence, and
`session_lost` where the broker had forgotten us.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg

from cloud import clock, db
from cloud.devices import actions as devices
from cloud.errors import described
from cloud.ingest.careful import BACKOFF_MOST_S

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from cloud.ingest.careful import Careful
    from cloud.tally import Tally

log = logging.getLogger(__name__)

BEAT_S = 5.0  # far below devices.actions.INGEST_SILENCE_ALLOWED
GOODBYE_S = 0.5  # who ends us waits two seconds
STEP = timedelta(seconds=2)  # a clock that is slewed moves by 0.3 s between two beats at most


class Pulse:
    """Of one door. `beat` as often as you like."""

    def __init__(
        self,
        door: str,
        careful: Careful,
        tally: Tally,
        works: Callable[[], bool],
        new_at: Callable[[], datetime | None],
    ) -> None:
        """`works`: the broker is there, and nothing in hand waits for the database.

        `new_at`: when the broker last said that it knows no session of ours.
        """
        self._door = door
        self._careful = careful
        self._tally = tally
        self._works = works
        self._new_at = new_at
        self._told_new: datetime | None = None
        self._due = 0.0
        self._beaten: tuple[datetime, float] | None = None  # by the wall clock, and by the loop's, which never steps

    def ages(self, connected_s: float | None) -> dict[str, float]:
        """Seconds since the door last said that it works and since it was connected, where there was a first time."""
        beaten_s = None if self._beaten is None else asyncio.get_running_loop().time() - self._beaten[1]
        return {name: age for name, age in (("beaten_s", beaten_s), ("connected_s", connected_s)) if age is not None}

    async def beat(self) -> bool:
        """Say that the door works, if it does and it is time; True where it was said."""
        loop_now = asyncio.get_running_loop().time()
        if loop_now < self._due or not self._works():
            return False
        now = clock.now()
        mine = self._beaten and (self._beaten[0], timedelta(seconds=loop_now - self._beaten[1]))
        told, new_at = self._tally.untold(), self._new_at()
        present = self._tally.present()
        if mine:
            present["stored_per_s"] = told.get("stored", 0) / mine[1].total_seconds()
        try:
            conn = await self._careful.connection()
            async with db.in_time(conn):
                if new_at is not None and new_at != self._told_new:
                    await devices.session_was_new(conn, self._door, new_at)
                await devices.ingest_works(conn, self._door, now, told, mine, present=present)
        except psycopg.Error as error:
            log.warning("no beat: %s", described(error))
            await self._careful.drop()
            self._due = loop_now + BACKOFF_MOST_S
            return False
        self._tally.told(told)
        if mine and abs(now - mine[0] - mine[1]) > STEP:
            log.warning("the clock was set by about %d s", (now - mine[0] - mine[1]).total_seconds())
            self._tally.counts["clock_steps"] += 1
        self._beaten = now, loop_now
        self._told_new = new_at
        self._due = loop_now + BEAT_S
        return True

    async def goodbye(self) -> None:
        """What was counted since the last beat is not lost when we are told to end."""
        self._due = 0.0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await self.beat()
        await self._careful.drop()
