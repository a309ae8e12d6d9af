"""A finding as an after-sales worker reads it, and the rules as a page.

Pure: findings, rules and `now` in, Chinese out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud.days import SHANGHAI
from cloud.health import pools, risk
from cloud.health.models import GROUPS, OWNERS
from cloud.health.rules import BY_NAME, RULES
from cloud.health.thresholds import BY_NAME as THRESHOLDS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from cloud.health.models import Finding, Rule

_DAYS_SAID = 4  # up to here a silence is counted in hours

_INTRODUCTION = """# 设备健康规则

本页由 `onekey health rules` 从规则本身生成，请勿手改；测试保证二者一致。

每分钟对所有“已安装”的终端看一遍。库存、暂停服务、已停用的终端没有任何发现。规则所说的条件成立即打开一条发现，
条件消失即自动关闭；同一终端同一规则最多只有一条打开。起始时间是原因真正开始的时间，不是我们看到它的时间。
通话中不算失联。我方平台中断期间时钟停走，既不打开也不关闭任何发现。
运营商平台的话有它自己的时间，太旧（`carrier_stale_s`）就不再作数：既不打开也不关闭任何发现和告警。
名字以 `_open` 和 `_close` 结尾的一对阈值：达到前者才打开，恢复到后者才关闭，中间保持原状；
只有时长一个阈值的，已打开的发现在时长低于它的四分之三时才关闭。

阈值可以不改程序而改变：`onekey health preview --set 名字=数值` 先看会打开、关闭多少条，
`onekey health threshold --set 名字=数值 --by 姓名 --reason 原因` 存为新的一版。
"""


_RISK = """## 风险排序

工作单按终端排列，一台终端一条，风险分从高到低。`onekey health preview` 也说明改变阈值后有多少台终端换级。
风险 = 人 × 终端，两者都在 0 与 1 之间：

- **人**：基础分、独居、年龄、能力等级、多久没有联系到本人，五项得分之和除以五项满分之和。
  同住几位老人时取最弱的一位。年龄：70 岁起三分之一，80 岁起三分之二，90 岁起满额；能力等级从完好到失能分四步；
  最近一次联系取按键、证实的通话、值班台受理中最晚的一次，心跳不算，从刚刚到 `risk_unheard_s` 线性增加。
  不知道的按一半计，从不当作安全；从未联系过按满额计。年龄与能力由 `onekey device import`
  或 `onekey device people` 登记，加密保存，只有档次（如 80 岁以上、中度失能）出现在工作单上。
- **终端**：每条打开的发现有一个“按下去多半会落空”的百分数，合起来为 1 −（1 − 甲）×（1 − 乙）……
  - 红键现在打不出去或没有人会知道，`risk_no_call`：{no_call}。
    失联从 `risk_no_call` 起，到 `risk_silent_s` 增至 `risk_silent`；
  - 还打得出去，再出一件事就不行，`risk_next`：{next}；
  - 其余为 `risk_repair`。

四级：{levels}。

- 0 级：失联满 24 小时，而且独居，或者风险达到 `risk_level_0`（百分之几）；
- 1 级：红键现在打不出去或没有人会知道，或者风险达到 `risk_level_1`；
- 2 级：再出一件事就打不出去，或者风险达到 `risk_level_2`；
- 3 级：其余。

风险分 = {step} ×（3 − 级别）+ {step} × 风险（取整，级内不超过 {step} − 1）。所以按分排就是先按级、级内按风险排。
任何一项变坏（多一条发现、失联更久、更老、更弱、独居、更久没有联系）都不会使分数降低。

"""


def lasted(length: timedelta) -> str:
    """A duration as it is said."""
    minutes = max(int(length.total_seconds()), 0) // 60
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} 天 {hours} 小时" if hours else f"{days} 天"
    return f"{hours} 小时 {minutes} 分" if hours else f"{minutes} 分钟"


def sentence(finding: Finding, now: datetime) -> str:
    """What was found, in a sentence. A rule that this program no longer has is told by its name."""
    rule = BY_NAME.get(finding.rule)
    if rule is None:
        return finding.rule
    since = finding.since.astimezone(SHANGHAI).strftime("%m月%d日 %H:%M")
    try:
        return rule.sentence.format(since=since, lasted=lasted(now - finding.since), **finding.evidence)
    except KeyError:  # the evidence is of an earlier version of the rule, until the next look
        return rule.title


# How a part of a risk is said; what is not here says nothing by itself.
_PARTS = {
    "alone": "独居", "age_90": "90 岁以上", "age_80": "80 岁以上", "age_70": "70 岁以上",
    "care_1": "轻度失能", "care_2": "中度失能", "care_3": "重度失能", "care_4": "完全失能", "heard": "24 小时内联系过",
}  # fmt: skip
_UNKNOWN_PARTS = {"alone_unknown": "是否独居", "age_unknown": "年龄", "care_unknown": "能力"}
WHY_FINDINGS = 3  # in one sentence; all of them stand beneath it


def why(parts: Iterable[tuple[str, int]], findings: list[Finding], now: datetime) -> str:
    """Why a terminal is where it is in the list: the person, then the gravest findings. Bands only."""
    names = [name for name, _ in parts]
    said = [_PARTS[name] for name in names if name in _PARTS]
    if unknown := [_UNKNOWN_PARTS[name] for name in names if name in _UNKNOWN_PARTS]:
        said.append("住户情况不明" if len(unknown) == len(_UNKNOWN_PARTS) else "和".join(unknown) + "不明")
    said += [_shortly(each, now) for each in findings[:WHY_FINDINGS]]
    more = f"等 {len(findings)} 项" if len(findings) > WHY_FINDINGS else ""
    return "、".join(said) + more


def _shortly(finding: Finding, now: datetime) -> str:
    days, hours = (now - finding.since).days, int((now - finding.since).total_seconds()) // 3600
    if finding.rule == "silent":
        lasting = f"{days} 天" if days >= _DAYS_SAID else f"{hours} 小时" if hours else lasted(now - finding.since)
        return f"失联 {lasting}"
    if finding.rule == "sos_unproven":
        return f"红键 {days} 天未验证"
    rule = BY_NAME.get(finding.rule)
    return rule.title if rule else finding.rule


def document() -> str:
    """RULES.md."""
    parts = [_INTRODUCTION]
    for group, title in GROUPS.items():
        parts.append(f"## {title}\n")
        parts += [_chapter(rule) for rule in RULES if rule.group == group]
    return "\n".join([*parts, _alarms(), _risk_chapter()])


def _alarms() -> str:
    lines = [
        "## 全区告警",
        "",
        f"### {pools.TITLE}",
        "",
        "共用流量池的用量达到打开值时，全区只有一条告警，不给池内的每张卡各开一条；显示在 `/health` 和 `/ops`",
        "的最上面，`onekey health findings --json` 的 `alarms` 里也有。预计用完的日期按最近 7 天的用量推算。",
        "",
        *_table(pools.THRESHOLDS),
    ]
    return "\n".join(lines) + "\n"


def _risk_chapter() -> str:
    """How the work list is ordered."""
    titles = {
        name: "、".join(rule.title for rule in RULES if rule.name in names)
        for name, names in (("no_call", risk.NO_CALL), ("next", risk.NEXT))
    }
    levels = "、".join(f"{place} {title}" for place, title in enumerate(risk.TITLES))
    return _RISK.format(levels=levels, step=risk.SCORE_STEP, **titles) + "\n".join(_table(risk.THRESHOLDS)) + "\n"


def _chapter(rule: Rule) -> str:
    lines = [
        f"### {rule.title}",
        "",
        f"`{rule.name}` 第 {rule.version} 版，负责：{OWNERS[rule.owner]}",
        "",
        f"- **说明**：{rule.sentence}",
        f"- **为什么**：{rule.why}",
        f"- **下一步怎么做**：{rule.next_step}",
    ]
    if rule.thresholds:
        lines += ["", *_table(rule.thresholds)]
    return "\n".join(lines) + "\n"


def _table(names: Iterable[str]) -> list[str]:
    lines = ["| 阈值 | 出厂值 | 单位 | 可取 | 理由 |", "|---|---|---|---|---|"]
    for each in (THRESHOLDS[name] for name in names):
        row = f"| `{each.name}` | {each.value:,g} | {each.unit} | {each.least:,g} 至 {each.most:,g} | {each.why} |"
        lines.append(row)
    return lines
