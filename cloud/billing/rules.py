"""The day rule, version 1: what one terminal's Shanghai day was. Pure: facts in, verdict out.

The cases stand in `decide` in the order in which they are tried; their names and words in REASONS, for both parties.
A day that nobody heard anything of is disputed: it is not ours to decide alone.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cloud.billing.models import PAID_STATUS, DayFacts, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

RULE_VERSION = 1

# With voice lost for all of its powered minutes a terminal was no help; under an hour of power that proves nothing.
NO_VOICE_POWERED_MINUTES_MIN = 60

# reason: (status, words for the statement)
REASONS = {
    "no_home": ("not_installed", "当日未安装在任何住户家中"),
    "paused": ("paused", "当日处于已登记的暂停期"),
    "no_voice": ("fault_ours", "终端记录当日通电但全天无法拨打电话"),
    "heard": ("normal", "当日收到终端的心跳、按键或通话记录"),
    "told_late": ("normal", "当日数据中断,终端事后补报当日工作记录"),
    "unpowered": ("fault_user", "终端事后补报当日全天未通电"),
    "silent": ("disputed", "当日无任何记录"),
    "silent_outage": ("disputed", "当日无任何记录,且当日我方平台曾中断接收"),
    "home_counted": ("not_installed", "同一住户当日已按另一台终端计算"),
}


def decide(facts: DayFacts, day: date) -> Verdict:
    """The verdict on one terminal's day."""
    basis = _basis(facts)
    reason = _reason(facts, basis)
    return Verdict(
        device_id=facts.device_id,
        day=day,
        status=REASONS[reason][0],
        basis=basis,
        reason=reason,
        home=facts.home,
        rule_version=RULE_VERSION,
        evidence=_evidence(facts),
    )


def decide_all(facts: Iterable[DayFacts], day: date) -> list[Verdict]:
    """Verdicts for a whole day, by device id. Of two terminals of one home only the one installed last is paid."""
    ranked = sorted(facts, key=lambda each: (each.installed_on or date.min, each.device_id), reverse=True)
    paid_homes: set[str] = set()
    verdicts = []
    for each in ranked:
        verdict = decide(each, day)
        if verdict.status == PAID_STATUS and verdict.home is not None:
            if verdict.home in paid_homes:
                verdict = _counted_already(verdict)
            paid_homes.add(verdict.home or "")
        verdicts.append(verdict)
    return sorted(verdicts, key=lambda verdict: verdict.device_id)


def may_close(day: date, today: date, *, provisional: bool) -> bool:
    """A day is closed when it is over; provisionally while it runs; never before it has begun."""
    return day < today or (provisional and day == today)


def outage_s(gaps: Iterable[tuple[datetime, datetime]], start: datetime, end: datetime) -> int:
    """Whole seconds between two moments in which our ingest was down, each moment counted once."""
    total = timedelta(0)
    for begin, until in sorted(gaps):
        begin, until = max(begin, start), min(until, end)  # noqa: PLW2901 - cut to the stretch
        if begin < until:
            total += until - begin
            start = until
    return int(total.total_seconds())


def _basis(facts: DayFacts) -> str:
    if facts.beats or facts.messages > facts.late:
        return "live"
    if facts.late or facts.report is not None:
        return "late"
    return "none"


def _reason(facts: DayFacts, basis: str) -> str:
    if facts.home is None:
        return "no_home"
    if facts.paused:
        return "paused"
    if basis == "none":
        return "silent_outage" if facts.outage_s else "silent"
    powered = _minutes(facts.report, "on")
    if powered >= NO_VOICE_POWERED_MINUTES_MIN and _minutes(facts.report, "reg") == 0 and facts.calls == 0:
        return "no_voice"
    if basis == "live":
        return "heard"
    return "told_late" if facts.late or powered > 0 else "unpowered"


def _minutes(report: dict[str, Any] | None, name: str) -> int:
    return int(report.get(name) or 0) if report else 0


def _evidence(facts: DayFacts) -> dict[str, Any]:
    """The figures that the verdict stands on, as they are stored: the same facts always give the same object."""
    return {
        "beats": facts.beats,
        "presses": facts.presses,
        "calls": facts.calls,
        "messages": facts.messages,
        "late": facts.late,
        "report": facts.report,
        "first_at": facts.first_at.isoformat() if facts.first_at else None,
        "last_at": facts.last_at.isoformat() if facts.last_at else None,
        "outage_s": facts.outage_s,
        "installed_on": facts.installed_on.isoformat() if facts.installed_on else None,
    }


def _counted_already(verdict: Verdict) -> Verdict:
    return Verdict(
        device_id=verdict.device_id,
        day=verdict.day,
        status=REASONS["home_counted"][0],
        basis=verdict.basis,
        reason="home_counted",
        home=verdict.home,
        rule_version=verdict.rule_version,
        evidence=verdict.evidence,
    )
