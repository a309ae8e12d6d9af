"""What finance does: add a contract, record a pause, close a day, price a contract through a date. No commit."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cloud import days
from cloud.billing import store
from cloud.billing.models import PAUSE_REASONS, STATUSES, Amount, Closed, Contract, Pause
from cloud.billing.pricing import price
from cloud.billing.rules import decide_all, may_close, outage_s
from cloud.devices.actions import INGEST_SILENCE_ALLOWED
from cloud.devices.store import gaps as gaps_of_ingest
from cloud.errors import BadInput, NotFound

if TYPE_CHECKING:
    from psycopg import AsyncConnection


async def add_contract(conn: AsyncConnection[Any], contract: Contract, now: datetime) -> bool:
    """Add a contract; False where the same one is there already. Raises Conflict where it clashes."""
    if await store.contract(conn, contract.number) == contract:
        return False
    await store.add_contract(conn, contract, now)
    return True


async def pause(conn: AsyncConnection[Any], each: Pause, now: datetime) -> None:
    """Record the days without service of one terminal. Days that are closed already must be closed again."""
    if each.reason not in PAUSE_REASONS:
        raise BadInput("a reason is one of " + ", ".join(PAUSE_REASONS))
    if each.ends_on is not None and each.ends_on < each.starts_on:
        raise BadInput("the pause ends before it begins")
    if not await store.knows_device(conn, each.device_id):
        raise NotFound("no terminal of this id")
    await store.add_pause(conn, each, now)
    await follow_pauses(conn, now)


async def follow_pauses(conn: AsyncConnection[Any], now: datetime) -> int:
    """Make the registry say of today what the pauses say, so that nobody chases a terminal whose elder is away."""
    return await store.follow_pauses(conn, days.shanghai_day(now))


async def close_day(conn: AsyncConnection[Any], day: date, now: datetime, *, provisional: bool = False) -> Closed:
    """Decide one Shanghai day for every terminal. Closing it again gives the same rows, or better-informed ones."""
    today = days.shanghai_day(now)
    if not may_close(day, today, provisional=provisional):
        raise BadInput("the day is not over; today may be closed provisionally, a later day not at all")
    await store.lock_day(conn, day)
    still_running = day >= today
    start, end = _bounds(day)
    gaps = await gaps_of_ingest(conn, start, now, INGEST_SILENCE_ALLOWED)
    outage = outage_s([(gap.from_at, gap.until_at) for gap in gaps], start, end)
    verdicts = decide_all(await store.day_facts(conn, day, outage), day)
    written, frozen_differ = await store.save_verdicts(conn, verdicts, now, provisional=still_running)
    statuses = dict.fromkeys(STATUSES, 0)
    for verdict in verdicts:
        statuses[verdict.status] += 1
    return Closed(day, still_running, statuses, written, frozen_differ)


async def amount_through(conn: AsyncConnection[Any], number: str, through: date) -> tuple[Contract, Amount]:
    """What a contract costs by the ledger from its start through a date."""
    contract = await contract_of(conn, number)
    return contract, price(contract, await store.normal_days(conn, contract.starts_on, min(through, contract.ends_on)))


async def contract_of(conn: AsyncConnection[Any], number: str) -> Contract:
    """A contract that must exist."""
    contract = await store.contract(conn, number)
    if contract is None:
        raise NotFound("no contract of this number")
    return contract


def _bounds(day: date) -> tuple[datetime, datetime]:
    """First moment of a Shanghai day and of the next."""
    start = datetime(day.year, day.month, day.day, tzinfo=days.SHANGHAI)
    return start, start + timedelta(days=1)
