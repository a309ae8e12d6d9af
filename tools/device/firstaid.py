"""`onekey device tell` and `told`: first aid from afar, and what came of it.

In: the registry. Out: a command that the sender takes to the terminal; its answer in sentences, and which faults are
gone since it was asked. Waiting for the answer takes nothing away from anybody: the command goes on without us.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cloud import clock
from cloud.devices import aid, commands
from cloud.web.words import FAULTS
from tools.device.command import DeviceId, Json, app
from tools.registry import do, say

if TYPE_CHECKING:
    from cloud.devices.aid import Command

WAIT_S = 180  # of a terminal that is there: up to 5 s to hear it, some 60 s for a self-test, a resend after 30 s
LOOK_S = 1.0
NO_ANSWER_EXIT, NOT_DONE_EXIT = 78, 77


@app.command()
def tell(
    device_id: DeviceId,
    what: Annotated[str, typer.Argument(help="selftest, reboot or report.")],
    *,
    by: Annotated[str, typer.Option(help="Who asks; it is kept with the command.")],
    wait: Annotated[int, typer.Option(help="Seconds to wait for the answer.", min=0)] = WAIT_S,
    as_json: Json = False,
) -> None:
    """Have a terminal test itself, restart or report, and wait for what it says."""
    cid = do(lambda conn, box: commands.ask(conn, box, device_id, what, by, clock.now()))
    found = _answer(cid, wait)
    say(as_json, _plain(found), "\n".join(_lines(found)))
    if found.answered_at is None:
        raise typer.Exit(NO_ANSWER_EXIT)
    if found.result != "done":
        raise typer.Exit(NOT_DONE_EXIT)


@app.command()
def told(device_id: DeviceId, as_json: Json = False) -> None:
    """What a terminal was last asked to do, by whom, and what came of it."""
    found = do(lambda conn, _box: commands.of_device(conn, device_id))
    lines = [
        f"{each.asked_at.astimezone():%Y-%m-%d %H:%M} {each.asked_by}  {'  '.join(_lines(each))}" for each in found
    ]
    say(as_json, {"commands": [_plain(each) for each in found]}, "\n".join(lines) or "没有指令")


def _answer(cid: str, wait_s: int) -> Command:
    """Looked for again and again, each time in a transaction of its own: an open one would hold up others' work."""
    deadline = time.monotonic() + wait_s
    while True:
        found: Command = do(lambda conn, _box: commands.one(conn, cid))
        if found.answered_at is not None or time.monotonic() >= deadline:
            return found
        time.sleep(LOOK_S)


def _lines(command: Command) -> list[str]:
    lines = aid.told(command, clock.now())
    if gone := aid.cured(command):
        lines.append(f"已恢复：{'、'.join(FAULTS.get(each, each) for each in gone)}")
    if command.faults_now:
        lines.append(f"仍有故障：{'、'.join(FAULTS.get(each, each) for each in command.faults_now)}")
    return lines


def _plain(command: Command) -> dict[str, Any]:
    return {
        "cid": command.cid,
        "device_id": command.device_id,
        "do": command.do_what,
        "asked_by": command.asked_by,
        "asked_at": command.asked_at.isoformat(),
        "stands": aid.stands(command, clock.now()),
        "answered_at": None if command.answered_at is None else command.answered_at.isoformat(),
        "why": command.why,
        "figures": command.figures,
        "cured": aid.cured(command),
        "faults": command.faults_now,
    }
