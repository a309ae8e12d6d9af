"""The lane of messages: one by one, each committed before the broker is told. In: deliveries. Out: commits, then acks.

A database that is away is waited for with the same message in hand; a message that cannot be taken goes to
quarantine in a transaction of its own. Never acknowledges what is not committed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import traceback
from collections import Counter
from typing import TYPE_CHECKING

import psycopg

from cloud import clock, db
from cloud.devices import actions as devices
from cloud.ingest.decode import decode
from cloud.ingest.models import INTERNAL, REFUSED, Arrival, Checked, Quarantine
from cloud.ingest.take import quarantine, take

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
        while True:
            try:
                conn = await self._connection()
                async with conn.transaction():
                    if poison is None:
                        outcome = await take(conn, self._box, self._settings, arrival)
                    else:
                        outcome = await quarantine(conn, self._box, arrival, poison)
                self._counted[outcome] += 1
                return
            except db.MigrationError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a message does to us, the next one must be taken
                log.error("message not committed: %s", _what(error))  # noqa: TRY400 - its text may quote a row
                if poison is None and not db.is_outage(error, self._conn):
                    poison = _poison(arrival, error)
                    self._counted[poison.reason] += 1
                    continue
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
            log.warning("no beat: %s", _what(error))
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
    message_id = found.id if isinstance(found, Checked) else found.message_id
    return Quarantine(reason=REFUSED if refused else INTERNAL, device_id=found.device_id, message_id=message_id)


def _what(error: BaseException) -> str:
    """Kind and place of an error, without its text: the text may quote a row."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/cloud/" in frame.filename.replace("\\", "/")]
    place = f" at {ours[-1].filename.rsplit('cloud', 1)[-1]}:{ours[-1].lineno}" if ours else ""
    state = f" {error.sqlstate}" if isinstance(error, psycopg.Error) and error.sqlstate else ""
    return f"{type(error).__name__}{state}{place}"
