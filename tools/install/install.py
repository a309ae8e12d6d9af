"""`onekey install`: put a terminal into a home, with the elder's own test press, photo, signature and the call to 120.

In: the id on the label, a home. Out: the terminal bound to the home, and the evidence in the registry. The home is
bound before the press, so that the desk sees whose it is. --offline keeps all in a file, --send applies what is kept.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cloud import clock
from cloud.field.models import INSTALL
from tools.install import ask, choose, jobs, notebook, options, run, visit
from tools.install.options import Bench, By, Json, Offline, On, Without
from tools.install.texts import FailedError

app = typer.Typer(add_completion=False, help="Put a terminal into a home.")


@app.command()
def install(
    device_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="As scanned; asked for if absent.")] = None,
    *,
    home: Annotated[str | None, typer.Option(metavar="UUID", help="The home, as the work order names it.")] = None,
    street: Annotated[str | None, typer.Option(help="Else choose from a masked list: street …")] = None,
    community: Annotated[str | None, typer.Option(help="… and community.")] = None,
    reveal: Annotated[str | None, typer.Option(metavar="REASON", help="Names in clear in that list; logged.")] = None,
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
    send: Annotated[bool, typer.Option("--send", help="Apply what was collected without network.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="The jobs that are kept here.")] = False,
    drop: Annotated[str | None, typer.Option(metavar="JOB", help="Give up a job that was not applied.")] = None,
    bench: Bench = None,
    as_json: Json = False,
) -> None:
    """Put a terminal into a home; run again to go on where it stopped."""
    try:
        folder = jobs.job_folder(notebook.bench_of(bench))
        if send or list_ or drop:
            _kept(folder, send=send, drop=drop, as_json=as_json)
            return
        who = options.actor(by)
        why = None if without_acceptance is None else options.reason(without_acceptance, "--without-acceptance")
        wish = choose.Wish(home, street, community, reveal, who)
        keys, scanned = notebook.load(bench), ask.device_id(device_id)
        job = jobs.begin(folder, keys, INSTALL, scanned, now=clock.now(), actor=who, on=options.day(on))
        _settle(job, wish, why, on, offline=offline)
        answers = ask.Answers(tuple(photo or ()), signature, call_120, agreed_with, called_at, note)
        visit.walk(job, answers, visit.How(wait, offline, as_json))
    except FailedError as error:
        visit.fail(error, as_json=as_json)


def _settle(job: jobs.JobFile, wish: choose.Wish, why: str | None, on: str | None, *, offline: bool) -> None:
    """The home and what else the job says, before the registry sees it."""
    if wish.home:
        chosen = str(choose.home_id(wish.home))
        visit.belongs(job, home_id=chosen)
        job.set_job(home_id=chosen)
    elif job.job.home_id is None:
        # Without network there is no list to choose from: the work order names the home.
        asked = choose.home_id(ask.line("住户编号（派工单上）")) if offline else choose.choose(wish)
        job.set_job(home_id=str(asked))
    if why is not None:
        job.set_words(without_acceptance=why)
    if on is not None:
        job.set_job(on=options.day(on))


def _kept(folder: Path, *, send: bool, drop: str | None, as_json: bool) -> None:
    if drop is not None:
        found = [each for each in jobs.all_jobs(folder, []) if each.job_id.startswith(drop)]
        if len(found) != 1:
            raise FailedError("no_such_job")
        if found[0].data.get("tried") and found[0].state not in jobs.OVER:
            raise FailedError("applied_already")
        found[0].drop()
        typer.echo(json.dumps({"dropped": found[0].job_id}) if as_json else "已放弃 / dropped")
        return
    if send:
        visit.send(folder, as_json=as_json)
        return
    damaged: list[str] = []
    rows = [
        {
            "job": each.job_id,
            "kind": each.job.kind,
            "device_id": each.job.device_id,
            "on": each.job.on.isoformat(),
            "state": each.state,
            "refused": each.data.get("refused"),
        }
        for each in jobs.all_jobs(folder, damaged)
    ]
    rows += [{"job": name, "state": "damaged"} for name in damaged]
    text = "\n".join("  ".join(str(value) for value in row.values() if value) for row in rows)
    typer.echo(json.dumps({"jobs": rows}, ensure_ascii=False) if as_json else text or "没有作业 / no jobs")
