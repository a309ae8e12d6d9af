"""Several workers at once, with batches that overlap: what is stored is what was sent, once, whoever was first."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from cloud import db
from cloud.devices import actions
from cloud.ingest import beatstore
from cloud.ingest.beatline import line
from cloud.ingest.decode import decode
from cloud.ingest.models import Arrival, Checked
from cloud.ingest.take import take
from tests.cloud.ingest.conftest import AT, BOX, SETTINGS
from tests.cloud.ingest.test_beats import DEVICES, MARK_TOO_LOW, batches, story

if TYPE_CHECKING:
    from cloud.db import Conn


def dealt(seed: int, workers: int) -> list[list[Arrival]]:
    """A story handed to several workers: each part to one or more of them, in an order of their own."""
    draw = random.Random(seed)
    arrivals = [each for more in range(4) for each in story(seed * 10 + more)]
    hands: list[list[Arrival]] = [[] for _ in range(workers)]
    for each in arrivals:
        for hand in draw.sample(hands, draw.choice([1, 1, 2, workers])):
            hand.append(each)
    for hand in hands:
        for _ in range(len(hand) // 4):
            a, b = draw.randrange(len(hand)), draw.randrange(len(hand))
            hand[a], hand[b] = hand[b], hand[a]
    return hands


async def work(conn: Conn, arrivals: list[Arrival], draw: random.Random) -> None:
    """Batches, and now and then one by one; now and then killed before the commit, and begun again."""
    for batch in batches(arrivals, draw):
        for again in (True, False) if draw.random() < 0.2 else (False,):
            async with conn.transaction(force_rollback=again):
                if len(batch) == 1 and draw.random() < 0.5:
                    await take(conn, BOX, SETTINGS, batch[0])
                    continue
                lines = [line(each.topic, each.payload, each.received_at) for each in batch]
                await beatstore.stage(conn, [text for text in lines if text])
                await beatstore.add(conn)


def expected(hands: list[list[Arrival]]) -> tuple[set[Any], Counter[Any], dict[str, tuple[int, int]]]:
    """(what is stored, heartbeats of each terminal, its clashes and duplicates), by counting alone."""
    seen: Counter[tuple[str, str, bytes]] = Counter()
    for hand in hands:
        for each in hand:
            found = decode(each.topic, each.payload)
            assert isinstance(found, Checked)
            seen[found.device_id, found.id, found.content_hash] += 1
    totals: dict[str, tuple[int, int]] = {}
    for device in {key[0] for key in seen}:
        own = {key: times for key, times in seen.items() if key[0] == device}
        ids = {key[1] for key in own}
        totals[device] = (len(own) - len(ids), sum(own.values()) - len(own))
    return set(seen), Counter(key[0] for key in seen), totals


@pytest.mark.parametrize("seed", range(6))
async def test_workers_that_overlap_store_each_heartbeat_once(database: str, seed: int) -> None:
    """Rows, days, clashes and duplicates are those of the model; no mark is too low."""
    hands = dealt(seed, 3)
    async with await db.connect(database) as conn:
        for device in DEVICES:
            await actions.register(conn, BOX, device, None, AT)
        conns = [await db.connect(database) for _ in hands]
        try:
            for each in conns:
                await beatstore.prepare(each)
            async with asyncio.timeout(60):
                works = zip(conns, hands, strict=True)
                await asyncio.gather(*(work(own, hand, random.Random(seed)) for own, hand in works))
        finally:
            for each in conns:
                await each.close()
        stored, beats, totals = expected(hands)
        rows = await (await conn.execute("select device_id, id, content_hash from heartbeat")).fetchall()
        assert len(rows) == len(stored)
        assert {(device, message_id, bytes(content)) for device, message_id, content in rows} == stored
        days = await (await conn.execute("select device_id, sum(beats) from device_day group by 1")).fetchall()
        assert dict(days) == beats
        states = await (await conn.execute("select device_id, id_clashes, duplicates from device_state")).fetchall()
        assert {device: (clashes, duplicates) for device, clashes, duplicates in states} == totals
        assert await (await conn.execute(MARK_TOO_LOW.encode())).fetchall() == []
        missed = await conn.execute(
            "select count(*) from heartbeat where date_trunc('hour', received_at, 'UTC') not in"
            " (select at from heartbeat_due where step = 'hour')"
        )
        assert await missed.fetchone() == (0,)
