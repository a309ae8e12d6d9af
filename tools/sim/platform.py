"""`onekey sim refresh|pools|show`: the operator's SIM platform by hand.

In: OKC_DATABASE_URL and OKC_CARRIER_URL, _TOKEN, _CA. Out: lines in Chinese and English, or one JSON object (--json).
Reads the platform and changes no card. No command shows a phone number, a whole ICCID, a token or an address.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any, TypeVar

import psycopg
import typer

from cloud import clock, db
from cloud.carrier import store
from cloud.carrier.client import Fault
from cloud.carrier.models import STATUSES, Account, Card, PoolUse, Taken
from cloud.days import SHANGHAI, shanghai_day
from cloud.db import Conn
from cloud.health.pools import SLOPE, exhausted_on
from cloud.run.carrier import client_of, refresh
from cloud.settings import CarrierSettings, DatabaseSettings, SettingsError, load
from cloud.stock.rules import iccid_fault
from tools.stock.command import SOME_REFUSED
from tools.stock.registry import refused, say

T = TypeVar("T")
SettingsT = TypeVar("SettingsT", bound=DatabaseSettings)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

GB = 1 << 30


def add_to(app: typer.Typer) -> None:
    """Hang the commands into `onekey sim`."""
    app.command("refresh")(refresh_)
    app.command("pools")(pools)
    app.command("show")(show)


def refresh_(
    believe: Annotated[bool, typer.Option("--believe", help="The cards that are not listed are gone indeed.")] = False,
    as_json: Json = False,
) -> None:
    """Read the operator's platform now: all pools and all cards."""

    async def work(settings: CarrierSettings) -> Taken | None:
        client = client_of(settings)
        if client is None:
            return None
        async with client:
            return await refresh(settings.database_url, client, believe=believe)

    taken = _do(work, CarrierSettings)
    if taken is None:
        raise refused("没有接入 SIM 平台，请设置 OKC_CARRIER_URL", "no SIM platform is set: OKC_CARRIER_URL")
    text = f"{taken.cards} 张卡，{taken.pools} 个流量池，新失踪 {taken.missing} 张"
    text += f" / {taken.cards} cards, {taken.pools} pools, {taken.missing} newly missing"
    say(as_json, asdict(taken), text)
    if taken.fault is not None:
        typer.echo(f"没有读完：{taken.fault} / not read whole: {taken.fault}", err=True)
    for reason, count in sorted(taken.skipped.items()):
        typer.echo(f"跳过 {count} 条：{reason} / skipped {count}: {reason}", err=True)
    if taken.fault is not None or taken.skipped:
        raise typer.Exit(SOME_REFUSED)  # what was read counts


def pools(as_json: Json = False) -> None:
    """The data pools: used, quota, and the day on which each will be used up."""
    since = shanghai_day(clock.now() - SLOPE - timedelta(days=1))
    found = _with_database(lambda conn: store.pool_days(conn, since))
    rows = [_pool(days) for days in found.values()]
    lines = [
        f"{row['pool']:<20} {row['used_bytes'] / GB:>10,.1f} / {row['quota_bytes'] / GB:,.1f} GB {row['percent']:>4}%"
        f" {row['cards']:>6} cards, until {row['cycle_end']}, used up {row['exhausted_on'] or '-'}"
        f"{'' if row['missing_since'] is None else ', missing'}"
        for row in rows
    ]
    say(as_json, {"pools": rows}, "\n".join(lines) or "没有流量池 / no pools")


def show(
    iccid: Annotated[str, typer.Argument(metavar="ICCID")],
    ask: Annotated[bool, typer.Option("--ask", help="Ask the platform now; stores nothing.")] = False,
    as_json: Json = False,
) -> None:
    """One card as the operator's platform told it last."""
    if iccid_fault(iccid) is not None:
        raise refused("ICCID 不对", str(iccid_fault(iccid)))
    found: Account | Card | None
    found = _do(lambda settings: _asked(settings, iccid), CarrierSettings) if ask else _kept(iccid)
    if found is None:
        raise refused(f"没有尾号 {iccid[-4:]} 的卡", f"nothing is known of the card ending {iccid[-4:]}")
    data = {**asdict(found), "iccid": f"…{iccid[-4:]}"}
    bound = data.pop("bound_imei")
    data["bound_imei"] = None if bound is None else f"…{bound[-4:]}"
    say(as_json, data, "\n".join(_lines(found)))


def _lines(card: Account | Card) -> list[str]:
    told = f"{card.told_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    quota = "" if card.data_quota_bytes is None else f" / {card.data_quota_bytes / GB:,.2f}"
    state = STATUSES.get(card.status or "", "未列出")
    voice = "语音未知" if card.voice is None else "有语音" if card.voice else "没有语音"
    lines = [
        f"尾号 {card.iccid[-4:]}：{state}，{voice}，{card.expires_on or '无到期日'}",
        f"本月流量 {(card.data_used_bytes or 0) / GB:,.2f}{quota} GB，流量池 {card.pool or '无'}",
        f"绑定模块 {'无' if card.bound_imei is None else '…' + card.bound_imei[-4:]}；平台时间 {told}",
    ]
    if isinstance(card, Account) and card.missing_since is not None:
        lines.append(f"自 {card.missing_since.astimezone(SHANGHAI):%Y-%m-%d %H:%M} 起运营商平台不再列出")
    return lines


def _pool(days: list[PoolUse]) -> dict[str, Any]:
    pool, last = days[-1], exhausted_on(days)
    percent = int(100 * pool.used_bytes / pool.quota_bytes) if pool.quota_bytes else 100
    return {**asdict(pool), "percent": percent, "exhausted_on": last}


def _kept(iccid: str) -> Account | None:
    return _with_database(lambda conn: store.account(conn, iccid))


async def _asked(settings: CarrierSettings, iccid: str) -> Card | None:
    client = client_of(settings)
    if client is None:
        raise SettingsError("OKC_CARRIER_URL: no SIM platform is set")
    async with client:
        return await client.card(iccid)


def _with_database(work: Callable[[Conn], Awaitable[T]]) -> T:
    async def inside(settings: DatabaseSettings) -> T:
        async with await db.connect(settings.database_url) as conn, conn.transaction():
            return await work(conn)

    return _do(inside, DatabaseSettings)


def _do(work: Callable[[SettingsT], Awaitable[T]], kind: type[SettingsT]) -> T:
    async def inside() -> T:
        return await work(load(kind))

    try:
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            return runner.run(inside())
    except SettingsError as error:
        raise refused("设置有误", str(error)) from None
    except Fault as fault:
        raise refused("SIM 平台没有回答", f"the SIM platform does not answer: {fault}") from None
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        raise refused("数据库尚未升级", "the database is not migrated; run `onekey db migrate`") from None
    except psycopg.OperationalError:
        raise refused("无法连接数据库", "the database that OKC_DATABASE_URL names cannot be reached") from None
