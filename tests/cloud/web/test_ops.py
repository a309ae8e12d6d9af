"""`/ops`: what the processes say of themselves, in words, live, and readable for everyone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from playwright.async_api import async_playwright, expect

from cloud import clock
from cloud.devices import store
from cloud.devices.models import Gap
from cloud.down import queue
from cloud.run.watch import COUNTS
from cloud.web import words
from cloud.web.desks import condition
from cloud.web.desks.condition import Incident, Process
from tests.cloud.web.test_browser import ARGS, CHROMIUM, violations

if TYPE_CHECKING:
    from tests.cloud.web.conftest import Site

NOW = datetime(2026, 3, 31, 6, 0, tzinfo=UTC)
DOOR = {"connected": 1.0, "connected_s": 3_725.0, "lag_s": 0.004, "unacked": 3.0, "stored_per_s": 82.6}


async def beat(site: Site, process: str, counted: dict[str, int], present: dict[str, float], ago_s: float = 0) -> None:
    async with await psycopg.AsyncConnection.connect(site.settings.database_url) as conn:
        await store.beat(conn, process, clock.now() - timedelta(seconds=ago_s), counted, present)


async def all_well(site: Site) -> None:
    ingest = {"stored": 18_204, "acked": 18_261, "duplicate": 57, "late": 4, "redelivered": 57}
    await beat(site, "ingest", ingest, DOOR | {"press_commit_s_p50": 0.006, "press_commit_s_p99": 0.019})
    beats = {"stored": 7_190_412, "acked": 7_191_022, "duplicate": 610, "batches": 51_240}
    await beat(site, "beats", beats, DOOR | {"batch_p50": 9.0, "commit_s_p99": 0.031})
    await beat(site, "send", {"sent": 18_300}, {"round_s_p99": 0.012})
    await beat(site, "sweep", {"escalated": 2}, {"turn_s_p99": 0.009})


@pytest.mark.parametrize("width", [1600, 390])
async def test_the_page_says_that_all_is_well_and_then_what_is_not_without_a_reload(site: Site, width: int) -> None:
    """Pins every part: figures, the order of concerns, the update, WCAG 2.1 AA, nothing wider than the window."""
    await all_well(site)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        page = await browser.new_page(viewport={"width": width, "height": 1000}, locale="zh-CN")
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        await page.goto(site.url + "/ops")
        await expect(page.locator(".ok-well")).to_contain_text("各项服务正常")
        await expect(page.locator("#link")).to_have_text("每5秒更新")
        door = page.locator("#process-ingest")
        await expect(door).to_contain_text("19 毫秒")
        await expect(door).to_contain_text("已 1小时02分")
        await expect(page.locator("#process-beats")).to_contain_text("7,190,412")
        assert await violations(page) == []
        await page.evaluate("window.neverReloaded = true")
        await beat(site, "ingest", {}, DOOR | {"lag_s": 42.0, "press_commit_s_p99": 0.4})
        await beat(site, "beats", {}, {}, ago_s=40)
        await site.spoil(b"rubbish")
        async with await psycopg.AsyncConnection.connect(site.settings.database_url) as conn:
            now = clock.now()
            await store.add_gap(conn, Gap(from_at=now - timedelta(hours=3), until_at=now - timedelta(hours=2)))
            await store.add_session_lost(conn, "beats", now - timedelta(days=2, minutes=1), now - timedelta(days=2))
            await queue.receipt(conn, "OKC000001", "0a0b0c0d.1.1", now - timedelta(minutes=2))
        concerns = page.locator(".ok-concerns li")
        await expect(concerns).to_have_count(6, timeout=15_000)
        told = await concerns.all_inner_texts()
        assert told[:3] == [
            "按键与事件接入：积压时延 42.0 秒", "按键与事件接入：按键至入库 p99 400 毫秒", "心跳接入：无响应",
        ]  # fmt: skip
        assert told[3].startswith("下行发送：最早待发 02:")
        assert told[4:] == [
            "1 条无法接收的按键尚无人查看（见值班台）",
            "24小时内发生 2 次中断，最近一次：接入中断，终端无法上报",
        ]
        await expect(door).to_contain_text("▲ 需处理")
        await expect(page.locator("main")).to_contain_text("不是 JSON")
        await expect(page.locator("main")).to_contain_text("消息代理丢失会话（心跳接入）")
        assert await page.evaluate("window.neverReloaded")
        assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await page.route("**/ops/condition", lambda route: route.fulfill(status=503))
        await expect(page.locator("#link")).to_have_text("无法刷新，显示的内容可能已过时", timeout=15_000)
        await page.unroute("**/ops/condition")
        await expect(page.locator("#link")).to_have_text("每5秒更新", timeout=15_000)
        await browser.close()
    assert [each for each in complaints if "503" not in each] == []


async def test_the_same_is_there_for_machines_and_only_from_this_machine(site: Site) -> None:
    """Before anything ran, but for the pages themselves."""
    answer = await site.client.get("/api/ops")
    told = answer.json()
    assert {each["name"]: each["well"] for each in told["processes"] if each["name"] != "web"} == {
        "ingest": False, "beats": False, "send": False, "sweep": False,
    }  # fmt: skip
    assert "按键与事件接入：从未运行" in told["concerns"]
    assert (await site.client.get("/ops", headers={"host": "okc.example.org"})).status_code == 403


def test_a_concern_is_of_the_last_day_and_a_figure_only_of_who_still_speaks() -> None:
    """An incident of last week is on record below, and is no alarm; old figures of a silent process are none either."""
    bad = [condition.Figure("积压时延", "42.0 秒", bad=True)]
    silent, well = (Process("send", "下行发送", NOW, well=each, now=bad) for each in (False, True))
    day = timedelta(hours=24)
    old = Incident("接入中断", NOW - day - timedelta(hours=1), NOW - day)
    assert condition.concerns([silent], 0, [old], NOW) == ["下行发送：无响应"]
    assert condition.concerns([well], 0, [], NOW) == ["下行发送：积压时延 42.0 秒"]


@pytest.mark.parametrize(
    ("present", "said", "bad"),
    [
        ({"carrier_on": 0.0}, "未接入", False),
        ({"carrier_on": 1.0, "carrier_age_s": 60.0}, "1 分钟前读完", False),
        ({"carrier_on": 1.0, "carrier_age_s": 6 * 3600.0 + 1}, "6 小时 0 分前读完", True),
    ],
)
def test_the_sim_platform_is_shown_beside_the_sweep(present: dict[str, float], said: str, bad: bool) -> None:
    """None is set: no fault. One that was not read whole for six hours is a concern."""
    assert condition._carrier(present) == [condition.Figure("SIM 平台", said, bad=bad)]
    assert condition._carrier({}) == []


@pytest.mark.parametrize(
    ("present", "said", "bad"),
    [
        ({"mail_on": 0.0, "mails_waiting": 0.0}, "未启用", False),
        ({"mail_on": 1.0, "mails_waiting": 0.0}, "正常", False),
        ({"mail_on": 1.0, "mails_waiting": 2.0}, "2 封未发出", True),
    ],
)
async def test_letters_that_are_off_are_said_and_only_those_that_wait_are_a_concern(
    site: Site, present: dict[str, float], said: str, bad: bool
) -> None:
    """No mail server is a choice, a refused password is not."""
    await beat(site, "sweep", {}, present)
    told = (await site.client.get("/api/ops")).json()
    (sweep,) = [each for each in told["processes"] if each["name"] == "sweep"]
    (mail,) = [each for each in sweep["now"] if each["name"] == "每日邮件"]
    assert (mail["value"], mail["bad"]) == (said, bad)
    assert any("每日邮件" in each for each in told["concerns"]) == bad


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "—"), (0.0, "0 毫秒"), (0.0194, "19 毫秒"), (1.0, "1.0 秒"), (59.94, "59.9 秒"), (61.0, "01:01")],
)
def test_a_duration_is_said_in_the_unit_that_fits(value: float | None, said: str) -> None:
    assert condition.seconds(value) == said


def test_everything_that_is_shown_has_a_word_and_is_a_metric() -> None:
    """One place of counting: the page can't show what /metrics does not know."""
    shown = {count for counts in words.COUNTED.values() for count in counts}
    assert shown <= set(words.COUNTS)
    assert shown <= set(COUNTS)
    assert set(words.COUNTED) == set(words.PROCESSES)
