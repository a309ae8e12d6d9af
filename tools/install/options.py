"""Options that the four commands share: who, when, where the jobs are kept, and how answers come out."""

from __future__ import annotations

import getpass
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from cloud import clock
from cloud.days import shanghai_day
from tools.install.texts import FailedError

ACTOR_CHARS_MAX = 40

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Bench = Annotated[Path | None, typer.Option(help="The bench folder; else OKC_BENCH, else ~/.onekey-bench.")]
By = Annotated[str | None, typer.Option(help="Who does the job; else the name of this login.")]
On = Annotated[str | None, typer.Option(metavar="YYYY-MM-DD", help="The day of the visit, if it is not today.")]
Offline = Annotated[bool, typer.Option("--offline", help="Without network: collect all, send later.")]
Without = Annotated[
    str | None, typer.Option(metavar="REASON", help="Put in a terminal without a passed acceptance; recorded.")
]


def actor(given: str | None) -> str:
    """Who is at work, as it is recorded."""
    name = (given or getpass.getuser()).strip()
    if not 0 < len(name) <= ACTOR_CHARS_MAX:
        raise FailedError("bad_answer", "--by")
    return name


def day(given: str | None) -> str:
    """The day of the visit, as a job holds it."""
    try:
        return (date.fromisoformat(given) if given else shanghai_day(clock.now())).isoformat()
    except ValueError:
        raise FailedError("bad_answer", "--on") from None


def reason(given: str, option: str) -> str:
    """A reason that says something."""
    if not 4 <= len(given.strip().encode()) <= 400:
        raise FailedError("bad_answer", option)
    return given.strip()
