"""A finding as an after-sales worker reads it, and the rules as a page.

Pure: findings, rules and `now` in, Chinese out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud.days import SHANGHAI
from cloud.health import pools
from cloud.health.models import GROUPS, OWNERS
from cloud.health.rules import BY_NAME, RULES
from cloud.health.thresholds import BY_NAME as THRESHOLDS

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from cloud.health.models import Finding, Rule

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


def document() -> str:
    """RULES.md."""
    parts = [_INTRODUCTION]
    for group, title in GROUPS.items():
        parts.append(f"## {title}\n")
        parts += [_chapter(rule) for rule in RULES if rule.group == group]
    return "\n".join([*parts, _alarms()])


def _alarms() -> str:
    lines = [
        "## 全区告警",
        "",
        f"### {pools.TITLE}",
        "",
        "共用流量池的用量达到打开值时，全区只有一条告警，不给池内的每张卡各开一条；显示在 `/health` 和 `/ops`",
        "的最上面，`onekey health findings --json` 的 `alarms` 里也有。预计用完的日期按最近 7 天的用量推算。",
        *_thresholds(pools.THRESHOLDS),
    ]
    return "\n".join(lines) + "\n"


def _thresholds(names: tuple[str, ...]) -> list[str]:
    lines = ["", "| 阈值 | 出厂值 | 单位 | 可取 | 理由 |", "|---|---|---|---|---|"]
    for name in names:
        each = THRESHOLDS[name]
        lines.append(f"| `{name}` | {each.value:,g} | {each.unit} | {each.least:,g} 至 {each.most:,g} | {each.why} |")
    return lines


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
        lines += _thresholds(rule.thresholds)
    return "\n".join(lines) + "\n"
