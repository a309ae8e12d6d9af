"""Hands a job to the registry: apply, wait for the elder's press, add evidence; alone or all that are kept.

In: job files. Out: visits in the database. Safe at every step: a job that was applied without our hearing of it is
found by its id. Whatever stops it leaves the job file as the next run needs it.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cloud import clock, db
from cloud.errors import AppError
from cloud.field import actions
from cloud.field.rules import CLOCK_SKEW
from cloud.sealed import Box
from cloud.settings import Settings, SettingsError, load
from tools.install import jobs
from tools.install.texts import FailedError
from tools.registry import transact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloud.db import Conn
    from cloud.field.models import Applied
    from tools.install.jobs import JobFile

LOOK_EVERY_S = 1.0  # a person waits for it; the database answers in milliseconds
WAIT_S = 300  # an elder finds her glasses, walks to the terminal and presses


@dataclass(frozen=True)
class Outcome:
    """What became of one job of `send_all`."""

    job: JobFile | None  # None: its file cannot be read
    applied: Applied | None
    failure: FailedError | None

    @property
    def code(self) -> str:
        """Why it failed; empty where it did not."""
        return self.failure.code if self.failure else ""


@contextmanager
def registry_errors() -> Iterator[None]:
    """Turn what can go wrong between here and the database into one of our codes."""
    try:
        yield
    except actions.Refused as error:
        raise FailedError(error.code, error.about) from None
    except AppError:
        raise FailedError("bad_answer") from None
    except SettingsError as error:
        raise FailedError("setup", str(error)) from None
    except psycopg.errors.UndefinedTable:
        raise FailedError("setup", "onekey db migrate") from None
    except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
        raise FailedError("busy") from None
    except (psycopg.OperationalError, OSError):
        raise FailedError("offline") from None


def apply(job: JobFile) -> Applied:
    """Apply the job in a transaction of its own."""
    job.check()
    job.set(tried=True)

    async def work(conn: Conn, box: Box, settings: Settings) -> Applied:
        now = clock.now()
        # The elder's press is found by when it was made: by a wrong clock it would be before the job, or any old one.
        if abs(now - await db.server_time(conn)) > CLOCK_SKEW:
            raise FailedError("clock")
        return await actions.apply(conn, box, settings, job.job, now)

    try:
        with registry_errors():
            applied = transact(Settings, work)
    except FailedError as error:
        # Refused: nothing was changed. Without connection nobody knows: the job stays as it was tried.
        if error.code not in {"offline", "other_job", "busy"}:
            job.set(tried=False, refused=error.code)
            if not job.data["files"] and job.data["call_120"] is None:
                job.drop()  # nothing was collected that could be lost
        raise
    job.set(applied=True, refused=None)
    return applied


def wait_for_press(job: JobFile, wait_s: float, *, quiet: bool) -> bool:
    """Look for the elder's test press until it is in the database or the time is over."""
    with registry_errors(), Progress(
        SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(),
        console=Console(stderr=True), disable=quiet, transient=True,
    ) as progress:  # fmt: skip
        progress.add_task("等待老人的测试按键 / waiting for the press", total=None)
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            return runner.run(_wait(job, wait_s))


async def _wait(job: JobFile, wait_s: float) -> bool:
    loop = asyncio.get_running_loop()
    until = loop.time() + wait_s
    async with await db.connect(load(Settings).database_url) as conn:
        while True:
            async with conn.transaction():
                if await actions.press_seen(conn, job.job.visit_id):
                    return True
            left = until - loop.time()
            if left <= 0:
                return False
            await asyncio.sleep(min(LOOK_EVERY_S, left))


def add_evidence(job: JobFile) -> Applied:
    """Hand over pictures and the call; what the registry then has is deleted here."""
    pictures, call = job.pictures(), job.call_120

    async def work(conn: Conn, box: Box, _settings: Settings) -> Applied:
        return await actions.add_evidence(conn, box, job.job.visit_id, pictures=pictures, call=call, now=clock.now())

    with registry_errors():
        applied = transact(Settings, work)
    job.clear(jobs.WAITING if applied.missing else jobs.SENT)
    return applied


def send_all(folder: Any) -> list[Outcome]:
    """Apply every job that is signed off, in the order in which they were begun. One that fails keeps none back.

    Except without a connection: then nothing is tried after the first.
    """
    damaged: list[str] = []
    outcomes: list[Outcome] = []
    for job in jobs.all_jobs(folder, damaged):
        if job.state not in jobs.TO_SEND:
            continue
        outcomes.append(_send(job))
        failure = outcomes[-1].failure
        if failure is not None and failure.code in {"offline", "setup"}:
            break
    return outcomes + [Outcome(None, None, FailedError("damaged", name)) for name in damaged]


def _send(job: JobFile) -> Outcome:
    try:
        job.check()
        apply(job)
        return Outcome(job, add_evidence(job), None)
    except FailedError as error:
        if error.code not in {"offline", "busy", "setup", "damaged"} and not job.applied:
            job.set(state=jobs.REFUSED, refused=error.code)
        return Outcome(job, None, error)
