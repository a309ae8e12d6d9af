"""Findings about what was proven and what was agreed: voice path, keys, SIM card, configuration, image. Pure.

A heartbeat proves data, never voice: only a call on which two people talked proves a key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cloud.days import shanghai_day
from cloud.health.contact import expected_since
from cloud.health.elapsed import long_enough
from cloud.health.models import Cause, Rule

if TYPE_CHECKING:
    from cloud.health.elapsed import Clock
    from cloud.health.models import Facts, Finding, Limits

_DAY_S = 86_400


def sos_unproven(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """No call of the red key has succeeded for longer than a month's test allows."""
    expected = expected_since(facts.terminal)
    proved_at = facts.terminal.sos_proved_at
    since = expected if proved_at is None else max(proved_at, expected)
    limit = limits["sos_unproven_days"] * _DAY_S
    if not long_enough(clock.elapsed_s(since), limit, is_open=is_open is not None):
        return None
    return Cause(since, {"proved": "未有过" if proved_at is None else f"{shanghai_day(proved_at):%Y-%m-%d}"})


def keys_untested(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """Bound keys that nobody has pressed since the terminal came into this home."""
    terminal = facts.terminal
    if terminal.installed_on is None:
        return None
    since = expected_since(terminal)
    if not long_enough(clock.elapsed_s(since), limits["key_untested_days"] * _DAY_S, is_open=is_open is not None):
        return None
    never = sorted(facts.bound_keys.difference(terminal.pressed_keys or ()))
    return Cause(since, {"keys": "、".join(never), "count": len(never)}) if never else None


def card_differs(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """Card or modem are not the ones of the registry."""
    terminal = facts.terminal
    pairs = (
        ("SIM 卡", terminal.registered_iccid, terminal.iccid),
        ("通信模块", terminal.registered_imei, terminal.imei),
    )
    parts = [name for name, registered, told in pairs if registered and told and registered != told]
    since = terminal.booted_at or terminal.last_seen_at
    if not parts or since is None:
        return None
    if is_open is not None:
        since = min(since, is_open.since)  # it started again since, with the same card
    if not long_enough(clock.elapsed_s(since), limits["card_differs_s"], is_open=is_open is not None):
        return None
    return Cause(since, {"parts": "和".join(parts)})


def config_stuck(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """A configuration was sent again and again, and the terminal goes on with another."""
    terminal = facts.terminal
    if terminal.config_version is None or terminal.wanted_config in {0, terminal.config_version}:
        return None
    versions: dict[str, int | float | str] = {"wanted": terminal.wanted_config, "runs": terminal.config_version}
    if is_open is not None and is_open.evidence.get("wanted") == terminal.wanted_config:
        return Cause(is_open.since, versions)  # what was sent is not kept for ever
    if facts.config is None or facts.config.tries < limits["config_stuck_tries"]:
        return None
    return Cause(facts.config.first_at, versions)


def trial_image(facts: Facts, limits: Limits, clock: Clock, is_open: Finding | None) -> Cause | None:
    """A build for the bench is in a home."""
    return Cause(expected_since(facts.terminal), {}) if facts.terminal.image_kind == "trial" else None


RULES = (
    Rule(
        name="sos_unproven", version=1, group="voice", owner="care", title="红键久未验证",
        sentence="红键上一次成功通话：{proved}；自 {since} 起已 {lasted} 没有验证。",
        next_step="约老人在方便的时候按一次红键做测试；不便时由值班台打一次电话确认双方能听清。",
        why="心跳只证明数据通，只有打通的电话才证明红键有用。",
        thresholds=("sos_unproven_days",), judge=sos_unproven,
    ),
    Rule(
        name="keys_untested", version=1, group="keys", owner="care", title="有按键从未按过",
        sentence="安装以来有 {count} 个按键从未按过：{keys}。",
        next_step="回访时请老人逐个按一次，并讲解每个键的用途。",
        why="从未按过的键是否接好没有人知道。",
        thresholds=("key_untested_days",), judge=keys_untested,
    ),
    Rule(
        name="card_differs", version=1, group="sim", owner="sim", title="与登记的卡或模块不符",
        sentence="自 {since} 起，{parts}与登记不符，已 {lasted}。",
        next_step="核对换卡换机记录并补登记；没有记录则上门核实。",
        why="号码与登记不符时，值班台认不出来电的老人。",
        thresholds=("card_differs_s",), judge=card_differs,
    ),
    Rule(
        name="config_stuck", version=1, group="software", owner="operations", title="配置未生效",
        sentence="应使用第 {wanted} 版配置，自 {since} 起多次下发，终端仍在用第 {runs} 版。",
        next_step="看终端是否回报拒绝的原因；修正配置后再发，仍无效则远程重启。",
        why="旧配置里的号码可能已经不对。",
        thresholds=("config_stuck_tries",), judge=config_stuck,
    ),
    Rule(
        name="trial_image", version=1, group="software", owner="after_sales", title="家里装了试用固件",
        sentence="这台终端写的是试用固件，自 {since} 起装在家里。",
        next_step="安排更换为正式固件的终端。",
        why="试用固件在文件系统损坏时按键会失灵。",
        thresholds=(), judge=trial_image,
    ),
)  # fmt: skip
