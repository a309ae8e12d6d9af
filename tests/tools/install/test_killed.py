"""A notebook that dies (kill -9, half-written files too) at every touch of its disk or of the registry, and goes on."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import sys
import traceback
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cloud.field.world import JPEG, NEW, PNG
from tests.tools.install.bench import Field
from tools import registry
from tools.install import jobs, run

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS_MOST = 100  # more would be a command that never ends
ONE_VISIT = [(1, 2, 1, 1)]
NOTHING = [(0, 0, 0, 0)]


class Fate:
    """Counts what a process does to a folder and to the registry, and ends it in the middle of the n-th."""

    def __init__(self, folder: Path, n: int) -> None:
        self.folder = str(folder)
        self.left = n
        sys.addaudithook(self.heard)
        self.fsync, self.transact = os.fsync, registry.transact
        monkeypatch = pytest.MonkeyPatch()  # never undone: the process ends first
        monkeypatch.setattr(os, "fsync", self.torn)
        monkeypatch.setattr(run, "transact", self.asked)

    def heard(self, event: str, args: tuple[Any, ...]) -> None:
        """Opened, renamed or deleted: it dies before."""
        if event in {"open", "os.rename", "os.remove"} and str(args[0]).startswith(self.folder):
            self.count()

    def torn(self, handle: int) -> None:
        """Half of what was written has reached the disk."""
        if stat.S_ISREG(os.fstat(handle).st_mode):
            self.count(lambda: os.ftruncate(handle, os.fstat(handle).st_size // 2))
        self.fsync(handle)

    def asked(self, kind: Any, work: Any) -> Any:
        """Before the registry hears of it, in the middle of its transaction, and after its commit."""

        async def inside(*args: Any) -> Any:
            done = await work(*args)
            self.count()
            return done

        self.count()
        done = self.transact(kind, inside)
        self.count()
        return done

    def count(self, last: Callable[[], Any] = lambda: None) -> None:
        """One more."""
        self.left -= 1
        if self.left == 0:
            last()
            os.kill(os.getpid(), signal.SIGKILL)


def survives(folder: Path, n: int, work: Callable[[], Any]) -> bool:
    """Do the work in a process that dies at its n-th touch; whether it came to its end before."""
    child = os.fork()
    if child == 0:
        try:
            Fate(folder, n)
            work()
        except BaseException:  # noqa: BLE001 - the child must never become a second pytest
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFEXITED(status)


def nothing_plain(folder: Path) -> None:
    """What a thief would find at this moment."""
    for path in folder.glob("*"):
        assert path.stat().st_mode & 0o177 == 0, path
        raw = path.read_bytes()
        assert JPEG[8:40] not in raw
        assert PNG[8:40] not in raw
        assert "急救".encode() not in raw


def rows(field: Field) -> list[Any]:
    return field.rows(
        "select (select count(*) from field_visit), (select count(*) from field_file),"
        " (select count(*) from field_call_120), (select count(*) from installation)"
    )


def test_collecting_goes_on_wherever_it_was_cut_off(field: Field, home: uuid.UUID) -> None:
    """The same command again ends with one job that is signed and can be sent, whatever lay there half-written."""
    folder = jobs.job_folder(field.folder / "bench")

    def collect() -> None:
        field.answer("install", NEW, "--home", str(home), "--offline", *field.answers, typed="y\n")

    n = 1
    while not survives(folder, n, collect):
        nothing_plain(folder)
        collect()
        (job,) = field.files()
        assert (job.state, job.whole(), len(job.parcel().pictures)) == (jobs.SIGNED_OFF, True, 2)
        shutil.rmtree(folder)
        jobs.job_folder(field.folder / "bench")
        n += 1
        assert n < STEPS_MOST
    assert n > 20


def test_sending_goes_on_wherever_it_was_cut_off_and_nothing_is_half_applied_or_done_twice(
    field: Field, home: uuid.UUID
) -> None:
    """The registry has all of the job or nothing at every moment; at the end nothing of the family is left here."""
    field.answer("install", NEW, "--home", str(home), "--offline", *field.answers, typed="y\n")
    field.pressed()
    folder, kept = field.folder / "bench" / "field", field.folder / "kept"
    shutil.copytree(folder, kept)
    seen, n = set(), 1
    while not survives(folder, n, lambda: field.answer("install", "--send")):
        nothing_plain(folder)
        now = rows(field)
        assert now in (ONE_VISIT, NOTHING)
        seen.add(now[0])
        field.answer("install", "--send")
        assert rows(field) == ONE_VISIT
        assert field.rows("select finished_at is not null from field_visit") == [(True,)]
        assert [path.suffix for path in field.kept()] == [".json"]
        assert field.files()[0].state == jobs.SENT
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
        for table in ("field_file", "field_call_120", "field_visit", "installation"):
            field.rows(f"with gone as (delete from {table}) select 1")
        field.rows(f"update device set status = 'stock' where device_id = '{NEW}' returning 1")
        n += 1
        assert n < STEPS_MOST
    assert n > 10
    assert seen == {ONE_VISIT[0], NOTHING[0]}


def test_an_altered_job_is_put_aside_once_wherever_that_was_cut_off(field: Field, home: uuid.UUID) -> None:
    """Refused again until both sides have written it down."""
    field.answer("install", NEW, "--home", str(home), "--offline", *field.answers, typed="y\n")
    folder, kept = field.folder / "bench" / "field", field.folder / "kept"
    (path,) = folder.glob("*.json")
    path.write_text(path.read_text().replace(str(home), str(uuid.uuid4())))
    shutil.copytree(folder, kept)
    n = 1
    while not survives(folder, n, lambda: field.onekey("install", "--send")):
        field.onekey("install", "--send")
        assert rows(field) == NOTHING
        assert field.rows("select code from field_refused") == [("forged",)]
        assert field.files()[0].state == jobs.ASIDE
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
        n += 1
        assert n < STEPS_MOST
    assert n > 5
