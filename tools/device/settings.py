"""`onekey device config`: what a terminal runs and should run; and its settings changed from afar.

In: the registry. Out: sentences; with --set or --from-district a version of its configuration that the sender takes to
the terminal, and its answer. Callers' numbers are looked up in the registry and never shown.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cloud import clock
from cloud.devices import configs, tune
from cloud.web.desks import tuned
from tools.device.command import DeviceId, Json, app
from tools.device.firstaid import LOOK_S, NO_ANSWER_EXIT, NOT_DONE_EXIT, WAIT_S
from tools.registry import do, refused, say

if TYPE_CHECKING:
    from cloud.db import Conn
    from cloud.sealed import Box
    from cloud.web.desks.tuned import Tuned

NAMES = ", ".join([each.name for each in tune.SETTINGS])


@app.command()
def config(
    device_id: DeviceId,
    *,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help=f"name=value, may be given several times: {NAMES}; callers=contacts or desk."),
    ] = None,
    from_district: Annotated[bool, typer.Option(help="Back to the district's settings.")] = False,
    by: Annotated[str, typer.Option(help="Who asks; it is kept with the change.")] = "",
    wait: Annotated[int, typer.Option(help="Seconds to wait for the terminal's word.", min=0)] = WAIT_S,
    as_json: Json = False,
) -> None:
    """What a terminal runs, what is wanted and what differs; or change it and wait for what the terminal says."""
    if not set_ and not from_district:
        found: Tuned = do(lambda conn, box: tuned.read(conn, box, device_id, clock.now()))
        lines = [*found.said, *(f"{each.at.astimezone():%Y-%m-%d %H:%M} {each.by}  {'  '.join(each.lines)}"
                                for each in found.changes)]  # fmt: skip
        return say(as_json, _plain(device_id, found), "\n".join(lines))
    if set_ and from_district:
        raise refused("--set and --from-district are two changes: one after the other")
    values = _values(set_ or [])

    async def ask(conn: Conn, box: Box) -> int:
        if from_district:
            return await configs.back_to_district(conn, box, device_id, by, clock.now())
        return await configs.ask(conn, box, device_id, values, by, clock.now())

    change_id = do(ask)
    deadline = time.monotonic() + wait
    while True:
        # Each time in a transaction of its own: an open one would hold up others' work.
        entry = do(lambda conn, box: tuned.entry(conn, box, change_id, clock.now()))
        if entry.stand not in {"waiting", "unanswered"} or time.monotonic() >= deadline:
            break
        time.sleep(LOOK_S)
    lines = entry.lines + ([f"已关闭：{'、'.join(entry.cured)}"] if entry.cured else [])
    say(as_json, {"device_id": device_id, **_entry(entry)}, "\n".join(lines))
    if entry.stand in {"waiting", "unanswered"}:
        raise typer.Exit(NO_ANSWER_EXIT)
    if entry.stand != "applied":
        raise typer.Exit(NOT_DONE_EXIT)
    return None


def _values(given: list[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for each in given:
        name, sign, value = each.partition("=")
        if not sign or name.strip() in values:
            raise refused(f"{each}: not name=value, or a name twice")
        values[name.strip()] = value
    return values


def _plain(device_id: str, found: Tuned) -> dict[str, Any]:
    return {
        "device_id": device_id,
        "runs": found.runs,
        "wanted": found.wanted,
        "said": found.said,
        "settings": {each.name: each.value for each in found.inputs},
        "changes": [_entry(each) for each in found.changes],
    }


def _entry(entry: tuned.Entry) -> dict[str, Any]:
    return asdict(entry) | {"at": entry.at.isoformat()}
