"""The demo as a newcomer and a script use it: the story's figures, and that nothing is left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import psutil
import pytest

from tools.embedded.children import wait_until

MARK = "ONEKEY_TEST_MARK"
STORY_S = 280.0
PARTS_STOP_S = 90.0  # a part that is starting on a busy machine may take its 10 s to end, each after the other
DEMO = [sys.executable, "-m", "tools", "demo"]


def play(*options: str) -> dict[str, Any]:
    """One whole story; its one object."""
    done = subprocess.run(
        [*DEMO, "--once", "--json", *options], capture_output=True, text=True, timeout=STORY_S, check=False
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)  # exactly one object: anything more would not parse
    return told


def common(told: dict[str, Any], presses: int, terminals: int) -> None:
    """What every story must end with."""
    assert set(told) == {"terminal", "press", "call", "receipts", "health", "usage", "seconds"}
    press = told["press"]
    assert (press["sent"], press["stored"], press["lost"], press["doubled"]) == (presses, presses, 0, 0)
    assert press["redeliveries"] > 0
    assert told["receipts"]["outstanding"] == 0
    assert told["receipts"]["received"] >= presses
    assert told["health"]["online"] == terminals
    assert told["call"]["key"] == "sos"
    assert told["call"]["states"][:3] == ["pressed", "routed", "dialling"]
    assert "talking" in told["call"]["states"]
    assert told["usage"]["device_days"] == terminals
    assert told["usage"]["amount_fen"] == round(3990 * terminals / 365)
    assert min(press["to_commit_ms"], press["to_route_ms"], press["to_dial_ms"]) > 0


def test_the_story_with_the_real_firmware_loses_nothing_and_ends_in_money() -> None:
    """Boot, SOS over two targets, ingest killed, data lost, the day priced: every figure from outside the parts."""
    told = play("--terminals", "3")
    common(told, presses=3, terminals=4)
    assert told["terminal"]["runtime"].startswith("micropython")
    assert told["call"]["dialled"] == [rung["number"] for rung in told["call"]["route"]][:2]
    assert told["call"]["duration_s"] > 0


def test_without_micropython_a_simulated_terminal_plays_what_it_can() -> None:
    """The same system, and the story says what it leaves out."""
    told = play("--terminals", "1", "--simulated")
    common(told, presses=2, terminals=2)
    assert told["terminal"]["runtime"] == "simulated"


def of_run(mark: str) -> list[psutil.Process]:
    """Every process that inherited the mark of a run."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def test_a_request_to_end_that_falls_into_a_finalizer_is_heard() -> None:
    """Python prints what is raised there, and goes on."""
    story = (
        "import os, signal, time\n"
        "from tools.story import command\n"
        "class Last:\n"
        "    def __del__(self):\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        time.sleep(0)\n"
        "command.listen()\n"
        "last = Last()\n"
        "try:\n"
        "    del last\n"
        "    print('not yet', flush=True)\n"
        "    time.sleep(60)\n"
        "except command.Ended:\n"
        "    print('ended')\n"
    )
    done = subprocess.run([sys.executable, "-c", story], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["not yet", "ended"]


@pytest.mark.parametrize(
    ("after", "number"),
    [
        ("PostgreSQL", signal.SIGTERM),
        ("town", signal.SIGINT),
        ("ingest", signal.SIGTERM),
        ("simulated terminals", signal.SIGINT),
        ("(a)", signal.SIGTERM),
        ("(b)", signal.SIGINT),
        ("(b)", signal.SIGKILL),
    ],
)
def test_an_interrupted_demo_leaves_no_process_and_no_file(after: str, number: int, tmp_path: Path) -> None:
    """At whatever point; after a kill -9 the kernel ends the processes, only files may stay."""
    mark = uuid.uuid4().hex
    log = tmp_path / "log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [*DEMO, "--once", "--terminals", "2"], env={**os.environ, MARK: mark}, stdout=errors, stderr=errors
        ) as demo,
    ):
        wait_until(lambda: after in log.read_text(), demo, "the demo", 60)
        if number == signal.SIGKILL:
            wait_until(lambda: len(of_run(mark)) > 8, demo, "every part", 60)
        words = [word for process in of_run(mark) for word in process.cmdline()]
        folders = {found[0] for word in words if (found := re.search(r"/tmp/okc\w+", word))}
        demo.send_signal(number)
        assert demo.wait(PARTS_STOP_S) == (-signal.SIGKILL if number == signal.SIGKILL else 130)
        wait_until_gone(mark)
    if number != signal.SIGKILL:
        assert [folder for folder in folders if Path(folder).exists()] == []
        assert "Traceback" not in log.read_text()


def wait_until_gone(mark: str) -> None:
    """Every process of the run has ended; the kernel's signals take a moment."""
    _, alive = psutil.wait_procs(of_run(mark), timeout=20)
    assert not [process.cmdline() for process in alive]
    assert of_run(mark) == []
