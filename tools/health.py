"""`onekey health report`: which terminals are silent, since when and why, the most urgent first.

In: the database named by OKC_DATABASE_URL. Out: a table in Chinese, one JSON object (--json) or a CSV (--csv).
Also how many messages could not be taken, by reason; and of those the presses that nobody at the desk has looked at.
Holds no names, numbers or addresses: street and community only.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sys
from datetime import datetime
from typing import Annotated, Any

import psycopg
import typer
from rich.console import Console
from rich.table import Table

from cloud import clock, days, db
from cloud.billing.export import BOM, id_cell, text_cell
from cloud.devices.rules import CONTACTS
from cloud.errors import AppError
from cloud.settings import DatabaseSettings, SettingsError, load
from cloud.stats import actions
from cloud.stats.models import Finding, Health
from cloud.stats.rules import CAUSES, UNKNOWN_CSQ
from cloud.web.words import REFUSALS
from tools import findings, mail, targets

FAILED_EXIT = 2
TABLE_WIDTH = 118
TABLE_LINES = 50  # a morning's work; --json and --csv hold all

STATE_NAMES = {
    "never_seen": "从未上线",
    "online": "在线",
    "in_call": "通话中",
    "late": "心跳超时",
    "silent_30m": "失联>30分钟",
    "silent_24h": "失联>24小时",
    "silent_72h": "失联>72小时",
    "paused": "暂停服务",
    "retired": "已停用",
}
HEADINGS = ["序号", "设备编号", "状态", "最后联系", "已失联", "可能原因", "独居", "街道", "社区", "电量%", "信号"]

FOLDED = ("可能原因", "社区")

app = typer.Typer(no_args_is_help=True, help="Which terminals are silent, since when and why.")
findings.add_to(app)
targets.add_to(app)
mail.add_to(app)


@app.callback()
def _health() -> None:
    """Which terminals are silent, since when and why."""


@app.command("report")
def report(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a CSV for a spreadsheet.")] = False,
) -> None:
    """The after-sales report of this moment."""
    try:
        health = asyncio.run(_load())
    except (AppError, SettingsError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(FAILED_EXIT) from None
    except psycopg.errors.UndefinedTable:
        typer.echo("the database is not migrated; run `onekey db migrate`", err=True)
        raise typer.Exit(FAILED_EXIT) from None
    except psycopg.OperationalError:
        typer.echo("the database does not answer", err=True)
        raise typer.Exit(FAILED_EXIT) from None
    if as_json:
        print(json.dumps(health_object(health), ensure_ascii=False))
    elif as_csv:
        sys.stdout.buffer.write(health_csv(health))
    else:
        print_health(Console(width=TABLE_WIDTH, markup=False, emoji=False), health)


async def _load() -> Health:
    async with await db.connect(load(DatabaseSettings).database_url) as conn, conn.transaction():
        return await actions.health(conn, clock.now())


def health_object(health: Health) -> dict[str, Any]:
    """The report as JSON: counts by state, and one row per terminal that needs looking after."""
    return {
        "at": health.at.isoformat(),
        "ingest": {"ok": health.ingest_ok, "last_at": health.ingest_at.isoformat() if health.ingest_at else None},
        "terminals": sum(health.counts.values()),
        "counts": health.counts,
        "quarantine": {"by_reason": health.quarantined, "presses_unseen": health.presses_unseen},
        "rows": [_row(each) for each in health.findings],
    }


def _row(finding: Finding) -> dict[str, Any]:
    terminal = finding.terminal
    return {
        "device_id": terminal.device_id,
        "status": terminal.status,
        "state": finding.state,
        "since": finding.since.isoformat(),
        "silent_s": finding.silent_s,
        "cause": finding.cause,
        "cause_text": CAUSES[finding.cause],
        "faults": terminal.open_faults or [],
        "lives_alone": terminal.lives_alone,
        "street": terminal.street,
        "community": terminal.community,
        "battery_pct": terminal.battery_pct,
        "on_mains": terminal.on_mains,
        "csq": terminal.csq,
        "registration": terminal.registration,
    }


def health_csv(health: Health) -> bytes:
    """The rows for a spreadsheet: ids stay text, nothing is a formula."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(HEADINGS)
    for number, finding in enumerate(health.findings, 1):
        cells = _cells(number, finding)
        rows.writerow([cells[0], id_cell(cells[1]), *map(text_cell, cells[2:])])
    return BOM + text.getvalue().encode()


def print_health(console: Console, health: Health) -> None:
    """The report as after-sales reads it."""
    counts = Table("状态", "台数", title=f"终端健康 {_local(health.at)}", title_justify="left")
    counts.columns[1].justify = "right"
    for state in CONTACTS:
        counts.add_row(STATE_NAMES[state], f"{health.counts[state]:,}")
    counts.add_row("合计", f"{sum(health.counts.values()):,}")
    console.print(counts)
    if health.ingest_ok is None:
        console.print("我方接收进程尚未运行过,失联状态不可据此判断。")
    elif not health.ingest_ok:
        console.print("我方接收进程当前中断:失联时间已停止累计,请先恢复平台。")
    _print_quarantine(console, health)
    if not health.findings:
        console.print("没有需要处理的终端。")
        return
    table = Table(title="需要处理的终端(按风险排序)", title_justify="left", padding=(0, 0, 0, 1))
    for heading in HEADINGS:
        # Chinese has no spaces to break at: a long cause is folded, everything else stays on its line.
        table.add_column(heading, overflow="fold", no_wrap=heading not in FOLDED)
    for number, finding in enumerate(health.findings[:TABLE_LINES], 1):
        table.add_row(*_cells(number, finding))
    console.print(table)
    if len(health.findings) > TABLE_LINES:
        console.print(f"其余 {len(health.findings) - TABLE_LINES:,} 台未显示;--json 或 --csv 含全部。")


def _print_quarantine(console: Console, health: Health) -> None:
    if not health.quarantined:
        return
    table = Table("原因", "条数", title="隔离区(无法处理的消息,累计)", title_justify="left")
    table.columns[1].justify = "right"
    for reason, count in health.quarantined.items():
        table.add_row(REFUSALS.get(reason, reason), f"{count:,}")
    console.print(table)
    if health.presses_unseen:
        console.print(f"其中 {health.presses_unseen:,} 条按键尚无人查看,请逐条核实(近 24 小时的显示在值班台)。")


def _cells(number: int, finding: Finding) -> list[str]:
    terminal = finding.terminal
    alone = {True: "独居", False: "否", None: "未登记"}[terminal.lives_alone]
    battery = "" if terminal.battery_pct is None else str(terminal.battery_pct)
    signal = "" if terminal.csq in {None, UNKNOWN_CSQ} else str(terminal.csq)
    return [
        str(number),
        terminal.device_id,
        STATE_NAMES[finding.state],
        _local(terminal.last_seen_at) if terminal.last_seen_at else "从未",
        _duration(finding.silent_s) if terminal.last_seen_at else "",
        CAUSES[finding.cause],
        alone,
        terminal.street or "",
        terminal.community or "",
        battery,
        signal,
    ]


def _local(at: datetime) -> str:
    return at.astimezone(days.SHANGHAI).strftime("%m-%d %H:%M")


def _duration(seconds: int) -> str:
    hours, minutes = divmod(seconds // 60, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} 天 {hours} 小时"
    return f"{hours} 小时 {minutes} 分" if hours else f"{minutes} 分"
