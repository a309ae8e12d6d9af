"""What is known of one terminal and what it was asked: plain data in words for its page. Nothing of any person.

In: an open transaction and `now`. Out: how it stands, figures, faults since when, first aid, what it told lately.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cloud.devices import aid, commands
from cloud.devices import store as devices
from cloud.devices.rules import HEARTBEAT_S
from cloud.errors import NotFound
from cloud.health import store as health
from cloud.health import words as health_words
from cloud.health.rules import BY_NAME
from cloud.web import words
from cloud.web.desks import board, picture, store
from cloud.web.desks.condition import Figure
from cloud.web.desks.picture import Picture
from cloud.web.desks.views import TerminalView
from protocol import codes

if TYPE_CHECKING:
    from cloud.db import Conn
    from cloud.devices.aid import Command
    from cloud.devices.models import DeviceState
    from cloud.health.models import Finding
    from cloud.web.desks.store import Told

EVENTS_SHOWN = 40
COMMANDS_SHOWN = 8
LOOKED_BACK = timedelta(days=90)  # raw events are kept for so long
_ENDS = {restored: fault for fault, restored in codes.FAULTS}


@dataclass(frozen=True)
class Aid:
    """One command: its sentences, and whether it is still waited for."""

    asked_at: datetime
    asked_by: str
    stand: str
    lines: list[str]
    cured: list[str]


@dataclass(frozen=True)
class Remedy:
    """Something that may be asked for now; `waits` while it is under way."""

    name: str
    title: str
    waits: bool


@dataclass(frozen=True)
class Known:
    """The whole page."""

    now: datetime
    view: TerminalView
    figures: list[Figure]
    faults: list[tuple[str, datetime | None]]
    findings: list[tuple[str, str, str]]  # title, sentence, next step
    remedies: list[Remedy]
    aid: list[Aid]
    events: list[tuple[datetime, str]]
    week: Picture | None


async def read(conn: Conn, device_id: str, now: datetime) -> Known:
    """As the database knows it at this moment. Raises NotFound."""
    view = await board.terminal(conn, device_id, now)
    if view is None:
        raise NotFound("没有这台设备")
    state = await devices.get_state(conn, device_id)
    asked = await commands.of_device(conn, device_id, COMMANDS_SHOWN)
    told = await store.told(conn, device_id, now - LOOKED_BACK, EVENTS_SHOWN)
    hours = await store.hours(conn, device_id, now - picture.HOURS * picture.HOUR)
    faults = state.open_faults if state else []
    since = await store.last_told(conn, device_id, faults)
    waiting = {each.do_what for each in asked if aid.stands(each, now) == "waiting"}
    return Known(
        now=now,
        view=view,
        figures=[] if state is None else figures(state),
        faults=[(words.FAULTS.get(fault, fault), since.get(fault)) for fault in faults],
        findings=[_finding(each, now) for _, each in await health.open_findings(conn, device_id)],
        remedies=[Remedy(name, title, name in waiting) for name, title in aid.DONE_FROM_AFAR.items()],
        aid=[_aid(each, now) for each in asked],
        events=[(each.at, sentence(each)) for each in told],
        week=picture.week(hours, now, (state.heartbeat_s if state else None) or HEARTBEAT_S),
    )


def figures(state: DeviceState) -> list[Figure]:
    """What it last said of itself; what it never said is a dash."""
    battery = "—" if state.battery_pct is None else f"{state.battery_pct}%"
    if state.battery_mv is not None:
        battery += f"（{state.battery_mv / 1000:.2f} V）"
    csq = state.csq
    signal = "—" if csq is None or csq == board.CSQ_UNKNOWN else str(csq)
    registration = "—" if state.registration is None else words.REGISTRATIONS.get(state.registration, "未知")
    mains = {None: "—", True: "市电", False: "停电，电池供电"}[state.on_mains]
    return [
        Figure("供电", mains, bad=state.on_mains is False),
        Figure("电池", battery, bad=state.battery_pct is not None and state.battery_pct < board.BATTERY_LOW_PCT),
        Figure("信号（CSQ）", signal, bad=csq is not None and csq < board.CSQ_WEAK),
        Figure("电话网络", registration, bad=registration not in {"—", "已注册", "已注册（漫游）"}),
        Figure("程序版本", state.firmware or "—"),
        Figure("配置版本", str(state.config_version)),
        Figure("最近重启", words.REBOOTS.get(state.reset_cause or "", "—")),
        Figure("心跳间隔", _interval(state.heartbeat_s or HEARTBEAT_S)),
        Figure("重复消息", f"{state.duplicates:,}"),
        Figure("隔离消息", f"{state.quarantined:,}", bad=state.quarantined > 0),
    ]


def _interval(seconds: int) -> str:
    return f"{seconds} 秒" if seconds % 60 else f"{seconds // 60} 分钟"


def sentence(told: Told) -> str:
    """An event in words."""
    if told.code in words.FAULTS:
        return words.FAULTS[told.code]
    if told.code in _ENDS:
        return f"{words.FAULTS[_ENDS[told.code]]}：已恢复"
    return words.EVENTS.get(told.code, told.code)


def _finding(finding: Finding, now: datetime) -> tuple[str, str, str]:
    rule = BY_NAME.get(finding.rule)
    return rule.title if rule else finding.rule, health_words.sentence(finding, now), rule.next_step if rule else ""


def _aid(command: Command, now: datetime) -> Aid:
    cured = [words.FAULTS.get(each, each) for each in aid.cured(command)]
    return Aid(command.asked_at, command.asked_by, aid.stands(command, now), aid.told(command, now), cured)
