"""The command: options into jobs, jobs into lines, one JSON object and an exit code.

In: options. Out: a terminal, or one line that says what to do next. What is wrong with options, image or bench is told
before any port is opened.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tools.board import bench as benches
from tools.board import bundle as bundles
from tools.board import images, ports, texts
from tools.board.texts import BenchError, usage
from tools.flash import batch, steps

if TYPE_CHECKING:
    from tools.board.bench import Bench
    from tools.board.images import Image

app = typer.Typer(add_completion=False)

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


@app.command()
def flash(  # noqa: PLR0917 - options of a command
    port: Annotated[
        list[str] | None, typer.Option(help="Serial port or pyserial URL; found if there is just one.")
    ] = None,
    image: Annotated[str, typer.Option(help="A registered image's name, or a file together with --sha256.")] = "",
    sha256: Annotated[str, typer.Option(help="The SHA-256 of the file as its publisher states it.")] = "",
    until: Annotated[str, typer.Option(help="The last step: " + ", ".join(steps.STEPS) + ".")] = steps.STEPS[-1],
    several: Annotated[bool, typer.Option("--batch", help="All ports at once, or all that --port names.")] = False,
    erase: Annotated[bool, typer.Option("--erase", help="Erase all first: files, settings.")] = False,
    erase_identity: Annotated[
        bool,
        typer.Option("--erase-identity", help="With --erase: also a terminal's credential, which nobody else has."),
    ] = False,
    bench: Annotated[
        Path | None, typer.Option(help="The bench's folder; else OKC_BENCH, else ~/.onekey-bench.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Make a terminal of the board on a port: identify, write, verify, install, provision, test, start.

    Run again after a failure or a cut: it goes on where it was. With --until identify nothing is changed.
    """
    try:
        if erase_identity and not erase:
            raise usage("--erase-identity 要和 --erase 一起用", "--erase-identity goes with --erase")
        jobs = _jobs(port or [], image, sha256, until, several=several, erase=erase, bench=bench)
        for job in jobs:
            job.erase_identity = erase_identity
    except BenchError as error:
        _tell_failure(error, as_json=as_json)
        raise typer.Exit(error.code) from None
    try:
        if several:
            batch.run(jobs)
        else:
            _alone(jobs[0])
    except KeyboardInterrupt:
        print("已中断，再次运行会从断点继续 / interrupted; run it again to go on", file=sys.stderr)
        raise typer.Exit(texts.INTERRUPTED) from None
    _tell(jobs, several=several, as_json=as_json)


def _jobs(
    given: list[str], name: str, sha256: str, until: str, *, several: bool, erase: bool, bench: Path | None
) -> list[steps.Job]:
    if until not in steps.STEPS:
        raise usage(f"--until 只能是 {'、'.join(steps.STEPS)}", f"--until is one of {', '.join(steps.STEPS)}")
    if missing := steps.missing_room(until):
        raise missing
    place = benches.find(bench)
    steps.ready(place, until)
    only_look = until == steps.IDENTIFY
    if only_look and erase:
        raise usage("识别时不能擦除", "--erase does not go with --until identify")
    one = None if only_look else _image(place, name, sha256)
    load = None
    if one is not None:
        load = steps.Load(one, images.file(place, one), bundles.build() if one.kind == "trial" else None)
    return [steps.Job(port, place, load, until, erase) for port in ports.choose(given, several=several)]


def _image(bench: Bench, name: str, sha256: str) -> Image:
    if sha256 and not _SHA256.fullmatch(sha256.strip()):
        raise usage("--sha256 应为 64 位十六进制数", "--sha256 is 64 hexadecimal digits")
    if sha256 and name:
        return images.add(bench, Path(name), sha256)
    if name and Path(name).is_file():
        raise usage(
            "写入文件必须给出 --sha256，或先运行 onekey image add", "a file needs --sha256, or onekey image add first"
        )
    return images.find(bench, name or sha256)


def _alone(job: steps.Job) -> None:
    before = tuple(step for step in steps.STEPS if step not in steps.WITH_A_PERSON)
    with batch.bars([job]):
        batch.attempt(job, before)
    if job.error is None:
        job.tell = lambda _step, _part: None
        batch.attempt(job, steps.WITH_A_PERSON)


def _told(job: steps.Job) -> dict[str, Any]:
    """A job as JSON has it."""
    board = asdict(job.board) if job.board is not None else {}
    error = job.error
    failed = None if error is None else {"name": error.name, "exit": error.code, "english": error.english}
    return {
        "port": job.port,
        **board,
        "written": steps.WRITE in job.made,
        "sha256": job.load.image.sha256 if job.load is not None else None,
        "steps": job.made,
        "device": job.known.get("device"),
        "label": job.known.get("label") if steps.TEST in job.made else None,
        "failed": failed,
    }


def _tell_failure(error: BenchError, *, as_json: bool) -> None:
    print(error.line, file=sys.stderr)
    if as_json:
        print(json.dumps({"failed": {"name": error.name, "exit": error.code, "english": error.english}}))


def _tell(jobs: list[steps.Job], *, several: bool, as_json: bool) -> None:
    failed = [(job, job.error) for job in jobs if job.error is not None]
    if as_json:
        told = {"boards": [_told(job) for job in jobs], "failed": len(failed)} if several else _told(jobs[0])
        print(json.dumps(told, ensure_ascii=False))
    for job, error in failed:
        print((f"{job.port}: " if several else "") + error.line, file=sys.stderr)
    if several:
        if not as_json:
            batch.screen().print(batch.table(jobs))
        raise typer.Exit(texts.SOME_FAILED if failed else 0)
    for _, error in failed:
        raise typer.Exit(error.code)
    if not as_json:
        _line(jobs[0])


def _line(job: steps.Job) -> None:
    if job.board is None:
        return
    print(f"{job.port}: {job.board.chip}  MAC {job.board.mac}  {job.board.flash_mb} MB")
    for step, when in job.made.items():
        chinese, english = steps.TITLES[step]
        word = "完成 / done" if when == steps.MADE_NOW else "之前已完成 / done before"
        print(f"  {chinese} {english}: {word}")
    if steps.PROVISION in job.made:
        print(f"终端编号 / device: {job.known.get('device')}")
    if steps.TEST in job.made:
        print(f"标签，请打印并贴上 / label, print it: {' '.join(job.known.get('label', ()))}")
