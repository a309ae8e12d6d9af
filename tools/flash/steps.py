"""The steps that make a terminal of a board, in their order; each is done once, and told from the journal.

In: a job (port, image, bundle, how far). Out: what is known of the board. A step that was cut is done again whole, one
that is done is not touched; what a step makes untrue is struck out before it begins. The program is started last: its
watchdog cannot be stopped, and what comes before may take long.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import firmware
from tools.board import esp
from tools.board.console import Console
from tools.board.journal import Journal
from tools.board.texts import BenchError
from tools.flash import identity, program
from tools.provision import unlock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tools.board.bench import Bench
    from tools.board.bundle import Bundle
    from tools.board.images import Image

IDENTIFY, WRITE, VERIFY, INSTALL = "identify", "write", "verify", "install"
PROVISION, TEST, START = "provision", "test", "start"
STEPS = (IDENTIFY, WRITE, VERIFY, INSTALL, PROVISION, TEST, START)
ERASE = "erase"  # only when asked for; cut, it is done again
WITH_A_PERSON = (TEST, START)  # one board after the other; the rest runs on several at once
TITLES = {
    IDENTIFY: ("识别", "identify"),
    ERASE: ("擦除", "erase"),
    WRITE: ("写入", "write"),
    VERIFY: ("回读校验", "verify"),
    INSTALL: ("安装程序", "install"),
    PROVISION: ("登记身份", "provision"),
    TEST: ("验收", "test"),
    START: ("启动", "start"),
}
# Rooms with `run(console, bench, facts) -> facts`, perhaps `ready(bench)`, each built on its own.
ROOMS = {PROVISION: "tools.flash.identity", TEST: "tools.accept"}
MADE_NOW, MADE_BEFORE = "done", "before"


@dataclass(frozen=True)
class Load:
    """What a board gets: an image, its bytes on this bench, and the program if the image does not hold it."""

    image: Image
    path: Path
    bundle: Bundle | None


@dataclass
class Job:
    """One board's way. `tell(step, part)`: how much of a step is done, 0 to 1."""

    port: str
    bench: Bench
    load: Load | None  # None: identify only
    until: str = STEPS[-1]
    erase: bool = False
    erase_identity: bool = False  # also the credential of a terminal
    tell: Callable[[str, float], None] = lambda _step, _part: None
    board: esp.Board | None = None
    made: dict[str, str] = field(default_factory=dict)  # step: now or before
    known: dict[str, Any] = field(default_factory=dict)  # facts for provisioning and test
    journal: Journal | None = None
    resumed: bool = False  # whether the step at work was begun by a run that was cut
    error: BenchError | None = None

    def wanted(self) -> tuple[str, ...]:
        """Steps of this run."""
        return STEPS[: STEPS.index(self.until) + 1]


def run(job: Job, steps: tuple[str, ...] = STEPS) -> None:
    """Do what is wanted of these steps and not done yet. Raises BenchError, which is also in the log."""
    try:
        for step in job.wanted():
            if step == IDENTIFY and job.board is None:
                _identify(job)
            elif step in steps and step != IDENTIFY:
                _one(job, step)
    except BenchError as error:
        if job.journal is not None:
            job.journal.log(error.line)
        raise


def _identify(job: Job) -> None:
    job.tell(IDENTIFY, 0.0)
    said: list[str] = []
    board = esp.identify(job.port, said.append)
    esp.check(board)
    if job.load is not None and job.load.image.flash_mb > board.flash_mb:
        raise BenchError("small_flash", found=board.flash_mb, needed=job.load.image.flash_mb)
    job.board = board
    job.made[IDENTIFY] = MADE_NOW
    job.known = {"mac": board.mac, "chip": board.chip, "flash_mb": board.flash_mb, "firmware": firmware.VERSION}
    if job.load is None:
        return
    journal = job.journal = Journal(job.bench, board.mac)
    journal.log("\n".join(said))
    job.known["image"] = {name: getattr(job.load.image, name) for name in ("name", "sha256", "kind")}
    for step in ROOMS:
        job.known.update(journal.facts(step) or {})
    if job.erase or journal.open(ERASE):
        if not job.erase_identity and not journal.open(ERASE):
            _keep_identity(job, journal)
        _begin(journal, ERASE, *STEPS[1:])
        job.tell(ERASE, 0.0)
        esp.erase(job.port, journal.log)
        journal.done(ERASE, {})
    job.tell(IDENTIFY, 1.0)


def _keep_identity(job: Job, journal: Journal) -> None:
    """Raises BenchError for a board that is a terminal: as this bench knows, or as its own storage says."""
    device = job.known.get("device") or identity.of(job.bench, journal.mac)
    if journal.facts(PROVISION) is not None or esp.holds_identity(job.port, journal.log):
        raise BenchError("has_identity", device=device or "?")


def _begin(journal: Journal, step: str, *untrue: str) -> None:
    """First what will not hold any more, then the step: cut between the two, it is still to be done."""
    journal.begin(step)
    journal.undo(*untrue)


def _one(job: Job, step: str) -> None:
    journal, load = job.journal, job.load
    if journal is None or load is None:
        return
    job.tell(step, 0.0)
    done = journal.facts(step)
    want = _wants(load, step)
    if done is not None and want.items() <= done.items():
        job.made[step] = MADE_BEFORE
    else:
        job.resumed = journal.open(step)
        _begin(journal, step, *MAKES_UNTRUE.get(step, ()))
        facts = WORK[step](job, load, journal)
        journal.done(step, {**want, **facts})
        job.made[step] = MADE_NOW
        if step in ROOMS:
            job.known.update(facts)
    job.tell(step, 1.0)


def _wants(load: Load, step: str) -> dict[str, Any]:
    """What a finished step's facts must say, or it is another one."""
    if step in (WRITE, VERIFY):
        return {"image": load.image.sha256}
    if step == INSTALL:
        return {"image": load.image.sha256, "bundle": load.bundle.sha256 if load.bundle is not None else None}
    return {}


def _write(job: Job, load: Load, journal: Journal) -> dict[str, Any]:
    esp.write(job.port, load.path, lambda part: job.tell(WRITE, part), journal.log)
    return {"name": load.image.name, "kind": load.image.kind}


def _verify(job: Job, load: Load, journal: Journal) -> dict[str, Any]:
    try:
        esp.verify(job.port, load.path, journal.log)
    except BenchError as error:
        if error.name == "not_verified":
            journal.undo(WRITE)  # the next run writes again
        raise
    return {}


def _install(job: Job, load: Load, journal: Journal) -> dict[str, Any]:
    bundle = load.bundle
    if bundle is None:
        return {"files": 0}  # the program is in the image
    with Console(job.port) as console:
        program.same_board(console, job.known["mac"])
        program.install(console, bundle, lambda part: job.tell(INSTALL, part), journal.log)
    return {"files": len(bundle.files) - 1, "firmware": firmware.VERSION}


def _provision(job: Job, load: Load, _: Journal) -> dict[str, Any]:
    return _room(job, load, PROVISION)


def _test(job: Job, load: Load, _: Journal) -> dict[str, Any]:
    return _room(job, load, TEST)


def _start(job: Job, load: Load, journal: Journal) -> dict[str, Any]:
    """A board that was locked and started by a run that was cut is deaf: if it says so itself, all is as wanted."""
    try:
        with Console(job.port) as console:
            program.same_board(console, job.known["mac"])
            if load.bundle is not None:
                program.enable(console, load.bundle)
            importlib.import_module(ROOMS[PROVISION]).lock(console, job.bench, dict(job.known))
    except BenchError as error:
        if error.name != "silent" or not job.resumed or not unlock.is_locked(job.port):
            raise
        journal.log("the console is locked: started before")
    return {}


def missing_room(until: str) -> BenchError | None:
    """What this installation cannot do of the steps up to there."""
    for step, name in ROOMS.items():
        if STEPS.index(step) <= STEPS.index(until) and _work(name) is None:
            return BenchError("no_room", room=name, step=STEPS[STEPS.index(step) - 1])
    return None


def ready(bench: Bench, until: str) -> None:
    """What a later step would miss is told before the board is touched. Raises BenchError."""
    for step, name in ROOMS.items():
        if STEPS.index(step) <= STEPS.index(until):
            getattr(importlib.import_module(name), "ready", _nothing)(bench)


def _nothing(_bench: Bench) -> None:
    """A room that needs nothing."""


def _work(name: str) -> Callable[[Console, Bench, dict[str, Any]], dict[str, Any]] | None:
    try:
        return getattr(importlib.import_module(name), "run", None)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return None


def _room(job: Job, load: Load, step: str) -> dict[str, Any]:
    work = _work(ROOMS[step])
    if work is None:
        raise BenchError("no_room", room=ROOMS[step], step=STEPS[STEPS.index(step) - 1])
    with Console(job.port) as console:
        program.same_board(console, job.known["mac"])
        if load.bundle is not None:
            program.quiet(console)
        return work(console, job.bench, dict(job.known))


WORK = {
    WRITE: _write,
    VERIFY: _verify,
    INSTALL: _install,
    PROVISION: _provision,
    TEST: _test,
    START: _start,
}
# What does not hold any more as soon as a step begins.
MAKES_UNTRUE = {
    WRITE: (VERIFY, INSTALL, TEST, START),
    INSTALL: (TEST, START),
    PROVISION: (TEST, START),
    TEST: (START,),
}
