"""Who needs looking after, why, and who first. Pure: facts and `now` in, findings out.

The cause is the best guess from facts, tried in the order of `cause`; a guess is never shown as more than that.
Risk puts terminals that can't bring help before those that only need a repair, people living alone first.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from cloud.devices.models import Contact
from cloud.devices.rules import CONTACTS, HEARTBEAT_S, contact, silence
from cloud.stats.models import Finding, Terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from cloud.devices.models import Gap

WEAK_CSQ = 10  # below about -93 dBm registration comes and goes; 99 is unknown, not weak
UNKNOWN_CSQ = 99
LOW_BATTERY_PCT = 15  # an hour or two of standby
REGISTERED = (1, 5)  # home network, roaming

# cause: words of the report
CAUSES = {
    "revoked": "凭据已吊销,平台拒绝接入",
    "no_credential": "未配置接入凭据",
    "not_activated": "安装后从未上线",
    "our_outage": "我方平台中断后未恢复连接",
    "mains_lost": "停电或拔掉电源后失联",
    "battery": "电池电量低或电池故障",
    "sim": "SIM 卡缺失或更换",
    "modem": "通信模块无响应",
    "voice_lost": "无法注册电话网络",
    "key_stuck": "按键卡住",
    "server_refused": "接入被拒绝",
    "data_lost": "数据连接中断,电话可能仍可用",
    "hardware": "设备硬件故障",
    "weak_signal": "信号弱",
    "unknown": "原因不明",
}

# Faults as the terminal names them, the ones that explain the most first.
_FAULT_CAUSES = (
    ("mains_lost", "mains_lost"),
    ("battery_critical", "battery"),
    ("battery_absent", "battery"),
    ("battery_low", "battery"),
    ("under_voltage", "battery"),
    ("sim_absent", "sim"),
    ("sim_changed", "sim"),
    ("modem_silent", "modem"),
    ("voice_lost", "voice_lost"),
    ("key_stuck", "key_stuck"),
    ("server_refused", "server_refused"),
    ("data_lost", "data_lost"),
)
# With one of these open a press cannot be dialled, however well the heartbeats come.
NO_CALLS = frozenset({"sim", "modem", "voice_lost", "key_stuck"})

_SILENT = ("silent_30m", "silent_24h", "silent_72h")
_NOT_OURS_TO_CHASE = frozenset({"stock", "paused", "retired"})


def findings(terminals: Iterable[Terminal], now: datetime, gaps: Sequence[Gap]) -> tuple[dict[str, int], list[Finding]]:
    """Terminals by state, and those that somebody should look after, the most urgent first."""
    counts = dict.fromkeys(CONTACTS, 0)
    found = []
    for terminal in terminals:
        facts = _contact_facts(terminal)
        state = contact(facts, now, gaps)
        counts[state] += 1
        if terminal.status in _NOT_OURS_TO_CHASE:
            continue
        reason = cause(terminal, state, gaps)
        if reason is not None:
            found.append(_finding(terminal, state, reason, silence(facts, now, gaps)))
    return counts, sorted(found, key=lambda each: (each.risk, each.since, each.terminal.device_id))


def cause(terminal: Terminal, state: str, gaps: Sequence[Gap]) -> str | None:
    """Why it is as it is; None where nothing is wrong."""
    if state == "never_seen":
        return _never_seen_cause(terminal)
    fault = _fault_cause(terminal)
    if state in {"online", "in_call"}:
        return fault
    if terminal.revoked_at is not None:
        return "revoked"
    if fault is not None and fault != "data_lost":
        return fault
    return _lost_cause(terminal, gaps) or fault or "unknown"


def _never_seen_cause(terminal: Terminal) -> str:
    if terminal.revoked_at is not None:
        return "revoked"
    return "not_activated" if terminal.has_credential else "no_credential"


def _fault_cause(terminal: Terminal) -> str | None:
    """What the terminal itself last said was wrong."""
    faults = terminal.open_faults or []
    for fault, reason in _FAULT_CAUSES:
        if fault in faults:
            return reason
    if terminal.on_mains is False:
        return "mains_lost"
    if terminal.battery_pct is not None and terminal.battery_pct < LOW_BATTERY_PCT:
        return "battery"
    if terminal.registration is not None and terminal.registration not in REGISTERED:
        return "voice_lost"
    return "hardware" if faults else None


def _lost_cause(terminal: Terminal, gaps: Sequence[Gap]) -> str | None:
    """What the circumstances say about a terminal that fell silent without a word of its own."""
    beat = timedelta(seconds=terminal.heartbeat_s or HEARTBEAT_S)
    last = terminal.last_seen_at
    if last is not None and any(gap.from_at - beat <= last <= gap.until_at for gap in gaps):
        return "our_outage"
    if terminal.csq is not None and terminal.csq < WEAK_CSQ:
        return "weak_signal"
    return "data_lost" if terminal.link == "offline" else None


def _finding(terminal: Terminal, state: str, reason: str, silent: timedelta) -> Finding:
    return Finding(
        terminal=terminal,
        state=state,
        cause=reason,
        since=terminal.last_seen_at or terminal.created_at,
        silent_s=int(silent.total_seconds()),
        risk=2 * _severity(state, reason) + (0 if terminal.lives_alone else 1),
    )


def _severity(state: str, reason: str) -> int:
    """0: nobody would hear of an emergency for a day; 4: a repair."""
    if state in {"silent_24h", "silent_72h"}:
        return 0
    if state in _SILENT or reason in NO_CALLS:
        return 1
    if state == "never_seen":
        return 2
    return 3 if state == "late" else 4


def _contact_facts(terminal: Terminal) -> Contact:
    return Contact(
        device_id=terminal.device_id,
        status=terminal.status,
        last_seen_at=terminal.last_seen_at,
        in_call_until=terminal.in_call_until,
        link=terminal.link,
        link_at=terminal.link_at,
        heartbeat_s=terminal.heartbeat_s,
    )
