"""What of a terminal's configuration may be changed from afar, how, and how it is said. Pure.

In: the fields of `config` messages, names and values as somebody typed them. Out: other fields, differences, sentences.
Never touches the stored ladders, who is texted, the broker, the access point or 112: those come from registry and
stock. Whoever may ring through is chosen by a rule and looked up in the registry, never typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cloud.errors import BadInput
from protocol import codes
from protocol.errors import ProtocolError
from protocol.fields import DOWN, PAYLOAD_BYTES_MAX

if TYPE_CHECKING:
    from datetime import datetime

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Setting:
    """One number that may be changed. `field` is the wire's; with `time` it is an entry of that name in `times`."""

    name: str
    title: str
    unit: str
    field: str
    shipped: int  # in force where a configuration leaves it out
    least: int
    most: int
    why: str
    time: bool = False


# Bounds are the firmware's and the wire's, or closer: what no household could want is a slip of the finger.
SETTINGS = (
    Setting("heartbeat_s", "心跳间隔", "秒", "hb", 600, 60, 3600,
            "越短越早发现失联，流量和耗电也越多；超过一小时，失联要三小时以上才看得出来"),
    Setting("speaker_volume", "扬声器音量", "%", "vol", 90, 20, 100,
            "平时通话的音量；呼救时总是最大音量"),
    Setting("ring_volume", "铃声与提示音音量", "%", "ring", 80, 10, 100,
            "不可关闭：提示音告诉老人正在呼叫谁"),
    Setting("callback_min", "呼救后自动接听", "分钟", "back", 60, 0, 240,
            "呼救后这段时间内，允许的来电不用按键就接通；0 为不自动接听"),
    Setting("selftest_days", "自检周期", "天", "test_days", 7, 1, 28,
            "缩短可更早发现话筒、扬声器故障，多用一点流量和电", time=True),
    Setting("sos_hold_ms", "红键按住时长", "毫秒", "sos_hold", 700, 600, 1000,
            "手抖或常误碰的老人可稍加长；一秒以内不影响呼救", time=True),
    Setting("key_hold_ms", "其他键按住时长", "毫秒", "key_hold", 1500, 1000, 3000,
            "常误按时加长，按不住时缩短", time=True),
)  # fmt: skip
BY_NAME = {each.name: each for each in SETTINGS}

CALLERS = "callers"
CALLERS_TITLE = "允许的来电"
CALLERS_WHY = "号码只取自登记，不能手填；坐席总在其中，否则无法回拨"
CALLER_CHOICES = {"contacts": "登记联系人和坐席", "desk": "仅坐席"}
CALLERS_MAX = next(int(row[4] or 0) for row in DOWN["config"] if row[0] == "allow")

_TITLES = {each.field: each.title for each in SETTINGS} | {"allow": CALLERS_TITLE, "plan": "呼叫顺序", "ver": "版本号"}
_REASONS = {
    "plan": "设备不接受其中的呼叫顺序", "srv": "设备不接受其中的服务器地址", "size": "超过设备可接收的长度",
}  # fmt: skip
STANDS = {
    "waiting": "等待设备应答",
    "unanswered": "设备尚未应答",
    "applied": "已生效",
    "refused": "设备拒绝",
    "replaced": "已被更新的配置取代",
}


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change that somebody asked for, and what became of it."""

    change_id: int
    device_id: str
    version: int
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    from_district: bool
    change: dict[str, list[Any]]  # {setting: [before, after]}; callers only as a count
    settled_at: datetime | None
    result: str | None
    why: str | None
    wanted: int  # now
    runs: int | None  # reported now


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a terminal runs, what it should run, and what the district has for those without one of their own."""

    runs: int | None  # as reported; None: never heard of
    wanted: int
    runs_fields: Fields | None  # None: not known here
    wanted_fields: Fields | None
    district_fields: Fields | None


def value(fields: Fields, setting: Setting) -> int:
    """What is in force by this configuration."""
    place = fields.get("times") or {} if setting.time else fields
    found = place.get(setting.field)
    return found if isinstance(found, int) else setting.shipped


def number(name: str, text: str) -> int:
    """A typed value of a setting. Raises BadInput that says field, value and bounds."""
    setting = BY_NAME.get(name)
    if setting is None:
        raise BadInput(f"不能远程修改“{name}”；可修改：{'、'.join([*BY_NAME, CALLERS])}")
    said = text.strip()
    digits = said.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
        raise BadInput(f"{setting.title}：“{said[:20]}”不是整数；应为 {setting.least} 至 {setting.most} {setting.unit}")
    if not setting.least <= int(said) <= setting.most:
        raise BadInput(f"{setting.title}：{said} 超出范围；应为 {setting.least} 至 {setting.most} {setting.unit}")
    return int(said)


def changed(fields: Fields, numbers: Mapping[str, int], allow: list[str] | None, version: int) -> dict[str, Any]:
    """The same configuration with these settings, under another version. What is not named stays as it is."""
    after = {name: held for name, held in fields.items() if held is not None} | {"ver": version}
    times = dict(after.get("times") or {})
    for name, wanted in numbers.items():
        setting = BY_NAME[name]
        (times if setting.time else after)[setting.field] = wanted
    if times:
        after["times"] = times
    if allow is not None:
        after["allow"] = allow
    return after


def as_district(fields: Fields, district: Fields, version: int) -> dict[str, Any]:
    """The same configuration with the district's settings; ladders, callers and texts stay the household's own."""
    after = changed(fields, {}, None, version)
    times = dict(after.pop("times", {}))
    for setting in SETTINGS:
        if setting.time:
            times.pop(setting.field, None)
            if setting.field in (district.get("times") or {}):
                times[setting.field] = value(district, setting)
        elif setting.field == "hb" or district.get(setting.field) is not None:  # `hb` may not be left out
            after[setting.field] = value(district, setting)
        else:
            after.pop(setting.field, None)
    return after | ({"times": times} if times else {})


def staffed_numbers(fields: Fields) -> list[str]:
    """Where a person always answers, by the stored ladders: the desk, in the order of the keys."""
    found: list[str] = []
    for key in codes.KEYS:
        found += [target for _, target, _, staffed in fields["plan"].get(key, ()) if staffed == 1]
    return list(dict.fromkeys(found))


def desk_is_kept(before: Fields, after: Fields) -> bool:
    """Whether the ladders are the same to the letter, and the red key's still ends at somebody who always answers."""
    return bool(before["plan"] == after["plan"] and any(rung[3] == 1 for rung in after["plan"].get("sos", ())))


def difference(before: Fields, after: Fields) -> dict[str, list[Any]]:
    """{setting: [before, after]} of what may be changed here; callers as lists of numbers."""
    found: dict[str, list[Any]] = {}
    for setting in SETTINGS:
        pair = [value(before, setting), value(after, setting)]
        if pair[0] != pair[1]:
            found[setting.name] = pair
    callers = [list(before.get("allow") or ()), list(after.get("allow") or ())]
    if callers[0] != callers[1]:
        found[CALLERS] = callers
    return found


def refusal(error: ProtocolError) -> BadInput:
    """What the wire's own checks did not take, in words."""
    if error.reason == "size":
        return BadInput(f"整份配置超过 {PAYLOAD_BYTES_MAX['down']:,} 字节，无法下发")
    return BadInput(f"{_TITLES.get(error.field or '', error.field or '配置')}：不符合通信协议（应为 {error.rule}）")


def shown(name: str, held: object) -> str:
    """A value with its unit; of callers how many, for their numbers are nobody's business here."""
    if name == CALLERS:
        return f"{len(held) if isinstance(held, list | tuple) else held} 个号码"
    unit = BY_NAME[name].unit
    return f"{held}%" if unit == "%" else f"{held} {unit}"


def title(name: str) -> str:
    """What a setting is called."""
    return CALLERS_TITLE if name == CALLERS else BY_NAME[name].title


def stands(change: Change, now: datetime) -> str:
    """One of STANDS. A heartbeat that reports the version is as good as the terminal's word."""
    if change.result is not None:
        return change.result
    if change.runs == change.version:
        return "applied"
    if change.wanted != change.version:
        return "replaced"
    return "waiting" if now < change.expires_at else "unanswered"


def told(change: Change, now: datetime) -> list[str]:
    """What is to be said of one change, a sentence each."""
    stand = stands(change, now)
    what = "恢复区级配置" if change.from_district else "修改配置"
    lines = [f"{what}（第 {change.version} 版）：{STANDS[stand]}"]
    lines += [
        f"{title(name)}：{shown(name, before)} → {shown(name, after)}"
        for name, (before, after) in change.change.items()
        if name == CALLERS or name in BY_NAME
    ]
    if stand == "refused":
        said = change.why or "未说明"
        lines.append(f"原因：{_REASONS.get(said, said)}；设备仍用原来的配置")
    if stand == "unanswered":
        lines.append("设备可能断电、无信号或正在通话；下次心跳时会再次下发")
    return lines


def described(standing: Standing) -> list[str]:
    """What it runs, what is wanted, what differs, a sentence each."""
    if standing.runs is None:
        lines = ["设备从未上线，不知道它在用哪一版配置。"]
    else:
        lines = [f"设备在用第 {standing.runs} 版配置{'（出厂设置）' if standing.runs == 0 else ''}。"]
    if standing.wanted == 0:
        lines.append("平台没有为它准备配置。")
    elif standing.wanted == standing.runs:
        lines.append("与平台要求的一致。")
    else:
        lines.append(f"平台要求第 {standing.wanted} 版，尚未生效。")
        if standing.runs_fields is not None and standing.wanted_fields is not None:
            pairs = difference(standing.runs_fields, standing.wanted_fields)
            lines += [f"{title(n)}：在用 {shown(n, b)}，要求 {shown(n, a)}。" for n, (b, a) in pairs.items()]
            if standing.runs_fields.get("plan") != standing.wanted_fields.get("plan"):
                lines.append("呼叫顺序也不同。")
    if standing.wanted_fields is not None and standing.district_fields is not None:
        pairs = difference(standing.district_fields, standing.wanted_fields)
        pairs.pop(CALLERS, None)  # the household's own by nature
        said = [f"{title(n)} {shown(n, a)}（区级 {shown(n, b)}）" for n, (b, a) in pairs.items()]
        lines.append(f"与区级配置不同：{'、'.join(said)}。" if said else "与区级配置相同。")
    return lines
