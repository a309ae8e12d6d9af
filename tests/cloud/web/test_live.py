"""The desk's screen over HTTP: what it shows, what it hides, what a click does without any script."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
import psycopg.conninfo
import pytest

if TYPE_CHECKING:
    from tests.cloud.web.conftest import Site
    from tools.embedded.postgres import Postgres


async def test_a_press_is_on_the_page_with_everything_an_ambulance_needs(site: Site) -> None:
    # Pins break-glass: an open emergency shows name, numbers and address in the clear.
    await site.press()
    page = (await site.client.get("/live")).text
    for shown in ("紧急呼叫", "等待受理", "已派线", "区级坐席", "13800000001", "13700000001", "号楼", "OKC000001"):
        assert shown in page, shown


async def test_a_service_call_a_test_and_a_closed_case_are_masked(site: Site) -> None:
    # Pins that personal data is in the clear only in an open emergency.
    await site.press("k2")
    await site.press(device="OKC000002", how="test")
    await site.press(device="OKC000003")
    case = await site.case("OKC000003")
    await site.client.post(f"/live/cases/{case}/accept")
    await site.client.post(f"/live/cases/{case}/close", data={"disposition": "FALL", "outcome": "SENT"})
    for path in ("/live", "/api/live"):
        text = (await site.client.get(path)).text
        assert "叫车" in text
        assert not re.search(r"1[3-9]\d{9}", text)
        assert "号楼" not in text


async def test_a_press_of_a_terminal_without_household_is_shown_as_such(site: Site) -> None:
    await site.press(device="OKC999999")
    page = (await site.client.get("/live")).text
    assert "未登记住户的终端" in page
    assert "区级坐席" in page


async def test_a_late_press_asks_for_a_call_back(site: Site) -> None:
    await site.press(late_s=600)
    page = (await site.client.get("/live")).text
    assert "迟到的按键" in page
    assert "请回拨住户" in page


async def test_the_desk_works_a_case_with_plain_forms(site: Site) -> None:
    # Pins that the page works without any script: post, redirect, full page.
    await site.press()
    case = await site.case()
    accepted = await site.client.post(f"/live/cases/{case}/accept")
    assert (accepted.status_code, accepted.headers["location"]) == (303, "/live")
    assert "本机坐席 已受理" in (await site.client.get("/live")).text
    assert (await site.client.post(f"/live/cases/{case}/on-the-way")).status_code == 303
    refused = await site.client.post(f"/live/cases/{case}/close")
    assert refused.status_code == 400
    assert "请选择呼叫原因" in refused.text
    closed = await site.client.post(f"/live/cases/{case}/close", data={"disposition": "FALL", "outcome": "SENT"})
    assert closed.status_code == 303
    page = (await site.client.get("/live")).text
    assert "最近结案" in page
    assert "跌倒" in page
    assert await site.rows("select count(*) from down where kind = 'desk'") == [(3,)]


async def test_a_second_click_changes_nothing_and_says_so(site: Site) -> None:
    await site.press()
    case = await site.case()
    await site.client.post(f"/live/cases/{case}/accept")
    again = await site.client.post(f"/live/cases/{case}/accept", headers={"HX-Request": "true"})
    assert again.status_code == 409
    assert "该呼叫已有人受理" in again.text
    assert "<html" not in again.text
    assert await site.rows("select count(*) from down where kind = 'desk'") == [(1,)]


async def test_looking_at_the_page_accepts_nothing(site: Site) -> None:
    # Pins "nothing accepts by itself", and that no GET changes anything.
    await site.press()
    for path in ("/live", "/live/cases", "/live/devices", "/api/live"):
        assert (await site.client.get(path)).status_code == 200
    case = await site.case()
    assert (await site.client.get(f"/live/cases/{case}/accept")).status_code == 405
    assert await site.rows("select count(*) from case_file where accepted_at is not null") == [(0,)]


async def test_the_json_is_the_page_for_machines(site: Site) -> None:
    ref = await site.press()
    await site.say("call", ref=ref, step="dial", to="区级坐席", rung=0, cycle=0, src="route", ver=1)
    await site.heartbeat("OKC000002")
    shown = (await site.client.get("/api/live")).json()
    (case,) = shown["cases"]["cases"]
    assert (case["state"], case["urgency"], case["route"][0]["now"]) == ("dialling", "emergency", True)
    assert [rung["label"] for rung in case["route"]] == ["区级坐席", "女儿", "邻居", "区级坐席"]
    counts = {name: number for name, _, number in shown["terminals"]["counts"]}
    assert counts == {"never_seen": 4, "in_call": 1, "online": 1}
    assert shown["terminals"]["total"] == 6


async def test_a_case_that_does_not_exist_is_a_404_with_the_page(site: Site) -> None:
    answer = await site.client.post("/live/cases/00000000-0000-0000-0000-000000000000/accept")
    assert answer.status_code == 404
    assert "没有这个呼叫" in answer.text
    assert (await site.client.post("/live/cases/nonsense/accept")).status_code == 422


async def test_there_is_a_way_in_and_a_sign_of_life_and_no_documentation(site: Site) -> None:
    assert (await site.client.get("/")).headers["location"] == "/live"
    assert (await site.client.get("/healthz")).text == "ok"
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert (await site.client.get(path)).status_code == 404


async def test_everything_comes_from_our_own_wheel_under_a_strict_policy(site: Site) -> None:
    # Pins that no page names another host, and that nothing inline could run.
    answer = await site.client.get("/live")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert not re.search(r"(src|href)=\"(https?:)?//", answer.text)
    assert not re.search(r"\son\w+=|<style|style=\"|<script>", answer.text)
    for path in re.findall(r"(?:src|href)=\"(/static/[^\"]+)\"", answer.text):
        assert (await site.client.get(path)).status_code == 200, path


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {"Host": "evil.example"}, 403),
        ("GET", {"Host": "127.0.0.1.evil.example:80"}, 403),
        ("GET", {"Host": "localhost"}, 200),
        ("GET", {"Host": "[::1]:8000"}, 200),
        ("POST", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("POST", {"Sec-Fetch-Site": "same-site"}, 403),
        ("POST", {"Origin": "http://evil.example"}, 403),
        ("POST", {"Origin": "null"}, 403),
        ("POST", {"Sec-Fetch-Site": "same-origin"}, 303),
        ("POST", {}, 303),
    ],
)
async def test_foreign_hosts_and_foreign_sites_are_refused(
    site: Site, method: str, headers: dict[str, str], status: int
) -> None:
    # Pins the fence of a site without logins: DNS rebinding and requests that another page makes.
    await site.press()
    path = "/live" if method == "GET" else f"/live/cases/{await site.case()}/accept"
    assert (await site.client.request(method, path, headers=headers)).status_code == status
    accepted = await site.rows("select count(*) from case_file where accepted_at is not null")
    assert accepted == [(int(status == 303),)]


async def test_the_stream_names_what_changed_and_nothing_else(site: Site) -> None:
    # Pins that the stream carries no data: the page reads it again, and is checked again.
    async with site.client.stream("GET", "/live/stream") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        first = {await _next_event(lines), await _next_event(lines)}
        assert first == {"event: cases", "event: devices"}
        await site.press()
        assert "event: cases" in {await _next_event(lines), await _next_event(lines)}


async def test_the_server_stops_at_once_although_a_stream_is_open(site: Site) -> None:
    # The fixture ends the server after this test: an open stream must not hold it.
    answer = await site.client.send(site.client.build_request("GET", "/live/stream"), stream=True)
    assert answer.status_code == 200


async def _next_event(lines: object) -> str:
    async for line in lines:  # type: ignore[attr-defined]
        if line.startswith("event:"):
            return str(line)
    raise AssertionError("the stream ended")


async def test_the_page_says_when_the_database_is_away_and_comes_back_with_it(site: Site, postgres: Postgres) -> None:
    # Pins an answer a person can use, not a stack trace, and that the stream tells everything again afterwards.
    name = psycopg.conninfo.conninfo_to_dict(site.settings.database_url)["dbname"]
    with psycopg.connect(postgres.dsn(), autocommit=True) as server:
        async with site.client.stream("GET", "/live/stream") as answer:
            lines = answer.aiter_lines()
            await _next_event(lines)
            await _next_event(lines)
            server.execute(f'alter database "{name}" allow_connections false'.encode())
            server.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
            away = await site.client.get("/live", timeout=20)
            assert (away.status_code, "数据库暂时无法连接" in away.text) == (503, True)
            server.execute(f'alter database "{name}" allow_connections true'.encode())
            assert {await _next_event(lines), await _next_event(lines)} == {"event: cases", "event: devices"}
    assert (await site.client.get("/live", timeout=20)).status_code == 200
