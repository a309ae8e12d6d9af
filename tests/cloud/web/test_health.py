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
from cloud.health import actions, ranking, worklist
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
        await ranking.rank(conn, site.box, now)


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
        for text in (SILENT, "独居、70 岁以上、轻度失能、失联 30 小时", "下一步", "风险 9"):
            await expect(first).to_contain_text(text)
        await expect(page.get_by_role("heading", level=2).first).to_have_text("▲▲ 当日联系老人")
        await expect(page.locator(".ok-level-0")).to_contain_text("1 当日联系老人")
        assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        for target in await page.locator("button, select").all():
            box = await target.bounding_box()
            assert box is not None
            assert box["height"] >= 44
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
    page = (await site.client.get("/health")).text + (await site.client.get("/api/health")).text
    for name, birth, care in await site.rows("select name_sealed, birth_sealed, care_sealed from elder"):
        assert site.box.open(name) not in page
        assert site.box.open(birth) not in page
        assert care is None or json.loads(site.box.open(care)).get("notes", "无") not in page


async def test_while_terminals_cannot_be_heard_the_page_says_so(site: Site) -> None:
    """A silence of ours looks like everybody's."""
    assert "暂停判定" in (await site.client.get("/health")).text
    await fall_ill(site)
    assert "暂停判定" not in (await site.client.get("/health")).text


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


async def test_a_terminal_is_one_entry_with_its_findings_beneath_and_chosen_by_each_filter(site: Site) -> None:
    """Who looks for one kind of trouble sees that first, and still all that is wrong there."""
    await fall_ill(site)
    whole = (await site.client.get("/api/health")).json()
    names = [line["device_id"] for line in whole["lines"]]
    assert len(names) == len(set(names)) == whole["total"] == sum(number for _, _, number in whole["levels"])
    scores = [line["score"] for line in whole["lines"]]
    assert scores == sorted(scores, reverse=True)
    first = whole["lines"][0]
    assert first["findings"][0]["title"] == "失联"
    assert {"红键久未验证", "有按键从未按过"} < {each["title"] for each in first["findings"]}
    assert (first["next_step"], first["owner"]) == (first["findings"][0]["next_step"], "售后维修")
    for name, title, number in whole["owners"]:
        some = (await site.client.get("/api/health", params={"owner": name})).json()
        assert some["total"] == number
        assert all(line["owner"] == title for line in some["lines"])
    for place, _, number in whole["levels"]:
        some = (await site.client.get("/api/health", params={"level": place})).json()
        assert (some["total"], {line["level"] for line in some["lines"]}) == (number, {place} if number else set())
    voice = (await site.client.get("/api/health", params={"group": "voice"})).json()
    assert SILENT in [line["device_id"] for line in voice["lines"]]
    assert all(line["findings"][0]["title"] == "红键久未验证" for line in voice["lines"])
    for group, _, _ in whole["groups"]:
        for owner, _, _ in whole["owners"]:
            some = (await site.client.get("/api/health", params={"group": group, "owner": owner})).json()
            assert some["total"] == len(some["lines"]) == sum(number for _, _, number in some["levels"])
    for bad in ({"owner": "rubbish"}, {"level": "4"}):
        assert (await site.client.get("/health", params=bad)).status_code == 400


async def test_every_terminal_is_reached_page_by_page_in_one_order(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """None twice, none left out; a page behind the last one is the last, and the links keep the choice."""
    await fall_ill(site)
    whole = (await site.client.get("/api/health")).json()
    monkeypatch.setattr(worklist, "PAGE_SIZE", 2)
    pages = [(await site.client.get("/api/health", params={"page": page})).json() for page in (1, 2, 3)]
    assert [line["device_id"] for page in pages for line in page["lines"]] == [
        line["device_id"] for line in whole["lines"]
    ]
    assert {page["pages"] for page in pages} == {3}
    assert (await site.client.get("/api/health", params={"page": 99})).json()["page"] == 3
    page = (await site.client.get("/health", params={"group": "voice", "page": 2})).text
    assert 'href="/health?group=voice"' in page
    assert 'href="/health?group=voice&amp;page=3"' in page
    assert 'hx-get="/health/list?group=voice&amp;page=2"' in page
    assert (await site.client.get("/health", params={"page": 0})).status_code == 422


async def test_a_terminal_that_no_look_has_ranked_yet_is_shown_among_the_urgent(site: Site) -> None:
    """Between a migration and the first look nothing may be missing from the list."""
    await fall_ill(site)
    async with await psycopg.AsyncConnection.connect(site.settings.database_url) as conn:
        await conn.execute("delete from terminal_risk where device_id = %s", [SILENT])
    whole = (await site.client.get("/api/health")).json()
    assert (SILENT, 1) in [(line["device_id"], line["level"]) for line in whole["lines"]]
    assert "失联 30 小时" in (await site.client.get("/health")).text
