"""What a terminal's answer to a command means, in sentences for whoever looks after it. Pure.

In: a command with its answer and `now`. Out: where it stands, and sentences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocol import codes

if TYPE_CHECKING:
    from datetime import datetime

# What it is called on the page.
DONE_FROM_AFAR = {"selftest": "自检", "reboot": "重启", "report": "上报状态"}
STANDS = {
    "waiting": "等待设备应答",
    "unanswered": "设备未应答",
    "done": "已完成",
    "failed": "未通过",
    "refused": "设备拒绝",
    "expired": "到达设备时已过期",
    "unknown": "设备不支持",
}
PARTS = {
    "modem": "通信模块",
    "sim": "SIM卡",
    "voice": "电话网络",
    "data": "数据连接",
    "battery": "电池",
    "keys": "按键",
    "mic": "麦克风",
    "speaker": "扬声器",
    "storage": "存储",
    "clock": "时钟",
}
# As a terminal says it. What is not here is shown as it came.
WHYS = {
    "clock unset": "设备时钟未校准",
    "in a call or alarm": "正在通话或呼救",
    "too many at once": "同时下发的指令过多",
    "interrupted by a restart": "执行中设备重启",
    "fault in the firmware": "设备程序出错",
    "not in this firmware": "设备程序版本不支持",
    "not sent": "结果未能送达",
}
KEYS = {"sos": "红键", "cancel": "取消键"} | {f"k{number}": f"{number}号键" for number in range(1, 10)}


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command and what became of it."""

    cid: str
    device_id: str
    do_what: str
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    faults: list[str]  # open when it was asked
    faults_now: list[str]
    answered_at: datetime | None
    result: str | None
    why: str | None
    figures: dict[str, int] | None


def stands(command: Command, now: datetime) -> str:
    """One of STANDS."""
    if command.result is not None:
        return command.result
    return "waiting" if now < command.expires_at else "unanswered"


def cured(command: Command) -> list[str]:
    """Faults that were open when it was asked and are not any more, once it was answered. A question cures nothing."""
    if command.answered_at is None or command.do_what == "report":
        return []
    return sorted(set(command.faults) - set(command.faults_now))


def told(command: Command, now: datetime) -> list[str]:
    """What is to be said of it, a sentence each; of cures not: the words of faults are the page's."""
    stand = stands(command, now)
    lines = [f"{DONE_FROM_AFAR[command.do_what]}：{STANDS[stand]}"]
    if stand == "unanswered":
        lines.append("设备可能断电、无信号或正在通话；电话直拨可能仍然可用，请先致电用户")
    if command.why:
        lines.append(f"原因：{WHYS.get(command.why, command.why)}")
    figures = command.figures or {}
    if command.do_what == "selftest" and stand in {"done", "failed"}:
        lines += _selftest(figures)
    elif command.do_what == "report" and stand == "done":
        lines += _report(figures)
    return lines


def _selftest(figures: dict[str, int]) -> list[str]:
    lines = []
    if failed := _parts(figures.get("failed", 0)):
        lines.append(f"故障部件：{'、'.join(failed)}")
    if untested := _parts(figures.get("untested", 0)):
        lines.append(f"本次未测：{'、'.join(untested)}")
    if unpressed := [KEYS[key] for place, key in enumerate(codes.KEYS) if figures.get("unpressed", 0) >> place & 1]:
        lines.append(f"安装后从未按过：{'、'.join(unpressed)}")
    return lines


def _report(figures: dict[str, int]) -> list[str]:
    names = {
        "open": "未恢复的故障", "drops": "丢弃的记录", "aside": "多次未送达的记录", "restarts": "通信模块重启次数",
        "damaged": "存储损坏的行", "refused": "不合格的下行消息", "deaths": "程序任务异常次数",
    }  # fmt: skip
    return [f"{text}：{figures[name]}" for name, text in names.items() if figures.get(name)] or ["各项正常"]


def _parts(mask: int) -> list[str]:
    return [PARTS[part] for place, part in enumerate(codes.SELFTEST_PARTS) if mask >> place & 1]
