"""Findings from how a terminal did over days: line, supply, battery, memory, mail, program, repairs. Pure.

Each opens at one value and closes at a healthier one. Days before it came into this home, and changes of its line in an
outage of ours or with many others at once, are not held against it.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from cloud.days import shanghai_day
from cloud.devices.rules import HEARTBEAT_S
from cloud.health.contact import expected_since
from cloud.health.elapsed import long_enough, midnight
from cloud.health.models import Cause, Rule
from cloud.health.trendfacts import DayFigures, standby_h

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cloud.health.elapsed import Clock
    from cloud.health.models import Facts, Finding, Judge, Limits

_DAY = timedelta(days=1)
_DAY_S = 86_400
_BACK = timedelta(minutes=10)  # after an outage of ours: terminals come back within 2 min, each with its backlog
_RTT_DAYS = 3  # fewer say nothing about a week
_GROWS_OVER = 3  # days


def link_flapping(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """Its connection begins and ends again and again."""
    since = max(clock.now - _DAY, expected_since(facts.terminal))
    counted = [at for at in facts.trends.link if at > since and not _ours(at, clock)]
    return _often(counted, limits, "link_flapping", is_open)


def _ours(at: datetime, clock: Clock) -> bool:
    return any(gap.from_at - _BACK <= at <= gap.until_at + _BACK for gap in clock.later_gaps(at - _BACK))


def _often(times: Sequence[datetime], limits: Limits, name: str, is_open: Finding | None) -> Cause | None:
    count = len(times)
    holds = count > limits[f"{name}_close"] if is_open else count >= limits[f"{name}_open"]
    return Cause(min(times), {"times": count}) if holds and times else None


def _at_home(facts: Facts) -> list[DayFigures]:
    """Whole days of which all was spent in this home."""
    since = expected_since(facts.terminal)
    return [each for each in facts.trends.days if midnight(each.day) >= since]


def mains_minutes(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """Much of the week without mains. On an empty battery it beats less often, so this is the least that it was."""
    days = [each for each in _at_home(facts) if each.off_mains]
    beat_s = facts.terminal.heartbeat_s or HEARTBEAT_S
    seconds = sum(each.off_mains for each in days) * beat_s
    if not days or seconds < 60 * limits["mains_minutes_close" if is_open else "mains_minutes_open"]:
        return None
    return Cause(midnight(days[0].day), {"hours": round(seconds / 3600, 1), "days": len(days)})


def power_cycles(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """The plug is pulled again and again."""
    since = max(clock.now - 7 * _DAY, expected_since(facts.terminal))
    return _often([at for at in facts.trends.mains if at > since], limits, "power_cycles", is_open)


def battery_worn(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """By the last long stretch on battery a full one would not last a day."""
    run = facts.trends.run
    hours = None if run is None else standby_h(run)
    if run is None or run.long_from is None or hours is None or run.long_drop is None:
        return None
    if hours >= limits["battery_worn_close" if is_open else "battery_worn_open"]:
        return None
    return Cause(run.long_from, {"hours": round(hours, 1), "drop": run.long_drop})


def temperature_low(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """Where it stands it freezes."""
    first = shanghai_day(clock.now) - 2 * _DAY
    cold = [
        (each.temperature_low, each.day)
        for each in _at_home(facts)
        if each.day >= first and each.temperature_low is not None
    ]
    if not cold or min(cold)[0] >= limits["temperature_low_close" if is_open else "temperature_low_open"]:
        return None
    lowest, day = min(cold)
    return Cause(midnight(day), {"degrees": lowest})


def rtt_high(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """The median of the days of a week: one bad day is nobody's fault."""
    days = [each for each in _at_home(facts) if each.rtt_count and each.rtt_sum is not None]
    if len(days) < _RTT_DAYS:
        return None
    middle = median((each.rtt_sum or 0) / each.rtt_count for each in days)
    if middle < limits["rtt_high_close" if is_open else "rtt_high_open"]:
        return None
    return Cause(midnight(days[0].day), {"seconds": round(middle / 1000, 1), "days": len(days)})


def heap_low(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """Short of memory on both of the last two whole days; a restart on the second would have cured it."""
    first = shanghai_day(clock.now) - 2 * _DAY
    lows = [each.heap_low for each in _at_home(facts) if each.day >= first and each.heap_low is not None]
    if len(lows) < 2 or max(lows) >= limits["heap_low_close" if is_open else "heap_low_open"]:
        return None
    return Cause(midnight(first), {"kb": round(max(lows) / 1000)})


def drops_growing(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """It threw records away. The count begins anew with another storage: only what it grew by is counted."""
    days = [(each.drops_high, each.day) for each in _at_home(facts) if each.drops_high is not None]
    grown = [(max(after - before, 0), day) for (before, _), (after, day) in pairwise(days)]
    total = sum(growth for growth, _ in grown)
    holds = total > limits["drops_growing_close"] if is_open else total >= limits["drops_growing_open"]
    if not holds or not total:
        return None
    return Cause(midnight(next(day for growth, day in grown if growth)), {"count": total})


def outbox_growing(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """More waits there every day. It is over when yesterday's most is small again, not when it stops growing."""
    yesterday = shanghai_day(clock.now) - _DAY
    high = {each.day: each.outbox_high for each in _at_home(facts) if each.outbox_high is not None}
    last, before = high.get(yesterday), high.get(yesterday - (_GROWS_OVER - 1) * _DAY)
    if last is None:
        return None
    if is_open is not None:
        holds = last > limits["outbox_growing_close"]
    else:
        holds = before is not None and last - before >= limits["outbox_growing_open"]
    return Cause(midnight(yesterday - (_GROWS_OVER - 1) * _DAY), {"count": last}) if holds else None


def update_failed(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """A new program was not taken, and none since."""
    since = expected_since(facts.terminal)
    times = [at for at in facts.trends.updates_failed if at > since]
    if not times or len(times) < limits["update_failed_times"]:
        return None
    return Cause(min(times), {"times": len(times)})


def firmware_old(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """Another program than the district wants for its board, for longer than a campaign takes."""
    behind = facts.trends.behind
    if behind is None:
        return None
    since = max(behind.set_at, expected_since(facts.terminal))
    if not long_enough(clock.elapsed_s(since), limits["firmware_old_days"] * _DAY_S, is_open=is_open is not None):
        return None
    return Cause(since, {"runs": behind.runs, "wanted": behind.wanted})


def repeat_repair(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """The same trouble came back after it was gone."""
    repeat = facts.trends.repeat
    if repeat is None:
        return None
    holds = repeat.times > limits["repeat_repair_close"] if is_open else repeat.times >= limits["repeat_repair_open"]
    return Cause(repeat.first_at, {"what": repeat.title, "times": repeat.times}) if holds else None


def _rule(judge: Judge, group: str, title: str, sentence: str, next_step: str, why: str, *single: str) -> Rule:  # noqa: PLR0917
    name = judge.__name__
    return Rule(
        name=name, version=1, group=group, owner="after_sales", title=title, sentence=sentence, next_step=next_step,
        why=why, thresholds=single or (f"{name}_open", f"{name}_close"), judge=judge,
    )  # fmt: skip


RULES = (
    _rule(link_flapping, "contact", "连接频繁断开",
          "最近 24 小时连接断开或恢复 {times} 次，第一次在 {since}。",
          "看信号和是否经常停电；信号好时更换 SIM 卡或终端试一试。",
          "连接不稳的终端，呼救记录和派线都会迟到。我方平台中断、通话中、以及许多终端同时断开的不计。"),
    _rule(mains_minutes, "power", "经常没有市电",
          "最近一周至少 {hours} 小时没有市电，分布在 {days} 天，自 {since} 起。",
          "电话请住户不要关插排、不要拔插头；插座由开关控制的换一个插座，适配器松动的更换。",
          "电池反复放电会很快老化，真停电时就撑不住。"),
    _rule(power_cycles, "power", "频繁断电",
          "最近一周断电 {times} 次，第一次在 {since}。",
          "电话请住户确认是不是随手关插排；不是则上门检查插座和适配器接头。",
          "每次断电都是一次风险，也可能是接头松动。"),
    _rule(battery_worn, "power", "电池老化",
          "最近一次放电（{since} 起）掉了 {drop}%，按此估算充满也只能待机 {hours} 小时。",
          "安排更换电池；更换后拔下电源三小时再插回，复核估算。",
          "停电时至少要撑一天，等得到来电或上门。"),
    _rule(temperature_low, "stability", "温度过低",
          "最近两天最低 {degrees} ℃，自 {since} 起发现。",
          "电话请住户把设备移到屋内，离开窗台和阳台。",
          "零度以下电池不能充电，容量也会骤减。"),
    _rule(rtt_high, "radio", "网络往返过慢",
          "最近一周 {days} 天的网络往返中位数为 {seconds} 秒（自 {since} 起）。",
          "与同小区其他终端比较；只有这一台时换位置或换卡，一片都如此则报运营商。",
          "往返太慢时派线来不及在三秒内到达，终端只能按本地预案拨号。"),
    _rule(heap_low, "stability", "内存不足",
          "最近两天空闲内存最多只有 {kb} KB，自 {since} 起。",
          "远程重启一次；一周内再次出现时记录固件版本并报研发。",
          "内存耗尽时程序会自己重启，正好可能在呼救的时候。"),
    _rule(drops_growing, "stability", "丢弃记录增加",
          "最近一周又丢弃了 {count} 条记录，自 {since} 起。",
          "检查数据连接和信号；连接正常时更换终端。",
          "丢掉的记录再也补不回来，可能影响用量证据。"),
    _rule(outbox_growing, "stability", "待发记录堆积",
          "待发记录昨天最多有 {count} 条，自 {since} 起越积越多。",
          "看数据连接；能联系上时远程重启一次，仍不减少则上门。",
          "积压下去会装满，装满就要丢弃。"),
    _rule(update_failed, "software", "升级失败",
          "自 {since} 起升级失败 {times} 次，之后没有成功过。",
          "确认信号和电源后再发一次升级；仍失败则更换终端。",
          "停在旧程序上的缺陷不会自己消失。", "update_failed_times"),
    _rule(firmware_old, "software", "程序版本落后",
          "应使用程序 {wanted}，自 {since} 起已 {lasted}，仍在用 {runs}。",
          "安排升级；升级失败过的更换终端。",
          "旧程序的缺陷已经在新版本里修正。没有设定目标版本的型号不判断。", "firmware_old_days"),
    _rule(repeat_repair, "stability", "反复出现同一故障",
          "“{what}”30 天内出现 {times} 次，第一次在 {since}。",
          "不再上门修，直接更换终端；换下的终端送检。",
          "修了又坏的终端，再上门一次也靠不住。"),
)  # fmt: skip
