"""`onekey health findings|rules|preview|threshold` on a small invented fleet."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import psycopg
import pytest
from typer.testing import CliRunner

from cloud import clock
from cloud.health import actions, ranking, words
from cloud.health.models import Finding
from cloud.health.rules import RULES
from cloud.sealed import Box
from tests.cloud.health.fleet import NOW, healthy, ingest_works, state
from tools import findings
from tools.health import app

LATER = NOW + timedelta(minutes=10)


@pytest.fixture
async def fleet(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three terminals, one silent since yesterday, one with a low battery; the sweep has looked."""
    async with await psycopg.AsyncConnection.connect(database) as conn:
        names = await healthy(conn, 3)
        await ingest_works(conn)
        await state(conn, names[0], last_seen_at=NOW - timedelta(hours=26))
        await state(conn, names[1], battery_pct=12)
        await actions.look(conn, NOW)
        await ranking.rank(conn, Box(bytes(32)), NOW)
    monkeypatch.setenv("OKC_DATABASE_URL", database)
    monkeypatch.setattr(clock, "now", lambda: LATER)


def told(*words_: str) -> str:
    result = CliRunner().invoke(app, list(words_))
    assert result.exit_code == 0, result.output
    return result.output


async def test_an_alarm_of_the_whole_district_stands_first(fleet: None, database: str) -> None:
    """In words, and for machines; not among what is wrong with one terminal."""
    async with await psycopg.AsyncConnection.connect(database) as conn:
        await conn.execute(
            "insert into district_alarm (kind, place, since, opened_at, evidence) values ('pool', 'district', %(now)s,"
            ' %(now)s, \'{"percent": 100, "cards": 50000, "cut_off": 1, "empty": 1, "last": "",'
            ' "cycle_end": "03月31日"}\')',
            {"now": NOW},
        )
    page = (await asyncio.to_thread(told, "findings")).replace("\n", "")
    assert page.index("池内全部 50000 张卡将断网") < page.index("BJCY000001")
    (alarm,) = json.loads(await asyncio.to_thread(told, "findings", "--json"))["alarms"]
    assert (alarm["place"], alarm["cut_off"], alarm["since"]) == ("district", True, NOW.isoformat())
    assert "断网" not in await asyncio.to_thread(told, "findings", "--device", "BJCY000001")


def test_the_table_says_what_is_wrong_in_sentences(fleet: None) -> None:
    """The oldest cause first."""
    page = told("findings")
    assert "打开的发现 2 条" in page
    assert page.index("BJCY000001") < page.index("BJCY000002")
    assert "12%" in page


def test_one_terminal_is_told_with_what_to_do(fleet: None) -> None:
    """And nothing of another one."""
    page = told("findings", "--device", "BJCY000002")
    assert page.startswith("【电池电量低】自 03月31日 11:55 起电池电量低，最近一次心跳为 12%。")
    assert "下一步（售后维修）" in page
    assert "失联" not in page
    assert told("findings", "--device", "BJCY000003") == "没有打开的发现。\n"


def test_json_is_one_object_with_all(fleet: None) -> None:
    """For scripts."""
    page = json.loads(told("findings", "--json"))
    assert page["open"] == 2
    first = page["findings"][0]
    assert (first["rule"], first["evidence"]) == ("silent", {"level": "24小时以上", "guess": "原因不明"})
    assert first["sentence"] == "自 03月30日 10:00 起没有任何消息，已 1 天 2 小时（24小时以上）；可能原因：原因不明。"


def test_by_risk_the_most_urgent_terminal_comes_first_with_its_score(fleet: None, database: str) -> None:
    """Whatever began first; the same in JSON."""
    with psycopg.connect(database) as conn:
        conn.execute("update finding set since = since - interval '30 days' where rule = 'battery_low'")
    oldest = json.loads(told("findings", "--json"))["findings"]
    assert oldest[0]["rule"] == "battery_low"
    found = json.loads(told("findings", "--by-risk", "--json"))["findings"]
    assert [(each["rule"], each["level"]) for each in found] == [("silent", 1), ("battery_low", 2)]
    assert found[0]["score"] > found[1]["score"]
    assert sorted(map(str, oldest)) == sorted(map(str, found))
    page = told("findings", "--by-risk")
    assert page.index(str(found[0]["score"])) < page.index(str(found[1]["score"]))


def test_a_preview_counts_and_a_change_is_a_version(fleet: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written before it is asked for."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    change = ["--set", "battery_low_open=10"]
    unknown = " (no usable OKC_DATA_KEY: people's age and ability taken as not known)\n"
    assert told("preview", *change) == "would open 0, close 0; 0 terminals change level" + unknown
    page = json.loads(told("preview", "--json", "--set", "silent_s=2000000"))
    assert (page["open"], page["close"], page["rules"]) == (0, 1, {"silent": {"open": 0, "close": 1}})
    assert (page["moved"], page["levels"]) == (1, [{"from": 1, "to": None, "terminals": 1}])
    assert page["people_known"] is False
    monkeypatch.setenv("OKC_DATA_KEY", "22" * 32)
    page = told("preview", "--set", "risk_next=60", "--set", "risk_level_1=30")
    assert page == "level 2 -> 1: 1 terminals\nwould open 0, close 0; 1 terminals change level\n"
    assert told("threshold", *change, "--by", "wang", "--reason", "充电一晚再说") == "thresholds version 1\n"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["preview", "--set", "nonsense=1"], "no threshold"),
        (["preview", "--set", "silent_s"], "not name=value"),
        (["threshold", "--set", "silent_s=900", "--by", "wang", "--reason", "x"], "too short"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_2(fleet: None, given: list[str], says: str) -> None:
    """No stack trace for a typing error."""
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 2
    assert says in result.output


def test_the_documentation_is_what_the_rules_say() -> None:
    """`onekey health rules` mends it."""
    assert findings.RULES_PAGE.read_text(encoding="utf-8") == words.document()


def test_check_says_that_the_documentation_is_stale(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """With exit 1, and writing mends it."""
    monkeypatch.setattr(findings, "RULES_PAGE", tmp_path / "RULES.md")  # type: ignore[operator]
    assert CliRunner().invoke(app, ["rules", "--check"]).exit_code == 1
    told("rules")
    assert CliRunner().invoke(app, ["rules", "--check"]).exit_code == 0


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_evidence_of_another_version_is_told_by_its_title(rule: object) -> None:
    """Until the next look; and a rule that is gone by its name."""
    name = rule.name  # type: ignore[attr-defined]
    finding = Finding(device_id="BJCY000001", rule=name, rule_version=0, since=NOW, evidence={}, owner="care")
    assert "{" not in words.sentence(finding, NOW)
    gone = Finding(device_id="BJCY000001", rule="gone", rule_version=0, since=NOW, evidence={}, owner="care")
    assert words.sentence(gone, NOW) == "gone"


def test_a_target_is_wanted_shown_and_taken_away(fleet: None) -> None:
    """Who is behind it for two weeks is found; half an answer is refused."""
    assert told("target") == "没有目标版本\n"
    told("target", "--board", "okb-a", "--version", "1.1.0", "--by", "王维修")
    (found,) = json.loads(told("target", "--json"))["targets"]
    assert (found["board"], found["version"], found["author"]) == ("okb-a", "1.1.0", "王维修")
    assert told("target", "--board", "okb-a", "--none", "--by", "王维修") == "没有目标版本\n"
    wrong = (["--version", "1"], ["--board", "x", "--by", "y"], ["--board", "x", "--version", "1"],
             ["--board", "x", "--version", "1", "--none", "--by", "y"])  # fmt: skip
    for words_ in wrong:
        assert CliRunner().invoke(app, ["target", *words_]).exit_code == 2
