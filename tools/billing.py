"""`onekey billing`: close days, export the ledger, price it.

`price` needs two files and nothing else: an auditor can run it anywhere. A file that breaks a rule is refused with
`file:line: reason` on standard error and exit code 2, and nothing is priced. The others work on the database
named by OKC_DATABASE_URL.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import psycopg
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from cloud import clock, db
from cloud.billing import actions, store
from cloud.billing.contract_file import parse_contract, unknown_keys, yuan
from cloud.billing.export import amount_object, export
from cloud.billing.ledger import read_ledger
from cloud.billing.models import STATUS_NAMES, Amount, Contract, Pause, RefusedError
from cloud.billing.pricing import price
from cloud.errors import AppError
from cloud.settings import DatabaseSettings, SettingsError, load

Result = TypeVar("Result")

REFUSED_EXIT = 2
CHUNK_BYTES = 1 << 20  # read a megabyte at a time: a year of 50,000 terminals is half a gigabyte
PROGRESS_BYTES_MIN = 50_000_000  # under that it is over in a second
TABLE_LINES = 20  # terminals shown on a screen; --json and the export hold all of them
TABLE_WIDTH = 88
CONTRACT_HELP = "TOML: a table `contract` with number, start, end, unit_price, cap, prepaid."

app = typer.Typer(no_args_is_help=True, help="Close days, export the ledger, price it.")
contract_app = typer.Typer(no_args_is_help=True, help="Contracts in the database: add, list.")
app.add_typer(contract_app, name="contract")

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("price")
def price_command(
    ledger: Annotated[
        Path, typer.Option(help="CSV: device_id,day,status and, if wanted, home; only normal days count.")
    ],
    contract: Annotated[Path, typer.Option(help=CONTRACT_HELP)],
    as_json: JsonFlag = False,
) -> None:
    """Price a ledger file by a contract file, without any database."""
    terms = _contract_from(contract)
    try:
        with ledger.open("rb") as file:
            size = ledger.stat().st_size
            amount = price(terms, read_ledger(_chunks(file, size), terms))
    except RefusedError as refused:
        _refuse(ledger, refused)
    except OSError as error:
        _fail(f"{ledger}: {error.strerror}")
    if as_json:
        print(json.dumps(amount_object(amount), ensure_ascii=False))
    else:
        print_amount(_console(), terms, amount)


@contract_app.command("add")
def contract_add(file: Annotated[Path, typer.Argument(help=CONTRACT_HELP)]) -> None:
    """Add a contract from a file; adding the same one again changes nothing."""
    contract = _contract_from(file)
    added = _in_database(lambda conn: actions.add_contract(conn, contract, clock.now()))
    print("已添加" if added else "已存在,内容相同")


@contract_app.command("list")
def contract_list(as_json: JsonFlag = False) -> None:
    """The contracts in the database."""
    found = _in_database(store.contracts)
    if as_json:
        print(json.dumps({"contracts": [_contract_object(each) for each in found]}, ensure_ascii=False))
        return
    table = Table("合同编号", "起", "止", "单价(元)", "封顶(元)", "预付(元)", title="合同", title_justify="left")
    for each in found:
        money = (yuan(each.unit_price_fen), yuan(each.cap_fen), yuan(each.prepaid_fen))
        table.add_row(each.number, each.starts_on.isoformat(), each.ends_on.isoformat(), *money)
    _console().print(table)


@app.command("pause")
def pause_command(
    device_id: str,
    starts_on: Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD.")],
    reason: Annotated[str, typer.Option(help="travel, hospital, moved or other.")],
    until: Annotated[str | None, typer.Option(help="First day that is normal again.")] = None,
) -> None:
    """Record the days on which a household wants no service: neither a fault nor paid."""
    pause = Pause(device_id, _day(starts_on), _day(until) if until else None, reason)
    _in_database(lambda conn: actions.pause(conn, pause, clock.now()))


@app.command("close")
def close_command(
    day: Annotated[str, typer.Option(help="The Shanghai day, YYYY-MM-DD.")],
    provisional: Annotated[bool, typer.Option(help="Close today although it is not over.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Decide a day for every terminal from its evidence. May be run again."""
    wanted = _day(day)
    closed = _in_database(lambda conn: actions.close_day(conn, wanted, clock.now(), provisional=provisional))
    if as_json:
        result = {
            "day": closed.day.isoformat(),
            "provisional": closed.provisional,
            "statuses": closed.statuses,
            "written": closed.written,
            "frozen_differ": closed.frozen_differ,
        }
        print(json.dumps(result))
        return
    table = Table("状态", "设备数", title=f"{closed.day} 日结" + ("(暂结)" if closed.provisional else ""))
    table.title_justify = "left"
    table.columns[1].justify = "right"
    for status, count in closed.statuses.items():
        table.add_row(STATUS_NAMES[status], f"{count:,}")
    table.add_row("本次新增或变更", f"{closed.written:,}")
    if closed.frozen_differ:
        table.add_row("已冻结但证据不同,须走调整", f"{closed.frozen_differ:,}")
    _console().print(table)


@app.command("export")
def export_command(
    contract: Annotated[str, typer.Option(help="Number of the contract.")],
    through: Annotated[str, typer.Option(help="Last day, YYYY-MM-DD.")],
    out: Annotated[Path, typer.Option(help="Folder for the files.")],
    as_json: JsonFlag = False,
) -> None:
    """Write ledger, amounts, contract and manifest through a date; the same ledger gives the same bytes."""
    last = _day(through)

    async def write(conn: db.Conn) -> Any:
        # One snapshot: amounts and ledger must speak of the same rows while days are being closed.
        await conn.execute("set transaction isolation level repeatable read")
        return await export(conn, contract, last, out)

    try:
        out.mkdir(parents=True, exist_ok=True)
        done = _in_database(write)
    except OSError as error:
        _fail(f"{out}: {error.strerror}")
    if as_json:
        print(json.dumps({"out": str(out), **_sums(done.amount), **done.manifest}, ensure_ascii=False))
        return
    console = _console()
    print_amount(console, done.contract, done.amount)
    missing, provisional, outdated = (
        len(done.manifest[name]) for name in ("days_without_verdict", "days_provisional", "days_outdated")
    )
    console.print(f"台账截至 {done.through};未日结 {missing} 天,暂结 {provisional} 天。文件:{out}")
    if outdated:
        console.print(f"注意:{outdated} 天在日结之后又收到证据,须重新日结;日期见 manifest.json。")


def _console() -> Console:
    """What it prints is data: a contract's number may hold brackets."""
    return Console(width=TABLE_WIDTH, markup=False, emoji=False, highlight=False)


def print_amount(console: Console, contract: Contract, amount: Amount) -> None:
    """The amount as finance reads it."""
    sums = Table("项目", "数值", title=f"合同 {contract.number} 结算", title_justify="left")
    sums.columns[1].justify = "right"
    for name, value in (
        ("合同期", f"{contract.starts_on} 至 {contract.ends_on},共 {amount.term_days} 天"),
        ("单价", f"{yuan(contract.unit_price_fen)} 元/台·合同期"),
        ("正常使用", f"{amount.device_days:,} 台·天"),
        ("未封顶金额", f"{yuan(amount.uncapped_fen)} 元"),
        ("封顶核减", f"{yuan(amount.total_fen - amount.uncapped_fen)} 元"),
        ("应结算", f"{yuan(amount.total_fen)} 元"),
        ("已预付", f"{yuan(amount.prepaid_fen)} 元"),
        ("应付" if amount.balance_fen >= 0 else "应退", f"{yuan(abs(amount.balance_fen))} 元"),
    ):
        sums.add_row(name, value)
    console.print(sums)
    lines = Table("设备编号", "正常天数", "金额(元)", title="分台明细", title_justify="left")
    lines.columns[1].justify = lines.columns[2].justify = "right"
    for line in amount.lines[:TABLE_LINES]:
        lines.add_row(line.device_id, str(line.days), yuan(line.fen))
    console.print(lines)
    if len(amount.lines) > TABLE_LINES:
        console.print(f"其余 {len(amount.lines) - TABLE_LINES:,} 台未显示;--json 含全部。")


def _contract_from(path: Path) -> Contract:
    try:
        raw = path.read_bytes()
        contract = parse_contract(raw)
    except RefusedError as refused:
        _refuse(path, refused)
    except OSError as error:
        _fail(f"{path}: {error.strerror}")
    for key in unknown_keys(raw):
        typer.echo(f"{path}: 忽略未知项 {key!r}", err=True)
    return contract


def _chunks(file: Any, size: int) -> Iterator[bytes]:
    """The file in pieces, with a bar on standard error where it takes longer than a moment."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=size < PROGRESS_BYTES_MIN or not console.is_terminal) as bar:
        task = bar.add_task("读取台账", total=size)
        while chunk := file.read(CHUNK_BYTES):
            bar.advance(task, len(chunk))
            yield chunk


def _refuse(path: Path, refused: RefusedError) -> NoReturn:
    for problem in refused.problems:
        typer.echo(f"{path}:{problem.line}: {problem.reason}", err=True)
    if refused.more:
        typer.echo(f"{path}: 其后未再检查", err=True)
    raise typer.Exit(REFUSED_EXIT)


def _fail(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(REFUSED_EXIT)


def _day(text: str) -> date:
    try:
        day: date | None = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is not None and day.isoformat() == text:  # it takes other spellings too
        return day
    _fail(f"{text!r}: 日期须写作 YYYY-MM-DD")


def _in_database(work: Callable[[db.Conn], Awaitable[Result]]) -> Result:
    """Run one piece of work in one transaction; what can't be done is one line on standard error."""

    async def run() -> Result:
        async with await db.connect(load(DatabaseSettings).database_url) as conn, conn.transaction():
            return await work(conn)

    try:
        return asyncio.run(run())
    except (AppError, SettingsError) as error:
        _fail(str(error))
    except psycopg.errors.UndefinedTable:
        _fail("the database is not migrated; run `onekey db migrate`")
    except psycopg.OperationalError:
        _fail("the database does not answer")


def _contract_object(contract: Contract) -> dict[str, Any]:
    return {
        "number": contract.number,
        "start": contract.starts_on.isoformat(),
        "end": contract.ends_on.isoformat(),
        "unit_price_fen": contract.unit_price_fen,
        "cap_fen": contract.cap_fen,
        "prepaid_fen": contract.prepaid_fen,
    }


def _sums(amount: Amount) -> dict[str, Any]:
    return {name: value for name, value in amount_object(amount).items() if name != "lines"}
