"""The walk that `onekey install` and `onekey swap` share: apply, the elder's press, pictures, the call; or all offline.

In: a job file and the answers given as options. Out: a finished visit, or a signed-off job file for later.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from cloud import clock
from cloud.days import shanghai_day
from tools.install import ask, jobs, run, texts
from tools.install.texts import FailedError

if TYPE_CHECKING:
    from cloud.field.models import Applied
    from tools.install.ask import Answers
    from tools.install.jobs import JobFile

PRESS_NOW = "请老人自己按一下红色键，直到听到回铃；值班电话里请说明“安装测试”。"


@dataclass(frozen=True)
class How:
    """How the walk is done."""

    wait_s: float
    offline: bool
    as_json: bool


def walk(job: JobFile, answers: Answers, how: How) -> None:
    """Take a job from where it stands to its end; prints one line or one JSON object."""
    begun, today = shanghai_day(job.job.begun_at), shanghai_day(clock.now())
    if begun != today:
        typer.echo(f"接着 {begun} 开始的作业，记为 {job.job.on} 上门；若是今天，请加 --on {today}", err=True)
    if how.offline:
        _offline(job, answers, how)
        return
    applied = run.deliver(job)
    if "press" in applied.missing:
        typer.echo(PRESS_NOW, err=True)
        if not run.wait_for_press(job, how.wait_s, quiet=how.as_json):
            raise FailedError("no_press", job.job.device_id)
    if set(applied.missing) - {"press"}:
        ask.evidence(job, answers, clock.now())
    say_applied(run.deliver(job), as_json=how.as_json)


def belongs(job: JobFile, **values: str) -> None:
    """Raise FailedError where a job that was begun before holds the evidence of another home or terminal.

    One family's signature must not stand for another's.
    """
    if job.collected and any(job.content["job"][name] not in {None, value} for name, value in values.items()):
        raise FailedError("other_visit", job.job.device_id)


def _offline(job: JobFile, answers: Answers, how: How) -> None:
    if not job.data.get("tried"):  # else the network went away in between, and the job goes on as it was begun
        job.set_job(offline=True)
    if not job.data.get("pressed"):
        typer.echo(PRESS_NOW, err=True)
        # Only the database's own record of the press counts; this keeps the technician from forgetting it.
        if ask.line("老人按过红色键了吗 (y/n)").lower() not in {"y", "yes", "是"}:
            raise FailedError("no_press", job.job.device_id)
        job.set(pressed=clock.now().isoformat())
    ask.evidence(job, answers, clock.now())
    job.sign_off(clock.now())
    say_kept(job, as_json=how.as_json)


def say_kept(job: JobFile, *, as_json: bool) -> None:
    """The job is signed off and waits for a network."""
    data = {"job": job.job_id, "device_id": job.job.device_id, "state": job.state, "file": f"{job.job_id}.json"}
    text = f"已保存：有网络时运行 onekey install --send / kept: run onekey install --send\n{job.folder / data['file']}"
    typer.echo(json.dumps(data, ensure_ascii=False) if as_json else text)


def say_applied(applied: Applied, *, as_json: bool) -> None:
    """What a job did."""
    if as_json:
        typer.echo(json.dumps(summary(applied), ensure_ascii=False))
        return
    visit = applied.visit
    words = {"install": "安装", "swap": "更换", "remove": "拆除", "retire": "报废"}[visit.kind]
    typer.echo(f"完成：{words} {visit.device_id} / done: {visit.kind} {visit.device_id}")
    for line in _notes(applied):
        typer.echo(line)


def summary(applied: Applied) -> dict[str, Any]:
    """As `--json` prints it."""
    visit = applied.visit
    return {
        "job": str(visit.visit_id),
        "kind": visit.kind,
        "device_id": visit.device_id,
        "old_device_id": visit.old_device_id,
        "home": str(visit.home_id) if visit.home_id else None,
        "on": visit.on_day.isoformat(),
        "press_at": visit.press_at.isoformat() if visit.press_at else None,
        "finished": visit.finished_at is not None,
        "missing": list(applied.missing),
        "open_cases": applied.open_cases,
        "settled_days": len(applied.frozen),
    }


def _notes(applied: Applied) -> list[str]:
    notes = []
    if applied.missing:
        names = "、".join(texts.MISSING[name] for name in applied.missing)
        notes.append(f"还缺：{names} / still missing: {', '.join(applied.missing)}")
    if applied.open_cases:
        notes.append(f"该户有 {applied.open_cases} 个未结呼叫，仍由坐席处理 / open cases stay with the desk")
    if applied.frozen:
        notes.append(f"{len(applied.frozen)} 天已结算，请通知财务调整 / settled days: tell finance")
    return notes


def fail(error: FailedError, *, as_json: bool) -> NoReturn:
    """One line, and the exit code of its own; with --json also one object on standard output."""
    typer.echo(error.line(), err=True)
    if as_json:
        typer.echo(json.dumps({"failed": error.code, "about": error.about}, ensure_ascii=False))
    raise typer.Exit(error.exit_code)


def send(folder: Any, *, as_json: bool) -> None:
    """Apply all that is signed off and say what became of each."""
    outcomes = run.send_all(folder)
    lines = []
    for each in outcomes:
        if each.applied is not None:
            state = "完成 / done" if not each.applied.missing else "已写入，" + _notes(each.applied)[0]
        else:
            state = each.failure.line() if each.failure else ""
        lines.append(f"{each.job.job.device_id}  {each.job.job.kind}  {state}" if each.job else state)
    failures = [each.failure for each in outcomes if each.failure is not None]
    if as_json:
        rows = [_sent(each) for each in outcomes]
        left = sum(each.state in jobs.TO_SEND for each in jobs.all_jobs(folder, []))
        typer.echo(json.dumps({"jobs": rows, "left": left}, ensure_ascii=False))
    else:
        typer.echo("\n".join(lines) or "没有待发送的作业 / nothing to send")
    if failures:
        raise typer.Exit(failures[0].exit_code)


def _sent(outcome: run.Outcome) -> dict[str, Any]:
    """One job of `send` as `--json` prints it."""
    if outcome.applied is not None:
        return summary(outcome.applied)
    named = {"job": outcome.job.job_id, "device_id": outcome.job.job.device_id} if outcome.job else {}
    return {**named, "failed": outcome.code}
