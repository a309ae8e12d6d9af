"""Findings from figures that go up and down: battery, supply, signal, coverage, reboots, clock. Pure.

Each opens at one value and closes at a healthier one; between the two it stays as it is.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cloud.health.elapsed import midnight
from cloud.health.models import Cause, Rule

if TYPE_CHECKING:
    from cloud.health.elapsed import Clock
    from cloud.health.models import Facts, Finding, Limits

# A message that the broker kept for us during an outage looks as if the terminal's clock were slow. One that was sent a
# little before it was not acknowledged any more; what came behind it waits until the backlog is read.
_AROUND = timedelta(minutes=2)
_DRAINED = timedelta(minutes=15)


def battery_low(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """By the terminal's own fault, or by the percentage of its last heartbeat."""
    percent = facts.terminal.battery_pct
    limit = limits["battery_low_close" if is_open else "battery_low_open"]
    by_figure = percent is not None and percent < limit
    fault = facts.faults.get("battery_low")
    settled = fault is not None and (is_open is not None or clock.elapsed_s(fault.told_at) >= limits["settle_s"])
    if not (settled or by_figure):
        return None
    since = fault.since if fault is not None else facts.terminal.last_beat_at or facts.terminal.last_seen_at
    return Cause(since or clock.now, {"percent": "未知" if percent is None else percent})


def brownouts(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """The supply broke down under load."""
    boots = facts.boots
    if boots is None or boots.brownout_first_at is None:
        return None
    holds = boots.brownouts > limits["brownouts_close"] if is_open else boots.brownouts >= limits["brownouts_open"]
    return Cause(boots.brownout_first_at, {"times": boots.brownouts}) if holds else None


def crashes(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """The program of the terminal failed again and again."""
    boots = facts.boots
    if boots is None or boots.broken_first_at is None:
        return None
    holds = boots.broken > limits["crashes_close"] if is_open else boots.broken >= limits["crashes_open"]
    return Cause(boots.broken_first_at, {"times": boots.broken}) if holds else None


def reboots(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """It starts over and over, whatever the reason."""
    boots = facts.boots
    if boots is None or boots.day_first_at is None:
        return None
    holds = boots.hour >= limits["reboots_hour_open"] or boots.day >= limits["reboots_day_open"]
    if is_open is not None:
        holds = holds or boots.day > limits["reboots_day_close"]
    return Cause(boots.day_first_at, {"times": boots.day}) if holds else None


def weak_signal(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """The mean of a week; readings of 99 are unknown, not weak."""
    signal = facts.signal
    if signal is None or signal.count < limits["weak_signal_count"]:
        return None
    # Compared as the query compares them, here and below: rounded, a rule would open what the query leaves out.
    limit = limits["weak_signal_close" if is_open else "weak_signal_open"]
    if signal.total >= signal.count * limit or signal.first_weak is None:
        return None
    return Cause(midnight(signal.first_weak), {"csq": round(signal.total / signal.count, 1)})


def coverage(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """Minutes in which it had power and no registration for calls, by its own records of the days."""
    days = facts.days
    if days is None or days.powered_min < limits["coverage_minutes"]:
        return None
    if days.registered_min * 100 >= days.powered_min * limits["coverage_close" if is_open else "coverage_open"]:
        return None
    percent = int(100 * days.registered_min / days.powered_min)
    first = days.first_day
    return Cause(midnight(first), {"percent": percent})


def presses_many(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """Far more presses on one day than anybody means."""
    days = facts.days
    if days is None or days.presses_on is None:
        return None
    if is_open is not None:
        holds = days.presses > limits["presses_many_close"]
    else:
        holds = days.presses >= limits["presses_many_open"]
    return Cause(midnight(days.presses_on), {"presses": days.presses}) if holds else None


def clock_off(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """The terminal's clock is far from ours."""
    offset = facts.terminal.clock_offset_ms
    seen_at = facts.terminal.last_seen_at
    if offset is None or seen_at is None:
        return None
    if abs(offset) / 1000 <= limits["clock_off_close" if is_open else "clock_off_open"]:
        return None
    if offset < 0 and clock.in_outage(seen_at + timedelta(milliseconds=offset) + _AROUND, _DRAINED):
        # It may only have waited for us: the next one tells.
        return None if is_open is None else Cause(is_open.since, is_open.evidence)
    return Cause(seen_at, {"way": "快" if offset > 0 else "慢", "minutes": round(abs(offset) / 60_000)})


def _pair(name: str) -> tuple[str, str]:
    return f"{name}_open", f"{name}_close"


RULES = (
    Rule(
        name="battery_low", version=1, group="power", owner="after_sales", title="电池电量低",
        sentence="自 {since} 起电池电量低，最近一次心跳为 {percent}%。",
        next_step="电话请住户接通电源并充电一晚；次日仍低则更换电池。",
        why="停电时电池是唯一的电源。",
        thresholds=(*_pair("battery_low"), "settle_s"), judge=battery_low,
    ),
    Rule(
        name="brownouts", version=1, group="power", owner="after_sales", title="供电不足导致重启",
        sentence="最近 7 天因电压跌落重启 {times} 次，第一次在 {since}。",
        next_step="更换电源适配器和电源线；仍发生时更换电池或终端。",
        why="拨号瞬间电流最大，呼救时正好重启。",
        thresholds=_pair("brownouts"), judge=brownouts,
    ),
    Rule(
        name="weak_signal", version=1, group="radio", owner="after_sales", title="信号弱",
        sentence="最近 7 天平均信号强度 {csq}（CSQ），自 {since} 起偏弱。",
        next_step="电话请住户把设备移到窗边；仍弱则上门换位置或换外接天线。",
        why="信号弱时注册时有时无，呼救可能要重拨几次。读数 99 是未知，不算弱。",
        thresholds=(*_pair("weak_signal"), "weak_signal_count"), judge=weak_signal,
    ),
    Rule(
        name="coverage", version=1, group="radio", owner="after_sales", title="常打不出电话",
        sentence="最近一周通电的时间里只有 {percent}% 注册在电话网络上。",
        next_step="与同小区其他终端比较；只有这一台时换位置、换天线或换运营商的卡，一片都如此则报运营商。",
        why="没有注册的那些分钟里按键打不出电话。",
        thresholds=(*_pair("coverage"), "coverage_minutes"), judge=coverage,
    ),
    Rule(
        name="presses_many", version=1, group="keys", owner="care", title="按键次数异常",
        sentence="一天内按键 {presses} 次（自 {since}）。",
        next_step="先电话问候老人是否需要帮助；确认误触后讲解用法，按键损坏则更换终端。",
        why="可能是老人困惑或真的需要帮助，也可能是按键损坏；真正的呼救会被淹没。",
        thresholds=_pair("presses_many"), judge=presses_many,
    ),
    Rule(
        name="reboots", version=1, group="stability", owner="after_sales", title="反复重启",
        sentence="最近 24 小时重启 {times} 次，第一次在 {since}。",
        next_step="看重启原因：断电类检查插头与插座，欠压类换适配器，程序类远程升级或更换终端。",
        why="重启的那一分钟里按键没有反应。指令和升级引起的重启不计。",
        thresholds=("reboots_hour_open", *_pair("reboots_day")), judge=reboots,
    ),
    Rule(
        name="crashes", version=1, group="stability", owner="after_sales", title="程序反复出错",
        sentence="最近 7 天程序崩溃或看门狗复位 {times} 次，第一次在 {since}。",
        next_step="记录固件版本并报研发；单台如此时更换终端。",
        why="说明固件或硬件有缺陷，可能扩散到同版本的其他终端。",
        thresholds=_pair("crashes"), judge=crashes,
    ),
    Rule(
        name="clock_off", version=2, group="stability", owner="after_sales", title="设备时间不准",
        sentence="设备时间比平台{way} {minutes} 分钟，自 {since} 起发现。",
        next_step="远程重启一次，让它重新从网络取时间；仍不准则更换终端。",
        why="记录的日期会算错，影响用量证据。",
        thresholds=_pair("clock_off"), judge=clock_off,
    ),
)  # fmt: skip
