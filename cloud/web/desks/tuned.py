"""A terminal's settings and what was changed of them: plain data in words for its page. Nothing of any person.

In: an open transaction and `now`. Out: what it runs, what is wanted, what may be changed, what came of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cloud.devices import configs, tune
from cloud.health import store as health
from cloud.health.rules import BY_NAME

if TYPE_CHECKING:
    from cloud.db import Conn
    from cloud.devices.tune import Change
    from cloud.sealed import Box

SHOWN = 6
# What a configuration can cure shows within a few looks; what closes later has other reasons.
CURED_WITHIN = timedelta(minutes=30)


@dataclass(frozen=True)
class Input:
    """One setting of the form; `value` is what is wanted now."""

    name: str
    title: str
    unit: str
    value: int | None
    least: int
    most: int
    why: str


@dataclass(frozen=True)
class Entry:
    """One change: its sentences, and findings that were open before it and are closed since."""

    at: datetime
    by: str
    version: int
    stand: str
    lines: list[str]
    cured: list[str]


@dataclass(frozen=True)
class Tuned:
    """All of it."""

    device_id: str
    runs: int | None
    wanted: int
    said: list[str]
    inputs: list[Input]
    changes: list[Entry]
    waits: bool  # one is under way


async def read(conn: Conn, box: Box, device_id: str, now: datetime) -> Tuned:
    """As the database knows it at this moment. Raises NotFound."""
    known = await configs.standing(conn, box, device_id)
    wanted = known.wanted_fields
    changes = [await _entry(conn, each, now) for each in await configs.of_device(conn, box, device_id, SHOWN)]
    return Tuned(
        device_id=device_id,
        runs=known.runs,
        wanted=known.wanted,
        said=tune.described(known),
        inputs=[
            Input(each.name, each.title, each.unit, None if wanted is None else tune.value(wanted, each),
                  each.least, each.most, each.why)
            for each in tune.SETTINGS
        ],
        changes=changes,
        waits=any(each.stand == "waiting" for each in changes),
    )  # fmt: skip


async def entry(conn: Conn, box: Box, change_id: int, now: datetime) -> Entry:
    """One change. Raises NotFound."""
    return await _entry(conn, await configs.one(conn, box, change_id), now)


async def _entry(conn: Conn, change: Change, now: datetime) -> Entry:
    stand = tune.stands(change, now)
    cured = []
    if stand == "applied":
        until = (change.settled_at or change.asked_at) + CURED_WITHIN
        closed = await health.closed_between(conn, change.device_id, change.asked_at, until)
        cured = [BY_NAME[rule].title if rule in BY_NAME else rule for rule in closed]
    return Entry(change.asked_at, change.asked_by, change.version, stand, tune.told(change, now), cured)
