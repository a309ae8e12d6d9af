"""Settings on `/terminals/ID`: typed, sent, answered and shown with what they cured, in a real browser and without."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg
import pytest
from playwright.async_api import async_playwright, expect

from cloud import clock
from cloud.devices import tune
from cloud.ingest.models import Arrival
from cloud.ingest.take import take
from protocol import messages
from tests.cloud.web.test_browser import ARGS, CHROMIUM, violations

if TYPE_CHECKING:
    from tests.cloud.web.conftest import Site

DEVICE = "OKC000001"


async def event(site: Site, number: int, **body: object) -> None:
    """A terminal's event, by the front door."""
    common = {"id": f"0badcafe.1.{number}", "t": int(time.time()), "u": 60_000, "s": 60_000}
    payload = messages.encode("up", "event", common | body)
    arrival = Arrival(topic=f"okc/v1/up/event/{DEVICE}", payload=payload, retained=False, received_at=clock.now())
    async with await psycopg.AsyncConnection.connect(site.settings.database_url) as conn:
        assert await take(conn, site.box, site.settings, arrival) == "stored"


async def finding(site: Site, *, closed: bool) -> None:
    async with await psycopg.AsyncConnection.connect(site.settings.database_url) as conn:
        if closed:
            await conn.execute("update finding set closed_at = now()")
        else:
            await conn.execute(
                "insert into finding (device_id, rule, rule_version, thresholds_version, since, opened_at, evidence,"
                " owner) values (%s, 'config_stuck', 1, 0, now() - interval '1 hour', now() - interval '1 hour',"
                """ '{"wanted": 1, "runs": 0}', 'operations')""",
                [DEVICE],
            )


@pytest.mark.parametrize("width", [1600, 390])
async def test_a_setting_is_typed_sent_and_its_answer_appears_with_what_it_cured(site: Site, width: int) -> None:
    """What is being typed is not wiped by the page's own refresh. WCAG 2.1 AA."""
    await site.heartbeat(DEVICE)
    await finding(site, closed=False)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        page = await browser.new_page(viewport={"width": width, "height": 1000}, locale="zh-CN")
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(f"{site.url}/terminals/{DEVICE}")
        await page.evaluate("window.neverReloaded = true")
        tuned = page.locator("#tuned")
        await expect(tuned).to_contain_text("设备在用第 1 版配置。")
        await page.get_by_label("铃声与提示音音量").fill("55")
        async with page.expect_response(f"**/terminals/{DEVICE}/config"):
            pass  # the page asks again by itself
        await expect(page.get_by_label("铃声与提示音音量")).to_have_value("55")
        assert await violations(page) == []
        await page.locator("#config-send").click()
        entry = page.locator(".ok-changes li")
        await expect(entry).to_contain_text("修改配置（第 2 版）：等待设备应答")
        await expect(entry).to_contain_text("铃声与提示音音量：80% → 55%")
        await event(site, 1, ev="config_applied", val=2, txt=None)
        await finding(site, closed=True)
        await expect(entry).to_contain_text("已生效", timeout=15_000)
        await expect(entry).to_contain_text("已关闭：配置未生效", timeout=15_000)
        await expect(tuned).to_contain_text("与平台要求的一致。")
        assert await page.evaluate("window.neverReloaded")
        assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await browser.close()
    assert complaints == []


async def test_what_cannot_be_changed_is_said_to_a_plain_form_too(site: Site) -> None:
    """Out of bounds, twice, no such terminal, another site's form; what is not on the list is not even read."""
    await site.heartbeat(DEVICE)
    url = f"/terminals/{DEVICE}/config"
    wrong = await site.client.post(url, data={"heartbeat_s": "5"})
    assert (wrong.status_code, "心跳间隔：5 超出范围；应为 60 至 3600 秒" in wrong.text) == (400, True)
    assert (await site.client.post(url, data={"plan": "{}", "srv": "evil.example:1"})).status_code == 400
    assert (await site.client.post(url, data={"heartbeat_s": "300", "ring_volume": ""})).status_code == 303
    again = await site.client.post(url, data={"district": "1"}, headers={"hx-request": "true"})
    assert (again.status_code, "等待设备应答" in again.text) == (409, True)
    assert (await site.client.post("/terminals/OKC888888/config", data={"heartbeat_s": "300"})).status_code == 404
    foreign = await site.client.post(url, data={"ring_volume": "50"}, headers={"sec-fetch-site": "cross-site"})
    assert foreign.status_code == 403
    assert await site.rows("select count(*) from config_change") == [(1,)]
    told = (await site.client.get(f"/api{url}")).json()
    assert (told["runs"], told["wanted"], told["waits"]) == (1, 2, True)
    assert {each["name"]: each["value"] for each in told["inputs"]}["heartbeat_s"] == 300
    assert {each["name"] for each in told["inputs"]} == set(tune.BY_NAME)


async def test_no_number_is_on_the_page(site: Site) -> None:
    """Callers are chosen from the registry; how many they are is all that is shown."""
    await site.heartbeat(DEVICE)
    url = f"/terminals/{DEVICE}/config"
    assert (await site.client.post(url, data={"callers": "contacts"})).status_code == 303
    page, told = await site.client.get(f"/terminals/{DEVICE}"), await site.client.get(f"/api{url}")
    assert "允许的来电：0 个号码 → 3 个号码" in page.text
    numbers = [site.box.open(number) for (number,) in await site.rows("select number_sealed from contact")]
    assert numbers
    for secret in [*numbers, site.settings.hotline_number]:
        assert secret not in page.text + told.text
