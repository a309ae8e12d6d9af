"""`onekey seed`: a small invented town, so that a press has somebody to reach.

In: a migrated database and the settings. Out: a desk, stations with hours, services, homes with elders and contacts,
and terminals bound to those homes, each with a stored plan. Run again it adds only what is missing.
Nobody in it exists, and none of its numbers is anybody's.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from cloud import clock, days, db, settings
from cloud.calls import actions as calls
from cloud.calls import store as cases
from cloud.devices import actions as devices
from cloud.devices import store as registry
from cloud.elders import store as elders
from cloud.elders.models import CARE_LEVELS, Contact, Elder, PersonFacts
from cloud.errors import AppError
from cloud.providers import store as providers
from cloud.providers.models import Area, Provider, Span
from cloud.sealed import Box

if TYPE_CHECKING:
    from datetime import datetime

    from cloud.db import Conn
    from cloud.settings import Settings

TERMINALS = 21  # one real firmware and twenty simulated terminals of the demo
TERMINALS_MAX = 999  # the invented phone numbers have three digits to tell them apart
PLAN_VERSION = 1
HEARTBEAT_S = 600  # the shipped interval

# Every id is derived from a name under this one, so that a second run finds what the first one made.
_TOWN = uuid.UUID("6f6e656b-6579-4361-8c6c-746f776e0001")

_EVERY_DAY = range(7)
_WORKDAYS = range(5)
_NIGHT = tuple(Span(day, 18 * 60, 32 * 60) for day in _EVERY_DAY)  # 18:00 to 08:00

_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁"
_GIVEN = ("淑兰", "德顺", "秀英", "福生", "桂芝", "玉梅", "宝山", "凤琴", "长海", "慧珍")
_NOTES = (None, "高血压，按时服药", "听力差，请大声说话", "膝关节置换，行走用助行器")
_HOMES = (
    ("110102009", "展览路", "示范社区"),
    ("110102007", "月坛", "丁香社区"),
    ("110102010", "德胜", "槐荫社区"),
    ("110102018", "牛街", "枣林社区"),
    ("110102016", "陶然亭", "湖畔社区"),
)


@dataclass
class Seeded:
    """How many of each were added; `plan` names who can be called."""

    providers: int = 0
    terminals: int = 0
    homes: int = 0
    elders: int = 0
    contacts: int = 0
    directory: list[tuple[str, str, str]] = field(default_factory=list)


def device_ids(count: int = TERMINALS) -> list[str]:
    """Ids of terminals as the demo names them."""
    return [f"OKC{number:06d}" for number in range(1, count + 1)]


async def seed(
    conn: Conn, box: Box, config: Settings, device_list: list[str], now: datetime, *, heartbeat_s: int = HEARTBEAT_S
) -> Seeded:
    """Add what is missing, inside the caller's transaction. A terminal that is registered already keeps its row."""
    seeded = Seeded()
    for provider in _providers(config):
        seeded.providers += await providers.add(conn, box, provider, now)
        hours = "24小时" if provider.around_the_clock else "按营业时间"
        seeded.directory.append((provider.label, provider.number, hours))
    for number, device_id in enumerate(device_list, start=1):
        await _household(conn, box, seeded, number, device_id=device_id, now=now)
        await _stored_plan(conn, box, config, device_id, heartbeat_s=heartbeat_s, now=now)
    return seeded


async def _household(conn: Conn, box: Box, seeded: Seeded, number: int, *, device_id: str, now: datetime) -> None:
    if await registry.get_device(conn, device_id) is None:
        await devices.register(conn, box, device_id, f"13900000{number:03d}", now)
        seeded.terminals += 1
    street, _, community = _HOMES[number % len(_HOMES)]
    home_id = _id("home", device_id)
    door = f"{1 + number % 9}号楼{1 + number % 4}单元{1 + number % 6}0{1 + number % 3}室"
    address = f"{community}{door}，单元门禁{1000 + number}"
    added = await elders.add_home(
        conn,
        box,
        home_id,
        street_code=street,
        community=community,
        address=address,
        lives_alone=number % 3 != 0,
        now=now,
    )
    seeded.homes += added
    if added:
        await cases.bind(conn, home_id, "k9", ["family", "desk"])
    surname = _SURNAMES[number % len(_SURNAMES)]
    elder = Elder(surname + _GIVEN[number % len(_GIVEN)], f"13700000{number:03d}")
    facts = PersonFacts(
        birth=str(now.year - 66 - number * 7 % 30),
        care_level=CARE_LEVELS[number % len(CARE_LEVELS)] if number % 4 else None,  # not everybody was assessed
        care_notes=_NOTES[number % len(_NOTES)],
    )
    seeded.elders += await elders.add_elder(
        conn, box, _id("elder", device_id), home_id=home_id, elder=elder, now=now, facts=facts
    )
    family = (Contact("女儿", f"13800000{number:03d}"), Contact("邻居", f"13600000{number:03d}"))
    for position, contact in enumerate(family, start=1):
        seeded.contacts += await elders.add_contact(conn, box, home_id, position, contact)
    await elders.install(conn, _id("installation", device_id), device_id, home_id, days.shanghai_day(now))
    await conn.execute(
        "update device set status = 'installed' where device_id = %(device_id)s and status = 'stock'",
        {"device_id": device_id},
    )


async def _stored_plan(
    conn: Conn, box: Box, config: Settings, device_id: str, *, heartbeat_s: int, now: datetime
) -> None:
    if await registry.wanted_config(conn, device_id) >= PLAN_VERSION:
        return
    plan = await calls.stored_plan(conn, box, config, device_id)
    await devices.want_config(conn, box, device_id, {"ver": PLAN_VERSION, "hb": heartbeat_s, "plan": plan}, now)


def _providers(config: Settings) -> list[Provider]:
    district = (Area(),)
    found = [
        _provider("desk", config.hotline_label, config.hotline_number, district, around_the_clock=True),
        _provider("station", "夜间值守站", "01055500019", district, hours=_NIGHT),
        _provider("service", "惠民叫车", "01055500021", district, service="taxi", hours=_hours(_EVERY_DAY, 6, 22)),
        _provider("service", "安康药房", "01055500022", district, service="medicine", hours=_hours(_EVERY_DAY, 8, 21)),
        _provider("service", "便民菜站", "01055500023", district, service="grocery", hours=_hours(_EVERY_DAY, 7, 20)),
        _provider("service", "暖心餐厅", "01055500024", district, service="meal", hours=_hours(_EVERY_DAY, 9, 19)),
        _provider("service", "巧手维修", "01055500025", district, service="repair", hours=_hours(_WORKDAYS, 9, 18)),
    ]
    for number, (street, name, community) in enumerate(_HOMES, start=1):
        hours = _hours(_EVERY_DAY if number % 2 else _WORKDAYS, 8, 18)
        areas = (Area(street, community),) if number % 2 else (Area(street),)
        found.append(_provider("station", f"{name}驿站", f"010555000{10 + number}", areas, hours=hours))
    return found


def _provider(
    kind: str,
    label: str,
    number: str,
    areas: tuple[Area, ...],
    *,
    service: str | None = None,
    hours: tuple[Span, ...] = (),
    around_the_clock: bool = False,
) -> Provider:
    return Provider(
        provider_id=_id("provider", kind + label),
        kind=kind,
        service=service,
        label=label,
        number=number,
        ring_s=30,
        staffed=True,
        status="active",
        line_ok=True,
        around_the_clock=around_the_clock,
        areas=areas,
        hours=hours,
    )


def _hours(days: range, opens: int, closes: int) -> tuple[Span, ...]:
    return tuple(Span(day, opens * 60, closes * 60) for day in days)


def _id(kind: str, name: str) -> uuid.UUID:
    return uuid.uuid5(_TOWN, f"{kind} {name}")


app = typer.Typer(help="Fill a database with a small invented town.")


@app.callback(invoke_without_command=True)
def command(
    terminals: Annotated[
        int, typer.Option(min=1, max=TERMINALS_MAX, help="How many homes with a terminal.")
    ] = TERMINALS,
) -> None:
    """Fill a migrated database with a small invented town; safe to run again."""
    errors = Console(stderr=True)
    try:
        config = settings.load(settings.Settings)
        seeded = asyncio.run(_run(config, terminals))
    except (AppError, settings.SettingsError) as error:
        errors.print(f"onekey seed: {error}")
        raise typer.Exit(2) from None
    _print(seeded)


async def _run(config: Settings, terminals: int) -> Seeded:
    conn = await db.connect(config.database_url)
    try:
        async with conn.transaction():
            return await seed(conn, Box(config.data_key_bytes), config, device_ids(terminals), clock.now())
    finally:
        await conn.close()


def _print(seeded: Seeded) -> None:
    console = Console()
    table = Table("who", "number", "when", title="Who can be called")
    for row in seeded.directory:
        table.add_row(*row)
    console.print(table)
    console.print(
        f"added: {seeded.terminals} terminals, {seeded.homes} homes, {seeded.elders} elders, "
        f"{seeded.contacts} contacts, {seeded.providers} providers"
    )
