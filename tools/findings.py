"""`onekey health findings|rules|preview|threshold`: what is wrong now, the rules as a page, and other thresholds.

In: the database named by OKC_DATABASE_URL. Out: a table in Chinese or one JSON object (--json). Only `threshold` writes
to the database, a new version of the values. Holds no names, numbers or addresses.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from cloud import clock, db
from cloud.db import Conn
from cloud.errors import AppError, BadInput
from cloud.health import actions, alarms, risk, store, words, worklist
from cloud.health.models import GROUPS, OWNERS, Finding
from cloud.health.rules import BY_NAME
from cloud.sealed import Box
from cloud.settings import DatabaseSettings, RegistrySettings, SettingsError, load

FAILED_EXIT = 2
STALE_EXIT = 1
TABLE_WIDTH = 118
TABLE_LINES = 50  # a morning's work; --json holds all
RULES_PAGE = Path(__file__).parents[1] / "cloud" / "health" / "RULES.md"

T = TypeVar("T")
Opened = list[tuple[datetime, Finding]]
Risks = dict[str, tuple[int, int]]  # terminal: score and level
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Set = Annotated[list[str], typer.Option("--set", help="name=value; may be given several times.")]


def add_to(app: typer.Typer) -> None:
    """Hang the commands into `onekey health`."""
    app.command("findings")(findings)
    app.command("rules")(rules_page)
    app.command("preview")(preview)
    app.command("threshold")(threshold)


def findings(
    device: Annotated[str | None, typer.Option(help="Of one terminal only.")] = None,
    by_risk: Annotated[bool, typer.Option("--by-risk", help="The most urgent terminal first.")] = False,
    as_json: AsJson = False,
) -> None:
    """What is wrong now, the oldest first; with --device also what to do."""
    now, found, risks, district = with_database(lambda conn, now: _opened(conn, now, device))
    if by_risk:
        found.sort(key=lambda each: _urgency(each[1], risks))
    if as_json:
        rows = [_row(opened_at, finding, now, risks) for opened_at, finding in found]
        told = {"at": now.isoformat(), "open": len(rows), "alarms": [_alarm(each) for each in district]}
        print(json.dumps({**told, "findings": rows}, ensure_ascii=False))
        return
    console = Console(width=TABLE_WIDTH, markup=False, emoji=False)
    for alarm in district:
        console.print(f"【全区告警：{alarm.title}】{alarm.sentence}")
        console.print(f"    下一步：{alarm.next_step}")
    if not found:
        console.print("没有打开的发现。")
    elif device is not None:
        for _, finding in found:
            rule = BY_NAME.get(finding.rule)
            console.print(f"【{rule.title if rule else finding.rule}】{words.sentence(finding, now)}")
            if rule is not None:
                console.print(f"    下一步（{OWNERS[rule.owner]}）：{rule.next_step}")
    else:
        _print_table(console, [finding for _, finding in found], now, risks if by_risk else None)


def rules_page(check: Annotated[bool, typer.Option("--check", help="Only say whether it is current.")] = False) -> None:
    """Write the documentation of all rules, cloud/health/RULES.md."""
    text = words.document()
    if check:
        if not RULES_PAGE.is_file() or RULES_PAGE.read_text(encoding="utf-8") != text:
            typer.echo("stale: cloud/health/RULES.md; run `onekey health rules`", err=True)
            raise typer.Exit(STALE_EXIT)
        return
    RULES_PAGE.write_text(text, encoding="utf-8")
    print(f"wrote {RULES_PAGE.name}: {len(BY_NAME)} rules")


def preview(set_: Set, as_json: AsJson = False) -> None:
    """How many findings would open and close, and how many terminals change level. Writes nothing.

    Without OKC_DATA_KEY people's age and ability count as not known.
    """
    values = _values(set_)
    box = _box()
    told = with_database(lambda conn, now: actions.preview(conn, box, now, values))
    opened, closed = (sum(pair[place] for pair in told.rules.values()) for place in (0, 1))
    moves = sorted(told.levels.items(), key=lambda each: [3.5 if level is None else level for level in each[0]])
    moved = sum(told.levels.values())
    if as_json:
        by_rule = {rule: {"open": pair[0], "close": pair[1]} for rule, pair in told.rules.items()}
        levels = [{"from": before, "to": after, "terminals": number} for (before, after), number in moves]
        page = {"set": values, "open": opened, "close": closed, "rules": by_rule, "moved": moved, "levels": levels}
        print(json.dumps({**page, "people_known": box is not None}))
        return
    for rule, (would_open, would_close) in told.rules.items():
        print(f"{rule}: would open {would_open:,}, close {would_close:,}")
    for (before, after), number in moves:
        print(f"level {_level(before)} -> {_level(after)}: {number:,} terminals")
    unknown = "" if box else " (no usable OKC_DATA_KEY: people's age and ability taken as not known)"
    print(f"would open {opened:,}, close {closed:,}; {moved:,} terminals change level{unknown}")


def threshold(
    set_: Set,
    by: Annotated[str, typer.Option(help="Who decided it.")],
    reason: Annotated[str, typer.Option(help="Why; four characters or more.")],
) -> None:
    """Store other thresholds as a new version; the next look goes by it."""
    values = _values(set_)
    version = with_database(lambda conn, now: actions.change_thresholds(conn, now, values, by, reason))
    print(f"thresholds version {version}")


async def _opened(conn: Conn, now: datetime, device: str | None) -> tuple[datetime, Opened, Risks, list[alarms.Line]]:
    district = await alarms.lines(conn) if device is None else []
    return now, await store.open_findings(conn, device), await worklist.risks(conn), district


def _alarm(line: alarms.Line) -> dict[str, Any]:
    return {**asdict(line), "since": line.since.isoformat()}


def _urgency(finding: Finding, risks: Risks) -> tuple[int, str, int]:
    """Its place in the order of the work list."""
    score, _ = risks.get(finding.device_id, worklist.UNJUDGED)
    return -score, finding.device_id, risk.gravity(finding.rule)


def _level(place: int | None) -> str:
    return "none" if place is None else str(place)


def _box() -> Box | None:
    """Of the data key, where there is one: whoever only counts need not have it."""
    try:
        return Box(load(RegistrySettings).data_key_bytes)
    except SettingsError:
        return None


def _values(given: list[str]) -> dict[str, float]:
    values = {}
    for each in given:
        name, _, value = each.partition("=")
        try:
            values[name.strip()] = float(value)
        except ValueError:
            typer.echo(f"{each}: not name=value", err=True)
            raise typer.Exit(FAILED_EXIT) from None
    return values


def with_database(work: Callable[[Conn, datetime], Awaitable[T]]) -> T:
    """Do it in one transaction; each way to fail is one line and exit 2."""

    async def run() -> T:
        async with await db.connect(load(DatabaseSettings).database_url) as conn, conn.transaction():
            return await work(conn, clock.now())

    try:
        return asyncio.run(run())
    except (AppError, SettingsError) as error:
        typer.echo(str(error), err=True)
    except psycopg.errors.CheckViolation:
        typer.echo(str(BadInput("the reason is too short")), err=True)
    except psycopg.errors.UndefinedTable:
        typer.echo("the database is not migrated; run `onekey db migrate`", err=True)
    except psycopg.OperationalError:
        typer.echo("the database does not answer", err=True)
    raise typer.Exit(FAILED_EXIT)


def _row(opened_at: datetime, finding: Finding, now: datetime, risks: Risks) -> dict[str, Any]:
    rule = BY_NAME.get(finding.rule)
    score, level = risks.get(finding.device_id, (None, None))
    return {
        "device_id": finding.device_id,
        "rule": finding.rule,
        "rule_version": finding.rule_version,
        "group": rule.group if rule else None,
        "title": rule.title if rule else finding.rule,
        "since": finding.since.isoformat(),
        "opened_at": opened_at.isoformat(),
        "evidence": finding.evidence,
        "sentence": words.sentence(finding, now),
        "next_step": rule.next_step if rule else "",
        "owner": finding.owner,
        "score": score,
        "level": level,
    }


def _print_table(console: Console, found: list[Finding], now: datetime, risks: Risks | None) -> None:
    table = Table(title=f"打开的发现 {len(found):,} 条", title_justify="left", padding=(0, 0, 0, 1))
    for heading in (*(("紧急",) if risks is not None else ()), "设备编号", "类别", "发现", "说明", "负责"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "说明")
    for finding in found[:TABLE_LINES]:
        rule = BY_NAME.get(finding.rule)
        group, title = (GROUPS[rule.group], rule.title) if rule else ("", finding.rule)
        owner = OWNERS.get(finding.owner, finding.owner)
        place = () if risks is None else (str(risks.get(finding.device_id, worklist.UNJUDGED)[0]),)
        table.add_row(*place, finding.device_id, group, title, words.sentence(finding, now), owner)
    console.print(table)
    if len(found) > TABLE_LINES:
        console.print(f"其余 {len(found) - TABLE_LINES:,} 条未显示;--json 含全部。")
