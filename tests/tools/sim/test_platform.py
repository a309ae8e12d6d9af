"""`onekey sim refresh|pools|show` as an operator uses them, against a platform on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from cloud import clock
from tests.cloud.carrier.platform import GB, NOW, TOKEN, Platform, card, iccid, pool
from tools.sim import app

if TYPE_CHECKING:
    from typer.testing import Result


@pytest.fixture
def platform(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """A platform with three cards, and an environment that names it."""
    with Platform() as running:
        monkeypatch.setenv("OKC_DATABASE_URL", database)
        monkeypatch.setenv("OKC_CARRIER_URL", running.url)
        monkeypatch.setenv("OKC_CARRIER_TOKEN", TOKEN)
        monkeypatch.setattr(clock, "now", lambda: NOW)
        yield running


def run(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == code, result.output
    return result


def answer(*words: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*words, "--json", code=code).stdout)
    return found


def test_a_reading_by_hand_and_what_is_known_afterwards(platform: Platform) -> None:
    """Cards are told by their last four digits."""
    platform.cards[1] = card(1, status="stopped", imei_lock=True, bound_imei="860000000000001")
    assert answer("refresh") == {"cards": 3, "pools": 1, "missing": 0, "skipped": {}, "fault": None}
    shown = run("show", iccid(1)).output
    assert "停机保号" in shown
    assert iccid(1) not in shown
    told = answer("show", iccid(1))
    assert (told["status"], told["iccid"], told["bound_imei"]) == ("stopped", f"…{iccid(1)[-4:]}", "…0001")


def test_a_part_that_counts_has_an_exit_code_of_its_own(platform: Platform) -> None:
    """A bad entry, a reading that broke off: what was read is kept, and what was not is said."""
    platform.cards[1] = card(1, status=7)
    result = run("refresh", code=4)
    assert "status" in result.stderr
    platform.faults_on["/v1/cards"].append(403)
    assert answer("refresh", code=4)["fault"] == "refused_403"


def test_a_card_is_asked_for_now_and_nothing_is_stored(platform: Platform) -> None:
    platform.cards[0]["voice_enabled"] = False
    assert "没有语音" in run("show", iccid(0), "--ask").output
    assert "nothing is known" in run("show", iccid(0), code=2).stderr
    platform.faults.append(403)
    assert "refused_403" in run("show", iccid(0), "--ask", code=2).stderr


def test_pools_are_told_with_the_day_on_which_they_run_out(platform: Platform) -> None:
    platform.pools = [pool(used_bytes=99 * GB), pool(name="other", used_bytes=100 * GB)]
    run("refresh")
    first, second = answer("pools")["pools"]
    assert (first["pool"], first["percent"], first["exhausted_on"]) == ("district", 99, "2026-03-31")
    assert (second["percent"], second["exhausted_on"]) == (100, None)
    assert "99%" in run("pools").output


def test_cards_that_are_gone_in_great_number_need_a_persons_word(platform: Platform) -> None:
    platform.cards = [card(n) for n in range(40)]
    run("refresh")
    platform.cards = platform.cards[:10]
    assert answer("refresh", code=4)["fault"] == "cards_lost"
    assert answer("refresh", "--believe")["missing"] == 30
    assert "不再列出" in run("show", iccid(30)).output


def test_without_a_platform_it_says_what_to_set(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OKC_CARRIER_URL")
    assert "OKC_CARRIER_URL" in run("refresh", code=2).stderr
    assert "OKC_CARRIER_URL" in run("show", iccid(0), "--ask", code=2).stderr
    assert "ICCID" in run("show", "12", code=2).stderr
