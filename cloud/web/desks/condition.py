"""How the platform itself stands: its processes, what waits, what was refused, what went wrong lately.

In: an open transaction and `now`; the rows that every process writes of itself. Out: plain data in words, and what
somebody should look at. No counting here, nothing of any person.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cloud.devices import store as devices
from cloud.devices.actions import INGEST_SILENCE_ALLOWED
from cloud.down import store as down
from cloud.health import alarms
from cloud.health.words import lasted
from cloud.html.render import duration
from cloud.web import words
from cloud.web.desks import store

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloud.db import Conn
    from cloud.web.desks.store import Beat

INCIDENTS_SHOWN = 20
LOOKED_BACK = timedelta(days=7)
REFUSED_LOOKED_BACK = timedelta(hours=24)
LATELY = timedelta(hours=24)  # an incident older than that is history, not a concern
LAG_S = 15.0  # as /health of ingest has it
OUTBOX_S = 15.0  # as /health of the sender has it
CARRIER_S = 6 * 3600.0  # as /health of the sweep has it
PRESS_S = 0.25  # the promise for the worst hour: a flood of ten times the usual


@dataclass(frozen=True)
class Figure:
    """One number with its name; `bad` where somebody should look at it."""

    name: str
    value: str
    bad: bool = False


@dataclass(frozen=True)
class Process:
    """One process, or one lane of ingest, as it last said of itself."""

    name: str
    title: str
    beat_at: datetime | None
    well: bool
    now: list[Figure] = field(default_factory=list)
    ever: list[Figure] = field(default_factory=list)


@dataclass(frozen=True)
class Incident:
    """A stretch in which something of ours did not work."""

    what: str
    from_at: datetime
    until_at: datetime


@dataclass(frozen=True)
class Condition:
    """The whole screen."""

    now: datetime
    concerns: list[str]
    processes: list[Process]
    refused: list[tuple[str, int, int, int]]  # reason, kept, times, not settled
    presses_unseen: int
    alarms: list[alarms.Line]
    incidents: list[Incident]


async def read(conn: Conn, now: datetime) -> Condition:
    """As the database knows it at this moment."""
    beats = {beat.process: beat for beat in await store.beats(conn)}
    outbox = await down.outbox(conn, now)
    processes = [_process(name, beats.get(name), now, outbox) for name in words.PROCESSES]
    since = now - REFUSED_LOOKED_BACK
    refused = await store.quarantined(conn, since)
    unseen = await devices.count_refused_presses(conn, since)
    incidents = await _incidents(conn, now)
    return Condition(
        now=now,
        concerns=concerns(processes, unseen, incidents, now),
        processes=processes,
        refused=[(words.REFUSALS.get(reason, reason), kept, times, left) for reason, kept, times, left in refused],
        presses_unseen=unseen,
        alarms=await alarms.lines(conn),
        incidents=incidents[:INCIDENTS_SHOWN],
    )


def concerns(processes: Iterable[Process], unseen: int, incidents: Iterable[Incident], now: datetime) -> list[str]:
    """What somebody should look at, the most urgent first."""
    found = []
    for process in processes:
        if not process.well:
            found.append(f"{process.title}：{'无响应' if process.beat_at else '从未运行'}")
        else:
            found += [f"{process.title}：{figure.name} {figure.value}" for figure in process.now if figure.bad]
    if unseen:
        found.append(f"{unseen} 条无法接收的按键尚无人查看（见值班台）")
    lately = [each for each in incidents if each.until_at > now - LATELY]
    if lately:
        found.append(f"24小时内发生 {len(lately)} 次中断，最近一次：{lately[0].what}")
    return found


def _process(name: str, beat: Beat | None, now: datetime, outbox: tuple[float, int]) -> Process:
    title = words.PROCESSES[name]
    if beat is None:
        return Process(name, title, None, well=False)
    return Process(
        name=name,
        title=title,
        beat_at=beat.beat_at,
        well=now - beat.beat_at <= INGEST_SILENCE_ALLOWED,
        now=_now(name, beat, outbox),
        ever=[Figure(words.COUNTS[each], f"{count:,}") for each, count in _counts(name, beat.counters)],
    )


def _counts(name: str, counters: dict[str, int]) -> list[tuple[str, int]]:
    """What the process counts, in the order of the words; 0 where it did not happen yet."""
    return [(each, counters.get(each, 0)) for each in words.COUNTED[name]]


def _now(name: str, beat: Beat, outbox: tuple[float, int]) -> list[Figure]:
    at, found = beat.present, []
    if name in {"ingest", "beats"}:
        lag_s = at.get("lag_s", 0.0)
        found.append(_since("连接", at))
        found.append(Figure("积压时延", seconds(lag_s), bad=lag_s > LAG_S))
        found.append(Figure("未确认", f"{at.get('unacked', 0):,.0f} 条"))
        found.append(Figure("每秒入库", f"{at.get('stored_per_s', 0):,.1f} 条"))
    if name == "ingest":
        press_s = at.get("press_commit_s_p99")
        found.append(Figure("按键至入库 p50", seconds(at.get("press_commit_s_p50"))))
        found.append(Figure("按键至入库 p99", seconds(press_s), bad=press_s is not None and press_s > PRESS_S))
    if name == "beats":
        found.append(Figure("批量 p50", f"{at.get('batch_p50', 0):,.0f} 条"))
        found.append(Figure("提交 p99", seconds(at.get("commit_s_p99"))))
    if name == "send":
        # Asked of the table itself: a sender that is gone can't say how long it has been.
        age_s, due = outbox
        found.append(Figure("最早待发", seconds(age_s) if due else "无", bad=age_s > OUTBOX_S))
        found.append(Figure("待发", f"{due:,} 条"))
        found.append(Figure("每轮发送 p99", seconds(at.get("round_s_p99"))))
    if name == "sweep":
        found.append(Figure("每轮用时 p99", seconds(at.get("turn_s_p99"))))
        found += _carrier(at)
        waiting = at.get("mails_waiting", 0)
        mail = f"{waiting:,.0f} 封未发出" if waiting else "正常" if at.get("mail_on") else "未启用"
        found.append(Figure("每日邮件", mail, bad=waiting > 0))
    if name == "web":
        found.append(Figure("打开的页面", f"{at.get('pages', 0):,.0f} 个"))
        found.append(Figure("应答 p99", seconds(at.get("request_s_p99"))))
    return found


def _carrier(at: dict[str, float]) -> list[Figure]:
    """When the operator's SIM platform was last read whole; no platform is no fault."""
    if "carrier_on" not in at:
        return []
    if not at["carrier_on"]:
        return [Figure("SIM 平台", "未接入")]
    age_s = at.get("carrier_age_s", 0.0)
    return [Figure("SIM 平台", f"{lasted(timedelta(seconds=age_s))}前读完", bad=age_s > CARRIER_S)]


def _since(what: str, at: dict[str, float]) -> Figure:
    if not at.get("connected"):
        return Figure(what, "未连接", bad=True)
    return Figure(what, f"已 {duration(at.get('connected_s', 0.0))}")


def seconds(value: float | None) -> str:
    """A duration as people say it."""
    if value is None:
        return "—"
    if value < 1:
        return f"{value * 1000:.0f} 毫秒"
    return f"{value:.1f} 秒" if value < 60 else duration(value)


async def _incidents(conn: Conn, now: datetime) -> list[Incident]:
    """Gaps and lost sessions, the latest first."""
    since = now - LOOKED_BACK
    gaps = await devices.gaps(conn, since, now, INGEST_SILENCE_ALLOWED)
    found = [Incident("接入中断，终端无法上报", gap.from_at, gap.until_at) for gap in gaps]
    for door, from_at, at in await store.sessions_lost(conn, since, INCIDENTS_SHOWN):
        found.append(Incident(f"消息代理丢失会话（{words.PROCESSES.get(door, door)}），其间心跳可能缺失", from_at, at))
    return sorted(found, key=lambda each: each.until_at, reverse=True)
