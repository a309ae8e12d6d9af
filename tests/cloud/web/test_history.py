"""`/terminals/ID/history`: from a year down to one hour and up again, the same as JSON, in a real browser."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from playwright.async_api import async_playwright, expect

from cloud import clock
from cloud.days import SHANGHAI
from cloud.web.desks import past as pasts
from tests.cloud.web import years
from tests.cloud.web.test_browser import ARGS, CHROMIUM, violations
from tests.cloud.web.years import DEVICE

if TYPE_CHECKING:
    from tests.cloud.web.conftest import Site

HISTORY = f"/terminals/{DEVICE}/history"


async def fill(site: Site) -> datetime:
    """A year with something of everything; returns the moment it is seen from."""
    now = clock.now()
    await site.heartbeat(DEVICE)
    async with await psycopg.AsyncConnection.connect(site.settings.database_url) as conn:
        await years.lived(conn, now)
    return now


def local(at: datetime, shape: str) -> str:
    return at.astimezone(SHANGHAI).strftime(shape)


@pytest.mark.parametrize(("width", "scripts"), [(1280, True), (390, True), (1280, False)])
async def test_a_worker_walks_from_the_year_to_a_call_and_back(site: Site, width: int, scripts: bool) -> None:
    """Year, month, day, hour by links alone, without reload where scripts run; WCAG 2.1 AA at every step."""
    now = await fill(site)
    pressed = now - timedelta(hours=5, minutes=1)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        context = await browser.new_context(
            viewport={"width": width, "height": 1000}, locale="zh-CN", java_script_enabled=scripts
        )
        page = await context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(site.url + f"/terminals/{DEVICE}")
        await page.get_by_role("link", name="历史（近一年）").click()
        main = page.locator("main")
        for text in (
            "失联",
            "已恢复，历时 4 天",
            "未恢复",
            "约老人在方便的时候按一次红键做测试",
            "暂停服务",
            "平台中断",
        ):
            await expect(main).to_contain_text(text)
        if scripts:
            await page.evaluate("window.neverReloaded = true")
            assert await violations(page) == []
        here = pressed.astimezone(SHANGHAI)
        month, day = f"{here.year}年{here.month}月", f"{here.year}年{here.month}月{here.day}日"
        for name, told in ((month, "每日"), (day, "每小时"), (f"{here:%m-%d} {here.hour:02d} 时", "逐条心跳")):
            await main.get_by_role("table").get_by_role("link", name=name).first.click()
            await expect(main.get_by_role("heading", name=told)).to_be_visible()
            if scripts:
                assert await violations(page) == []
                assert await page.evaluate("document.documentElement.scrollWidth") <= width
                assert await page.evaluate("window.neverReloaded")
        await expect(main).to_contain_text("按键：红键（测试）")
        await page.get_by_role("link", name="近一年").click()
        await expect(main.get_by_role("heading", name="每月")).to_be_visible()
        await browser.close()
    assert complaints == []


async def test_machines_get_the_same_by_days_hours_and_single_heartbeats(site: Site) -> None:
    """Sums, expectations, what was found and when it ended, what we could not hear."""
    now = await fill(site)
    year = (await site.client.get(f"/api{HISTORY}")).json()
    assert len(year["cells"]) == 365
    by_day = {each["begin"][:10]: each for each in year["cells"]}
    silent, paused, poor = (by_day[local(now - timedelta(days=ago), "%Y-%m-%d")] for ago in (201, 65, 37))
    assert (silent["beats"], silent["expected"]) == (0, 144)
    assert (paused["beats"], paused["expected"]) == (0, None)
    assert (poor["beats"], poor["expected"]) == (90, 144)
    before = by_day[local(now - timedelta(days=330), "%Y-%m-%d")]
    assert before["expected"] is None
    assert year["met"] < year["expected"] < year["beats"]
    over = [each for each in year["findings"] if each["closed_at"]]
    assert {each["title"] for each in over} == {"停电或电源被拔", "失联"}
    assert [each["title"] for each in year["findings"] if not each["closed_at"]] == ["红键久未验证"]
    assert len(year["outages"]) == 3
    assert year["lines"] == []
    hour = now - timedelta(hours=5)
    raw = (await site.client.get(f"/api{HISTORY}?step=raw&from={local(hour, '%Y-%m-%dT%H:00')}")).json()
    assert len(raw["cells"]) == 6
    assert raw["cells"][0]["battery_mv"] == 4010
    day = (await site.client.get(f"/api{HISTORY}?step=hour&from={local(hour, '%Y-%m-%d')}")).json()
    assert [each["begin"] for each in day["cells"] if each["presses"]]
    assert any(text == "按键：红键（测试）" for _, text in day["lines"])


async def test_our_own_outage_is_not_held_against_the_terminal(site: Site) -> None:
    """In the hours of which we heard nothing fewer heartbeats are expected, in the middle one none."""
    now = await fill(site)
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=60)
    async with await psycopg.AsyncConnection.connect(site.settings.database_url) as conn:
        await years.gap(conn, first + timedelta(minutes=80), first + timedelta(minutes=210))
    asked = f"from={local(first, '%Y-%m-%dT%H:00')}&until={local(first + timedelta(hours=5), '%Y-%m-%dT%H:00')}"
    told = (await site.client.get(f"/api{HISTORY}?step=hour&{asked}")).json()
    assert [each["expected"] for each in told["cells"]] == [6, 2, None, 3, 6]


async def test_a_call_on_which_two_people_talked_is_shown_as_the_proof_of_its_key(site: Site) -> None:
    """For the red key only when the desk accepted."""
    await site.heartbeat(DEVICE)
    ref = await site.press("k2")
    await site.say("call", ref=ref, step="end", to="x", rung=0, cycle=0, dur=40, cause="remote_hangup")
    sos = await site.press("sos")
    await site.say("call", ref=sos, step="end", to="x", rung=0, cycle=0, dur=40, cause="remote_hangup")
    told = (await site.client.get(f"/api{HISTORY}?step=raw")).json()
    assert [each["key"] for each in told["proofs"]] == ["2号键"]


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [
        ("?step=week", 400, "step 只能是"),
        ("?step=raw&from=2026-01-01T00:00&until=2026-01-09T00:00", 400, "最多查看 26 小时"),
        ("?from=%00", 400, "from 不是时间"),
        ("?from=2026-01-01'--", 400, "from 不是时间"),
    ],
)
async def test_what_cannot_be_shown_is_a_plain_answer(site: Site, query: str, status: int, text: str) -> None:
    """On the page and for machines; an unknown terminal too, however it is written."""
    for way in ("", "/api"):
        answer = await site.client.get(way + HISTORY + query)
        assert (answer.status_code, text in answer.text) == (status, True)
        for device in ("OKC888888", "x", "A" * 3_000, "%00%00%00%00%00%00"):
            unknown = await site.client.get(f"{way}/terminals/{device}/history")
            assert (unknown.status_code, unknown.text) == (404, "没有这台设备")


async def test_what_was_dropped_by_its_age_is_not_told_as_silence(site: Site) -> None:
    """Sums know better than an empty hour."""
    now = await fill(site)
    long_ago = now - timedelta(days=40)
    told = await site.client.get(f"/api{HISTORY}?step=hour&from={local(long_ago, '%Y-%m-%d')}")
    assert told.json()["remarks"] == ["这段时间按小时的汇总已过保存期限，请看按日的汇总。"]
    some_days = now - timedelta(days=4)
    told = await site.client.get(f"/api{HISTORY}?step=raw&from={local(some_days, '%Y-%m-%dT%H:00')}")
    assert told.json()["remarks"] == ["这段时间的逐条心跳已过保存期限，请看按小时或按日的汇总。"]


async def test_more_than_a_page_holds_is_counted_not_hidden(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Findings, messages and marks each have a limit, and it is said."""
    await fill(site)
    monkeypatch.setattr(pasts, "FINDINGS_MAX", 2)
    monkeypatch.setattr(pasts, "MARKS_MAX", 3)
    told = (await site.client.get(f"/api{HISTORY}")).json()
    assert (len(told["findings"]), told["findings_more"], len(told["remarks"])) == (2, True, 1)


async def test_nothing_of_a_person_is_in_the_history(site: Site) -> None:
    """Who looks after terminals does not need to know who lives there."""
    await fill(site)
    texts = [
        (await site.client.get(way + HISTORY + "?step=" + step)).text
        for way in ("", "/api")
        for step in ("day", "hour", "raw")
    ]
    names = [site.box.open(name) for (name,) in await site.rows("select name_sealed from elder")]
    numbers = [site.box.open(number) for (number,) in await site.rows("select number_sealed from contact")]
    assert names
    assert numbers
    assert all(secret not in "".join(texts) for secret in names + numbers)


async def test_a_click_on_the_picture_leads_into_that_day_and_hour(site: Site) -> None:
    """Where the pointer is: a month's name, a day's column, an hour's column; a finding's bar to its words."""
    await fill(site)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        page = await browser.new_page(viewport={"width": 1280, "height": 1000}, locale="zh-CN")
        await page.goto(site.url + HISTORY)
        bar = page.locator("svg a[href^='#finding-'] rect").first
        await bar.click()
        await expect(page.locator(".ok-task:target")).to_contain_text("红键久未验证")
        day = page.locator("svg a[href*='step=hour']").nth(359)
        title = await day.locator("title").text_content()
        await day.click(position={"x": 1, "y": 150})
        await expect(page.locator("h2").first).to_have_text(str(title))
        await page.locator("svg a[href*='step=raw']").nth(7).click(position={"x": 5, "y": 60})
        await expect(page.locator("h2").first).to_contain_text("07:00至08:00")
        await page.go_back()
        await expect(page.locator("h2").first).to_have_text(str(title))
        await browser.close()


async def test_on_paper_there_is_the_picture_and_nothing_to_click(site: Site) -> None:
    """A4 across: bar and ways around are gone, picture, findings and table stay."""
    await fill(site)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        page = await browser.new_page(viewport={"width": 1123, "height": 794}, locale="zh-CN")
        await page.goto(site.url + HISTORY)
        await page.emulate_media(media="print")
        for gone in (".ok-bar", ".ok-walk", ".ok-skip"):
            await expect(page.locator(gone)).to_be_hidden()
        for there in (".ok-strip-drawing", ".ok-worklist", "table", ".ok-past-at"):
            await expect(page.locator(there).first).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 1123
        await browser.close()
