"""The letter of a day: what came and went on it, what is to be done, our own outages; and nothing of any person."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from cloud.days import SHANGHAI
from cloud.health import actions, bulletin, bulletin_store
from cloud.health.bulletin import Line, Summary
from cloud.mail.models import Attachment
from tests.cloud.health.fleet import NOW, healthy, ingest_works, state

if TYPE_CHECKING:
    from cloud.db import Conn

DAY = date(2026, 3, 30)
AT = datetime(2026, 3, 31, 7, 30, tzinfo=SHANGHAI)
NONE = Summary(
    day=DAY, at=AT, frozen=False, moved=[], levels=[("当日联系老人", 0)], total=0, tasks=[], silent=[], notices=[],
    outages=[],
)  # fmt: skip
TASK = Line(
    device_id="BJCY000001", level="当日恢复呼救", place="月坛 · 示例社区", alone=True, title="失联",
    sentence="没有消息。", next_step="派人上门。", owner="售后维修",
)  # fmt: skip


async def found(conn: Conn, device: str, rule: str, opened: str, closed: str | None = None) -> None:
    """A finding that a look opened and perhaps closed, at these times in Shanghai."""
    await conn.execute(
        "insert into finding (device_id, rule, rule_version, thresholds_version, since, opened_at, closed_at, evidence,"
        "  owner) values (%(device)s, %(rule)s, 1, 0, %(opened)s, %(opened)s, %(closed)s, '{}', 'after_sales')",
        {"device": device, "rule": rule, "opened": f"{opened}+08", "closed": closed and f"{closed}+08"},
    )


async def test_a_day_is_told_with_what_came_and_went_on_it(conn: Conn) -> None:
    """Opened and closed by group from midnight to midnight in Shanghai; what is open and silent as it is now."""
    first, second, third = await healthy(conn, 3)
    await ingest_works(conn)
    await found(conn, first, "mains_lost", "2026-03-29 12:00", "2026-03-30 00:00")
    await found(conn, first, "battery_low", "2026-03-30 00:00")
    await found(conn, second, "mains_lost", "2026-03-30 23:59:59", "2026-03-31 00:00")
    await found(conn, second, "weak_signal", "2026-03-29 23:59:59")
    await found(conn, third, "a_rule_of_long_ago", "2026-03-31 00:00")
    await state(conn, third, last_seen_at=NOW - timedelta(hours=30))
    await actions.look(conn, NOW)
    summary = await bulletin_store.read(conn, DAY, NOW)
    moved = {each.group: (each.opened, each.closed) for each in summary.moved}
    assert moved["电源"] == (2, 1)
    assert (summary.opened, summary.closed) == (2, 1)
    assert dict(summary.silent)["24小时以上"] == 1
    assert summary.tasks[0].device_id == third
    assert summary.tasks[0].sentence.startswith("自 03月30日 06:00 起没有任何消息")
    assert (summary.total, sum(number for _, number in summary.levels)) == (len(summary.tasks), len(summary.tasks))
    assert not summary.frozen


async def test_our_own_outages_are_told_as_far_as_they_were_on_that_day(conn: Conn) -> None:
    """Cut at midnight; one of another day is not told; a door that does not work now is said first."""
    await healthy(conn, 1)
    for begin, end in (("2026-03-29 12:00+08", "2026-03-29 13:00+08"), ("2026-03-30 22:00+08", "2026-03-31 02:00+08")):
        await conn.execute("insert into ingest_gap (from_at, until_at) values (%s, %s)", [begin, end])
    await conn.execute(
        "insert into session_lost (door, from_at, at) values ('beats', '2026-03-30 09:00+08', '2026-03-30 09:05+08')"
    )
    letter = bulletin.letter(await bulletin_store.read(conn, DAY, NOW))
    for text in (letter.text, letter.html):
        assert "平台中断 22:00 至 24:00，历时 2 小时 0 分；是我方原因，不算终端失联。" in text
        assert "平台中断 12:00" not in text
        assert "09:05 消息代理丢失会话，自 09:00 起的心跳可能缺失。" in text
        assert "接入服务目前无响应" in text


def test_a_quiet_day_says_so() -> None:
    """Nothing to do is told, not left out."""
    letter = bulletin.letter(NONE)
    assert letter.subject == "一键呼设备健康 03月30日：待处理 0，当日须办 0，新增 0，恢复 0"
    for text in (letter.text, letter.html):
        assert "没有需要处理的发现。" in text
        assert "这一天平台没有中断。" in text
        assert "2026年3月30日（周一）" in text


def test_links_are_there_where_somebody_said_where_the_pages_are() -> None:
    """And only there."""
    one = replace(NONE, tasks=[TASK], total=1)
    linked = bulletin.letter(one, "https://okc.example/")
    assert "https://okc.example/terminals/BJCY000001\n" in linked.text
    assert 'href="https://okc.example/terminals/BJCY000001"' in linked.html
    assert "http" not in bulletin.letter(one).text
    assert "href" not in bulletin.letter(one).html


def test_both_forms_tell_the_same_and_nothing_of_it_is_markup() -> None:
    """Each task with its sentence, next step and owner, in text and HTML."""
    odd = replace(TASK, place="<script>alert(1)</script>", sentence="a < b & c")
    letter = bulletin.letter(replace(NONE, tasks=[TASK, odd], total=27))
    assert "<script>" not in letter.html
    assert "a &lt; b &amp; c" in letter.html
    for text in (letter.text, letter.html):
        for told in ("BJCY000001", "月坛 · 示例社区", "独居", "没有消息。", "派人上门。", "售后维修", "共 27 条"):
            assert told in text


def test_files_go_with_the_letter() -> None:
    """As they are given."""
    sheet = Attachment("健康报告.xlsx", "application/zip", b"PK")
    assert bulletin.letter(NONE, attachments=[sheet]).attachments == (sheet,)


async def test_nothing_of_a_person_can_be_in_it(conn: Conn) -> None:
    """What is read names no sealed column; street and community are all of a home."""
    await healthy(conn, 2)
    await ingest_works(conn)
    await conn.execute("update home set address_sealed = convert_to('机密地址', 'utf8')")
    await conn.execute(
        "insert into elder (elder_id, home_id, name_sealed, created_at)"
        " select gen_random_uuid(), home_id, convert_to('机密姓名', 'utf8'), now() from home"
    )
    await conn.execute("update device_state set last_seen_at = %s", [NOW - timedelta(days=9)])
    await actions.look(conn, NOW)
    letter = bulletin.letter(await bulletin_store.read(conn, DAY, NOW))
    assert "示例社区" in letter.text
    assert "机密" not in letter.text + letter.html
