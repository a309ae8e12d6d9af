"""Findings about contact: silent, never seen, unsteady. Pure.

A terminal in a call is not silent, our own outage is not its silence, and what it did before it was put into this
home, or while the household was away, is not held against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud.devices.models import Contact
from cloud.devices.rules import HEARTBEAT_S, IN_CALL, SILENT_BEATS, silence
from cloud.health.elapsed import KEPT, midnight
from cloud.health.models import Cause, Rule

if TYPE_CHECKING:
    from datetime import datetime

    from cloud.health.elapsed import Clock
    from cloud.health.models import Facts, Finding, Limits, Terminal

_HOUR_S = 3600
# How long it has been silent, as the work list sorts it. Facts of the contract, not thresholds: nothing opens by them.
LEVELS = ((7 * 24 * _HOUR_S, "7天以上"), (72 * _HOUR_S, "72小时以上"), (24 * _HOUR_S, "24小时以上"), (0, "30分钟以上"))

# The first of these faults that is open explains the silence best.
_GUESSES = (
    ("mains_lost", "停电后电池耗尽"),
    ("battery_critical", "电池耗尽"),
    ("battery_low", "电池电量低"),
    ("battery_absent", "没有电池，电源中断"),
    ("sim_absent", "SIM 卡缺失"),
    ("sim_changed", "SIM 卡被更换"),
    ("modem_silent", "通信模块故障"),
    ("voice_lost", "网络注册不上"),
    ("server_refused", "平台拒绝接入"),
)


def expected_since(terminal: Terminal) -> datetime:
    """Since when this terminal is expected to work: in this home, and not paused."""
    days = [day for day in (terminal.installed_on, terminal.resumed_on) if day is not None]
    return midnight(max(days)) if days else terminal.created_at


def guess(facts: Facts, limits: Limits) -> str:
    """The likeliest cause of a silence, from the last that was heard. Never shown as more than a guess."""
    terminal = facts.terminal
    if terminal.revoked_at is not None:
        return "凭据已吊销"
    faults = terminal.open_faults or []
    for fault, words in _GUESSES:
        if fault in faults:
            return words
    if terminal.on_mains is False:
        return "停电后电池耗尽"
    if terminal.csq is not None and terminal.csq < limits["weak_signal_open"]:
        return "信号弱"
    return "原因不明"


def silent(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """Nothing was heard for several heartbeats."""
    terminal = facts.terminal
    if terminal.last_seen_at is None:
        return None
    since = max(terminal.last_seen_at, expected_since(terminal))
    if since >= clock.now or _may_still_talk(terminal, limits, clock, is_open):
        return None
    contact = Contact(
        device_id=terminal.device_id, status=terminal.status, last_seen_at=since, heartbeat_s=terminal.heartbeat_s,
        in_call_until=terminal.in_call_until, link=terminal.link, link_at=terminal.link_at,
    )  # fmt: skip
    lasted = silence(contact, clock.now, clock.later_gaps(since)).total_seconds()
    limit = max(limits["silent_s"], SILENT_BEATS * (terminal.heartbeat_s or HEARTBEAT_S))
    if lasted <= (limit * KEPT if is_open else limit):
        return None
    level = next(words for bound, words in LEVELS if lasted >= bound)
    return Cause(since, {"level": level, "guess": guess(facts, limits)})


def _may_still_talk(terminal: Terminal, limits: Limits, clock: Clock, is_open: Finding | None) -> bool:
    """A press whose end nobody told: people have it in hand, and a talk may last for an hour."""
    if terminal.in_call_until is None:
        return False
    if terminal.in_call_until >= clock.now:
        return True
    return is_open is None and clock.elapsed_s(terminal.in_call_until - IN_CALL) < limits["silent_call_s"]


def never_seen(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """In a home, and not one message ever."""
    terminal = facts.terminal
    if terminal.last_seen_at is not None:
        return None
    since = expected_since(terminal)
    limit = limits["never_seen_s"] * (KEPT if is_open else 1)
    return Cause(since, {"guess": guess(facts, limits)}) if clock.elapsed_s(since) >= max(limit, 1) else None


def unsteady(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """Too many heartbeats of the last whole days are missing."""
    days = facts.days
    if days is None or days.days < limits["unsteady_days"]:
        return None
    beat_s = facts.terminal.heartbeat_s or HEARTBEAT_S
    # An outage of ours that touches these days is taken off in full: rather too mild than a false finding.
    window = midnight(days.first_day)
    expected_s = days.days * 86_400 - clock.outage_s(window)
    if expected_s < beat_s:
        return None
    # Compared as the query compares them: a rounded percentage would open what the query leaves out.
    if 100 * days.beats * beat_s >= expected_s * limits["unsteady_close" if is_open else "unsteady_open"]:
        return None
    percent = int(100 * days.beats * beat_s / expected_s)
    since = window if days.first_poor is None else midnight(days.first_poor)
    return Cause(since, {"percent": percent, "days": days.days})


RULES = (
    Rule(
        name="silent", version=2, group="contact", owner="after_sales", title="失联",
        sentence="自 {since} 起没有任何消息，已 {lasted}（{level}）；可能原因：{guess}。",
        next_step="先看是否一片终端同时失联；只有一台时电话请住户确认电源，联系不上或超过 24 小时派人上门，独居优先。",
        why="失联的终端按下去可能没有人知道。通话中和我方平台中断的时间不计入。",
        thresholds=("silent_s", "silent_call_s"), judge=silent,
    ),
    Rule(
        name="never_seen", version=1, group="contact", owner="after_sales", title="安装后从未上线",
        sentence="安装以来（{since} 起）从未收到任何消息；可能原因：{guess}。",
        next_step="核对安装单上的设备编号与凭据；电话请住户确认通电，次日仍无消息则上门。",
        why="从未上线的终端看起来装好了，其实从来没有工作过。",
        thresholds=("never_seen_s",), judge=never_seen,
    ),
    Rule(
        name="unsteady", version=1, group="contact", owner="after_sales", title="联系时断时续",
        sentence="最近 {days} 个整天只收到应有心跳的 {percent}%。",
        next_step="看信号和停电记录；信号弱时移动设备位置或换天线，经常断电时请住户不要拔插头。",
        why="每五次心跳缺一次，呼救时数据通路也会缺。",
        thresholds=("unsteady_open", "unsteady_close", "unsteady_days"), judge=unsteady,
    ),
)  # fmt: skip
