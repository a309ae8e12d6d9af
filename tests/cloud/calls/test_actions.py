"""What happens to a case in the database: presses, calls, the desk, and the passing of time."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from cloud.calls import actions, rules, store
from cloud.calls.models import Case
from cloud.devices.models import Received
from cloud.errors import BadInput, Conflict, NotFound
from cloud.sealed import Box
from cloud.settings import Settings
from protocol import messages
from tools.seed import device_ids, seed

if TYPE_CHECKING:
    from uuid import UUID

    from cloud.db import Conn

KEY = "11" * 32
SETTINGS = Settings(database_url="unused", data_key=KEY, hotline_number="01055500001", hotline_label="区级坐席")
BOX = Box(SETTINGS.data_key_bytes)
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # Monday 12:00 in Shanghai
DEVICE = "OKC000001"
STRANGER = "OKC999999"


def received(
    kind: str, sequence: int, seconds: float = 0, late_s: float | None = 1.0, device: str = DEVICE, **body: Any
) -> Received:
    """A message as the front door hands it on: every field of its kind, absent ones None."""
    ident = f"0a0b0c0d.1.{sequence}"
    fields = {"id": ident, "t": None, "u": 0, "s": None, **body}
    at = NOON + timedelta(seconds=seconds)
    return Received(
        device_id=device,
        id=ident,
        kind=kind,
        body=messages.decode("up", kind, messages.encode("up", kind, fields)),
        happened_at=None if late_s is None else at - timedelta(seconds=late_s),
        dating="clock",
        day=at.date(),
        received_at=at,
        late_s=late_s,
    )


async def press(conn: Conn, sequence: int, seconds: float = 0, **more: Any) -> None:
    more = {"key": "sos", "hold": 1200, "how": "short", **more}
    await actions.on_press(conn, BOX, SETTINGS, received("press", sequence, seconds, **more))


async def step(conn: Conn, sequence: int, word: str, ref: int | None = 1, seconds: float = 5, **more: Any) -> None:
    more = {"step": word, "ref": None if ref is None else f"0a0b0c0d.1.{ref}", **more}
    await actions.on_call_progress(conn, received("call", sequence, seconds, **more))


async def cases(conn: Conn, device: str = DEVICE) -> list[Case]:
    return await store.open_of_device(conn, device)


async def down(conn: Conn, kind: str) -> list[dict[str, Any]]:
    cursor = await conn.execute("select body_sealed from down where kind = %s order by down_id", [kind])
    return [messages.decode("down", kind, BOX.open_bytes(row[0])) for row in await cursor.fetchall()]


@pytest.fixture
async def town(conn: Conn) -> Conn:
    """A seeded town in a transaction that is rolled back, and a terminal that is nobody's."""
    await seed(conn, BOX, SETTINGS, device_ids(3), NOON)
    await conn.execute("delete from down")
    await conn.execute("insert into device (device_id, created_at) values (%s, %s)", [STRANGER, NOON])
    return conn


async def test_a_press_becomes_a_case_and_a_route(town: Conn) -> None:
    # Pins the walk of the ordinary press: case, ladder of this household, one row for the terminal.
    await press(town, 1)
    (case,) = await cases(town)
    assert (case.state, case.key, case.urgency, case.late, case.presses) == ("routed", "sos", "emergency", False, 1)
    (route,) = await down(town, "route")
    assert [rung[0] for rung in route["plan"]] == ["区级坐席", "女儿", "邻居", "区级坐席"]
    assert (route["ref"], route["case"]) == ("0a0b0c0d.1.1", str(case.case_id))
    assert route["exp"] == int((NOON + rules.ROUTE_VALID).timestamp())
    sent = (await store.routes_of(town, BOX, [case.case_id]))[case.case_id]
    assert [rung.on_the_wire() for rung in sent] == route["plan"]


async def test_a_press_without_a_household_still_becomes_a_case(town: Conn) -> None:
    # Pins "account not set up is a real outcome": the desk is called, and sees it.
    await press(town, 1, device=STRANGER)
    (case,) = await cases(town, STRANGER)
    assert (case.home_id, case.urgency, case.state) == (None, "emergency", "routed")
    (route,) = await down(town, "route")
    assert [rung[1] for rung in route["plan"]] == ["01055500001"]


async def test_a_press_in_an_empty_town_reaches_the_hotline(conn: Conn) -> None:
    await conn.execute("delete from key_binding")
    await conn.execute("insert into device (device_id, created_at) values (%s, %s)", [STRANGER, NOON])
    await press(conn, 1, device=STRANGER, key="k7")
    (route,) = await down(conn, "route")
    assert [rung[:2] for rung in route["plan"]] == [["区级坐席", "01055500001"]]


async def test_a_number_that_cannot_be_unsealed_costs_its_rung_only(town: Conn) -> None:
    # Pins that a damaged row never stops a press.
    await town.execute("update contact set number_sealed = 'broken' where label = '女儿'")
    await press(town, 1)
    (route,) = await down(town, "route")
    assert [rung[0] for rung in route["plan"]] == ["区级坐席", "邻居", "区级坐席"]


@pytest.mark.parametrize("late_s", [121.0, None])
async def test_a_late_press_is_a_case_without_route_or_lamp(town: Conn, late_s: float | None) -> None:
    # Pins that the desk calls back: the elder no longer stands at the terminal.
    await press(town, 1, late_s=late_s)
    (case,) = await cases(town)
    assert (case.late, case.state, case.waiting_since) == (True, "pressed", NOON)
    await actions.accept(town, BOX, case.case_id, "甲", NOON)
    assert await down(town, "route") == await down(town, "desk") == []


async def test_a_test_is_a_case_and_never_an_emergency(town: Conn) -> None:
    await press(town, 1, how="test")
    (case,) = await cases(town)
    assert (case.urgency, case.state, case.due_at) == ("test", "pressed", None)
    assert await down(town, "route") == []


async def test_presses_of_one_key_are_one_case_and_another_key_opens_its_own(town: Conn) -> None:
    # Pins merging: impatience raises the count, another need is another case.
    await press(town, 1)
    await press(town, 2, 3)
    await press(town, 3, 4, key="k2")
    service, emergency = sorted(await cases(town), key=lambda case: case.urgency, reverse=True)
    assert (emergency.presses, emergency.key) == (2, "sos")
    assert (service.presses, service.key, service.due_at) == (1, "k2", None)
    assert [route["ver"] for route in await down(town, "route")] == [1, 2, 1]


async def test_a_press_after_the_close_opens_a_new_case(town: Conn) -> None:
    await press(town, 1)
    (first,) = await cases(town)
    await actions.accept(town, BOX, first.case_id, "甲", NOON)
    await actions.close(town, BOX, first.case_id, "甲", "ACC", NOON)
    await press(town, 2, 60)
    (second,) = await cases(town)
    assert second.case_id != first.case_id


async def test_calls_that_arrive_before_their_press_open_the_case_that_it_joins(town: Conn) -> None:
    # Pins "in either order; either alone is a case too".
    await step(town, 2, "dial")
    (alone,) = await cases(town)
    assert (alone.state, alone.urgency, alone.key, alone.presses) == ("dialling", "emergency", None, 0)
    await step(town, 3, "talk")
    await press(town, 1, 9)
    (joined,) = await cases(town)
    assert (joined.case_id, joined.key, joined.presses, joined.state) == (alone.case_id, "sos", 1, "talking")


async def test_an_id_used_for_other_content_is_a_press_of_its_own(town: Conn) -> None:
    # Pins that a clash of ids never swallows a press into a case that is over.
    await press(town, 1)
    (first,) = await cases(town)
    await actions.accept(town, BOX, first.case_id, "甲", NOON)
    await actions.close(town, BOX, first.case_id, "甲", "ACC", NOON)
    await press(town, 1, 60, hold=900)
    assert len(await cases(town)) == 1


async def test_the_same_fact_twice_changes_nothing(town: Conn) -> None:
    await press(town, 1)
    await step(town, 2, "dial")
    (before,) = await cases(town)
    facts = await store.facts(town, before.case_id)
    await step(town, 2, "dial", seconds=50)
    assert await store.facts(town, before.case_id) == facts
    assert await cases(town) == [before]


async def test_cancelling_is_a_fact_that_the_desk_still_sees(town: Conn) -> None:
    # Pins that nothing is deleted and the case goes on waiting for a person.
    await press(town, 1)
    await actions.on_press(
        town, BOX, SETTINGS, received("press", 2, 5, key="cancel", hold=100, how="short", ref="0a0b0c0d.1.1")
    )
    (case,) = await cases(town)
    assert (case.state, case.presses, case.waiting_since) == ("ended", 1, NOON)
    assert case.cancelled_at == NOON + timedelta(seconds=5)


async def test_a_cancel_that_overtakes_its_press_waits_for_it(town: Conn) -> None:
    cancel = received("press", 2, 5, key="cancel", hold=100, how="short", ref="0a0b0c0d.1.1")
    await actions.on_press(town, BOX, SETTINGS, cancel)
    await press(town, 1, 6)
    (case,) = await cases(town)
    assert (case.key, case.presses, case.cancelled_at) == ("sos", 1, cancel.received_at)


async def test_a_cancel_of_nothing_opens_nothing(town: Conn) -> None:
    await actions.on_press(town, BOX, SETTINGS, received("press", 2, key="cancel", hold=100, how="short"))
    assert await cases(town) == []


async def test_an_exhausted_ladder_is_a_failed_case_that_still_waits(town: Conn) -> None:
    await press(town, 1)
    await actions.on_event(town, received("event", 9, 200, ev="ladder_exhausted", ref="0a0b0c0d.1.1"))
    await actions.on_event(town, received("event", 10, 201, ev="mains_lost"))
    (case,) = await cases(town)
    assert (case.state, case.waiting_since) == ("failed", NOON)


async def test_a_call_that_belongs_to_no_press_joins_the_open_case_or_none(town: Conn) -> None:
    # Pins the desk's call-back: it rings in the home without a press of its own.
    await step(town, 5, "ring", ref=None, dir="in")
    assert await cases(town) == []
    await press(town, 6)
    await step(town, 7, "talk", ref=None, dir="in")
    (case,) = await cases(town)
    assert case.state == "talking"


async def test_a_press_of_another_terminal_is_never_touched(town: Conn) -> None:
    # Pins that a reference means the sender's own press, whatever it names.
    await press(town, 1)
    await step(town, 2, "talk", device="OKC000002")
    (mine,) = await cases(town)
    assert mine.state == "routed"


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
    nobody: UUID = Case.__dict__.get("case_id") or __import__("uuid").uuid4()
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


async def test_the_stored_plan_fits_the_wire_and_every_ladder_ends_at_the_desk(town: Conn) -> None:
    plan = await actions.stored_plan(town, BOX, SETTINGS, DEVICE)
    assert set(plan) >= {"sos", "k1", "k2", "k9"}
    assert all(ladder[-1][1] == "01055500001" for ladder in plan.values())
    assert [rung[0] for rung in plan["sos"]] == ["区级坐席", "女儿", "邻居", "区级坐席"]
    assert messages.encode("down", "config", {"ver": 1, "hb": 600, "plan": plan})


async def test_a_households_own_binding_comes_before_the_districts(town: Conn) -> None:
    (case_home,) = [await town.execute("select home_id from installation where device_id = %s", [DEVICE])]
    row = await case_home.fetchone()
    assert row is not None
    assert await store.binding(town, row[0], "k9") == ("family", "desk")
    assert await store.binding(town, row[0], "sos") == ("desk", "family", "desk")
    assert await store.binding(town, None, "k9") is None


async def test_seeding_twice_changes_nothing(town: Conn) -> None:
    again = await seed(town, BOX, SETTINGS, device_ids(3), NOON + timedelta(days=2))
    counts = replace(again, directory=[])
    assert (counts.providers, counts.terminals, counts.homes, counts.elders, counts.contacts) == (0, 0, 0, 0, 0)


async def test_no_name_number_or_address_of_the_town_is_stored_in_the_clear(town: Conn) -> None:
    # Pins that personal columns are sealed, facts and down rows included.
    await press(town, 1)
    cursor = await town.execute(
        "select string_agg(t::text, ' ') from (select h::text t from home h union all select e::text from elder e"
        " union all select c::text from contact c union all select p::text from provider p"
        " union all select f::text from case_fact f union all select d::text from down d) as everything"
    )
    row = await cursor.fetchone()
    assert row is not None
    assert not any(secret in row[0] for secret in ("13800000", "13700000", "01055500", "淑兰", "号楼"))
