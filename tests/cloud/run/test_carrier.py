"""The SIM platform beside the sweep: counted, remembered over a restart, and no harm to anything when it fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cloud import clock, db
from cloud.run import carrier, sweep
from cloud.run.sweep import Sweep
from tests.cloud.carrier.platform import NOW, TOKEN, Platform, card
from tests.cloud.run.test_sweep import BOX, SETTINGS

if TYPE_CHECKING:
    from cloud.settings import Settings

HOUR = timedelta(hours=1)
TIMEOUT_S = 60


@pytest.fixture
def platform() -> Iterator[Platform]:
    """A platform on this machine with three cards."""
    with Platform() as running:
        yield running


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform's own time is ours."""
    monkeypatch.setattr(clock, "now", lambda: NOW)


def with_(database: str, url: str | None, token: str = TOKEN) -> Settings:
    change = {"database_url": database, "carrier_url": url, "carrier_token": token, "metrics_port": 0}
    return SETTINGS.model_copy(update=change)


async def test_a_reading_is_counted_and_the_next_one_is_due_in_an_hour(
    database: str, platform: Platform, at_noon: None
) -> None:
    """Also after a restart: the time is in the database."""
    tally = Sweep(SETTINGS, BOX).tally
    settings = with_(database, platform.url)
    platform.cards.append(card(9, status=7))
    cards = carrier.Carrier(settings, tally)
    assert await cards.due_in(NOW) == 0
    client = carrier.client_of(settings)
    assert client is not None
    async with client:
        await cards.turn(client)
    assert {name: tally.counts[name] for name in carrier.COUNTED} == {
        "carrier_reads": 1, "carrier_failed": 0, "carrier_skipped": 1, "carrier_missing": 0,
    }  # fmt: skip
    again = carrier.Carrier(settings, tally)
    assert await again.due_in(NOW + timedelta(minutes=20)) == timedelta(minutes=40).total_seconds()
    assert again.present(NOW + HOUR) == {"carrier_on": 1.0, "carrier_age_s": 3600.0}
    assert again.wrong(NOW + 6 * HOUR) == []
    assert "6 h" in again.wrong(NOW + 7 * HOUR)[0]


async def test_a_reading_that_broke_off_is_told_after_six_hours_and_tried_again_sooner(
    database: str, platform: Platform, at_noon: None, caplog: pytest.LogCaptureFixture
) -> None:
    """By one word; token and address are in no log."""
    tally = Sweep(SETTINGS, BOX).tally
    settings = with_(database, platform.url, "another-secret")
    cards = carrier.Carrier(settings, tally)
    with caplog.at_level(logging.DEBUG):
        turning = asyncio.ensure_future(cards.turns())
        async with asyncio.timeout(TIMEOUT_S):
            while not tally.counts["carrier_failed"]:  # noqa: ASYNC110
                await asyncio.sleep(0)
        turning.cancel()
        await asyncio.gather(turning, return_exceptions=True)
    assert await cards.due_in(NOW) == timedelta(minutes=10).total_seconds()
    assert cards.wrong(NOW + 5 * HOUR) == []
    assert "refused_401" in cards.wrong(NOW + 7 * HOUR)[0]
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("cloud"))
    assert "refused_401" in ours
    assert platform.url not in ours
    assert "another-secret" not in caplog.text


async def test_what_cannot_be_saved_is_no_reason_to_press_the_operator(
    database: str, platform: Platform, at_noon: None, caplog: pytest.LogCaptureFixture
) -> None:
    """Undone as a whole, counted, and asked again later; nothing of a card is in the log."""
    async with await db.connect(database) as conn:
        await conn.execute("alter table sim_account add constraint broken check (status <> 'activated')")
    tally = Sweep(SETTINGS, BOX).tally
    turning = asyncio.ensure_future(carrier.Carrier(with_(database, platform.url), tally).turns())
    async with asyncio.timeout(TIMEOUT_S):
        while not tally.counts["carrier_failed"]:  # noqa: ASYNC110
            await asyncio.sleep(0)
    done, _ = await asyncio.wait({turning}, timeout=0.5)
    assert (done, len(platform.asked), tally.counts["carrier_reads"]) == (set(), 2, 0)
    turning.cancel()
    await asyncio.gather(turning, return_exceptions=True)
    assert "CheckViolation" in caplog.text
    assert platform.cards[0]["iccid"] not in caplog.text
    async with await db.connect(database) as conn:
        assert await (await conn.execute("select count(*) from sim_pool_use")).fetchone() == (0,)


async def test_no_platform_is_no_fault(database: str) -> None:
    """It says so once, and ends."""
    cards = carrier.Carrier(with_(database, None), Sweep(SETTINGS, BOX).tally)
    await cards.turns()
    assert cards.wrong(NOW) == []
    assert cards.present(NOW) == {"carrier_on": 0.0}


async def test_the_sweep_works_while_the_platform_does_not(database: str, platform: Platform) -> None:
    """Ready, turn after turn, with a platform that answers nothing; it is in the beat that /ops reads."""
    platform.faults.extend(["slow"] * 9)
    ready = asyncio.Event()
    sweeping = asyncio.ensure_future(sweep.main(with_(database, platform.url), ready.set))
    async with asyncio.timeout(TIMEOUT_S), await db.connect(database) as conn:
        await ready.wait()
        while not platform.asked:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        beats = "select beat_at from service_health where process = 'sweep'"
        first = await (await conn.execute(beats)).fetchone()
        while (await (await conn.execute(beats)).fetchone()) in (None, first):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        cursor = await conn.execute("select present->>'carrier_on' from service_health where process = 'sweep'")
        assert float((await cursor.fetchone() or ["0"])[0]) == 1
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)


async def test_a_database_that_is_away_ends_nothing(platform: Platform) -> None:
    """It waits for it, and asks the operator nothing meanwhile."""
    cards = carrier.Carrier(with_("host=127.0.0.1 port=1 dbname=none", platform.url), Sweep(SETTINGS, BOX).tally)
    turning = asyncio.ensure_future(cards.turns())
    done, _ = await asyncio.wait({turning}, timeout=0.5)
    assert (done, platform.asked) == (set(), [])
    turning.cancel()
    await asyncio.gather(turning, return_exceptions=True)
