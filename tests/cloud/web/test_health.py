"""`/health`: an after-sales worker's morning in a real browser: the list, a choice, a terminal, what to do next."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from playwright.async_api import async_playwright, expect

from cloud import clock
from cloud.devices import store as devices
from cloud.health import actions, urgency
from cloud.health.rules import RULES
from tests.cloud.web.test_browser import ARGS, CHROMIUM, violations

if TYPE_CHECKING:
    from tests.cloud.web.conftest import Site

SILENT, DARK = "OKC000001", "OKC000002"


async def fall_ill(site: Site) -> None:
    """One is silent for 30 hours with a person living alone, one without mains for three; then a look."""
    await site.heartbeat(SILENT)
    await site.heartbeat(DARK)
    now = clock.now()
    async with await psycopg.AsyncConnection.connect(site.settings.database_url) as conn:
        ago = now - timedelta(hours=30)
        await conn.execute("update installation set installed_on = installed_on - 40")
        await conn.execute(
            "update device_state set first_seen_at = %(ago)s, last_seen_at = %(ago)s, last_beat_at = %(ago)s"
            " where device_id = %(id)s",
            {"ago": ago, "id": SILENT},
        )
        for device_id, alone in ((SILENT, True), (DARK, False)):
            await conn.execute(
                "update home set lives_alone = %s where home_id in"
                " (select home_id from installation where device_id = %s)", [alone, device_id],
            )  # fmt: skip
        since = now - timedelta(hours=3)
        await conn.execute(
            "insert into event (device_id, id, code, happened_at, received_at) values (%s, 'e', 'mains_lost', %s, %s)",
            [DARK, since, since],
        )
        await conn.execute(
            "update device_state set open_faults = '{mains_lost}', on_mains = false where device_id = %s", [DARK]
        )
        for door in ("ingest", "beats"):
            await devices.beat(conn, door, now, {}, {})
        await actions.look(conn, now)


@pytest.mark.parametrize("width", [1600, 390])
async def test_the_list_begins_with_the_person_at_risk_and_says_what_to_do(site: Site, width: int) -> None:
    """From the list to the terminal and back to a choice of it. WCAG 2.1 AA, nothing wider than the window."""
    await fall_ill(site)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        page = await browser.new_page(viewport={"width": width, "height": 1000}, locale="zh-CN")
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(site.url + "/health")
        first = page.locator(".ok-task").first
        for text in ("失联", SILENT, "独居", "当日联系老人", "下一步"):
            await expect(first).to_contain_text(text)
        await expect(page.locator(".ok-level-0")).to_contain_text("1 当日联系老人")
        assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await page.get_by_label("类别").select_option("power")
        await page.get_by_role("button", name="查看").click()
        only = page.locator(".ok-task")
        await expect(only).to_have_count(1)
        await expect(only).to_contain_text("停电或电源被拔")
        await expect(only).to_contain_text("3 小时")
        await only.get_by_role("link", name=DARK).click()
        found = page.locator(".ok-found")
        await expect(found).to_contain_text("停电或电源被拔")
        await expect(found).to_contain_text("先看同楼其他终端")
        assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await browser.close()
    assert complaints == []


async def test_the_list_of_a_street_is_of_that_street_and_nothing_personal_is_in_it(site: Site) -> None:
    """The same for machines; a class that is none is refused."""
    await fall_ill(site)
    whole = (await site.client.get("/api/health")).json()
    assert [whole["lines"][0]["device_id"], whole["lines"][0]["level"]] == [SILENT, 0]
    street = whole["lines"][0]["place"].split(" · ")[0]
    some = (await site.client.get("/api/health", params={"street": street})).json()
    assert 0 < some["total"] < whole["total"]
    assert all(line["place"].startswith(street) for line in some["lines"])
    assert (await site.client.get("/api/health", params={"street": "没有的街道"})).json()["total"] == 0
    assert (await site.client.get("/health", params={"group": "rubbish"})).status_code == 400
    page = (await site.client.get("/health")).text
    for (name,) in await site.rows("select name_sealed from elder"):
        assert site.box.open(name) not in page


async def test_while_terminals_cannot_be_heard_the_page_says_so(site: Site) -> None:
    """A silence of ours looks like everybody's."""
    assert "暂停判定" in (await site.client.get("/health")).text
    await fall_ill(site)
    assert "暂停判定" not in (await site.client.get("/health")).text


def test_every_rule_has_its_place_in_the_order() -> None:
    """Known by name: a rule that is renamed must not sink to the repairs unseen."""
    names = {rule.name for rule in RULES}
    assert names >= urgency._NO_CALL
    assert names >= urgency._NEXT
    now = clock.now()
    day = timedelta(hours=24)
    assert urgency.level("silent", now - day, now, alone=True) == 0
    assert urgency.level("silent", now - day, now, alone=False) == 1
    assert urgency.level("silent", now - day + timedelta(seconds=1), now, alone=True) == 1
    assert urgency.level("mains_lost", now - day, now, alone=True) == 2
    assert urgency.level("clock_off", now - day, now, alone=True) == 3


@pytest.mark.parametrize("path", ["/health", "/ops"])
async def test_an_alarm_of_the_whole_district_stands_above_everything(site: Site, path: str) -> None:
    """Once, on both pages: what runs out, when, whom it cuts off, what to do. WCAG 2.1 AA, on a phone too."""
    now = clock.now()
    use = {"percent": 85, "cards": 1200, "cut_off": 1, "empty": 0, "last": "04月20日", "cycle_end": "04月30日"}
    async with await psycopg.AsyncConnection.connect(site.settings.database_url) as conn:
        for place, told in (
            ("备用池", use),
            ("全区池", {**use, "percent": 100, "cards": 50_000, "empty": 1, "last": ""}),
        ):
            await conn.execute(
                "insert into district_alarm (kind, place, since, opened_at, evidence) values ('pool', %s, %s, %s, %s)",
                [place, now, now, json.dumps(told)],
            )
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        page = await browser.new_page(viewport={"width": 390, "height": 900}, locale="zh-CN")
        await page.goto(site.url + path)
        alarms = page.locator(".ok-alarm")
        await expect(alarms).to_have_count(2)
        await expect(alarms.first).to_contain_text("池内全部 50000 张卡将断网")
        await expect(alarms.first).to_contain_text("下一步：立即打电话给运营商购买流量")
        await expect(alarms.last).to_contain_text("照最近的速度预计 04月20日 用完")
        above = await alarms.first.evaluate("each => each.parentElement.firstElementChild === each")
        assert above
        assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await browser.close()
    told = (await site.client.get(f"/api{path}")).json()["alarms"]
    assert [each["cut_off"] for each in told] == [True, False]
