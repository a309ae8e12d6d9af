"""Install, swap, remove, retire on the real schema: once, in order, with what stays with the home."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cloud.billing import store as billing
from cloud.billing.models import Pause
from cloud.calls import store as cases
from cloud.devices import store as registry
from cloud.elders import store as elders
from cloud.errors import BadInput
from cloud.field import actions, rules, store
from cloud.field.models import Call120, Picture
from cloud.stock import store as stock
from protocol import messages
from tests.cloud.field.world import (
    BOX,
    CALL,
    JPEG,
    NEW,
    NOW,
    OLD,
    PNG,
    SPARE,
    TODAY,
    a_home,
    counts,
    do,
    in_stock,
    job,
    pressed,
    prove,
    status,
)  # fmt: skip

if TYPE_CHECKING:
    from typing import Any

    from cloud.db import Conn


async def plan_of(conn: Conn, device_id: str) -> dict[str, Any]:
    body = await registry.config_body(conn, device_id, await registry.wanted_config(conn, device_id))
    assert body
    return dict(messages.decode("down", "config", BOX.open_bytes(body)))


async def refusal(conn: Conn, each: Any) -> str:
    before = await counts(conn)
    with pytest.raises(actions.Refused) as caught:
        async with conn.transaction():
            await do(conn, each)
    assert await counts(conn) == before
    return caught.value.code


async def test_an_installation_binds_the_home_wants_its_plan_and_is_over_with_all_evidence(conn: Conn) -> None:
    """The terminal knows the family before anybody needs it; the visit ends with press, photo, signature and call."""
    home_id = await a_home(conn)
    await in_stock(conn, NEW)
    install = job(home_id=home_id)
    applied = await do(conn, install)
    assert applied.missing == ("press", "photo", "signature", "call_120")
    assert (await status(conn, NEW), await elders.home_of_device(conn, NEW)) == ("installed", home_id)
    plan = (await plan_of(conn, NEW))["plan"]
    assert ["女儿", "13800000001", 25, 0] in plan["sos"]
    assert (await prove(conn, install)).missing == ("press",)
    await pressed(conn, NEW, NOW + timedelta(minutes=1), NOW + timedelta(minutes=1))
    assert await actions.press_seen(conn, install.visit_id)
    done = await prove(conn, install)
    assert (done.missing, done.visit.finished_at, done.visit.press_at) == ((), NOW, NOW + timedelta(minutes=1))


async def test_pictures_and_names_are_sealed_and_their_hash_is_kept(conn: Conn) -> None:
    """Nobody who reads the table sees a face, a signature or who was spoken to."""
    await in_stock(conn, NEW)
    install = job(home_id=await a_home(conn))
    await do(conn, install)
    await prove(conn, install)
    rows = await (
        await conn.execute("select kind, sha256, bytes, content_sealed from field_file order by 1")
    ).fetchall()
    assert [(row[0], row[2]) for row in rows] == [("photo", len(JPEG)), ("signature", len(PNG))]
    assert JPEG[:40] not in bytes(rows[0][3])
    assert BOX.open_bytes(bytes(rows[0][3])) == JPEG
    row = await (await conn.execute("select agreed_sealed, result from field_call_120")).fetchone()
    assert row
    assert (BOX.open(bytes(row[0])), row[1]) == (CALL.agreed_with, "connected")


async def test_what_comes_twice_changes_nothing(conn: Conn) -> None:
    """As after a connection that died when the commit was on its way back."""
    await in_stock(conn, NEW)
    install = job(home_id=await a_home(conn))
    await do(conn, install)
    await prove(conn, install)
    before = await counts(conn)
    again = await do(conn, install, NOW + timedelta(hours=5))
    assert again.again
    await prove(conn, install)
    assert await counts(conn) == before


async def test_the_same_id_with_another_job_is_refused(conn: Conn) -> None:
    """A file that was altered or copied does not move a terminal."""
    await in_stock(conn, NEW)
    install = job(home_id=await a_home(conn))
    await do(conn, install)
    assert await refusal(conn, replace(install, home_id=await a_home(conn, tail=2))) == "other_job"


async def test_every_conflict_is_refused_by_name_and_leaves_nothing(conn: Conn) -> None:
    """Unknown, retired, reserved, never tested, in another home; the home unknown or not free."""
    home_id, other = await a_home(conn), await a_home(conn, tail=2)
    await in_stock(conn, NEW)
    await in_stock(conn, SPARE, passed_at=None)
    assert await refusal(conn, job(device_id="OKC999999", home_id=home_id)) == "unknown_device"
    assert await refusal(conn, job(device_id=SPARE, home_id=home_id)) == "never_tested"
    assert await refusal(conn, job(home_id=uuid.uuid4())) == "unknown_home"
    assert await refusal(conn, job(home_id=None)) == "unknown_home"
    assert await refusal(conn, job(home_id=home_id, on=TODAY + timedelta(days=1))) == "day_ahead"
    await do(conn, job(home_id=home_id))
    assert await refusal(conn, job(home_id=other)) == "in_a_home"
    assert await refusal(conn, job(device_id=SPARE, home_id=home_id, without_acceptance="x")) == "home_has_one"
    for state in ("reserved", "retired"):
        await conn.execute("update device set status = %s where device_id = %s", [state, SPARE])
        assert await refusal(conn, job(device_id=SPARE, home_id=other, without_acceptance="x")) == state


async def test_a_reason_puts_in_an_untested_terminal_and_is_recorded(conn: Conn) -> None:
    """Who, and why: the row says so for ever."""
    await in_stock(conn, NEW, passed_at=None)
    await do(conn, job(home_id=await a_home(conn), without_acceptance="测试台停电，老人急用"))
    row = await (await conn.execute("select without_acceptance, actor from field_visit")).fetchone()
    assert row == ("测试台停电，老人急用", "li")


async def test_a_swap_keeps_what_is_the_homes(conn: Conn) -> None:
    """Contacts and key bindings by the home, pauses handed over, open cases untouched, the plan made anew for both."""
    home_id = await a_home(conn)
    await in_stock(conn, OLD)
    await in_stock(conn, NEW)
    await do(conn, job(device_id=OLD, home_id=home_id))
    await cases.bind(conn, home_id, "k9", ["family", "desk"])
    case_id = await cases.open_case(conn, OLD, home_id, NOW)
    await billing.add_pause(conn, Pause(OLD, TODAY + timedelta(days=3), TODAY + timedelta(days=9), "travel"), NOW)
    swapped = await do(conn, job("swap", NEW, old_device_id=OLD, reason="fault"))
    assert swapped.open_cases == 1
    assert (await status(conn, OLD), await status(conn, NEW)) == ("stock", "installed")
    assert (await elders.home_of_device(conn, OLD), await elders.home_of_device(conn, NEW)) == (None, home_id)
    row = await (
        await conn.execute("select home_id, closed_at from case_file where case_id = %s", [case_id])
    ).fetchone()
    assert row == (home_id, None)
    assert ["女儿", "13800000001", 25, 0] in (await plan_of(conn, NEW))["plan"]["k9"]
    assert "13800000001" not in str(await plan_of(conn, OLD))
    pauses = await (await conn.execute("select device_id, starts_on, ends_on from service_pause order by 1")).fetchall()
    starts = TODAY + timedelta(days=3)
    assert pauses == [(OLD, starts, starts), (NEW, starts, TODAY + timedelta(days=9))]


async def test_a_swap_can_retire_the_old_one_and_its_credential(conn: Conn) -> None:
    """What is broken for good never logs in again."""
    await in_stock(conn, OLD)
    await in_stock(conn, NEW)
    await do(conn, job(device_id=OLD, home_id=await a_home(conn)))
    await do(conn, job("swap", NEW, old_device_id=OLD, retire_old=True))
    old = await registry.get_device(conn, OLD)
    assert old
    assert (old.status, old.credential, old.revoked_at) == ("retired", None, NOW)


async def test_a_swap_is_refused_whole(conn: Conn) -> None:
    """The old one stays where it is when the new one may not come."""
    home_id = await a_home(conn)
    await in_stock(conn, OLD)
    await in_stock(conn, SPARE, passed_at=None)
    assert await refusal(conn, job("swap", SPARE, old_device_id=OLD)) == "not_in_a_home"
    await do(conn, job(device_id=OLD, home_id=home_id))
    assert await refusal(conn, job("swap", SPARE, old_device_id=OLD)) == "never_tested"
    assert await refusal(conn, job("swap", OLD, old_device_id=OLD)) == "same_device"
    assert await refusal(conn, job("swap", NEW, old_device_id=OLD)) == "unknown_device"
    assert await refusal(conn, job("swap", NEW, old_device_id=OLD, on=TODAY - timedelta(days=1))) == "before_install"
    assert await elders.home_of_device(conn, OLD) == home_id
    assert await status(conn, OLD) == "installed"


async def test_a_pause_that_runs_goes_on_with_the_new_terminal(conn: Conn) -> None:
    """The registry says paused of the new one at once, and no longer of the old."""
    await in_stock(conn, OLD)
    await in_stock(conn, NEW)
    await do(conn, job(device_id=OLD, home_id=await a_home(conn)))
    await billing.add_pause(conn, Pause(OLD, TODAY - timedelta(days=2), None, "hospital"), NOW)
    await do(conn, job("swap", NEW, old_device_id=OLD))
    assert (await status(conn, OLD), await status(conn, NEW)) == ("stock", "paused")
    ends = await (await conn.execute("select ends_on from service_pause where device_id = %s", [OLD])).fetchall()
    assert ends == [(TODAY + timedelta(days=1),)]


async def test_a_removed_terminal_forgets_the_household_and_is_tested_before_the_next(conn: Conn) -> None:
    """Its plan holds no family; its pauses end; a press of it is nobody's home any more."""
    home_id = await a_home(conn)
    await in_stock(conn, NEW)
    await do(conn, job(home_id=home_id))
    await billing.add_pause(conn, Pause(NEW, TODAY - timedelta(days=2), None, "travel"), NOW)
    removed = await do(conn, job("remove", NEW, reason="moved"))
    assert removed.visit.finished_at == NOW
    assert removed.visit.home_id == home_id
    assert await status(conn, NEW) == "stock"
    assert "13800000001" not in str(await plan_of(conn, NEW))
    assert await refusal(conn, job(home_id=home_id)) == "test_again"
    await conn.execute("update device set passed_at = %s where device_id = %s", [NOW + timedelta(minutes=5), NEW])
    await do(conn, job(home_id=home_id, begun_at=NOW + timedelta(minutes=9)))
    assert await status(conn, NEW) == "installed"


async def test_a_terminal_in_a_home_is_not_retired_and_one_in_stock_is(conn: Conn) -> None:
    """A key in a home that calls nobody is worse than an old terminal."""
    await in_stock(conn, NEW)
    install = job(home_id=await a_home(conn))
    await do(conn, install)
    assert await refusal(conn, job("retire", NEW, reason="broken")) == "leaves_first"
    await do(conn, job("remove", NEW, reason="fault"))
    retire = job("retire", NEW, reason="broken")
    await do(conn, retire)
    device = await registry.get_device(conn, NEW)
    assert device
    assert (device.status, device.credential) == ("retired", None)
    assert (await do(conn, retire)).again
    assert await refusal(conn, job("retire", NEW, reason="broken")) == "retired"


async def test_a_call_that_was_not_made_can_be_made_up_for_and_a_made_one_stays(conn: Conn) -> None:
    """The proof of a SIM is never overwritten."""
    await in_stock(conn, NEW)
    install = job(home_id=await a_home(conn))
    await do(conn, install)
    await prove(conn, install, call=Call120("", None, "not_made", "120 线路忙，改日"))
    await prove(conn, install, call=CALL)
    await prove(conn, install, call=Call120("别人", NOW, "failed"))
    rows = await (await conn.execute("select result, agreed_sealed from field_call_120")).fetchall()
    assert [(result, BOX.open(bytes(agreed))) for result, agreed in rows] == [("connected", CALL.agreed_with)]
    with pytest.raises(BadInput):
        await prove(conn, install, call=Call120("某人", None, "connected"))
    with pytest.raises(BadInput):
        await prove(conn, install, pictures=[Picture("photo", "image/png", JPEG)])


async def test_only_an_sos_of_this_terminal_in_this_visit_is_the_elders_test(conn: Conn) -> None:
    """Not another key, not another terminal, not a press of the bench that arrived late."""
    await in_stock(conn, NEW)
    await in_stock(conn, SPARE)
    install = job(home_id=await a_home(conn))
    await do(conn, install)
    after = NOW + timedelta(minutes=1)
    await pressed(conn, NEW, after, after, key="k1")
    await pressed(conn, NEW, after + timedelta(seconds=1), after + timedelta(seconds=1), key="cancel")
    await pressed(conn, SPARE, after, after)
    await pressed(conn, NEW, NOW - timedelta(hours=2), after + timedelta(seconds=2))
    await pressed(conn, NEW, after, after + timedelta(seconds=3), how="test")
    assert not await actions.press_seen(conn, install.visit_id)
    await pressed(conn, NEW, after, after + timedelta(seconds=4))
    assert await actions.press_seen(conn, install.visit_id)


async def test_one_press_proves_one_visit(conn: Conn) -> None:
    """Swapped out and back within two minutes: the elder presses for each terminal that stays."""
    await in_stock(conn, NEW)
    install = job(home_id=await a_home(conn))
    await do(conn, install)
    await pressed(conn, NEW, NOW, NOW + timedelta(seconds=1))
    assert await actions.press_seen(conn, install.visit_id)
    await do(conn, job("remove", NEW, reason="moved"))
    again = job(home_id=install.home_id, without_acceptance="the same terminal again")
    await do(conn, again)
    assert not await actions.press_seen(conn, again.visit_id)
    await pressed(conn, NEW, NOW + timedelta(seconds=9), NOW + timedelta(seconds=10))
    assert await actions.press_seen(conn, again.visit_id)


async def test_a_terminal_that_is_in_this_home_is_not_said_to_be_in_another(conn: Conn) -> None:
    """The same command typed again after a visit that was over: nobody is told to remove it."""
    await in_stock(conn, NEW)
    home_id = await a_home(conn)
    await do(conn, job(home_id=home_id))
    assert await refusal(conn, job(home_id=home_id)) == "in_this_home"
    assert await refusal(conn, job(home_id=await a_home(conn, tail=2))) == "in_a_home"


async def test_days_that_were_closed_before_a_late_job_arrived_are_closed_again(conn: Conn) -> None:
    """Sent two days later: finance is told by its own list of outdated days."""
    from cloud.billing.actions import close_day

    home_id, first = await a_home(conn), TODAY - timedelta(days=2)
    await in_stock(conn, NEW)
    await in_stock(conn, SPARE)
    await do(conn, job(device_id=SPARE, home_id=await a_home(conn, tail=2), on=first))
    for day in (first, first + timedelta(days=1)):
        await close_day(conn, day, NOW)
    later = NOW + timedelta(minutes=5)
    await do(conn, job(home_id=home_id, on=first, offline=True), later)
    outdated = await billing.outdated_days(conn, first, TODAY)
    assert outdated == [first, first + timedelta(days=1)]
    for day in outdated:
        await close_day(conn, day, later + timedelta(minutes=1))
    assert await billing.outdated_days(conn, first, TODAY) == []
    await conn.execute("update usage_day set frozen_at = %s", [later])
    assert (await do(conn, job("remove", NEW, reason="moved", on=first), later)).frozen == (
        first, first + timedelta(days=1),
    )  # fmt: skip


async def test_rules_and_schema_agree_on_the_names_of_things(conn: Conn) -> None:
    """Each kind of evidence that a rule asks for is one that the store can report."""
    await in_stock(conn, NEW)
    install = job(home_id=await a_home(conn))
    await do(conn, install)
    await pressed(conn, NEW, NOW, NOW + timedelta(seconds=1))
    await prove(conn, install)
    assert await store.evidence(conn, install.visit_id) == set(rules.EVIDENCE["install"])


async def test_the_latest_word_of_a_bench_decides_whether_a_terminal_may_go_into_a_home(conn: Conn) -> None:
    """Never tested, tested and failed, passed on a trial image, passed: as the merged records say."""
    home_id = await a_home(conn)
    await in_stock(conn, NEW, passed_at=None)
    assert await refusal(conn, job(home_id=home_id)) == "never_tested"
    await stock.add_bench(conn, "B01", b"k" * 32, NOW)
    fields = {"bench": "B01", "n": 1, "kind": "accept", "device": NEW}
    await stock.keep(conn, fields, "{}", b"h" * 32, refused=None, at=NOW, now=NOW)
    assert await refusal(conn, job(home_id=home_id)) == "test_failed"
    await conn.execute("update device set passed_at = %s, image_kind = 'trial' where device_id = %s", [NOW, NEW])
    assert await refusal(conn, job(home_id=home_id)) == "trial_image"
    await conn.execute("update device set image_kind = 'home' where device_id = %s", [NEW])
    await do(conn, job(home_id=home_id))
