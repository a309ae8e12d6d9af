"""Who is called for which key in a seeded town, and what of it is readable in the database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from cloud.calls import actions, store
from protocol import messages
from tests.cloud.calls.terminal import BOX, DEVICE, NOON, SETTINGS, press
from tools.seed import device_ids, seed

if TYPE_CHECKING:
    from cloud.db import Conn


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
