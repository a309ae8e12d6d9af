"""Every threshold of the findings: name, shipped value, unit, bounds, and why. Pure data.

A version is the shipped values with others over some of them; the others are rows of `health_threshold`. Version 0: as
shipped. A pair ends in _open and _close: a finding opens at the first and closes only at the second, without flicker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from cloud.errors import BadInput

HOUR = 3600
DAY = 24 * HOUR


@dataclass(frozen=True)
class Threshold:
    """One value that may be changed without a new program."""

    name: str
    value: float
    unit: str
    least: float
    most: float
    why: str


def _s(name: str, value: float, why: str, *, least: float = 0, most: float = 30 * DAY) -> Threshold:
    return Threshold(name, value, "秒", least, most, why)


def _points(name: str, value: float, why: str, *, least: float = 0) -> Threshold:
    return Threshold(name, value, "分", least, 100, why)


SHIPPED = (
    _s("settle_s", 120, "补发的故障与其恢复往往同批到达，等两分钟再判断"),
    _s("silent_s", 30 * 60, "心跳 10 分钟一次，连续缺 3 次才算失联"),
    _s("silent_call_s", 90 * 60, "通话中没有数据，一次呼叫可能谈一个小时；按键本身已有人处理"),
    _s("never_seen_s", DAY, "安装当天结束仍无任何消息"),
    Threshold("unsteady_open", 80, "%", 1, 100, "7 天里五分之一的心跳没有到，呼叫时数据通路靠不住"),
    Threshold("unsteady_close", 90, "%", 1, 100, "高于打开值，避免来回跳"),
    Threshold("unsteady_days", 3, "天", 1, 7, "不足三个整天的比例说明不了问题"),
    _s("mains_lost_s", HOUR, "短时停电会自己恢复；超过 1 小时才派人"),
    Threshold("battery_low_open", 15, "%", 1, 99, "只剩一两个小时待机"),
    Threshold("battery_low_close", 30, "%", 2, 100, "确实在充电才算恢复"),
    _s("battery_critical_s", 0, "随时会关机，不等"),
    _s("battery_absent_s", 10 * 60, "换电池时会短时取出"),
    _s("under_voltage_s", 30 * 60, "呼叫瞬间的压降不算"),
    Threshold("brownouts_open", 2, "次/7天", 1, 1000, "一次可能是拔插电源，两次是供电不足"),
    Threshold("brownouts_close", 0, "次/7天", 0, 999, "一周内没有再发生"),
    _s("voice_lost_s", 15 * 60, "换小区时会短时掉网"),
    _s("modem_silent_s", 5 * 60, "模块会自行重启一次，约两分钟"),
    _s("modem_refuses_mux_s", DAY, "设备会退回单通道工作，不急"),
    Threshold("weak_signal_open", 10, "CSQ", 1, 31, "约 -93 dBm 以下，注册时有时无"),
    Threshold("weak_signal_close", 12, "CSQ", 2, 31, "高出约 4 dB 才算改善"),
    Threshold("weak_signal_count", 50, "次", 1, 10_000, "读数太少的平均值不可信"),
    Threshold("coverage_open", 90, "%", 1, 100, "通电时每十分钟就有一分钟打不出电话"),
    Threshold("coverage_close", 95, "%", 1, 100, "高于打开值，避免来回跳"),
    Threshold("coverage_minutes", 3 * 1440, "分钟", 60, 10_080, "不足三天的记录说明不了问题"),
    Threshold("sos_unproven_days", 35, "天", 1, 400, "每月测试一次，再加几天宽限"),
    _s("audio_fault_s", 5 * 60, "自检会重复一次"),
    _s("selftest_failed_s", 10 * 60, "自检会重复一次"),
    _s("key_stuck_s", 60, "卡住的键无法呼救；一分钟足以排除长按"),
    Threshold("key_untested_days", 30, "天", 1, 400, "安装后一个月内每个键都该按过一次"),
    Threshold("presses_many_open", 20, "次/天", 2, 10_000, "远多于正常使用：误触、按键损坏或老人困惑"),
    Threshold("presses_many_close", 10, "次/天", 1, 9_999, "两天都回到常态"),
    Threshold("reboots_hour_open", 3, "次/小时", 1, 1000, "循环重启时按键随时可能失灵"),
    Threshold("reboots_day_open", 6, "次/24小时", 1, 1000, "一天六次已不是偶然断电"),
    Threshold("reboots_day_close", 2, "次/24小时", 0, 999, "一天内基本平静"),
    Threshold("crashes_open", 3, "次/7天", 1, 1000, "程序自身出错反复发生"),
    Threshold("crashes_close", 0, "次/7天", 0, 999, "一周内没有再发生"),
    Threshold("clock_off_open", 120, "秒", 1, 10**9, "超过两分钟，设备的时间不再可信"),
    Threshold("clock_off_close", 60, "秒", 0, 10**9, "确实校准过"),
    _s("clock_unset_s", DAY, "一天内总会从网络得到时间"),
    _s("storage_damaged_s", 0, "断电后可能丢失记录，不等"),
    _s("outbox_full_s", HOUR, "长时间断网后需要时间补发"),
    _s("temperature_high_s", 30 * 60, "短时日晒会自己恢复"),
    _s("tamper_open_s", 10 * 60, "技术员开盖检修通常在十分钟内"),
    _s("server_refused_s", 30 * 60, "更换凭据时会短时被拒"),
    _s("sim_absent_s", 5 * 60, "换卡时会短时取出"),
    _s("sim_changed_s", 10 * 60, "登记新卡需要片刻"),
    _s("card_differs_s", DAY, "现场换卡后当天登记"),
    Threshold("sim_expiring_open", 30, "天", 1, 400, "续费要走采购流程"),
    Threshold("sim_expiring_close", 45, "天", 1, 400, "续费后至少多出一个月"),
    _s("carrier_stale_s", 2 * DAY, "运营商平台每小时读一次；两天前的话不再作数，既不打开也不关闭"),
    _s("sim_unknown_s", DAY, "平台整理数据时会短时少列几张卡"),
    Threshold("sim_traffic_open", 80, "%", 1, 100, "留出加流量的时间"),
    Threshold("sim_traffic_close", 70, "%", 0, 99, "加了流量或到了下月才算恢复"),
    Threshold("sim_forecast_open", 100, "%", 50, 1000, "照目前的速度到月底会用完"),
    Threshold("sim_forecast_close", 90, "%", 1, 999, "留出余地，避免来回跳"),
    Threshold("sim_forecast_days", 5, "天", 1, 31, "月初几天推算不准"),
    Threshold("pool_open", 80, "%", 1, 100, "全区共用，购买流量要走流程"),
    Threshold("pool_close", 70, "%", 0, 99, "加了流量或进入新周期才算恢复"),
    Threshold("config_stuck_tries", 3, "次", 1, 100, "每小时最多发一次，三次都没有生效"),
    Threshold("incident_members_open", 5, "台", 2, 10_000, "同一时刻五台以上才不像各自的故障"),
    Threshold("incident_members_close", 3, "台", 1, 9_999, "只剩一两台时按各自的故障处理"),
    Threshold("incident_share_open", 30, "%", 1, 100, "一个小区、社区或街道停了，其中大部分终端都会受影响"),
    Threshold("incident_share_wide_open", 10, "%", 1, 100, "同一版本、批次、流量池或全区往往只有一部分受影响"),
    Threshold("incident_left_close", 20, "%", 0, 99, "五分之四已经恢复，剩下的多半有自己的问题"),
    _s("incident_window_s", 600, "同一原因引起的故障，开始时间相差不超过十分钟"),
    _s("incident_settle_s", 30 * 60, "恢复时终端陆续回来，半小时没有新的恢复才算结束"),
    Threshold("link_flapping_open", 6, "次/24小时", 2, 60, "一天断开又恢复三回，已不是偶然"),
    Threshold("link_flapping_close", 3, "次/24小时", 0, 59, "一天内基本稳定"),
    Threshold("mains_minutes_open", 24 * 60, "分钟/7天", 10, 10_080, "一周里有整整一天靠电池"),
    Threshold("mains_minutes_close", 8 * 60, "分钟/7天", 1, 10_079, "降到偶尔停电的水平"),
    Threshold("power_cycles_open", 7, "次/7天", 2, 1000, "平均每天一次，多半是随手关插排"),
    Threshold("power_cycles_close", 3, "次/7天", 0, 999, "一周内只是偶尔"),
    Threshold("battery_worn_open", 24, "小时", 1, 200, "停电时至少要撑一天"),
    Threshold("battery_worn_close", 30, "小时", 2, 400, "换过电池后明显高出"),
    Threshold("temperature_low_open", 0, "℃", -40, 20, "零度以下电池不能充电"),
    Threshold("temperature_low_close", 5, "℃", -39, 30, "确实移到了屋内"),
    Threshold("rtt_high_open", 5000, "毫秒", 500, 60_000, "超过派线等待的三秒，派线总是来不及"),
    Threshold("rtt_high_close", 3000, "毫秒", 100, 59_000, "回到派线来得及的水平"),
    Threshold("heap_low_open", 25_000, "字节", 1000, 10**6, "正常时最紧的一刻也有约 40,000 字节"),
    Threshold("heap_low_close", 32_000, "字节", 1001, 10**6, "重启后明显回升"),
    Threshold("drops_growing_open", 5, "条/7天", 1, 10**6, "一两条可能是断电时的最后一条"),
    Threshold("drops_growing_close", 0, "条/7天", 0, 10**6, "一周内没有再丢弃"),
    Threshold("outbox_growing_open", 20, "条/3天", 1, 10_000, "平时随到随发，三天多出二十条就是发不出去"),
    Threshold("outbox_growing_close", 5, "条", 0, 9_999, "前一天最多只剩几条"),
    Threshold("update_failed_times", 1, "次/30天", 1, 100, "设备自己已重试过，才报失败"),
    Threshold("firmware_old_days", 14, "天", 1, 400, "分批升级大约两周"),
    Threshold("repeat_repair_open", 3, "次/30天", 2, 100, "同一故障第三次出现，再修无益"),
    Threshold("repeat_repair_close", 1, "次/30天", 0, 99, "一个月内不再反复"),
    _points("risk_base", 20, "凡是装了终端的人都可能需要呼救", least=1),
    _points("risk_alone", 30, "独居的人倒下时没有别人会打电话，所以权重最大"),
    _points("risk_age", 15, "满额从 90 岁起，80 岁起三分之二，70 岁起三分之一"),
    _points("risk_care", 15, "能力评估从完好到失能分四步到满额"),
    _points("risk_unheard", 20, "刚通过话的人此刻多半平安"),
    _s("risk_unheard_s", 3 * DAY, "三天没有按键、通话或受理，就不再知道人怎样", least=HOUR),
    _points("risk_no_call", 70, "红键现在多半打不出去"),
    _points("risk_silent", 100, "失联久了，终端必定不能用，人也无从得知"),
    _s("risk_silent_s", 3 * DAY, "失联三天后不再增加", least=HOUR),
    _points("risk_next", 25, "还打得出去，再出一件事就不行"),
    _points("risk_repair", 8, "不影响呼救，但要修"),
    _points("risk_level_0", 60, "失联满一天的人里，不独居或情况不明而很弱的，也当日联系"),
    _points("risk_level_1", 45, "几种隐患同时出现在弱者家里，等同不通"),
    _points("risk_level_2", 12, "两种小毛病同时出现在弱者家里"),
)  # fmt: skip

# These belong to no rule but to incidents (incidents.py).
OF_INCIDENTS = tuple(each.name for each in SHIPPED if each.name.startswith("incident_"))

BY_NAME: Mapping[str, Threshold] = MappingProxyType({each.name: each for each in SHIPPED})


@dataclass(frozen=True)
class Thresholds:
    """One version of all values."""

    version: int = 0
    values: Mapping[str, float] = field(default_factory=lambda: {each.name: each.value for each in SHIPPED})


def changed(base: Thresholds, values: Mapping[str, float]) -> Thresholds:
    """These values over others, under the same version. Raises BadInput for one that cannot be."""
    for name, value in values.items():
        known = BY_NAME.get(name)
        if known is None:
            raise BadInput(f"no threshold {name!r}")
        if not known.least <= value <= known.most:
            raise BadInput(f"{name}: {value:g} is not within {known.least:g} and {known.most:g}")
    merged = {**base.values, **values}
    for name, value in merged.items():
        if name.endswith("_open") and (close := name.removesuffix("_open") + "_close") in merged:
            _check_pair(name, value, merged[close])
    for greater, less in _RISING:
        if merged[greater] < merged[less]:
            raise BadInput(f"{greater}: {merged[greater]:g} is less than {less}: {merged[less]:g}")
    return Thresholds(base.version, merged)


# What is graver never counts less.
_RISING = (
    ("risk_silent", "risk_no_call"), ("risk_no_call", "risk_next"), ("risk_next", "risk_repair"),
    ("risk_level_0", "risk_level_1"), ("risk_level_1", "risk_level_2"),
)  # fmt: skip


def _check_pair(name: str, open_: float, close: float) -> None:
    """The close value lies on the healthy side of the open one, as the shipped values do."""
    shipped = BY_NAME[name].value, BY_NAME[name.removesuffix("_open") + "_close"].value
    if (open_ < close) != (shipped[0] < shipped[1]) or open_ == close:
        raise BadInput(f"{name}: {open_:g} and its close value {close:g} leave no room between them")
