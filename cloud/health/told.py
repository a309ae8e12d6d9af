"""Findings that the terminal itself tells of: a fault and its restore twin. Pure.

In: open faults with their true times. Out: a finding for each that has lasted longer than its threshold by a clock that
our own outages do not move. It closes with the restore, in whatever order the two arrive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud.health.elapsed import long_enough
from cloud.health.models import Cause, Rule

if TYPE_CHECKING:
    from cloud.health.elapsed import Clock
    from cloud.health.models import Facts, Fault, Finding, Judge, Limits


def _mains_are_back(facts: Facts, fault: Fault) -> bool:
    """A heartbeat that came later and says so is as good as the restore, which may still be on its way."""
    terminal = facts.terminal
    beat_at = terminal.last_beat_at
    return terminal.on_mains is True and beat_at is not None and beat_at > max(fault.since, fault.told_at)


def fault_lasts(name: str) -> Judge:
    """Holds while this fault is open and has been for `<name>_s`."""

    def judge(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
        fault = facts.faults.get(name)
        if fault is None or (name == "mains_lost" and _mains_are_back(facts, fault)):
            return None
        if is_open is None and clock.elapsed_s(fault.told_at) < limits["settle_s"]:
            return None
        if not long_enough(clock.elapsed_s(fault.since), limits[f"{name}_s"], is_open=is_open is not None):
            return None
        return Cause(fault.since, {})

    return judge


def _rule(name: str, group: str, owner: str, title: str, sentence: str, next_step: str, why: str) -> Rule:  # noqa: PLR0917
    return Rule(
        name=name, version=1, group=group, owner=owner, title=title, sentence=sentence, next_step=next_step, why=why,
        thresholds=(f"{name}_s", "settle_s"), judge=fault_lasts(name),
    )  # fmt: skip


RULES = (
    _rule("mains_lost", "power", "after_sales", "停电或电源被拔",
          "自 {since} 起没有市电，已 {lasted}，正在用电池。",
          "先看同楼其他终端是否也停电；只有这一户时打电话请住户检查插头和插座，仍无电则上门换适配器。",
          "电池约能待机一天，之后按键就打不出电话。"),
    _rule("battery_critical", "power", "after_sales", "电池即将耗尽",
          "自 {since} 起电池接近耗尽，随时会关机。",
          "立即电话请住户接通电源；联系不上时当日上门。",
          "关机后无法呼救，而且设备自己不会再说话。"),
    _rule("battery_absent", "power", "after_sales", "没有电池",
          "自 {since} 起设备测不到电池，已 {lasted}；一停电就关机。",
          "上门检查电池接头，必要时更换电池。",
          "没有后备电源，停电时无法呼救。"),
    _rule("under_voltage", "power", "after_sales", "供电电压偏低",
          "自 {since} 起供电电压偏低，已 {lasted}。",
          "更换电源适配器和电源线，避免与大功率电器共用插排。",
          "拨号瞬间需要 2 A，电压不足时一拨号就重启。"),
    _rule("voice_lost", "radio", "after_sales", "电话网络注册不上",
          "自 {since} 起注册不上电话网络，已 {lasted}，按键打不出电话。",
          "看同小区其他终端是否也如此；只有这一台时检查 SIM 卡状态和天线，必要时移动设备位置。",
          "没有注册就没有呼救。"),
    _rule("modem_silent", "radio", "after_sales", "通信模块无响应",
          "自 {since} 起通信模块没有响应，已 {lasted}，按键打不出电话。",
          "先远程重启；无效则当日上门更换终端。",
          "模块不工作，电话和数据都不通。"),
    _rule("modem_refuses_mux", "radio", "after_sales", "通信模块退回单通道",
          "自 {since} 起通信模块只能单通道工作，已 {lasted}。",
          "远程重启一次；一周内再次出现时安排更换终端。",
          "单通道时数据操作会让拨号多等几秒。"),
    _rule("audio_fault", "voice", "after_sales", "话筒或扬声器故障",
          "自 {since} 起话筒或扬声器自检不通过，已 {lasted}。",
          "打一次测试电话确认双方能否听见；听不见则更换终端。",
          "电话接通却听不见，等于没有接通。"),
    _rule("selftest_failed", "voice", "after_sales", "自检未通过",
          "自 {since} 起设备自检未通过，已 {lasted}。",
          "远程再做一次自检并看是哪一项；仍不通过则上门。",
          "自检覆盖模块、SIM 卡、语音、按键、话筒和扬声器。"),
    _rule("key_stuck", "keys", "after_sales", "按键卡住",
          "自 {since} 起有按键卡住，已 {lasted}。",
          "电话请住户轻按几次；仍卡住则当日更换终端。",
          "卡住的按键按下去没有反应。"),
    _rule("clock_unset", "stability", "after_sales", "设备没有时间",
          "自 {since} 起设备没有从网络得到时间，已 {lasted}。",
          "检查数据连接；远程重启一次。",
          "没有时间的记录只能按收到时间推算。"),
    _rule("storage_damaged", "stability", "after_sales", "存储损坏",
          "自 {since} 起设备存储损坏，已 {lasted}。",
          "安排更换终端。",
          "断电后配置和未送达的记录可能丢失。"),
    _rule("outbox_full", "stability", "after_sales", "待发记录已满",
          "自 {since} 起设备的待发记录已满，已 {lasted}，开始丢弃旧记录。",
          "检查数据连接和信号。",
          "丢掉的记录再也补不回来，可能影响用量证据。"),
    _rule("temperature_high", "stability", "after_sales", "温度过高",
          "自 {since} 起设备温度过高，已 {lasted}。",
          "电话请住户把设备移离暖气、灶台和日晒。",
          "高温会损坏电池。"),
    _rule("tamper_open", "stability", "after_sales", "外壳被打开",
          "自 {since} 起外壳打开，已 {lasted}。",
          "核对是否有技术员在场；没有则电话询问住户。",
          "打开的外壳可能被取走 SIM 卡，也可能触电。"),
    _rule("server_refused", "radio", "operations", "平台拒绝接入",
          "自 {since} 起平台拒绝该终端接入，已 {lasted}。",
          "核对该终端的凭据与证书；必要时重新写入。",
          "数据通路不通，呼救只剩电话。"),
    _rule("sim_absent", "sim", "after_sales", "SIM 卡缺失",
          "自 {since} 起读不到 SIM 卡，已 {lasted}，按键打不出电话。",
          "当日上门检查卡槽，必要时换卡。",
          "没有卡就没有电话。"),
    _rule("sim_changed", "sim", "sim", "SIM 卡被更换",
          "自 {since} 起终端里是另一张 SIM 卡，已 {lasted}。",
          "核对是否为登记的换卡；不是则电话询问住户并上门取回。",
          "来电号码变了，值班台认不出是谁在呼救。"),
)  # fmt: skip
