"""The lane of messages: one by one, each committed before the broker is told. In: deliveries. Out: commits, then acks.

A database that is away is waited for with the same message in hand; a message that cannot be taken goes to
quarantine in a transaction of its own. Never acknowledges what is not committed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg

from cloud import clock, db
from cloud.devices import actions as devices
from cloud.errors import described
from cloud.ingest.decode import decode
from cloud.ingest.models import INTERNAL, REFUSED, Arrival, Checked, Quarantine
from cloud.ingest.take import keep, quarantine, take

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloud.db import Conn
    from cloud.ingest.listen import Listener
    from cloud.sealed import Box
    from cloud.settings import Settings

log = logging.getLogger(__name__)

BEAT_S = 5.0  # far below devices.actions.INGEST_SILENCE_ALLOWED
BACKOFF_FIRST_S, BACKOFF_MOST_S = 0.1, 2.0
GOODBYE_S = 0.5  # who ends us waits two seconds


class Lane:
    """One consumer on one database connection."""

    def __init__(self, settings: Settings, box: Box, listener: Listener) -> None:
        self._settings = settings
        self._box = box
        self._listener = listener
        self._conn: Conn | None = None
        self._schema_checked = False
        self._counted: Counter[str] = Counter()
        self._beat_due = 0.0

    async def run(self, ready: Callable[[], None]) -> None:
        """Work until cancelled; `ready` is called once, when broker and database both answer."""
        told = False
        try:
            while True:
                delivery = await self._listener.next(0.05 if not told else BEAT_S)
                if delivery is not None:
                    await self._commit(delivery.arrival)
                    if not self._listener.done(delivery):
                        self._counted["ack_too_late"] += 1
                beaten = await self._beat()
                if beaten and not told:
                    told = True
                    ready()
        finally:
            await self._say_goodbye()

    async def _commit(self, arrival: Arrival) -> None:
        """Return when the message is committed, as what it is or in quarantine, however long that takes."""
        wait_s = BACKOFF_FIRST_S
        poison: Quarantine | None = None
        tried = 0  # ways to quarantine it
        while True:
            try:
                conn = await self._connection()
                async with conn.transaction():
                    if poison is None:
                        outcome = await take(conn, self._box, self._settings, arrival)
                    elif tried == 0:
                        outcome = await quarantine(conn, self._box, arrival, poison)
                    else:
                        # Even that breaks on something of this terminal: what matters is kept, without a receipt.
                        await keep(conn, self._box, arrival, poison)
                        outcome = "quarantined"
                self._counted[outcome] += 1
                return
            except db.MigrationError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a message does to us, the next one must be taken
                log.error("message not committed: %s", described(error))  # noqa: TRY400 - its text may quote a row
                if not db.is_outage(error, self._conn):
                    if poison is None:
                        poison = _poison(arrival, error)
                        self._counted[poison.reason] += 1
                        continue
                    tried += 1
            self._counted["retries"] += 1
            await self._drop_connection()
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, BACKOFF_MOST_S)

    async def _beat(self) -> bool:
        """Say that the front door works, if it does and it is time; True where it was said."""
        loop_now = asyncio.get_running_loop().time()
        if loop_now < self._beat_due or not self._listener.is_connected:
            return False
        try:
            conn = await self._connection()
            async with conn.transaction():
                await devices.ingest_works(conn, clock.now(), dict(self._counted))
        except psycopg.Error as error:
            log.warning("no beat: %s", described(error))
            await self._drop_connection()
            self._beat_due = loop_now + BACKOFF_MOST_S
            return False
        self._counted.clear()
        self._beat_due = loop_now + BEAT_S
        return True

    async def _say_goodbye(self) -> None:
        """What was counted since the last beat is not lost when we are told to end."""
        self._beat_due = 0.0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await self._beat()
        await self._drop_connection()

    async def _connection(self) -> Conn:
        if self._conn is None or self._conn.closed:
            self._conn = await db.connect(self._settings.database_url)
            if not self._schema_checked:
                await db.check_schema(self._conn)
                self._schema_checked = True
        return self._conn

    async def _drop_connection(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            await conn.close()


def _poison(arrival: Arrival, error: Exception) -> Quarantine:
    """Whose fault: the database refuses what is in the message, or our code broke on it."""
    refused = isinstance(error, (psycopg.DataError, psycopg.IntegrityError))
    found = decode(arrival.topic, arrival.payload)
    reason = REFUSED if refused else INTERNAL
    if isinstance(found, Checked):
        return Quarantine(
            reason=reason, device_id=found.device_id, message_id=found.id, content_hash=found.content_hash
        )
    return replace(found, reason=reason, field=None)
