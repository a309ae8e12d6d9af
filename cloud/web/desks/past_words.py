"""What a terminal said, message by message, in words. Pure; who was called is told by the place in the ladder alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloud.calls.codes import CAUSES
from cloud.devices.aid import KEYS
from cloud.web import words
from cloud.web.desks.store import Told
from cloud.web.desks.told import sentence

if TYPE_CHECKING:
    from cloud.web.desks.past_store import Message

KINDS = ["boot", "press", "call", "event", "day"]  # `result` is told with the command it answers
_HOWS = {"short": "", "hold": "（长按）", "triple": "（连按三次）", "test": "（测试）"}
_STEPS = {"dial": "拨号", "ring": "振铃", "talk": "接通", "end": "通话结束", "fail": "未接通"}


def said(message: Message) -> str:
    """One message in one line."""
    body = message.body
    text = _SAID[message.kind](body) if message.kind != "event" else sentence(Told(message.at, str(body.get("ev"))))
    return text if message.dated else f"{text}（时间不明，按收到时间）"


def boot(cause: str | None) -> str:
    """Why it started."""
    return words.REBOOTS.get(cause or "", words.REBOOTS["unknown"])


def _boot(body: dict[str, Any]) -> str:
    return f"重启：{boot(body.get('cause'))}；程序版本 {body.get('fw') or '—'}"


def _press(body: dict[str, Any]) -> str:
    return f"按键：{KEYS.get(str(body.get('key')), '未知')}{_HOWS.get(str(body.get('how')), '')}"


def _call(body: dict[str, Any]) -> str:
    way = "来电" if body.get("dir") == "in" else "呼叫"
    rung = body.get("rung")
    place = "" if rung is None else f"第 {rung + 1} 级"
    cause = f"（{CAUSES.get(body['cause'], '其他原因')}）" if body.get("cause") else ""
    lasted = f"，通话 {body['dur']} 秒" if body.get("dur") else ""
    return f"{way}{place}：{_STEPS.get(str(body.get('step')), '未知')}{cause}{lasted}"


def _day(body: dict[str, Any]) -> str:
    minutes = f"通电 {body.get('on')} 分钟，注册 {body.get('reg')} 分钟"
    return f"终端日记录 {body.get('day')}：{minutes}，心跳 {body.get('beats')} 次"


_SAID = {"boot": _boot, "press": _press, "call": _call, "day": _day}
