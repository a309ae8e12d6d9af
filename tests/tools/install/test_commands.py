"""`onekey install`, `swap`, `remove`, `retire` as a technician calls them, with a network and without."""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from typer.testing import CliRunner

from cloud import clock, db
from tests.cloud.field import world
from tests.cloud.field.world import JPEG, NEW, OLD, PNG, SPARE
from tools import registry
from tools.install import install, jobs, remove, retire, run, swap
from tools.install.texts import FAILURES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from typer.testing import Result

    from cloud.db import Conn

APPS = {"install": install.app, "swap": swap.app, "remove": remove.app, "retire": retire.app}


class Field:
    """A technician with a bench folder, pictures, and a registry that may be out of reach."""

    def __init__(self, database: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.database = database
        self.folder = folder
        self.env = monkeypatch
        (folder / "p.jpg").write_bytes(JPEG)
        (folder / "s.png").write_bytes(PNG)
        self.answers = (
            "--photo", str(folder / "p.jpg"), "--signature", str(folder / "s.png"), "--call-120", "connected",
            "--agreed-with", "急救中心调度科", "--called-at", "00:00", "--by", "li",
        )  # fmt: skip
        self.online()

    def online(self) -> None:
        self.env.setenv("OKC_DATABASE_URL", self.database)

    def offline(self) -> None:
        self.env.setenv("OKC_DATABASE_URL", "host=/nowhere dbname=x")

    def onekey(self, command: str, *words: str, typed: str = "") -> Result:
        return CliRunner().invoke(APPS[command], [*words, "--bench", str(self.folder / "bench")], input=typed)

    def answer(self, command: str, *words: str, typed: str = "") -> dict[str, Any]:
        result = self.onekey(command, *words, "--json", typed=typed)
        assert result.exit_code == 0, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    def rows(self, query: str) -> list[Any]:
        with psycopg.connect(self.database) as conn:
            return conn.execute(query.encode()).fetchall()

    def do(self, work: Callable[[Conn], Awaitable[Any]]) -> Any:
        async def inside() -> Any:
            async with await db.connect(self.database) as conn, conn.transaction():
                return await work(conn)

        return asyncio.run(inside())

    def pressed(self, device_id: str = NEW) -> None:
        now = clock.now()
        self.do(lambda conn: world.pressed(conn, device_id, now, now))

    def kept(self) -> list[Path]:
        return sorted((self.folder / "bench" / "field").iterdir())

    def files(self) -> list[jobs.JobFile]:
        return jobs.all_jobs(self.folder / "bench" / "field")


@pytest.fixture
def field(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Field:
    monkeypatch.setenv("OKC_DATA_KEY", world.KEY)
    monkeypatch.setenv("OKC_HOTLINE_NUMBER", "01055500001")
    made = Field(database, tmp_path, monkeypatch)
    for device_id in (OLD, NEW, SPARE):
        made.do(partial(world.in_stock, device_id=device_id))
    return made


@pytest.fixture
def home(field: Field) -> uuid.UUID:
    found: uuid.UUID = field.do(world.a_home)
    return found


def begun(field: Field, home: uuid.UUID, device_id: str = NEW) -> None:
    """An installation whose terminal is bound and whose press has not come."""
    result = field.onekey("install", device_id, "--home", str(home), "--wait", "0", *field.answers)
    assert result.exit_code == FAILURES["no_press"][0], result.output


def installed(field: Field, home: uuid.UUID, device_id: str = NEW) -> dict[str, Any]:
    begun(field, home, device_id)
    field.pressed(device_id)
    return field.answer("install", device_id, "--wait", "0", *field.answers)


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
    assert field.kept() == [] if (field.folder / "bench").exists() else True


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


def collect(field: Field, home: uuid.UUID, device_id: str = NEW) -> dict[str, Any]:
    return field.answer("install", device_id, "--home", str(home), "--offline", *field.answers, typed="y\n")


def test_without_network_a_job_is_collected_kept_private_and_sent_later(field: Field, home: uuid.UUID) -> None:
    """The press reached the cloud by the terminal's own line; the notebook had none."""
    field.offline()
    assert collect(field, home)["state"] == "signed_off"
    field.pressed()
    assert all(path.stat().st_mode & 0o077 == 0 for path in field.kept())
    assert (field.folder / "bench" / "field").stat().st_mode & 0o077 == 0
    assert field.onekey("install", "--send").exit_code == FAILURES["offline"][0]
    field.online()
    sent = field.answer("install", "--send")
    assert (sent["left"], sent["jobs"][0]["finished"], sent["jobs"][0]["home"]) == (0, True, str(home))
    assert field.rows("select offline from field_visit") == [(True,)]
    assert field.answer("install", "--send") == {"jobs": [], "left": 0}
    assert [path.suffix for path in field.kept()] == [".json"]


def test_a_press_that_has_not_arrived_keeps_the_visit_open_until_it_has(field: Field, home: uuid.UUID) -> None:
    """The terminal's record of it may come hours later; sending again finds it."""
    collect(field, home)
    first = field.answer("install", "--send")
    assert (first["jobs"][0]["missing"], first["left"]) == (["press"], 1)
    field.pressed()
    second = field.answer("install", "--send")
    assert (second["jobs"][0]["finished"], second["left"]) == (True, 0)
    assert field.rows("select count(*) from field_file") == [(2,)]


def test_offline_without_the_elders_press_is_not_signed_off(field: Field, home: uuid.UUID) -> None:
    """The technician says no: the job waits."""
    result = field.onekey("install", NEW, "--home", str(home), "--offline", *field.answers, typed="n\n")
    assert result.exit_code == FAILURES["no_press"][0]
    assert field.answer("install", "--send") == {"jobs": [], "left": 0}


def test_a_job_that_is_refused_when_it_is_sent_keeps_none_of_the_others_back(field: Field, home: uuid.UUID) -> None:
    """Two technicians collected the same home; the second is told, and can be sent again when it is settled."""
    other = field.do(lambda conn: world.a_home(conn, tail=2))
    for device_id, where in ((NEW, home), (SPARE, home), (OLD, other)):
        collect(field, where, device_id)
        field.pressed(device_id)
    result = field.onekey("install", "--send", "--json")
    assert result.exit_code == FAILURES["home_has_one"][0]
    answer = json.loads(result.stdout)
    assert [job.get("failed") for job in answer["jobs"]] == [None, "home_has_one", None]
    assert answer["left"] == 1
    refused = [job for job in field.files() if job.state == jobs.REFUSED]
    assert [job.job.device_id for job in refused] == [SPARE]
    assert field.onekey("install", "--drop", refused[0].job_id).exit_code == 0
    assert field.answer("install", "--send") == {"jobs": [], "left": 0}


def test_a_job_file_that_was_altered_is_refused(field: Field, home: uuid.UUID) -> None:
    """One bit of the home or of a picture, and nobody moves."""
    collect(field, home)
    path = next(each for each in field.kept() if each.suffix == ".json")
    text = path.read_text()
    path.write_text(text.replace(str(home), str(uuid.uuid4())))
    assert field.onekey("install", "--send").exit_code == FAILURES["damaged"][0]
    path.write_text(text)
    picture = next(each for each in field.kept() if each.suffix == ".jpg")
    picture.write_bytes(JPEG[:-3] + b"\x00\xff\xd9")
    assert field.onekey("install", "--send").exit_code == FAILURES["damaged"][0]
    picture.write_bytes(JPEG)
    path.write_text("{half")
    assert field.onekey("install", "--send").exit_code == FAILURES["damaged"][0]


def test_the_bench_folder_can_be_named_by_the_environment(field: Field, tmp_path: Path) -> None:
    """As the other tools of the bench have it."""
    field.env.setenv("OKC_BENCH", str(tmp_path / "elsewhere"))
    assert CliRunner().invoke(install.app, ["--list"]).stdout == "没有作业 / no jobs\n"
    assert (tmp_path / "elsewhere" / "field").is_dir()


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


def test_swap_remove_and_retire_work_without_network_too(field: Field, home: uuid.UUID) -> None:
    """Sent in the order in which they were done."""
    installed(field, home, OLD)
    field.offline()
    assert field.answer("swap", OLD, NEW, "--offline", *field.answers, typed="y\n")["state"] == "signed_off"
    assert field.answer("retire", OLD, "--reason", "broken", "--offline")["state"] == "signed_off"
    assert field.answer("remove", NEW, "--reason", "declined", "--offline")["state"] == "signed_off"
    assert field.onekey("remove", NEW, "--reason", "declined").exit_code == FAILURES["offline"][0]
    field.online()
    field.pressed(NEW)
    sent = field.answer("install", "--send")
    assert [job["kind"] for job in sent["jobs"]] == ["swap", "retire", "remove"]
    assert all(job["finished"] for job in sent["jobs"])
    assert field.rows("select device_id, status from device order by 1")[:2] == [(OLD, "retired"), (NEW, "stock")]


class LostAnswerError(psycopg.OperationalError):
    """The commit was done and its answer never came."""


@pytest.mark.parametrize("lost_at", ["apply", "add_evidence"])
def test_nothing_is_done_twice_when_the_connection_dies_after_the_commit(
    field: Field, home: uuid.UUID, lost_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Online and by --send: what was committed without our hearing of it is found by its id."""
    collect(field, home)
    field.pressed()
    real, calls = registry.transact, []

    def dies_after(kind: Any, work: Any) -> Any:
        result = real(kind, work)
        calls.append(kind)
        if len(calls) == (1 if lost_at == "apply" else 2):
            raise LostAnswerError
        return result

    monkeypatch.setattr(run, "transact", dies_after)
    assert field.onekey("install", "--send").exit_code == FAILURES["offline"][0]
    before = field.do(world.counts)
    monkeypatch.setattr(run, "transact", real)
    sent = field.answer("install", "--send")
    assert (sent["left"], sent["jobs"][0]["finished"]) == (0, True)
    after = field.do(world.counts)
    assert after == (before if lost_at == "add_evidence" else {**before, "field_file": 2, "field_call_120": 1})


def test_a_job_whose_fate_is_unknown_is_neither_changed_nor_dropped(
    field: Field, home: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been applied: another home needs a removal, not another answer."""
    real = registry.transact

    def dies(kind: Any, work: Any) -> Any:
        real(kind, work)
        raise LostAnswerError

    monkeypatch.setattr(run, "transact", dies)
    words = (NEW, "--home", str(home), "--wait", "0", *field.answers)
    assert field.onekey("install", *words).exit_code == FAILURES["offline"][0]
    monkeypatch.setattr(run, "transact", real)
    other = field.do(lambda conn: world.a_home(conn, tail=2))
    wrong = (NEW, "--home", str(other), *words[3:])
    assert field.onekey("install", *wrong).exit_code == FAILURES["other_job"][0]
    assert field.onekey("install", "--drop", field.files()[0].job_id).exit_code == FAILURES["applied_already"][0]
    field.pressed()
    assert field.answer("install", *words)["home"] == str(home)


def test_two_technicians_who_send_at_once_install_one_terminal(field: Field, home: uuid.UUID) -> None:
    """The home and both terminals are held while one decides."""
    first, second = world.job(device_id=NEW, home_id=home), world.job(device_id=SPARE, home_id=home)

    async def one(each: Any) -> str:
        async with await db.connect(field.database) as conn, conn.transaction():
            await world.do(conn, each, world.NOW + timedelta(minutes=1))
            return "done"

    async def both() -> list[Any]:
        return list(await asyncio.gather(one(first), one(second), return_exceptions=True))

    results = asyncio.run(both())
    assert sorted(getattr(each, "code", each) for each in results) == ["done", "home_has_one"]
    assert field.rows("select count(*) from installation") == [(1,)]


def test_no_message_ever_reaches_120(field: Field) -> None:
    """The tools hold no way to dial: nothing of the modem's or a phone's is imported."""
    for path in sorted(Path(install.__file__).parent.glob("*.py")):
        text = path.read_text()
        assert "tools.modem" not in text
        assert "ATD" not in text
