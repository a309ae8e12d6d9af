"""A press that could not be taken is shown to a person until a person says that she has seen it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from cloud.ingest.models import INTERNAL, REFUSED
from cloud.web import words
from cloud.web.desks import board
from protocol.errors import REASONS

if TYPE_CHECKING:
    from tests.cloud.web.conftest import Site

HEADING = "有按键无法处理"


async def test_a_press_that_cannot_be_taken_is_a_red_line_with_whom_to_call(site: Site) -> None:
    # Pins that a press always reaches a person, who can act on what she sees.
    assert HEADING not in (await site.client.get("/live")).text
    await site.spoil(b'{"v":1,"id":"0a0b0c0d.1.9","t":"now"}')
    page = (await site.client.get("/live")).text
    for shown in (HEADING, "OKC000001", "字段类型不符", "13700000001", "号楼", "已查看"):
        assert shown in page, shown
    assert 'data-waiting="1"' in page


async def test_a_click_takes_it_off_the_page_and_is_recorded(site: Site) -> None:
    # Pins who and when; a second click, and a line that never was, change nothing and say so.
    await site.spoil(b'{"v":1,"id":"0a0b0c0d.1.9","t":"now"}')
    ((number,),) = await site.rows("select quarantine_id from quarantine")
    assert (await site.client.post(f"/live/refused/{number}/seen")).status_code == 303
    assert HEADING not in (await site.client.get("/live")).text
    assert await site.rows("select seen_by, seen_at is not null from quarantine") == [("本机坐席", True)]
    again = await site.client.post(f"/live/refused/{number}/seen", headers={"HX-Request": "true"})
    assert (again.status_code, "已有人查看" in again.text) == (409, True)
    assert (await site.client.post("/live/refused/99999/seen")).status_code == 409
    assert (await site.client.post(f"/live/refused/{10**30}/seen")).status_code == 422
    # The same message, sent again, is still the one that was looked at.
    await site.spoil(b'{"v":1,"id":"0a0b0c0d.1.9","t":"now"}')
    assert HEADING not in (await site.client.get("/live")).text


async def test_a_press_that_cannot_be_told_from_the_one_before_is_shown_again(site: Site) -> None:
    # Pins that the same unreadable bytes may be another press.
    await site.spoil(b"rubbish", hours=1)
    ((number,),) = await site.rows("select quarantine_id from quarantine")
    await site.client.post(f"/live/refused/{number}/seen")
    assert HEADING not in (await site.client.get("/live")).text
    await site.spoil(b"rubbish")
    assert HEADING in (await site.client.get("/live")).text


async def test_only_presses_of_the_last_day_are_shown(site: Site) -> None:
    await site.spoil(b"rubbish", kind="hb")
    await site.spoil(b"older rubbish", hours=25)
    assert HEADING not in (await site.client.get("/live")).text


async def test_a_press_of_a_terminal_that_nobody_registered_is_shown_too(site: Site) -> None:
    # Pins that a forgotten entry in the registry does not cost an answer: its login was valid.
    await site.spoil(b"rubbish", device="OKC777777")
    page = (await site.client.get("/live")).text
    assert HEADING in page
    assert "OKC777777" in page


async def test_more_than_a_page_holds_are_counted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "REFUSED_SHOWN", 2)
    for number in range(5):
        await site.spoil(b"rubbish %d" % number)
    assert "另有 3 条未显示" in (await site.client.get("/live")).text
    shown = (await site.client.get("/api/live")).json()["cases"]
    assert (len(shown["refused"]), shown["refused_total"]) == (2, 5)


def test_every_reason_has_its_words() -> None:
    assert set(words.REFUSALS) == {*REASONS, REFUSED, INTERNAL}


async def test_one_broken_case_does_not_hide_the_others(site: Site) -> None:
    # Pins that the page shows everybody, the broken one without its story.
    await site.press(device="OKC000002")
    await site.press(device="OKC000001")
    case = await site.case("OKC000001")
    async with await psycopg.AsyncConnection.connect(site.settings.database_url) as conn:
        await conn.execute("update case_fact set body = '{}' where case_id = %s and kind = 'press'", [case])
    page = (await site.client.get("/live")).text
    assert "13700000001" in page
    assert "13700000002" in page


async def test_an_error_of_ours_is_a_sentence_and_its_text_is_logged_nowhere(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Pins that a row quoted by an error reaches neither the page nor the log.
    async def breaks(*_: Any) -> None:
        raise KeyError("13800000001")

    monkeypatch.setattr(board, "cases", breaks)
    answer = await site.client.get("/live")
    assert (answer.status_code, "紧急情况请直接使用电话" in answer.text) == (500, True)
    assert answer.headers["cache-control"] == "no-store"
    assert "13800000001" not in answer.text + caplog.text
    assert "KeyError" in caplog.text
