"""What becomes of one reading of the platform. In: an open transaction, what was told, `now`. Out: rows. No commit.

The reading itself is done before, without a transaction: nothing is held open in the database while an operator's
machine makes up its mind. A reading that is not whole adds what it has and proves no absence.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cloud.carrier import store
from cloud.carrier.models import Taken
from cloud.days import shanghai_day

if TYPE_CHECKING:
    from datetime import datetime

    from cloud.carrier.models import Told
    from cloud.db import Conn

# A list that lacks more than this part of the cards that were there an hour ago is not believed about absence: a token
# of another account, or a platform in the middle of its own repair.
SHRUNK = 0.10
FEW = 20  # so many may go at once in any fleet
OLD = timedelta(hours=6)  # a platform that tells its own yesterday works no better than one that is away


async def refresh(conn: Conn, told: Told, *, begun_at: datetime, now: datetime, believe: bool = False) -> Taken:
    """Take a reading. `believe`: a person says that the cards it lacks are gone indeed."""
    await store.lock(conn)
    fault, missing = told.fault, 0
    await store.save_cards(conn, told.cards.values(), now)
    if told.pools_told_at is not None or told.pools:
        await _take_pools(conn, told, now)
    if fault is None and told.told_at is not None and now - told.told_at > OLD:
        fault = "stale"
    if fault is None and told.told_at is not None:
        gone = await store.present(conn) - told.listed
        if believe or len(gone) <= max(FEW, SHRUNK * (len(gone) + len(told.listed))):
            missing = await store.mark_missing(conn, told.listed, told.told_at, now)
        else:
            fault = "cards_lost"
    skipped = {reason: count for reason, count in told.skipped.items() if count}
    counts = len(told.cards), len(told.pools)
    await store.note_read(conn, begun_at=begun_at, now=now, fault=fault, counts=counts, skipped=skipped)
    return Taken(cards=counts[0], pools=counts[1], missing=missing, skipped=skipped, fault=fault)


async def _take_pools(conn: Conn, told: Told, now: datetime) -> None:
    for day in sorted({shanghai_day(each.told_at) for each in told.pools.values()}):
        some = [each for each in told.pools.values() if shanghai_day(each.told_at) == day]
        await store.save_pools(conn, some, day, now)
    if told.pools_told_at is not None:
        await store.mark_pools_missing(conn, told.pools, told.pools_told_at, now)
