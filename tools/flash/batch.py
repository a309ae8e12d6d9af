"""Several boards at once: a thread and a bar each; one that fails does not stop the others.

In: jobs. Out: the same jobs with what became of them. Steps that need a person are done one board after the other.
"""

from __future__ import annotations

import threading
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console as Screen
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tools.board.texts import BenchError
from tools.flash import steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.flash.steps import Job

LOOK_S = 0.2  # between two looks at the threads: Ctrl-C is heard so soon


def screen() -> Screen:
    """Standard error: standard output is for the result."""
    return Screen(stderr=True)


@contextmanager
def bars(jobs: list[Job]) -> Iterator[None]:
    """One bar for each job, while it runs."""
    columns = (TextColumn("{task.fields[port]}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"))
    shown = screen()
    with Progress(
        *columns, TimeElapsedColumn(), console=shown, transient=True, disable=not shown.is_terminal
    ) as progress:
        for job in jobs:
            _bar(progress, job)
        yield


def _bar(progress: Progress, job: Job) -> None:
    wanted = job.wanted()
    task = progress.add_task("", port=job.port, total=len(wanted))

    def tell(step: str, part: float) -> None:
        done = wanted.index(step) + part if step in wanted else 0
        progress.update(task, completed=done, description=" / ".join(steps.TITLES[step]))

    job.tell = tell


def run(jobs: list[Job]) -> None:
    """Each to its end or its failure. Ctrl-C ends all: the threads' own programs die with them."""
    alone = tuple(step for step in steps.STEPS if step not in steps.WITH_A_PERSON)
    threads = [threading.Thread(target=attempt, args=(job, alone), daemon=True) for job in jobs]
    with bars(jobs):
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(LOOK_S)
    for job in jobs:
        if job.error is None and set(job.wanted()) & set(steps.WITH_A_PERSON):
            job.tell = lambda _step, _part: None  # a person answers questions: no bar in between
            attempt(job, steps.WITH_A_PERSON)


def attempt(job: Job, which: tuple[str, ...] = steps.STEPS) -> None:
    """As `steps.run`; what failed is kept in the job. A job without an error is one that did all it was told to."""
    try:
        steps.run(job, which)
    except BenchError as error:
        job.error = error
    except Exception as error:  # noqa: BLE001 - a thread that just ended would pass for one that had done its work
        job.error = BenchError("unforeseen", what=type(error).__name__)
        if job.journal is not None:
            job.journal.log("\n".join([job.error.line, *_where(error)]))


def _where(error: Exception) -> list[str]:
    """Files and lines on the way to it. Not its own words: they may hold what no log may."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{type(error).__name__}: {frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def table(jobs: list[Job]) -> Table:
    """One row for each board."""
    out = Table("端口 port", "MAC", "设备 device", "结果 result")
    for job in jobs:
        mac = job.board.mac if job.board is not None else "-"
        out.add_row(job.port, mac, str(job.known.get("device", "-")), job.error.line if job.error else "完成 / done")
    return out
