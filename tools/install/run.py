"""Hands a job to the registry as its bench signed it, waits for the elder's press; alone or all that are kept.

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
from cloud.field import actions, arrival
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
UNKNOWN = frozenset({"offline", "busy", "other_job"})  # what became of the job cannot be said
NOT_LOOKED_FOR = frozenset({"clock", "setup", "bad_answer", "incomplete"})
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


def deliver(job: JobFile) -> Applied:
    """Hand over the job as it is signed, in a transaction of its own; what the registry then has is deleted here."""
    before, sent = bool(job.data.get("tried")), job.parcel()
    job.set(tried=True)

    async def work(conn: Conn, box: Box, settings: Settings) -> Applied:
        now = clock.now()
        # The elder's press is found by when it was made: by a wrong clock it would be before the job, or any old one.
        if abs(now - await db.server_time(conn)) > CLOCK_SKEW:
            raise FailedError("clock")
        return await arrival.receive(conn, box, settings, sent, now)

    try:
        with registry_errors():
            applied = transact(Settings, work)
    except FailedError as error:
        _refused(job, error.code, tried_before=before)
        raise
    job.delivered(applied.missing)
    return applied


def _refused(job: JobFile, code: str, *, tried_before: bool) -> None:
    """Nothing was changed, or without connection nobody knows: then the job stays as it was tried."""
    if code in arrival.SUSPECT:
        _put_aside(job, code)
        return
    if code in UNKNOWN or job.applied:
        return
    # Refused before the registry looked for the job: an earlier try may still have applied it.
    job.set(tried=tried_before and code in NOT_LOOKED_FOR, refused=code)
    if not job.data["tried"] and not job.collected and job.state == jobs.COLLECTING:
        job.drop()  # nothing was collected that could be lost


def _put_aside(job: JobFile, code: str) -> None:
    """Keep the job where nothing goes on with it, and its content with the registry, for whoever asks who sent it."""

    async def work(conn: Conn, _box: Box, _settings: Settings) -> None:
        await arrival.put_aside(conn, job.content, code, clock.now())

    with registry_errors():
        transact(Settings, work)
    job.set(state=jobs.ASIDE, refused=code)


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


def send_all(folder: Any) -> list[Outcome]:
    """Apply every job that is signed off, in the order in which they were begun. One that fails keeps none back.

    Except without a connection: then nothing is tried after the first.
    """
    damaged: list[str] = []
    outcomes: list[Outcome] = []
    for job in jobs.all_jobs(folder, damaged):
        if job.state == jobs.SENT:
            job.sweep()
        if job.state not in jobs.TO_SEND:
            continue
        outcomes.append(_send(job))
        failure = outcomes[-1].failure
        if failure is not None and failure.code in {"offline", "setup"}:
            break
    return outcomes + [Outcome(None, None, FailedError("damaged", name)) for name in damaged]


def _send(job: JobFile) -> Outcome:
    try:
        return Outcome(job, deliver(job), None)
    except FailedError as error:
        if error.code not in {"offline", "busy", "clock", "setup"} and not job.applied and job.state != jobs.ASIDE:
            job.set(state=jobs.REFUSED, refused=error.code)
        return Outcome(job, None, error)
