"""`onekey remove`: take a terminal out of a home, to stock or for good. The household and its cases stay as they are.

In: a terminal's id and why it leaves. Out: a visit; from that day on the home has no terminal and no day is counted.
"""

from __future__ import annotations

from typing import Annotated

import typer

from cloud import clock
from cloud.field.models import REMOVE, REMOVE_REASONS
from tools.install import ask, jobs, notebook, options, run, visit
from tools.install.options import Bench, By, Json, Offline, On
from tools.install.texts import REASONS, FailedError

app = typer.Typer(add_completion=False, help="Take a terminal out of a home.")


@app.command()
def remove(
    device_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="As scanned; asked for if absent.")] = None,
    *,
    reason: Annotated[str | None, typer.Option(help="|".join(REMOVE_REASONS))] = None,
    retire: Annotated[bool, typer.Option("--retire", help="It never works again; else it goes to stock.")] = False,
    on: On = None,
    by: By = None,
    offline: Offline = False,
    bench: Bench = None,
    as_json: Json = False,
) -> None:
    """Take a terminal out of a home; `onekey install --send` sends what was done offline."""
    try:
        keys = notebook.load(bench)
        folder = jobs.job_folder(notebook.bench_of(bench))
        device = ask.device_id(device_id)
        why = _checked(reason or _asked())
        job = jobs.begin(folder, keys, REMOVE, device, now=clock.now(), actor=options.actor(by), on=options.day(on))
        job.set_job(retire_old=retire)
        job.set_words(reason=why)
        finish(job, offline=offline, as_json=as_json)
    except FailedError as error:
        visit.fail(error, as_json=as_json)


def finish(job: jobs.JobFile, *, offline: bool, as_json: bool) -> None:
    """Apply a job that needs no evidence, or keep it for later."""
    if offline:
        if not job.data.get("tried"):
            job.set_job(offline=True)
        job.sign_off(clock.now())
        visit.say_kept(job, as_json=as_json)
        return
    visit.say_applied(run.deliver(job), as_json=as_json)


def _checked(reason: str) -> str:
    if reason not in REMOVE_REASONS:
        raise FailedError("bad_answer", "--reason")
    return reason


def _asked() -> str:
    for place, name in enumerate(REMOVE_REASONS, start=1):
        typer.echo(f"  {place}  {REASONS[name]}", err=True)
    return REMOVE_REASONS[ask.number("拆除原因序号", len(REMOVE_REASONS)) - 1]
