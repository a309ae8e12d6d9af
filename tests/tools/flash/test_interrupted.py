"""A bench that stops anywhere comes to the same end when it is run again, and does nothing twice that was finished."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.tools.flash.conftest import SMALL, Desk
from tests.tools.flash.test_flash import begun, holds
from tools.board import bench as benches
from tools.chip import Chip
from tools.embedded import children
from tools.flash import steps

LINES = [(step, state) for step in steps.STEPS[1:] for state in ("begun", "done")]
PARTS = 2  # of an image: before and behind the key-value storage


class PowerCutError(BaseException):
    """Nothing of ours runs after it."""


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, float], None]:
    """Cut the power when this line of the journal has been written up to that part of it; once."""
    real = benches.append
    waiting: list[tuple[str, str, float]] = []

    def append(path: Path, data: bytes) -> None:
        for step, state, part in waiting:
            if path.suffix == ".jsonl" and f'"{step}", "state": "{state}"'.encode() in data:
                waiting.clear()
                real(path, data[: int(len(data) * part)])
                raise PowerCutError
        real(path, data)

    monkeypatch.setattr(benches, "append", append)
    return lambda step, state, part: waiting.append((step, state, part))


def same_end(chip: Chip, desk: Desk, rooms: dict[str, list[str]]) -> None:
    """As if nothing had happened."""
    done = desk.flash("--port", chip.port)
    assert done.exit_code == 0, done.output
    assert holds(chip, desk)
    assert all((chip.files / name).read_bytes() == data for name, data in SMALL.files.items())
    assert chip.nvs("device") == b"t-00001"
    assert set(rooms["test"]) == {"t-00001"}
    assert chip.wait(lambda: b"the program runs" in chip.console)


def go(chip: Chip, desk: Desk) -> None:
    with pytest.raises(PowerCutError):
        print(desk.flash("--port", chip.port).output)


def test_cut_after_every_step_no_step_is_done_twice(
    chip: Chip, desk: Desk, rooms: dict[str, list[str]], cut: Callable[[str, str, float], None]
) -> None:
    """One run for each step: the loader wrote once and read back twice, once by itself and once asked."""
    for step in steps.STEPS[1:]:
        cut(step, "done", 1.0)
        go(chip, desk)
    assert chip.wait(lambda: b"the program runs" in chip.console)
    same_end(chip, desk, rooms)
    assert (begun(chip, "write"), begun(chip, "read back")) == (1, 2 * PARTS)
    assert (rooms["provision"], rooms["test"]) == ([chip.mac], ["t-00001"])


@pytest.mark.parametrize("part", [0.0, 0.5, 0.9])
def test_cut_within_every_step_only_that_step_is_done_again(
    chip: Chip, desk: Desk, rooms: dict[str, list[str]], cut: Callable[[str, str, float], None], part: float
) -> None:
    """The work was done, its line was not written, or half of it: the same identity, the same end."""
    for step in steps.STEPS[1:]:
        cut(step, "done", part)
        go(chip, desk)
    same_end(chip, desk, rooms)
    assert (begun(chip, "write"), begun(chip, "read back")) == (2, 4 * PARTS)
    assert rooms == {"provision": [chip.mac] * 2, "test": ["t-00001"] * 2}


def test_cut_as_every_step_begins(
    chip: Chip, desk: Desk, rooms: dict[str, list[str]], cut: Callable[[str, str, float], None]
) -> None:
    """Nothing of the step was done."""
    for step in steps.STEPS[1:]:
        cut(step, "begun", 1.0)
        go(chip, desk)
    same_end(chip, desk, rooms)
    assert begun(chip, "write") == 1
    assert rooms == {"provision": [chip.mac], "test": ["t-00001"]}


def test_an_erase_that_was_cut_is_finished(
    chip: Chip, desk: Desk, rooms: dict[str, list[str]], cut: Callable[[str, str, float], None]
) -> None:
    """Also by a run that was not asked to erase: nobody knows what is left of the flash."""
    desk.flash("--port", chip.port)
    cut("erase", "begun", 1.0)
    with pytest.raises(PowerCutError):
        print(desk.flash("--port", chip.port, "--erase", "--erase-identity").output)
    same_end(chip, desk, rooms)
    assert begun(chip, "erase") == 1
    assert rooms["provision"] == [chip.mac] * 2


def test_the_bench_is_killed_while_the_loader_writes(chip: Chip, desk: Desk, rooms: dict[str, list[str]]) -> None:
    """Kill -9: nothing of ours goes on writing, and the port is free for the run that repairs it."""
    command = [sys.executable, "-m", "tools", "flash", "--bench", str(desk.bench.folder), "--port", chip.port]
    process = children.start([*command, "--until", "verify"])
    assert _until(lambda: begun(chip, "write") == 1)
    process.send_signal(signal.SIGKILL)
    children.stop(process)
    assert _until(lambda: not _busy(chip.port))
    same_end(chip, desk, rooms)
    assert begun(chip, "write") == 2


def test_the_cable_is_pulled_while_files_are_put(
    chip: Chip, desk: Desk, rooms: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After any number of files: one clear line, and the next run sends only what is missing."""
    from tools.board.console import Console

    real = Console.put
    put: list[str] = []

    def once(console: Console, path: str, data: bytes) -> None:
        if len(put) == 1:
            chip.unplug()
        real(console, path, data)
        put.append(path)

    monkeypatch.setattr(Console, "put", once)
    done = desk.flash("--port", chip.port)
    assert (done.exit_code, done.stderr.count("\n")) == (22, 1)
    assert "断开" in done.stderr
    chip.plug()
    put.append("")
    same_end(chip, desk, rooms)
    assert len([path for path in put if path]) == len(SMALL.files)


def test_the_cable_is_pulled_while_the_loader_writes(
    chip: Chip, desk: Desk, rooms: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run writes all of it."""
    from tools.board import esp

    real = esp.run

    def run(port: str, words: list[str], *rest: Any, **named: Any) -> tuple[int, str]:
        if words[0] != "write-flash" or begun(chip, "write"):
            return real(port, words, *rest, **named)
        watch = threading.Thread(target=pull)
        watch.start()
        try:
            return real(port, words, *rest, **named)
        finally:
            watch.join()

    def pull() -> None:
        if _until(lambda: begun(chip, "write") == 1):
            chip.unplug()

    monkeypatch.setattr(esp, "run", run)
    done = desk.flash("--port", chip.port)
    assert (done.exit_code, done.stderr.count("\n")) == (22, 1), done.output
    chip.plug()
    same_end(chip, desk, rooms)
    assert begun(chip, "write") == 2


def _until(ready: Callable[[], bool], limit_s: float = 30.0) -> bool:
    deadline = time.monotonic() + limit_s
    while not ready():
        if time.monotonic() > deadline:
            return False
        os.sched_yield()
    return True


def _busy(port: str) -> bool:
    import serial

    try:
        serial.Serial(port, exclusive=True).close()
    except OSError:
        return True
    return False
