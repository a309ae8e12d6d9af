"""One message after the other, each in a transaction of its own, whatever it is and however long that takes.

In: an arrival. Out: a commit, of the message or of its place in quarantine. A database that is away is waited for with
the same message in hand; a message that breaks us goes to quarantine in a transaction of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg

from cloud import db
from cloud.errors import described
from cloud.ingest.decode import decode
from cloud.ingest.models import INTERNAL, REFUSED, Arrival, Checked, Quarantine
from cloud.ingest.take import OUTCOMES, keep, quarantine, take

if TYPE_CHECKING:
    from cloud.db import Conn
    from cloud.sealed import Box
    from cloud.settings import Settings

log = logging.getLogger(__name__)

BACKOFF_FIRST_S, BACKOFF_MOST_S = 0.1, 2.0
# What either lane counts. Named, so that each is shown as 0 before the first: a rise from nothing alarms nobody.
COUNTED = (*OUTCOMES, "late", REFUSED, INTERNAL, "acked", "ack_too_late", "redelivered", "retries", "clock_steps")
IDLE_S = 2.0  # in the middle of a transaction; then another process must be able to take the same message


class Careful:
    """One database connection and what is counted on it."""

    def __init__(self, settings: Settings, box: Box, counted: Counter[str]) -> None:
        self._settings = settings
        self._box = box
        self._counted = counted
        self.waits = False  # for the database, with a message in hand
        self._conn: Conn | None = None
        self._schema_checked = False

    async def commit(self, arrival: Arrival) -> str:
        """Return when the message is committed, and as what, or in quarantine, however long that takes."""
        wait_s = BACKOFF_FIRST_S
        poison: Quarantine | None = None
        tried = 0  # ways to quarantine it
        while True:
            try:
                conn = await self.connection()
                beside: Counter[str] = Counter()
                async with db.in_time(conn):
                    if poison is None:
                        outcome = await take(conn, self._box, self._settings, arrival, beside)
                    elif tried == 0:
                        outcome = await quarantine(conn, self._box, arrival, poison)
                    else:
                        # Even that breaks on something of this terminal: what matters is kept, without a receipt.
                        await keep(conn, self._box, arrival, poison)
                        outcome = "quarantined"
                self._counted.update([outcome, *beside.elements()])
                self.waits = False
                return outcome
            except db.MigrationError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a message does to us, the next one must be taken
                log.error("message not committed: %s", described(error))  # noqa: TRY400 - its text may quote a row
                if not db.is_outage(error, self._conn):
                    if poison is None:
                        poison = blamed(arrival, error)
                        self._counted[poison.reason] += 1
                        continue
                    tried += 1
            self._counted["retries"] += 1
            self.waits = True
            await self.drop()
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, BACKOFF_MOST_S)

    async def connection(self) -> Conn:
        """The connection, made anew where it is lost. Raises psycopg.Error, MigrationError."""
        if self._conn is None or self._conn.closed:
            self._conn = await db.connect(self._settings.database_url, idle_s=IDLE_S)
            if not self._schema_checked:
                await db.check_schema(self._conn)
                self._schema_checked = True
        return self._conn

    async def drop(self) -> None:
        """Close it: what was begun on it is undone."""
        conn, self._conn = self._conn, None
        if conn is not None:
            await conn.close()


def blamed(arrival: Arrival, error: Exception) -> Quarantine:
    """Whose fault: the database refuses what is in the message, or our code broke on it."""
    refused = isinstance(error, (psycopg.DataError, psycopg.IntegrityError))
    found = decode(arrival.topic, arrival.payload)
    reason = REFUSED if refused else INTERNAL
    if isinstance(found, Checked):
        return Quarantine(
            reason=reason, device_id=found.device_id, message_id=found.id, content_hash=found.content_hash
        )
    return replace(found, reason=reason, field=None)
