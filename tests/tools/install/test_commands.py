"""`onekey install`, `swap`, `remove`, `retire` as a technician with a network calls them."""

from __future__ import annotations

import json
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cloud.field import world
from tests.cloud.field.world import NEW, OLD, SPARE
from tools.install import install, jobs
from tools.install.texts import FAILURES

if TYPE_CHECKING:
    from typer.testing import Result


from tests.tools.install.bench import Field, begun, installed


def test_an_installation_waits_for_the_elders_own_press_and_runs_to_its_end(field: Field, home: uuid.UUID) -> None:
    """The press comes while the technician's screen waits for it; then the evidence is in and nothing is left here."""
    results: list[Result] = []
    words = ("--home", str(home), "--wait", "60", *field.answers, "--json")
    thread = threading.Thread(target=lambda: results.append(field.onekey("install", NEW.lower(), *words)))
    thread.start()
    while thread.is_alive() and not field.rows("select from field_visit"):
        thread.join(0.05)
    field.pressed()
    thread.join(60)
    assert results[0].exit_code == 0, results[0].output
    done = json.loads(results[0].stdout)
    assert (done["device_id"], done["home"], done["finished"], done["missing"]) == (NEW, str(home), True, [])
    assert [path.suffix for path in field.kept()] == [".json"]
    assert "急救" not in field.kept()[0].read_text()
    assert field.files()[0].state == jobs.SENT


def test_without_the_press_the_home_is_bound_and_the_job_goes_on_later(field: Field, home: uuid.UUID) -> None:
    """The elder is served from the first minute; the visit is not over. The same command goes on."""
    begun(field, home)
    assert field.rows("select finished_at from field_visit") == [(None,)]
    assert field.rows("select status from device where device_id = 'OKC000002'") == [("installed",)]
    field.pressed()
    assert field.answer("install", NEW, "--wait", "0", *field.answers)["finished"]
    assert field.rows("select count(*) from field_visit") == [(1,)]


def test_everything_can_be_typed_in_chinese(field: Field, home: uuid.UUID) -> None:
    """Without options: scanned id, home, pictures, the call; the screen shows no name."""
    begun(field, home)
    field.pressed()
    job = field.files()[0]
    typed = "\n".join([NEW, str(field.folder / "p.jpg"), str(field.folder / "s.png"), "1", "急救中心", "00:00", ""])
    result = field.onekey("install", "--wait", "0", typed=typed)
    assert result.exit_code == 0, result.output
    assert f"完成：安装 {NEW} / done" in result.stdout
    assert "请扫描终端二维码" in result.stderr
    assert "程序不会拨打" in result.stderr
    assert "王淑兰" not in result.output
    assert field.files()[0].job_id == job.job_id


def test_a_home_is_chosen_from_a_masked_list_and_in_clear_only_for_a_logged_reason(
    field: Field, home: uuid.UUID
) -> None:
    """Nobody behind the technician reads a name, a number or an address."""
    words = (NEW, "--street", "月坛", "--community", "示例社区", "--wait", "0", *field.answers)
    masked = field.onekey("install", *words, typed="1\n")
    assert masked.exit_code == FAILURES["no_press"][0], masked.output
    assert "王**" in masked.stderr
    for secret in ("王淑兰", "13700000001", "1号楼"):
        assert secret not in masked.output
    field.do(lambda conn: world.a_home(conn, "李德顺", tail=2))
    words = (SPARE, *words[1:])
    assert field.onekey("install", *words, "--reveal", "x", typed="1\n").exit_code == FAILURES["bad_answer"][0]
    shown = field.onekey("install", *words, "--reveal", "同楼两户需核对", typed="1\n")
    assert "李德顺" in shown.stderr
    assert "王淑兰" not in shown.output, "a home that has a terminal is not offered"
    assert field.rows("select actor, revealed, reason, rows from data_access order by access_id") == [
        ("li", False, "masked list for an installation", 1),
        ("li", True, "同楼两户需核对", 1),
    ]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("install", "OKC 1"), "bad_id"),
        (("install", "OKC999999", "--home", str(uuid.uuid4())), "unknown_home"),
        (("install", NEW, "--home", "12"), "unknown_home"),
        (("install", NEW, "--home", str(uuid.uuid4()), "--on", "2020-01-01"), "day_too_old"),
        (("install", NEW, "--home", str(uuid.uuid4()), "--on", "yesterday"), "bad_answer"),
        (("swap", OLD, NEW), "not_in_a_home"),
        (("swap", OLD, OLD), "same_device"),
        (("remove", OLD, "--reason", "moved"), "not_in_a_home"),
        (("remove", OLD, "--reason", "because"), "bad_answer"),
        (("retire", "OKC999999", "--reason", "broken"), "unknown_device"),
        (("install", "--drop", "77"), "no_such_job"),
    ],
)
def test_what_cannot_be_done_is_one_line_in_both_languages_and_a_code_of_its_own(
    field: Field, words: tuple[str, ...], code: str
) -> None:
    """Nothing half-done: no row, and no job file left over."""
    result = field.onekey(words[0], *words[1:], "--json")
    exit_code, chinese, english = FAILURES[code]
    assert (result.exit_code, json.loads(result.stdout)["failed"]) == (exit_code, code), result.output
    assert result.stderr.startswith(f"失败：{chinese}")
    assert english in result.stderr
    assert field.rows("select from field_visit") == []
    assert field.kept() == []


def test_an_untested_terminal_is_refused_and_the_reason_is_recorded(field: Field, home: uuid.UUID) -> None:
    """The same command with a reason goes on."""
    field.rows("update device set passed_at = null returning 1")
    words = (NEW, "--home", str(home), "--wait", "0", *field.answers)
    assert field.onekey("install", *words).exit_code == FAILURES["never_tested"][0]
    assert field.onekey("install", *words, "--without-acceptance", "x").exit_code == FAILURES["bad_answer"][0]
    result = field.onekey("install", *words, "--without-acceptance", "测试台停电")
    assert result.exit_code == FAILURES["no_press"][0]
    assert field.rows("select without_acceptance from field_visit") == [("测试台停电",)]


@pytest.mark.parametrize("name", ["empty.jpg", "text.png", "missing.jpg"])
def test_what_is_no_picture_is_refused_and_the_job_waits_for_one(field: Field, home: uuid.UUID, name: str) -> None:
    """A photo of nothing proves nothing; the rest need not be done again."""
    (field.folder / "empty.jpg").write_bytes(b"")
    (field.folder / "text.png").write_text("a text " * 100)
    begun(field, home)
    field.pressed()
    wrong = ("--photo", str(field.folder / name), *field.answers[2:])
    result = field.onekey("install", NEW, "--wait", "0", *wrong)
    assert result.exit_code == FAILURES["bad_picture"][0]
    assert name in result.stderr
    assert field.answer("install", NEW, "--wait", "0", *field.answers)["finished"]


def test_a_swap_a_removal_and_an_end_by_command(field: Field, home: uuid.UUID) -> None:
    """One terminal's way: into the home, swapped out, retired; the next one removed."""
    installed(field, home, OLD)
    assert field.onekey("retire", OLD, "--reason", "broken").exit_code == FAILURES["leaves_first"][0]
    result = field.onekey("swap", OLD, NEW, "--wait", "0", *field.answers)
    assert result.exit_code == FAILURES["no_press"][0]
    field.pressed(NEW)
    swapped = field.answer("swap", OLD, NEW, "--wait", "0", *field.answers)
    assert (swapped["device_id"], swapped["old_device_id"], swapped["home"]) == (NEW, OLD, str(home))
    assert field.answer("retire", OLD, "--reason", "broken")["finished"]
    assert field.answer("remove", NEW, "--reason", "moved")["home"] == str(home)
    assert field.rows("select device_id, status, credential is null from device order by 1") == [
        (OLD, "retired", True), (NEW, "stock", False), (SPARE, "stock", False),
    ]  # fmt: skip


def test_no_message_ever_reaches_120(field: Field) -> None:
    """The tools hold no way to dial: nothing of the modem's or a phone's is imported."""
    for path in sorted(Path(install.__file__).parent.glob("*.py")):
        text = path.read_text()
        assert "tools.modem" not in text
        assert "ATD" not in text
