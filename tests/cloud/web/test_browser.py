"""The desk's screen in a real browser: live without reload, buttons that work, readable for everyone."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, async_playwright, expect

if TYPE_CHECKING:
    from tests.cloud.web.conftest import Site

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}


@pytest.fixture
async def page(site: Site) -> AsyncIterator[Page]:
    """A browser on the live page. Whatever it complains about in its console is an error."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        page = await browser.new_page(viewport={"width": 1600, "height": 1000}, locale="zh-CN")
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(site.url + "/live")
        await expect(page.locator("#link")).to_have_text("实时更新")
        yield page
        await browser.close()
        assert complaints == []


async def violations(page: Page) -> list[str]:
    found = await Axe().run(page, options=RULES)
    return [f"{entry['id']}: {entry['nodes'][0]['html'][:200]}" for entry in found.response["violations"]]


async def test_a_press_appears_on_the_open_page_and_the_button_lights_the_lamp(site: Site, page: Page) -> None:
    # Pins the whole walk of the desk: stream, fragment, click, fact, lamp; never a reload.
    await expect(page.locator("#cases")).to_contain_text("目前没有进行中的呼叫")
    await page.evaluate("window.neverReloaded = true")
    ref = await site.press()
    card = page.locator("article.ok-emergency")
    await expect(card).to_contain_text("紧急呼叫")
    await expect(page).to_have_title("（1）紧急等待 · 值班台 · 一键呼")
    assert await site.rows("select count(*) from down where kind = 'desk'") == [(0,)]
    await site.say("call", ref=ref, step="ring", to="区级坐席", rung=0, cycle=0)
    await expect(card.locator(".ok-now")).to_contain_text("区级坐席")
    await card.get_by_role("button", name="接听受理").click()
    await expect(card).to_contain_text("本机坐席 已受理")
    assert await site.rows("select of_id from down where kind = 'desk'") == [(ref,)]
    await card.get_by_role("button", name="已出发").click()
    await expect(card).to_contain_text("✓ 已出发")
    assert await page.evaluate("window.neverReloaded")


async def test_what_a_person_is_choosing_survives_an_update(site: Site, page: Page) -> None:
    # Pins that a change elsewhere never empties a form under the hand that fills it.
    await site.press()
    card = page.locator("article.ok-emergency")
    await card.get_by_role("button", name="接听受理").click()
    await card.get_by_label("呼叫原因").select_option("FALL")
    await card.locator("summary").click()
    await site.press("k2", device="OKC000002")
    await expect(page.locator("article.ok-service")).to_be_visible()
    await expect(card.get_by_label("呼叫原因")).to_have_value("FALL")
    await expect(card.locator("details")).to_have_attribute("open", "")
    await card.get_by_label("处置结果").select_option("SENT")
    await card.get_by_role("button", name="结案").click()
    await expect(page.locator(".ok-closed")).to_contain_text("跌倒")
    await expect(card).to_have_count(0)


async def test_a_terminal_that_speaks_is_updated_on_the_open_page(site: Site, page: Page) -> None:
    row = page.locator("#devices tr", has_text="OKC000004")
    await expect(row).to_contain_text("从未上线")
    await site.heartbeat("OKC000004")
    await expect(row).to_contain_text("在线")


@pytest.mark.parametrize("width", [1600, 390])
async def test_no_rule_of_accessibility_is_broken_and_targets_are_large(site: Site, page: Page, width: int) -> None:
    # Pins WCAG 2.1 AA by axe on a full screen, nothing wider than the window, and 44 px for every target.
    await site.press()
    await site.press("k2", device="OKC000002")
    await site.press(device="OKC000003", late_s=900)
    await site.press(device="OKC000004", how="test")
    await site.press(device="OKC000005")
    await site.spoil(b"rubbish", device="OKC000006")
    await page.set_viewport_size({"width": width, "height": 1000})
    await page.locator("article", has_text="OKC000005").get_by_role("button", name="接听受理").click()
    await expect(page.locator("article")).to_have_count(5)
    await expect(page.locator("article select")).to_have_count(2)
    await expect(page.locator(".ok-refused li")).to_contain_text("OKC000006")
    await page.locator("summary").first.click()
    assert await violations(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    for target in await page.locator("button, select, summary").all():
        box = await target.bounding_box()
        assert box is not None
        assert box["height"] >= 44


async def test_a_press_that_cannot_be_taken_appears_and_goes_with_a_click(site: Site, page: Page) -> None:
    # Pins that the open page is told of it, announces it like an alarm, and that one click records who looked.
    await site.spoil(b"rubbish")
    await expect(page.locator(".ok-refused")).to_contain_text("OKC000001")
    await expect(page).to_have_title("（1）紧急等待 · 值班台 · 一键呼")
    await page.get_by_role("button", name="已查看").click()
    await expect(page.locator(".ok-refused")).to_have_count(0)
    assert await site.rows("select seen_by from quarantine") == [("本机坐席",)]


async def test_a_page_that_cannot_be_read_any_more_says_that_it_is_old(site: Site) -> None:
    # Pins that a desk never believes in a quiet screen: the stream stands, but what it shows is from before.
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        page = await browser.new_page()
        await page.goto(site.url + "/live")
        await expect(page.locator("#link")).to_have_text("实时更新")
        await page.route("**/live/cases", lambda route: route.fulfill(status=503))
        await site.press()
        await expect(page.locator("#link")).to_have_text("无法刷新，显示的内容可能已过时")
        await page.unroute("**/live/cases")
        await site.press("k2")
        await expect(page.locator("#link")).to_have_text("实时更新")
        await expect(page.locator("article")).to_have_count(2)
        await browser.close()


async def test_the_page_works_without_scripts(site: Site) -> None:
    # Pins full page first: a browser without JavaScript sees the case and can accept it.
    await site.press()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        context = await browser.new_context(java_script_enabled=False)
        page = await context.new_page()
        await page.goto(site.url + "/live")
        await page.get_by_role("button", name="接听受理").click()
        await expect(page.locator("article")).to_contain_text("本机坐席 已受理")
        await browser.close()
