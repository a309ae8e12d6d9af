"""`onekey device people`: age, ability and health notes of elders who are known already; all of a file or nothing.

In: CSV or xlsx, a row for each elder, found by the terminal in her home and, where several live there, by her name.
Out: sealed columns of the registry. What a cell leaves open stays as it is known; nothing of a cell is ever repeated.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cloud import clock
from cloud.days import shanghai_day
from cloud.elders import store as elders
from cloud.errors import BadInput
from cloud.field import rows as fields
from cloud.field.rows import Known, Problem
from cloud.field.takeover import PROBLEMS_MAX
from tools.device import sheets
from tools.device.command import Json, app
from tools.device.imports import columns_of, tell_problems
from tools.registry import BAD_ROWS_EXIT, do, say

if TYPE_CHECKING:
    from uuid import UUID

    from cloud.db import Conn
    from cloud.elders.models import PersonFacts
    from cloud.sealed import Box


@app.command("people")
def people(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="设备编号, 老人姓名, 出生年份, 能力等级, 健康备注.")],
    as_json: Json = False,
) -> None:
    """Write down how old and how able elders are whose homes have a terminal: it decides who is looked after first."""
    done: dict[str, Any] = do(lambda conn, box: _renewed(conn, box, file))
    if "problems" in done:
        tell_problems(file, done, as_json)
        raise typer.Exit(BAD_ROWS_EXIT)
    say(as_json, done, f"{done['rows']} 行，更新 {done['changed']} 位老人 / rows, elders changed")


async def _renewed(conn: Conn, box: Box, file: Path) -> dict[str, Any]:
    known, problems = _read(file)
    homes = await elders.elders_of_devices(conn, box, [each.device_id for each in known])
    renewed: dict[UUID, PersonFacts] = {}
    for each in known:
        found = _person(each, homes.get(each.device_id))
        if isinstance(found, Problem):
            problems.append(found)
        elif found in renewed:
            problems.append(Problem(each.line, "device_id", "twice"))
        else:
            renewed[found] = each.facts
    if problems:
        problems.sort(key=lambda each: (each.line, each.column))
        return {"problems": problems[:PROBLEMS_MAX], "count": len(problems)}
    return {"rows": len(renewed), "changed": await elders.renew_facts(conn, box, renewed)}


def _read(file: Path) -> tuple[list[Known], list[Problem]]:
    """Raises BadInput where the file is no such list."""
    today = shanghai_day(clock.now())
    known: list[Known] = []
    problems: list[Problem] = []
    try:
        found = sheets.rows(file)
        columns = columns_of(next(found, (1, []))[1], fields.FACT_COLUMNS, ("device_id",))
        for line, cells in found:
            if any(cells[len(columns) :]):
                problems.append(Problem(line, "", "cells"))
                continue
            row = fields.read_known(line, dict(zip(columns, cells, strict=False)), today)
            if isinstance(row, Known):
                known.append(row)
            else:
                problems += row
    except sheets.SheetError as error:
        raise BadInput(f"{file}:{error.line}: {error.text}") from None
    return known, problems


def _person(row: Known, found: list[tuple[UUID, str]] | None) -> UUID | Problem:
    """Who is meant."""
    if not found:
        return Problem(row.line, "device_id", "no_home")
    meant = [elder_id for elder_id, name in found if row.elder in (None, name)]
    if len(meant) == 1:
        return meant[0]
    return Problem(row.line, "elder", "which_elder" if meant else "no_elder")
