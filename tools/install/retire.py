"""`onekey retire`: a terminal that never works again: its credential is revoked, its history stays.

In: the id of a terminal that is in no home. Out: a visit. One that still hangs in a home is refused: its key would call
nobody.
"""

from __future__ import annotations

from typing import Annotated

import typer

from cloud import clock
from cloud.field.models import RETIRE
from tools.install import ask, jobs, notebook, options, visit
from tools.install.options import Bench, By, Json, Offline, On
from tools.install.remove import finish
from tools.install.texts import FailedError

app = typer.Typer(add_completion=False, help="End a terminal for good.")


@app.command()
def retire(
    device_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="As scanned; asked for if absent.")] = None,
    *,
    reason: Annotated[str | None, typer.Option(help="Why; asked for if absent.")] = None,
    on: On = None,
    by: By = None,
    offline: Offline = False,
    bench: Bench = None,
    as_json: Json = False,
) -> None:
    """End a terminal for good; give the broker the new list afterwards (`onekey device credentials`)."""
    try:
        keys = notebook.load(bench)
        folder = jobs.job_folder(notebook.bench_of(bench))
        device = ask.device_id(device_id)
        why = options.reason(reason or ask.line("报废原因"), "--reason")
        job = jobs.begin(folder, keys, RETIRE, device, now=clock.now(), actor=options.actor(by), on=options.day(on))
        job.set_words(reason=why)
        finish(job, offline=offline, as_json=as_json)
    except FailedError as error:
        visit.fail(error, as_json=as_json)
