"""The operator's SIM platform, read every hour beside the sweep. In: its settings and the clock. Out: rows, counts.

On a connection of its own: whatever the platform does, no escalation and no look at device health waits for it. Between
two readings nothing is remembered that the database does not have, so a restart neither forgets nor hurries one.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import psycopg

from cloud import clock, db
from cloud.carrier import actions, store
from cloud.carrier.client import Client
from cloud.errors import described

if TYPE_CHECKING:
    from cloud.carrier.models import Taken
    from cloud.settings import CarrierSettings
    from cloud.tally import Tally

log = logging.getLogger(__name__)

EVERY = timedelta(hours=1)  # operators count traffic by the hour
AGAIN = timedelta(minutes=10)  # after one that was not whole
LATE = timedelta(hours=6)  # then somebody should ask the operator
SAVE_ENDS_S = 120.0  # 50,000 cards take some four seconds
COUNTED = ("carrier_reads", "carrier_failed", "carrier_skipped", "carrier_missing")


def client_of(settings: CarrierSettings) -> Client | None:
    """None where no platform is set."""
    if settings.carrier_url is None:
        return None
    return Client(settings.carrier_url, settings.carrier_token, settings.carrier_tls, clock=clock.now)


async def refresh(dsn: str, client: Client, *, believe: bool = False) -> Taken:
    """One reading, then one transaction with what was told."""
    begun_at = clock.now()
    told = await client.read()
    async with await db.connect(dsn) as conn, db.in_time(conn, SAVE_ENDS_S):
        return await actions.refresh(conn, told, begun_at=begun_at, now=clock.now(), believe=believe)


class Carrier:
    """Reading after reading, and whether they go well."""

    def __init__(self, settings: CarrierSettings, tally: Tally) -> None:
        self._settings = settings
        self._tally = tally
        self._begun_at: datetime | None = None
        self._well_at: datetime | None = None
        self._fault: str | None = None

    def present(self, now: datetime) -> dict[str, float]:
        """For /ops: whether a platform is set, and how long ago it was read whole."""
        at = self._well_at or self._begun_at
        if self._settings.carrier_url is None or at is None:
            return {"carrier_on": float(self._settings.carrier_url is not None)}
        return {"carrier_on": 1.0, "carrier_age_s": max((now - at).total_seconds(), 0.0)}

    def wrong(self, now: datetime) -> list[str]:
        """What is not as it should be. No platform at all is as it should be."""
        at = self._well_at or self._begun_at
        if self._settings.carrier_url is None or at is None or now - at <= LATE:
            return []
        return [f"the SIM platform was not read whole for {LATE.total_seconds() / 3600:.0f} h: {self._fault or 'late'}"]

    async def turns(self) -> None:
        """Until cancelled; waits for a database that is away."""
        self._begun_at = clock.now()
        client = client_of(self._settings)
        if client is None:
            log.info("no SIM platform is set: OKC_CARRIER_URL")
            return
        async with client:
            while True:
                await asyncio.sleep(await self._due())
                try:
                    await self.turn(client)
                except Exception as error:  # noqa: BLE001 - nothing of this may end, or disturb what it stands beside
                    self._tally.counts["carrier_failed"] += 1
                    self._fault = "not_saved"
                    log.error("SIM platform: %s", described(error))  # noqa: TRY400 - its text may quote an answer
                    await asyncio.sleep(AGAIN.total_seconds())  # our own fault is no reason to press the operator

    async def _due(self) -> float:
        """As `due_in`, waiting for a database that is away."""
        while True:
            try:
                return await self.due_in(clock.now())
            except (psycopg.Error, db.MigrationError) as error:
                log.warning("SIM platform waits: %s", type(error).__name__)
                await asyncio.sleep(1.0)

    async def due_in(self, now: datetime) -> float:
        """Seconds until the next reading, by what the database has of the latest."""
        async with await db.connect(self._settings.database_url) as conn, db.in_time(conn):
            await db.check_schema(conn)
            latest, well_at = await store.last_reads(conn)
        self._well_at = well_at
        if latest is None:
            return 0.0
        begun_at, self._fault = latest
        due = begun_at + (EVERY if self._fault is None else AGAIN)
        return min(max((due - now).total_seconds(), 0.0), EVERY.total_seconds())

    async def turn(self, client: Client) -> None:
        """One reading, counted."""
        taken = await refresh(self._settings.database_url, client)
        counts = self._tally.counts
        counts["carrier_reads"] += 1
        counts["carrier_failed"] += taken.fault is not None
        counts["carrier_skipped"] += sum(taken.skipped.values())
        counts["carrier_missing"] += taken.missing
        self._fault = taken.fault
        if taken.fault is None:
            self._well_at = clock.now()
        else:
            log.warning("SIM platform: not read whole: %s", taken.fault)
        if taken.skipped:
            log.warning("SIM platform: entries skipped: %s", taken.skipped)
