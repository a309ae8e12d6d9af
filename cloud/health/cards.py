"""Findings about what the operator's platform says of the terminal's card: state, voice, data, lock, last day. Pure.

A word that is too old, or a platform that just lists the card no more, opens nothing and closes nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cloud.carrier.models import STATUSES, WORKING
from cloud.days import SHANGHAI, shanghai_day
from cloud.health.elapsed import long_enough, midnight
from cloud.health.models import Cause, Rule

if TYPE_CHECKING:
    from datetime import datetime

    from cloud.carrier.models import Account
    from cloud.health.elapsed import Clock
    from cloud.health.models import Facts, Finding, Limits

_DAY_S = 86_400


def is_fresh(told_at: datetime, limits: Limits, clock: Clock) -> bool:
    """Whether the platform's word may still be concluded from."""
    return (clock.now - told_at).total_seconds() <= limits["carrier_stale_s"]


def _counts(account: Account, limits: Limits, clock: Clock) -> bool:
    return account.missing_since is None and is_fresh(account.told_at, limits, clock)


def _tail(account: Account) -> str:
    return account.iccid[-4:]


def _as_it_was(account: Account, is_open: Finding | None) -> Cause | None:
    """What is open stays, unless it is of another card than the terminal has now."""
    if is_open is None or is_open.evidence.get("card", _tail(account)) != _tail(account):
        return None
    return Cause(is_open.since, is_open.evidence)


def sim_stopped(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """No call is possible with it."""
    account = facts.account
    if account is None:
        return None
    if not _counts(account, limits, clock):
        return _as_it_was(account, is_open)
    if account.status is None or account.status in WORKING:
        return None
    state = STATUSES.get(account.status, account.status)
    return Cause(account.changed_at or account.told_at, {"card": _tail(account), "state": state})


def sim_voice_off(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """A card for data only, or with a list of numbers that 120 and the desk are not on."""
    account = facts.account
    if account is None:
        return None
    if not _counts(account, limits, clock):
        return _as_it_was(account, is_open)
    if account.voice is not False:
        return None
    return Cause(account.changed_at or account.told_at, {"card": _tail(account)})


def sim_traffic(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """Its own data is nearly used up, or will be before the month ends. By the platform's time, not by ours."""
    account = facts.account
    if account is None:
        return None
    if not _counts(account, limits, clock):
        return _as_it_was(account, is_open)
    quota, used = account.data_quota_bytes, account.data_used_bytes
    if quota is None or used is None:
        return None
    percent = 100 * used / quota if quota else 100.0
    first, last = _month(account.told_at)
    begun, length = (account.told_at - first) / timedelta(days=1), (last - first) / timedelta(days=1)
    expected = percent * length / begun if begun >= limits["sim_forecast_days"] else 0.0
    if is_open is None:
        holds = percent >= limits["sim_traffic_open"] or expected >= limits["sim_forecast_open"]
    else:
        holds = percent > limits["sim_traffic_close"] or expected > limits["sim_forecast_close"]
    if not holds:
        return None
    ends = first + (last - first) * (100 / expected) if expected > 100 and percent < 100 else None
    forecast = "" if ends is None else f"，照此速度 {ends.astimezone(SHANGHAI):%m月%d日} 用完"
    return Cause(account.told_at, {"card": _tail(account), "percent": int(percent), "forecast": forecast})


def sim_lock(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """It may work in one modem only, and sits in another."""
    account, terminal = facts.account, facts.terminal
    if account is None:
        return None
    if not _counts(account, limits, clock):
        return _as_it_was(account, is_open)
    imei = terminal.imei or terminal.registered_imei
    if account.bound_imei is None or imei is None or account.bound_imei == imei:
        return None
    since = max(account.changed_at or account.told_at, terminal.booted_at or terminal.created_at)
    return Cause(since, {"card": _tail(account)})


def sim_unknown(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """The platform lists all its cards, again and again, and not this one."""
    account = facts.account
    if account is None:
        return None
    if not is_fresh(account.told_at, limits, clock):
        return _as_it_was(account, is_open)
    since = account.missing_since
    if since is None:
        return None
    # As long as the platform was heard to say so: its own silence in between proves nothing.
    lasted_s = (account.told_at - since).total_seconds()
    if not long_enough(lasted_s, max(limits["sim_unknown_s"], 1), is_open=is_open is not None):
        return None
    return Cause(since, {"card": _tail(account)})


def sim_expiring(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """The plan of its card ends soon, or has ended. The platform's fresh word on the day goes before the list's."""
    last, account = facts.terminal.sim_expires_on, facts.account
    if account is not None and account.expires_on is not None:
        if _counts(account, limits, clock):
            last = account.expires_on
        elif is_open is not None:
            return Cause(is_open.since, is_open.evidence)
        elif last is not None:  # an old word opens nothing, and may hold back what the list says
            last = max(last, account.expires_on)
    if last is None:
        return None
    left = (last - shanghai_day(clock.now)).days
    if left > limits["sim_expiring_close" if is_open else "sim_expiring_open"]:
        return None
    since = midnight(last - timedelta(days=int(limits["sim_expiring_open"])))
    return Cause(since, {"last": f"{last:%Y-%m-%d}", "state": "到期" if left >= 0 else "已到期"})


def _month(at: datetime) -> tuple[datetime, datetime]:
    """Begin and end of the Shanghai month."""
    first = shanghai_day(at).replace(day=1)
    return midnight(first), midnight((first + timedelta(days=31)).replace(day=1))


RULES = (
    Rule(
        name="sim_stopped", version=1, group="sim", owner="sim", title="SIM 卡已停机",
        sentence="自 {since} 起，卡（尾号 {card}）在运营商处为“{state}”，按键打不出电话。",
        next_step="立即联系运营商复机，核对欠费和违规停机；当日不能恢复时带新卡上门更换并登记。",
        why="卡一停机，电话和数据都不通，呼救没有人知道。",
        thresholds=("carrier_stale_s",), judge=sim_stopped,
    ),
    Rule(
        name="sim_voice_off", version=1, group="sim", owner="sim", title="SIM 卡没有语音",
        sentence="自 {since} 起，卡（尾号 {card}）没有开通语音，打不出 120，也打不到值班台。",
        next_step="联系运营商为这张卡开通不限号码的语音；开不了时换成能通话的卡并上门验证红键。",
        why="数据能通不代表电话能打；只有数据的卡会让终端看起来正常。",
        thresholds=("carrier_stale_s",), judge=sim_voice_off,
    ),
    Rule(
        name="sim_traffic", version=1, group="sim", owner="sim", title="SIM 卡流量将用完",
        sentence="卡（尾号 {card}）本月自己的流量已用 {percent}%{forecast}。",
        next_step="先看这台终端是否反复重启、反复重连；再联系运营商加流量，月月如此则换套餐。",
        why="流量用完后电话仍可打，但平台收不到心跳和按键记录。共用流量池的卡不在这里，见全区告警。",
        thresholds=(
            "sim_traffic_open", "sim_traffic_close", "sim_forecast_open", "sim_forecast_close", "sim_forecast_days",
            "carrier_stale_s",
        ),
        judge=sim_traffic,
    ),
    Rule(
        name="sim_lock", version=1, group="sim", owner="sim", title="SIM 卡绑定了别的模块",
        sentence="自 {since} 起，卡（尾号 {card}）在运营商处绑定的不是这台终端的通信模块，随时可能被停机。",
        next_step="核对换机记录；请运营商把绑定改为这台终端的 IMEI，或解除绑定。",
        why="机卡绑定不符时，运营商会在检查后停机，事先没有通知。",
        thresholds=("carrier_stale_s",), judge=sim_lock,
    ),
    Rule(
        name="sim_unknown", version=1, group="sim", owner="sim", title="运营商平台查不到这张卡",
        sentence="自 {since} 起，运营商平台上没有这张卡（尾号 {card}），已 {lasted}。",
        next_step="核对终端里的卡是否我方的卡；是我方的卡则请运营商查明去向，不是则上门换回。",
        why="查不到的卡何时停机、何时到期都没有人知道。",
        thresholds=("sim_unknown_s", "carrier_stale_s"), judge=sim_unknown,
    ),
    Rule(
        name="sim_expiring", version=2, group="sim", owner="sim", title="SIM 卡套餐到期",
        sentence="SIM 卡套餐{state}，最后一天是 {last}。",
        next_step="联系运营商续费，或安排换卡。",
        why="套餐一到期电话和数据同时停。运营商平台新近的日期优先于入库清单上的日期。",
        thresholds=("sim_expiring_open", "sim_expiring_close", "carrier_stale_s"), judge=sim_expiring,
    ),
)  # fmt: skip
