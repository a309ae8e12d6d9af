"""Messages in any order through the real front door, looks at any moments, restarts and outages of ours between them.

The terminal's true life is drawn first. What is found must be supported by what had arrived by then; and once every
cause is over and told, nothing is open.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from cloud.devices.actions import register
from cloud.health import actions, store
from cloud.health.models import Finding
from cloud.health.thresholds import Thresholds
from protocol import codes, messages
from tests.cloud.health.fleet import NOW, ingest_works
from tests.cloud.ingest.conftest import BEAT, BOX, DEVICE, Door

MINUTE = timedelta(minutes=1)
END = 36 * 60  # minutes of life
TOLD = [pair for pair in codes.FAULTS if pair[0] != "data_lost"]  # that one is told after it is over, and no finding
SEEDS = range(12)
AGAIN = "repeat_repair"  # its cause is the findings of 30 days
MONTH = 31 * 24 * 60
LIMITS = Thresholds().values


@dataclass(frozen=True)
class Episode:
    """One fault, in minutes: when it began and ended, and when each of the two was heard."""

    fault: str
    restore: str
    begin: int
    end: int
    told: int
    taken_back: int


@dataclass(frozen=True)
class Life:
    """All that happens."""

    episodes: list[Episode]
    silences: list[tuple[int, int]]  # of the terminal's line: what it has to say waits
    outages: list[tuple[int, int]]  # ours
    looks: list[int]

    def heard(self, at: int, way: int) -> int:
        """When something that happened then arrives."""
        at += way
        while any(begin <= at < end for begin, end in (*self.silences, *self.outages)):
            at += 1
        return at


def spans(draw: random.Random, count: int, longest: int) -> list[tuple[int, int]]:
    found = []
    for _ in range(count):
        begin = draw.randrange(30, END - longest)
        found.append((begin, begin + draw.randrange(5, longest)))
    return found


def life(seed: int) -> Life:
    draw = random.Random(seed)
    looks = sorted(draw.sample(range(20, END), 25))
    life_ = Life([], spans(draw, draw.randrange(3), 200), spans(draw, draw.randrange(3), 90), looks)
    for fault, restore in draw.sample(TOLD, 6):
        free = 10
        for _ in range(draw.randrange(1, 4)):
            begin = free + draw.randrange(1, 300)
            end = begin + draw.choice([1, 4, 20, 70, 300])
            told, back = life_.heard(begin, draw.choice([0, 0, 1, 45])), life_.heard(end, draw.choice([0, 0, 1, 45]))
            life_.episodes.append(Episode(fault, restore, begin, end, told, back))
            free = end + 1
    return life_


def spoken(life_: Life, draw: random.Random) -> list[tuple[int, str, int, dict[str, Any]]]:
    """(arrival, kind, happened, fields): shuffled among what arrives in the same minute, some of it twice."""
    said: list[tuple[int, str, int, dict[str, Any]]] = []
    for number, each in enumerate(life_.episodes):
        for place, (code, at, heard) in enumerate(
            ((each.fault, each.begin, each.told), (each.restore, each.end, each.taken_back))
        ):
            fields = {"id": f"0badcafe.1.{100 + 2 * number + place}", "ev": code}
            said += [(heard, "event", at, fields)] * draw.choice([1, 1, 2])
    last = max([END, *(each[0] for each in said), *(end for _, end in (*life_.silences, *life_.outages))])
    for number, at in enumerate(range(0, last + 20, 10)):
        if life_.heard(at, 0) == at:  # heartbeats do not wait
            mains = any(e.fault == "mains_lost" and e.begin <= at < e.end for e in life_.episodes)
            said.append((at, "hb", at, {**BEAT, "id": f"0badcafe.1.{10_000 + number}", "mains": int(not mains)}))
    draw.shuffle(said)
    return sorted(said, key=lambda each: each[0])


async def say(door: Door, arrival: int, kind: str, happened: int, fields: dict[str, Any]) -> None:
    at, door.now = NOW + happened * MINUTE, NOW + arrival * MINUTE
    common = {"t": int(at.timestamp()), "u": happened * 60_000, "s": arrival * 60_000}
    await door.take(f"okc/v1/up/{kind}/{DEVICE}", messages.encode("up", kind, {**common, **fields}))


async def look(dsn: str, now: int, life_: Life) -> dict[str, Finding]:
    """A process that has just started: its own connection, nothing remembered."""
    at = NOW + now * MINUTE
    async with await psycopg.AsyncConnection.connect(dsn) as conn:
        for begin, end in life_.outages:
            if end <= now:
                await conn.execute(
                    "insert into ingest_gap (from_at, until_at) select %(begin)s, %(end)s where not exists"
                    " (select from ingest_gap where from_at = %(begin)s and until_at = %(end)s)",
                    {"begin": NOW + begin * MINUTE, "end": NOW + end * MINUTE},
                )
        begun = [begin for begin, end in life_.outages if begin <= now < end]
        await ingest_works(conn, NOW + min(begun) * MINUTE - MINUTE if begun else at)
        await actions.look(conn, at)
        return {finding.rule: finding for _, finding in await store.open_findings(conn)}


def supported(life_: Life, finding: Finding, now: int) -> bool:
    """Some episode had begun just then and was told, and no restore of it had arrived."""
    return any(
        each.fault == finding.rule
        and each.told <= now < each.taken_back
        and _minutes(finding.since) >= each.begin  # told again by a later episode at the latest
        for each in life_.episodes
    )


def _minutes(at: datetime) -> int:
    return round((at - NOW) / MINUTE)


def _counted(begin: int, now: int, life_: Life) -> int:
    return sum(not any(b <= at < e for b, e in life_.outages) for at in range(begin, now))


def missed(life_: Life, found: dict[str, Finding], now: int) -> list[str]:
    """Faults that hold, were told long ago, and have lasted well beyond their threshold."""
    names = []
    for each in life_.episodes:
        if not each.told <= now < each.end or each.fault not in LIMITS_OF:
            continue
        lasted = _counted(each.begin, now, life_) * 60
        settled = _counted(each.told, now, life_) * 60 >= LIMITS["settle_s"]
        if settled and lasted >= LIMITS_OF[each.fault] and each.fault not in found:
            names.append(each.fault)
    return names


LIMITS_OF = {fault: LIMITS[f"{fault}_s"] for fault, _ in TOLD if f"{fault}_s" in LIMITS}


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_order_of_messages_restarts_and_outages_makes_or_keeps_a_finding_without_its_facts(
    database: str, seed: int
) -> None:
    """Every look is judged by what had arrived; once all is over, only "again and again" stays, for a month."""
    life_ = life(seed)
    said = spoken(life_, random.Random(seed + 1000))
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as conn:
        await register(conn, BOX, DEVICE, None, NOW)
        await conn.execute("update device set status = 'installed'")
        door, place = Door(conn), 0
        over, seen = said[-1][0], set[tuple[str, datetime]]()
        for now in [*life_.looks, over + 1]:
            while place < len(said) and said[place][0] <= now:
                await say(door, *said[place])
                place += 1
            if any(begin <= now < end for begin, end in life_.outages):
                await look(database, now, life_)  # looks at nothing
                continue
            found = await look(database, now, life_)
            for rule, finding in found.items():
                if rule in LIMITS_OF and rule != "battery_low":
                    assert supported(life_, finding, now), (rule, now, finding.since)
            assert not missed(life_, found, now), now
            seen |= {(rule, finding.since) for rule, finding in found.items() if rule != AGAIN}
        times = Counter(rule for rule, _ in seen)
        assert set(found) <= ({AGAIN} if max(times.values(), default=0) >= LIMITS["repeat_repair_open"] else set())
        later = over + MONTH
        await say(door, later, "hb", later, {**BEAT, "id": "0badcafe.1.99999"})
        assert await look(database, later, life_) == {}
