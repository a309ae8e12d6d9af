"""`onekey swap`: another terminal for the same home; contacts, key bindings, pauses and open cases stay with the home.

In: the id of the old terminal and of the new. Out: the new one bound, the old in stock or retired; one day paid.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cloud import clock
from cloud.field.models import SWAP
from tools.install import ask, jobs, notebook, options, run, visit
from tools.install.options import Bench, By, Json, Offline, On, Without
from tools.install.texts import FailedError

app = typer.Typer(add_completion=False, help="Another terminal for the same home.")


@app.command()
def swap(
    old: Annotated[str | None, typer.Argument(metavar="[OLD]", help="The terminal that leaves.")] = None,
    new: Annotated[str | None, typer.Argument(metavar="[NEW]", help="The terminal that stays.")] = None,
    *,
    reason: Annotated[str, typer.Option(help="Why it is swapped.")] = "fault",
    retire: Annotated[bool, typer.Option("--retire", help="The old one never works again; else to stock.")] = False,
    photo: Annotated[list[Path] | None, typer.Option(help="Where it hangs; JPEG or PNG. May be repeated.")] = None,
    signature: Annotated[Path | None, typer.Option(help="The elder's signature; JPEG or PNG.")] = None,
    call_120: Annotated[
        str | None, typer.Option("--call-120", metavar="RESULT", help="connected|busy|no_answer|failed|not_made")
    ] = None,
    agreed_with: Annotated[str | None, typer.Option(help="Who at 120 agreed to the call.")] = None,
    called_at: Annotated[str | None, typer.Option(metavar="HH:MM", help="When it was made.")] = None,
    note: Annotated[str | None, typer.Option(help="About the call; needed if it was not made.")] = None,
    without_acceptance: Without = None,
    on: On = None,
    wait: Annotated[float, typer.Option(min=0, max=3600, help="Seconds to wait for the press.")] = run.WAIT_S,
    by: By = None,
    offline: Offline = False,
    bench: Bench = None,
    as_json: Json = False,
) -> None:
    """Swap a terminal; run again to go on where it stopped; `onekey install --send` sends what was done offline."""
    try:
        keys = notebook.load(bench)
        folder = jobs.job_folder(notebook.bench_of(bench))
        leaving = ask.device_id(old, "请扫描或输入旧终端编号")
        coming = ask.device_id(new, "请扫描或输入新终端编号")
        job = jobs.begin(folder, keys, SWAP, coming, now=clock.now(), actor=options.actor(by), on=options.day(on))
        visit.belongs(job, old_device_id=leaving)
        job.set_job(old_device_id=leaving, retire_old=retire or job.job.retire_old)
        job.set_words(reason=options.reason(reason, "--reason"))
        if without_acceptance is not None:
            job.set_words(without_acceptance=options.reason(without_acceptance, "--without-acceptance"))
        answers = ask.Answers(tuple(photo or ()), signature, call_120, agreed_with, called_at, note)
        visit.walk(job, answers, visit.How(wait, offline, as_json))
    except FailedError as error:
        visit.fail(error, as_json=as_json)
