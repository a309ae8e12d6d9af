"""What the desk and the passing of time make of a case."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest

from cloud.calls import actions, rules, store
from cloud.errors import BadInput, Conflict, NotFound
from tests.cloud.calls.terminal import BOX, DEVICE, NOON, SETTINGS, STRANGER, cases, down, press, step
from tools.seed import seed

if TYPE_CHECKING:
    from cloud.db import Conn


async def test_accepting_lights_the_lamp_and_stops_the_clock(town: Conn) -> None:
    await press(town, 1)
    (case,) = await cases(town)
    at = NOON + timedelta(seconds=4)
    await actions.accept(town, BOX, case.case_id, "甲", at)
    (after,) = await cases(town)
    assert (after.accepted_by, after.accepted_at, after.waiting_since, after.due_at) == ("甲", at, None, None)
    (lamp,) = await down(town, "desk")
    assert (lamp["ref"], lamp["st"], lamp["exp"]) == (
        "0a0b0c0d.1.1",
        "accepted",
        int((at + rules.DESK_VALID).timestamp()),
    )


async def test_a_press_after_the_acceptance_must_be_accepted_again(town: Conn) -> None:
    # Pins that an accepted case cannot swallow the next cry for help.
    await press(town, 1)
    (case,) = await cases(town)
    await actions.accept(town, BOX, case.case_id, "甲", NOON)
    await press(town, 9, 300)
    with pytest.raises(Conflict):
        await actions.close(town, BOX, case.case_id, "甲", "ACC", NOON)
    await actions.accept(town, BOX, case.case_id, "乙", NOON + timedelta(seconds=310))
    (after,) = await cases(town)
    assert (after.presses, after.accepted_by, after.waiting_since) == (2, "乙", None)
    assert [lamp["ref"][-1] for lamp in await down(town, "desk")] == ["1", "9", "1"]


async def test_an_acceptance_counts_even_if_the_desks_clock_is_behind(town: Conn) -> None:
    await press(town, 1)
    (case,) = await cases(town)
    await actions.accept(town, BOX, case.case_id, "甲", NOON - timedelta(seconds=2))
    assert (await cases(town))[0].waiting_since is None


async def test_the_story_of_the_desk_ends_with_a_disposition(town: Conn) -> None:
    # Pins accept, on the way, close, and the lamp of each.
    await press(town, 1)
    (case,) = await cases(town)
    with pytest.raises(Conflict):
        await actions.on_the_way(town, BOX, case.case_id, "甲", NOON)
    await actions.accept(town, BOX, case.case_id, "甲", NOON)
    await actions.on_the_way(town, BOX, case.case_id, "甲", NOON)
    with pytest.raises(BadInput):
        await actions.close(town, BOX, case.case_id, "甲", "WHATEVER", NOON)
    with pytest.raises(BadInput):
        await actions.close(town, BOX, case.case_id, "甲", "FALL", NOON, outcome="WHATEVER")
    await actions.close(town, BOX, case.case_id, "甲", "FALL", NOON, outcome="SENT")
    closed = await store.case(town, case.case_id)
    assert closed is not None
    assert (closed.state, closed.closed_at) == ("closed", NOON)
    assert [lamp["st"] for lamp in await down(town, "desk")] == ["accepted", "on_the_way", "closed"]
    for again in (actions.accept, actions.on_the_way):
        with pytest.raises(Conflict):
            await again(town, BOX, case.case_id, "甲", NOON)
    await step(town, 5, "talk", seconds=90)
    still = await store.case(town, case.case_id)
    assert still is not None
    assert still.state == "closed"


async def test_a_case_that_does_not_exist_cannot_be_worked_on(town: Conn) -> None:
    nobody = uuid4()
    with pytest.raises(NotFound):
        await actions.accept(town, BOX, nobody, "甲", NOON)
    with pytest.raises(NotFound):
        await actions.close(town, BOX, nobody, "甲", "ACC", NOON)


async def test_of_two_agents_at_once_exactly_one_takes_the_case(database: str) -> None:
    # Pins the conditional update with two real connections.
    async with await psycopg.AsyncConnection.connect(database) as setup:
        await seed(setup, BOX, SETTINGS, [DEVICE], NOON)
        await press(setup, 1)
        (case,) = await cases(setup)

    async def take(actor: str) -> bool:
        async with await psycopg.AsyncConnection.connect(database) as conn:
            try:
                await actions.accept(conn, BOX, case.case_id, actor, NOON)
            except Conflict:
                return False
            return True

    outcomes = await asyncio.gather(*(take(f"坐席{n}") for n in range(5)))
    assert sorted(outcomes) == [False] * 4 + [True]
    async with await psycopg.AsyncConnection.connect(database) as conn:
        assert len(await down(conn, "desk")) == 1


async def test_nobody_accepting_raises_the_case_level_by_level(town: Conn) -> None:
    # Pins 15 s and 30 s, and that a sweep that was away catches up.
    await press(town, 1)
    for seconds, level in ((14, 0), (15, 1), (29, 1), (30, 2), (600, 2)):
        await actions.sweep(town, BOX, SETTINGS, NOON + timedelta(seconds=seconds))
        assert (await cases(town))[0].escalation == level, seconds
    await press(town, 2, 700, key="k2")
    await press(town, 3, 700, device=STRANGER)
    assert await actions.sweep(town, BOX, SETTINGS, NOON + timedelta(seconds=800)) == 2
    assert (await cases(town, STRANGER))[0].escalation == 2


async def test_a_change_is_told_to_the_pages_by_id_only(database: str) -> None:
    # Pins the payload: ids, never a name, a number or an address.
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as listener:
        await listener.execute("listen live")
        async with await psycopg.AsyncConnection.connect(database) as conn:
            await seed(conn, BOX, SETTINGS, [DEVICE], NOON)
            await press(conn, 1)
            (case,) = await cases(conn)
        told = [json.loads(note.payload) async for note in listener.notifies(timeout=5, stop_after=1)]
    assert told[-1] == {"what": "case", "case": str(case.case_id)}
