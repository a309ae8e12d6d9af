"""Jobs without a network: collected, kept private, sent later, and nothing twice whatever breaks in between."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from typer.testing import CliRunner

from cloud import db
from cloud.days import shanghai_day
from tests.cloud.field import world
from tests.cloud.field.world import NEW, OLD, SPARE
from tools import registry
from tools.install import install, jobs, run
from tools.install.texts import FAILURES

if TYPE_CHECKING:
    pass

from cloud import clock
from tests.tools.install.bench import Field, begun, installed


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


def test_one_familys_signature_is_never_sent_for_another(field: Field, home: uuid.UUID) -> None:
    """The first home was refused; days later the same terminal goes to the next one."""
    other = field.do(lambda conn: world.a_home(conn, tail=2))
    collect(field, home)
    for words in ((NEW, "--home", str(other), "--wait", "0"), (NEW, "--home", str(other), "--offline")):
        result = field.onekey("install", *words, *field.answers, typed="y\n")
        assert result.exit_code == FAILURES["other_visit"][0], result.output
    assert field.files()[0].job.home_id == home
    field.pressed()
    assert field.answer("install", "--send")["jobs"][0]["home"] == str(home)


def test_a_job_that_is_gone_on_with_on_another_day_says_which_day_is_recorded(field: Field, home: uuid.UUID) -> None:
    """The day is what is paid."""
    words = (NEW, "--home", str(home), "--wait", "0", *field.answers)
    assert "接着" not in field.onekey("install", *words).stderr
    (job,) = field.files()
    begun = job.job.begun_at - timedelta(days=2)
    field.rows("delete from field_visit returning 1")
    field.rows("delete from installation returning 1")
    field.rows("update device set status = 'stock' returning 1")
    job.set(tried=False, applied=False)
    job.set_job(begun_at=begun.isoformat(), on=shanghai_day(begun).isoformat())
    assert f"接着 {shanghai_day(begun)} 开始的作业" in field.onekey("install", *words).stderr


def test_the_bench_folder_can_be_named_by_the_environment(field: Field, tmp_path: Path) -> None:
    """As the other tools of the bench have it."""
    field.env.setenv("OKC_BENCH", str(tmp_path / "elsewhere"))
    assert CliRunner().invoke(install.app, ["--list"]).stdout == "没有作业 / no jobs\n"
    assert (tmp_path / "elsewhere" / "field").is_dir()


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


@pytest.mark.parametrize("came", [True, False])
def test_nothing_is_done_twice_when_the_connection_dies_after_the_commit(
    field: Field, home: uuid.UUID, monkeypatch: pytest.MonkeyPatch, *, came: bool
) -> None:
    """What was committed without our hearing of it is found by its id, whether its press had come by then or not."""
    collect(field, home)
    if came:
        field.pressed()
    real = registry.transact

    def dies_after(kind: Any, work: Any) -> Any:
        real(kind, work)
        raise LostAnswerError

    monkeypatch.setattr(run, "transact", dies_after)
    assert field.onekey("install", "--send").exit_code == FAILURES["offline"][0]
    before = field.do(world.counts)
    monkeypatch.setattr(run, "transact", real)
    field.pressed()
    sent = field.answer("install", "--send")
    assert (sent["left"], sent["jobs"][0]["finished"]) == (0, True)
    assert field.do(world.counts) == before


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


def test_a_file_that_cannot_be_read_keeps_nobody_from_the_other_homes(field: Field, home: uuid.UUID) -> None:
    """It is named, by --list and by --send; the rest is done."""
    collect(field, home)
    field.pressed()
    (field.folder / "bench" / "field" / "a.json").write_text("{half")
    result = field.onekey("install", "--send", "--json")
    assert result.exit_code == FAILURES["damaged"][0]
    assert [each.get("failed") for each in json.loads(result.stdout)["jobs"]] == [None, "damaged"]
    assert {"job": "a.json", "state": "damaged"} in field.answer("install", "--list")["jobs"]


@pytest.mark.parametrize("minutes", [-30, 30])
def test_a_computer_whose_clock_is_wrong_applies_nothing(
    field: Field, home: uuid.UUID, minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its time an old press would be the elder's, or hers an old one."""
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(minutes=minutes))
    answers = [word if word != "00:00" else "2026-01-01 08:00" for word in field.answers]
    result = field.onekey("install", NEW, "--home", str(home), "--wait", "0", *answers)
    assert result.exit_code == FAILURES["clock"][0]
    assert field.rows("select from field_visit") == []
    monkeypatch.setattr(clock, "now", real)
    begun(field, home)
