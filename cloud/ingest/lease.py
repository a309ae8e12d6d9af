"""Who works on a lane: one process, and when it stops saying so, another.

In: a name, the database. Out: `held`, and an event when that changes. Renewed twice a second by the database's clock,
so a process that was killed or frozen is followed by the next within three seconds.
Two that believe they hold it for a moment do no harm: a message is committed once, whoever commits it. A database that
is away changes nothing: without it nobody can work, and whoever is connected to the broker keeps the session alive.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg

from cloud import db
from cloud.errors import described

if TYPE_CHECKING:
    from cloud.db import Conn
    from cloud.settings import Settings

log = logging.getLogger(__name__)

LASTS = timedelta(seconds=2)  # with a look and a connect behind it still below three
LOOK_S = 0.5
ANSWER_S = 5.0  # then its connection is made anew: the database may have moved to another machine
GOODBYE_S = 0.3

_TAKE = (
    "insert into lease as held (name, holder, until_at) values (%(name)s, %(me)s, clock_timestamp() + %(lasts)s)"
    " on conflict (name) do update set holder = excluded.holder, until_at = excluded.until_at"
    " where held.holder = excluded.holder or held.until_at < clock_timestamp()"
    # Later than anybody can have said: the database's clock was set back, and the holder may be gone.
    " or held.until_at > clock_timestamp() + %(lasts)s returning 1"
)


class Lease:
    """`run` it as a task."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.held = False
        self.looked = asyncio.Event()  # the first answer of the database is there
        self.looked_at: float | None = None  # the latest one, by the loop's clock
        self._settings = settings
        self._name = name
        self._me = uuid.uuid4()
        self._taken = asyncio.Event()
        self._lost = asyncio.Event()
        self._conn: Conn | None = None

    async def run(self) -> None:
        """Take it, keep it, take it again; until cancelled, which gives it back. Raises db.MigrationError."""
        try:
            while True:
                try:
                    self._now(held=await self._take())
                except (psycopg.Error, OSError) as error:
                    log.warning("no word of the lease: %s", described(error))
                    await self._drop()
                await asyncio.sleep(LOOK_S)
        finally:
            with contextlib.suppress(TimeoutError, psycopg.Error, OSError):
                async with asyncio.timeout(GOODBYE_S):
                    await self._give_back()
            await self._drop()

    async def taken(self) -> None:
        """Until we hold it."""
        await self._taken.wait()

    async def lost(self) -> None:
        """Until somebody else holds it."""
        await self._lost.wait()

    def _now(self, *, held: bool) -> None:
        if held != self.held:
            log.info("lane %s: %s", self._name, "ours" if held else "standing by")
        self.held = held
        (self._taken if held else self._lost).set()
        (self._lost if held else self._taken).clear()
        self.looked.set()
        self.looked_at = asyncio.get_running_loop().time()

    async def _take(self) -> bool:
        if self._conn is None or self._conn.closed:
            self._conn = await db.connect(self._settings.database_url, idle_s=LASTS.total_seconds())
            await db.check_schema(self._conn)
        values = {"name": self._name, "me": self._me, "lasts": LASTS}
        async with db.in_time(self._conn, ANSWER_S):
            return await (await self._conn.execute(_TAKE, values)).fetchone() is not None

    async def _give_back(self) -> None:
        if self.held and self._conn is not None:
            await self._conn.execute("delete from lease where name = %s and holder = %s", [self._name, self._me])

    async def _drop(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            await conn.close()
