"""A shared data pool that runs out: one alarm for the whole district, never one for each of its cards. Pure.

In: a pool's days as told, thresholds, `now`, the alarm that is open. Out: the alarm that holds, in words. A word that
is too old opens nothing and closes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cloud.days import shanghai_day
from cloud.health.elapsed import midnight

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from cloud.carrier.models import PoolUse
    from cloud.health.models import Evidence, Limits

KIND = "pool"
TITLE = "流量池将用完"
THRESHOLDS = ("pool_open", "pool_close", "carrier_stale_s", "sim_unknown_s")
SLOPE = timedelta(days=7)  # a week has its Sunday
_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """A row of `district_alarm`, open or about to be."""

    kind: str
    place: str
    since: datetime
    evidence: Evidence


def judge(days: Sequence[PoolUse], limits: Limits, now: datetime, is_open: Alarm | None) -> Alarm | None:
    """Of one pool; `days` in order, the present last."""
    pool = days[-1]
    if (now - pool.told_at).total_seconds() > limits["carrier_stale_s"] or shanghai_day(now) > pool.cycle_end + _DAY:
        return is_open
    if pool.missing_since is not None:
        gone_s = (pool.told_at - pool.missing_since).total_seconds()
        return None if gone_s >= limits["sim_unknown_s"] else is_open
    percent = 100 * pool.used_bytes / pool.quota_bytes if pool.quota_bytes else 100.0 * (pool.cards > 0)
    if percent < limits["pool_open"] and (is_open is None or percent <= limits["pool_close"]):
        return None
    last = exhausted_on(days)
    evidence: Evidence = {
        "percent": int(percent), "cards": pool.cards, "cut_off": int(pool.cut_off), "empty": int(percent >= 100),
        "last": "" if last is None else f"{last:%m月%d日}", "cycle_end": f"{pool.cycle_end:%m月%d日}",
    }  # fmt: skip
    since = is_open.since if is_open is not None else min(pool.told_at, now)
    return Alarm(kind=KIND, place=pool.pool, since=since, evidence=evidence)


def exhausted_on(days: Sequence[PoolUse]) -> date | None:
    """The day on which it will be used up at the pace of the last days; None: not in this cycle, or not to be said."""
    pool = days[-1]
    left = pool.quota_bytes - pool.used_bytes
    if left <= 0:
        return None
    same = [each for each in days if each.cycle_start == pool.cycle_start and each.told_at >= pool.told_at - SLOPE]
    span = pool.told_at - same[0].told_at
    used = pool.used_bytes - same[0].used_bytes
    if span < _DAY:
        span, used = pool.told_at - midnight(pool.cycle_start), pool.used_bytes
    if span < _DAY or used <= 0:
        return None
    needed_s = left * span.total_seconds() / used
    until = midnight(pool.cycle_end) + _DAY
    if needed_s >= (until - pool.told_at).total_seconds():
        return None
    return shanghai_day(pool.told_at + timedelta(seconds=needed_s))


def is_cut_off(alarm: Alarm) -> bool:
    """Whether all its cards lose data."""
    return bool(alarm.evidence.get("empty")) and bool(alarm.evidence.get("cut_off"))


def sentence(alarm: Alarm) -> str:
    """What is the matter."""
    told = alarm.evidence
    if is_cut_off(alarm):
        return f"流量池“{alarm.place}”已用完，池内全部 {told['cards']} 张卡将断网（周期到 {told['cycle_end']} 为止）。"
    if told.get("empty"):
        return f"流量池“{alarm.place}”已用完，池内 {told['cards']} 张卡的流量正在按超出部分计费。"
    ends = f"预计 {told['last']} 用完" if told["last"] else "预计本周期内够用"
    return (
        f"流量池“{alarm.place}”已用 {told['percent']}%，池内 {told['cards']} 张卡；"
        f"照最近的速度{ends}（周期到 {told['cycle_end']} 为止）。"
    )


def next_step(alarm: Alarm) -> str:
    """What to do."""
    if is_cut_off(alarm):
        return "立即打电话给运营商购买流量；恢复之前平台收不到心跳和按键记录，值班台要留意来电。"
    return "联系运营商购买流量或扩大流量池；用 onekey sim pools 看各池的用量和预计日期。"
