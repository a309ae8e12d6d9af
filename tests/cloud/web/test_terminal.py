"""`/terminals/ID`: how one terminal stands, what it told, and first aid with its answer, in a real browser."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from playwright.async_api import async_playwright, expect

from cloud import clock
from cloud.ingest.models import Arrival
from cloud.ingest.take import take
from cloud.web import words
from cloud.web.desks.store import Told
from cloud.web.desks.told import sentence
from protocol import codes, messages
from tests.cloud.web.test_browser import ARGS, CHROMIUM, violations

if TYPE_CHECKING:
    from tests.cloud.web.conftest import Site

DEVICE = "OKC000001"


async def arrive(site: Site, kind: str, number: int, **body: object) -> None:
    """A terminal's message, by the front door."""
    now = clock.now()
    common = {"id": f"0badcafe.1.{number}", "t": int(time.time()), "u": 60_000, "s": 60_000}
    payload = messages.encode("up", kind, common | body)
    arrival = Arrival(topic=f"okc/v1/up/{kind}/{DEVICE}", payload=payload, retained=False, received_at=now)
    async with await psycopg.AsyncConnection.connect(site.settings.database_url) as conn:
        assert await take(conn, site.box, site.settings, arrival) == "stored"


@pytest.mark.parametrize("width", [1600, 390])
async def test_first_aid_is_a_click_and_its_answer_appears_with_what_it_cured(site: Site, width: int) -> None:
    """Asked once, shown as waiting, answered without a reload; the fault that is gone is named. WCAG 2.1 AA."""
    await site.heartbeat(DEVICE, csq=7, mains=0, bat=3650, pct=15, cfg=3)
    await arrive(site, "event", 1, ev="data_lost", val=None)
    await arrive(site, "event", 2, ev="modem_restarted", val=1)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        page = await browser.new_page(viewport={"width": width, "height": 1000}, locale="zh-CN")
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(site.url + "/live")
        await page.get_by_role("link", name=DEVICE).click()
        await expect(page).to_have_url(f"{site.url}/terminals/{DEVICE}")
        await page.evaluate("window.neverReloaded = true")
        main = page.locator("main")
        await expect(main.locator(".ok-concerns li")).to_contain_text("数据中断：自")
        await expect(main).to_contain_text("停电，电池供电")
        await expect(main).to_contain_text("通信模块重启")
        await expect(main).to_contain_text("15%（3.65 V）")
        assert await violations(page) == []
        button = page.locator("#aid-selftest")
        await button.click()
        await expect(button).to_be_disabled()
        aided = page.locator(".ok-aided li")
        await expect(aided).to_contain_text("自检：等待设备应答")
        assert await violations(page) == []
        ((cid,),) = await site.rows("select cid from device_command")
        await arrive(site, "event", 3, ev="data_back", val=None)
        await arrive(site, "result", 4, cid=cid, st="failed", vals=[["failed", 1], ["unpressed", 2]])
        await expect(aided).to_contain_text("自检：未通过", timeout=15_000)
        for text in ("故障部件：通信模块", "安装后从未按过：1号键", "已恢复：数据中断", "本机坐席"):
            await expect(aided).to_contain_text(text)
        await expect(main).to_contain_text("没有未恢复的故障")
        await expect(main).to_contain_text("数据中断：已恢复")
        await expect(button).to_be_enabled()
        assert await page.evaluate("window.neverReloaded")
        assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await browser.close()
    assert complaints == []


async def test_what_cannot_be_asked_is_said_on_the_page_and_to_a_plain_form(site: Site) -> None:
    """Without the script too; an unknown terminal is a plain answer."""
    await site.heartbeat(DEVICE)
    form = {"do": "reboot"}
    assert (await site.client.post(f"/terminals/{DEVICE}/aid", data=form)).status_code == 303
    again = await site.client.post(f"/terminals/{DEVICE}/aid", data=form)
    assert again.status_code == 409
    assert "同一指令正在执行" in again.text
    wrong = await site.client.post(f"/terminals/{DEVICE}/aid", data={"do": "ota"})
    assert wrong.status_code == 400
    never = await site.client.post("/terminals/OKC999999/aid", data=form)
    assert (never.status_code, "从未上线" in never.text) == (409, True)
    assert (await site.client.get("/terminals/OKC888888")).status_code == 404
    foreign = await site.client.post(f"/terminals/{DEVICE}/aid", data=form, headers={"sec-fetch-site": "cross-site"})
    assert foreign.status_code == 403
    assert await site.rows("select count(*) from device_command") == [(1,)]


async def test_nothing_of_a_person_is_on_the_page(site: Site) -> None:
    """Who looks after terminals does not need to know who lives there."""
    await site.heartbeat(DEVICE)
    page, told = await site.client.get(f"/terminals/{DEVICE}"), await site.client.get(f"/api/terminals/{DEVICE}")
    names = [site.box.open(name) for (name,) in await site.rows("select name_sealed from elder")]
    numbers = [site.box.open(number) for (number,) in await site.rows("select number_sealed from contact")]
    assert names
    assert numbers
    for secret in names + numbers:
        assert secret not in page.text + told.text
    assert told.json()["view"]["device_id"] == DEVICE


def test_every_event_that_a_terminal_can_tell_has_a_sentence() -> None:
    """A code on the page says nothing to anybody."""
    now = clock.now() - timedelta(seconds=1)
    events = codes.choices("EVENTS")
    for code in events:
        assert sentence(Told(now, code)) != code
    assert set(words.EVENTS) <= set(events)
    assert set(words.REBOOTS) == set(codes.choices("RESET_CAUSES"))
