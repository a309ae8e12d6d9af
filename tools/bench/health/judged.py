"""A history through the product, and the verdict on what it found.

In: sizes. Out: recall, false findings, incidents, each difference by name. The truth is on the disk before the first
message is taken; the product sees messages and the registry, nothing else.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from cloud import db
from cloud.settings import Settings
from tools.bench.health import truth
from tools.bench.health.calm import history
from tools.bench.health.house import House, moment
from tools.bench.health.judge import Found, Incident, Verdict, Wrong, judge
from tools.bench.health.operator import READ_S
from tools.bench.health.stream import Arrival, Stream
from tools.bench.health.town import HOUR, START
from tools.bench.health.trends import without_class

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from cloud.db import Conn
    from tools.bench.health.plan import Act, Plan, Sizes

    Tell = Callable[[str, float], None]

KEY = "5e" * 32
SHOWN_MOST = 200  # differences of a kind in the answer; all of them are in the file
REGISTRY = ("renew", "want", "card")  # acts of people at a desk, not of a terminal


def settings_of(dsn: str) -> Settings:
    """As a process of the cloud reads them, for this database."""
    return Settings(database_url=dsn, data_key=KEY, hotline_number="01055500009")


def run(dsn: str, sizes: Sizes, folder: Path, tell: Tell) -> dict[str, Any]:
    """Migrates the database, plays the history, judges."""
    begun = time.monotonic()
    plan = history(sizes)
    truth_file = folder / "truth.jsonl"
    truth.write(plan.truth, truth_file)
    db.migrate(dsn)
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        counted, seconds = runner.run(_play(dsn, plan, tell))
        found, incidents = runner.run(_read(dsn))
    verdict = judge(truth.read(truth_file), found, incidents, sizes.until)
    (folder / "differences.jsonl").write_text(
        "".join(
            json.dumps({"of": name, **told(each)}, ensure_ascii=False) + "\n"
            for name in ("missed", "false", "incidents_wrong")
            for each in getattr(verdict, name)
        ),
        encoding="utf-8",
    )
    return {
        **figures(verdict),
        "history": {
            **asdict(sizes),
            "from": START.isoformat(),
            "thresholds": sizes.thresholds,
            "silent_s": sizes.silent_s,
            "planted": plan.planted,
            "not_planted": len(plan.not_planted),
            "rules_not_planted": without_class({each.rule for each in plan.expected if each.required}),
            "our_outages": [asdict(each) for each in plan.outages],
            "counted": dict(counted),
            "beats_per_s": round(counted["beats"] / max(seconds["ingest"], 0.001)),
            "seconds": {name: round(value, 1) for name, value in seconds.items()},
            "wall_s": round(time.monotonic() - begun, 1),
        },
    }


def figures(verdict: Verdict) -> dict[str, Any]:
    """The verdict as figures, with the differences by name."""
    return {
        "recall": _round(verdict.recall),
        "false_rate": _round(verdict.false_rate),
        "incidents_planted": verdict.incidents_planted,
        "incidents_found": verdict.incidents_found,
        "findings": {"planted": verdict.planted, "found": verdict.found, "opened": verdict.opened},
        "by_rule": {name: verdict.by_rule[name] for name in sorted(verdict.by_rule)},
        "missed": [told(each) for each in verdict.missed[:SHOWN_MOST]],
        "false": [told(each) for each in verdict.false[:SHOWN_MOST]],
        "incidents_wrong": [told(each) for each in verdict.incidents_wrong[:SHOWN_MOST]],
        "differences": [len(each) for each in (verdict.missed, verdict.false, verdict.incidents_wrong)],
    }


def told(wrong: Wrong) -> dict[str, Any]:
    """A difference with times that can be looked for in the database."""
    said: dict[str, Any] = {name: value for name, value in asdict(wrong).items() if value not in (None, "")}
    for name in ("opened", "closed"):
        if said.get(name) is not None:
            said[name] = _text(said[name])
    if wrong.wanted is not None:
        said["wanted"] = [_text(each) for each in wrong.wanted]
    return said


def _text(at: float) -> str:
    return "never" if at > 1e11 else moment(at).isoformat(timespec="seconds")


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


async def _play(dsn: str, plan: Plan, tell: Tell) -> tuple[dict[str, int], dict[str, float]]:
    sizes = plan.sizes
    desk = [each for each in plan.acts if each.what in REGISTRY]
    plan.acts = [each for each in plan.acts if each.what not in REGISTRY]
    stream, seconds = Stream(plan), {"make": 0.0, "ingest": 0.0, "sweep": 0.0, "look": 0.0}
    async with House(settings_of(dsn), plan) as house:
        await house.starts(0.0)
        begin, place = 0.0, 0
        while begin < sizes.until:
            end = begin + sizes.look_s
            mark = time.monotonic()
            arrivals = stream.slot(begin, end)
            mark = _spent(seconds, "make", mark)
            acts = _until(desk, place, end)
            place += len(acts)
            await _ingest(house, plan, arrivals, acts, begin, end)
            mark = _spent(seconds, "ingest", mark)
            if end % HOUR <= sizes.look_s:  # pauses begin and end on the hour, and its sum is settled one look later
                await house.sweep(end)
            if end % READ_S < sizes.look_s:
                await house.read_cards(end)
            mark = _spent(seconds, "sweep", mark)
            await house.look(end)
            _spent(seconds, "look", mark)
            tell("history", end / sizes.until)
            begin = end
        counted = dict(house.counted)
    if counted.get("quarantined"):
        raise RuntimeError(f"{counted['quarantined']} messages of ours were not understood")
    return counted, seconds


def _until(desk: list[Act], place: int, end: float) -> list[Act]:
    found = []
    while place < len(desk) and desk[place].at < end:
        found.append(desk[place])
        place += 1
    return found


async def _ingest(  # noqa: PLR0917 - one step of the play
    house: House, plan: Plan, arrivals: list[Arrival], acts: list[Act], begin: float, end: float
) -> None:
    """One slot, unless the front door is away: then nothing arrives, and neither door beats; people go on."""
    if any(each.begin <= begin < each.end for each in plan.outages):
        if arrivals:
            raise RuntimeError("something arrived while nobody was there")
        await house.people(acts)
        return
    if any(each.end == begin for each in plan.outages):
        await house.starts(begin)
    await house.slot(arrivals, acts, begin, end)


def _spent(seconds: dict[str, float], name: str, since: float) -> float:
    now = time.monotonic()
    seconds[name] += now - since
    return now


async def _read(dsn: str) -> tuple[list[Found], list[Incident] | None]:
    async with await db.connect(dsn) as conn:
        cursor = await conn.execute("select device_id, rule, opened_at, closed_at from finding order by opened_at")
        found = [
            Found(device=device, rule=rule, opened=_since(opened), closed=None if closed is None else _since(closed))
            for device, rule, opened, closed in await cursor.fetchall()
        ]
        return found, await _incidents(conn)


async def _incidents(conn: Conn) -> list[Incident] | None:
    """None where this program knows none."""
    cursor = await conn.execute(
        "select to_regclass('incident') is not null and to_regclass('incident_member') is not null"
    )
    if await cursor.fetchone() != (True,):
        return None
    cursor = await conn.execute(
        # As the town names them: a street by its code, a community without its street, a batch without its month.
        "select family, scope, case scope when 'street' then (select street_code from street where name = place)"
        "  when 'community' then split_part(place, ' · ', 2) when 'batch' then split_part(place, ' ', 1) else place"
        "  end, opened_at, closed_at, array(select device_id from incident_member m"
        "  where m.incident_id = i.incident_id) from incident i order by opened_at"
    )
    return [
        Incident(family=family, scope=scope, place=place, opened=_since(opened),
                 closed=None if closed is None else _since(closed), members=frozenset(members))
        for family, scope, place, opened, closed, members in await cursor.fetchall()
    ]  # fmt: skip


def _since(at: datetime) -> float:
    return (at - START) / timedelta(seconds=1)
