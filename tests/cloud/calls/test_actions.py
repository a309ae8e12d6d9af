"""What a terminal's messages make of a case in the database: presses, calls, cancellations, in any order."""

from __future__ import annotations

import random
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from cloud.calls import actions, rules, store
from tests.cloud.calls.terminal import BOX, NOON, SETTINGS, STRANGER, cases, down, press, received, step

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloud.db import Conn


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


async def test_a_service_key_calls_who_is_open_now_in_this_street(town: Conn) -> None:
    # Pins hours and places through the database: the station by day, the night watch after it, always the desk.
    night = 11 * 3600.0  # 23:00 in Shanghai
    await press(town, 1, key="k1")
    await press(town, 2, night, key="k1")
    await press(town, 3, night, key="k3")
    labels = [[rung[0] for rung in route["plan"]] for route in await down(town, "route")]
    assert labels == [["月坛驿站", "区级坐席"], ["夜间值守站", "区级坐席"], ["区级坐席"]]


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


async def test_a_test_at_a_bench_leaves_nothing_with_the_desk(town: Conn) -> None:
    """Fifty thousand terminals are tested before they are in a home."""
    await press(town, 1, how="test", device=STRANGER)
    assert await cases(town, STRANGER) == []
    await press(town, 2, device=STRANGER)
    assert len(await cases(town, STRANGER)) == 1


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


async def test_messages_of_one_press_in_any_order_are_one_case_in_one_state(town: Conn) -> None:
    # Pins that an outbox that empties in a strange order tells the same story. Forty of the 5,040 orders.
    words = [("dial", 2), ("ring", 3), ("fail", 4), ("dial", 5), ("talk", 6)]
    told: list[Callable[[], Awaitable[None]]] = [partial(press, town, 1)]
    told += [partial(step, town, sequence, word, seconds=0) for word, sequence in words]
    told.append(
        partial(actions.on_event, town, received("event", 7, ev="ladder_cancelled", ref="0a0b0c0d.1.1")),
    )
    chance = random.Random(5)
    for _ in range(40):
        chance.shuffle(told)
        async with town.transaction(force_rollback=True):
            for tell in told:
                await tell()
            (case,) = await cases(town)
            assert (case.key, case.presses, case.state, case.urgency) == ("sos", 1, "ended", "emergency")
            states = [state for _, state in rules.history(await store.facts(town, case.case_id))]
            assert states == ["pressed", "routed", "dialling", "ringing", "failed", "dialling", "talking", "ended"]


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
