"""What the desk and the passing of time do while messages are still on their way. No press ends without a person."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from cloud.calls import actions, rules, store
from tests.cloud.calls.terminal import BOX, NOON, SETTINGS, cases, press, step

if TYPE_CHECKING:
    from uuid import UUID

    from cloud.db import Conn


async def close(town: Conn, case_id: UUID, seconds: float) -> None:
    at = NOON + timedelta(seconds=seconds)
    await actions.accept(town, BOX, case_id, "甲", at)
    await actions.close(town, BOX, case_id, "甲", "UNKNOW", at)


@pytest.mark.parametrize("late_s", [1.0, 900.0, None])
async def test_a_press_whose_calls_were_closed_without_it_is_a_case_of_its_own(town: Conn, late_s: float) -> None:
    # Pins that a closed case swallows no press: somebody looks again.
    await step(town, 2, "dial")
    (alone,) = await cases(town)
    await close(town, alone.case_id, 20)
    await press(town, 1, 60, late_s=late_s)
    (again,) = await cases(town)
    assert again.case_id != alone.case_id
    assert (again.presses, again.key) == (1, "sos")
    assert again.waiting_since == NOON + timedelta(seconds=60)
    # What is told later of that press goes where the press is.
    await step(town, 3, "talk", seconds=70)
    (again,) = await cases(town)
    assert again.state == "talking"


async def test_a_press_that_joins_while_the_desk_accepts_waits_for_a_person_of_its_own(town: Conn) -> None:
    # Pins that an acceptance holds for what the desk could see: this press was received before it, and stored after it.
    await press(town, 1)
    (case,) = await cases(town)
    await actions.accept(town, BOX, case.case_id, "甲", NOON + timedelta(seconds=10))
    await press(town, 2, 9.5)
    (case,) = await cases(town)
    assert (case.presses, case.waiting_since is not None) == (2, True)


async def test_a_broken_case_does_not_keep_the_others_from_being_raised(town: Conn) -> None:
    # Pins the promise of fifteen seconds for everybody else.
    await press(town, 1)
    await town.execute("update case_fact set body = '{}' where kind = 'press'")
    await press(town, 2, device="OKC000002")
    assert await actions.sweep(town, BOX, SETTINGS, NOON + timedelta(seconds=16)) == 1
    (other,) = await cases(town, "OKC000002")
    assert other.escalation == 1


async def test_a_key_gone_mad_opens_another_case_now_and_then(town: Conn) -> None:
    # Pins that the work for one press has a bound, whoever pressed before.
    await press(town, 1)
    await town.execute("update case_file set presses = %s", [rules.PRESSES_MAX])
    await press(town, 2, 1)
    assert len(await cases(town)) == 2


async def test_who_waits_is_never_left_off_the_page_for_who_is_looked_after(
    town: Conn, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Pins the choice where there are more open cases than a page holds, and that the rest is counted.
    await press(town, 1, device="OKC000001")
    await press(town, 2, device="OKC000002")
    for device in ("OKC000001", "OKC000002"):
        await actions.accept(town, BOX, (await cases(town, device))[0].case_id, "甲", NOON)
    await press(town, 3, 1, key="k2")
    monkeypatch.setattr(store, "OPEN_CASES_MAX", 2)
    assert [case.key for case in await store.open_cases(town)] == ["sos", "k2"]
    assert await store.count_open(town) == (0, 1, 2)
