"""The rules against a model: one terminal's true life, what of it reached us, and looks at any moments.

The model counts minutes one by one. Whatever the order of messages, looks, restarts and outages: what is found is
supported by what was heard, what lasted long enough is found, and what is over and told is closed.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.devices.models import Gap
from cloud.health.elapsed import KEPT, Clock
from cloud.health.models import Facts, Fault, Finding, Terminal
from cloud.health.rules import findings
from cloud.health.thresholds import Thresholds

START = datetime(2026, 3, 1, 0, 0, tzinfo=UTC)
LIMITS = Thresholds().values
MINUTE = timedelta(minutes=1)
END = 60 * 5  # minutes: little room, so that things meet
VOICE, SILENT, SETTLE = 15, 30, 2  # the shipped thresholds in minutes

minute = st.integers(1, END)
spans = st.lists(st.tuples(minute, st.integers(1, 90)).map(lambda each: (each[0], each[0] + each[1])), max_size=4)
# When a fault and its restore happened, and how long each was on its way.
faults = st.lists(st.tuples(minute, st.integers(1, 120), st.integers(0, 90), st.integers(0, 90)), max_size=4)


def in_(spans_: list[tuple[int, int]], at: int) -> bool:
    return any(begin <= at < end for begin, end in spans_)


def arrival(at: int, way: int, outages: list[tuple[int, int]]) -> int:
    """What is sent into an outage of ours comes as soon as it is over."""
    at += way
    while in_(outages, at):
        at += 1
    return at


def events(told: list[tuple[int, int, int, int]], outages: list[tuple[int, int]]) -> list[tuple[int, str, int]]:
    """(happened, what, received): one condition is over before it begins again."""
    found, free = [], 0
    for begin, length, way, way_back in sorted(told):
        if begin <= free:
            continue
        free = begin + length
        found += [(begin, "fault", arrival(begin, way, outages)), (free, "restore", arrival(free, way_back, outages))]
    return found


def known_fault(log: list[tuple[int, str, int]], now: int) -> Fault | None:
    """As ingest and the store make it of what has arrived, in whatever order."""
    heard = [each for each in log if each[2] <= now]
    restored = max((at for at, what, _ in heard if what == "restore"), default=-1)
    mine = [(at, received) for at, what, received in heard if what == "fault" and at > restored]
    if not mine:
        return None
    return Fault(START + min(at for at, _ in mine) * MINUTE, START + min(got for _, got in mine) * MINUTE)


def counted(since: int, now: int, *stopped: list[tuple[int, int]]) -> int:
    """Minutes in which the clock went."""
    return sum(not any(in_(spans_, at) for spans_ in stopped) for at in range(since, now))


def heard_at(now: int, silences: list[tuple[int, int]], outages: list[tuple[int, int]]) -> int:
    """The last heartbeat that came through: one every ten minutes."""
    return max((at for at in range(0, now + 1, 10) if not in_(silences, at) and not in_(outages, at)), default=0)


def facts_at(now: int, log: list[tuple[int, str, int]], silences: list[tuple[int, int]],
             outages: list[tuple[int, int]], percent: int) -> Facts:  # fmt: skip
    seen = START + heard_at(now, silences, outages) * MINUTE
    fault = known_fault(log, now)
    terminal = Terminal(
        device_id="BJCY000001", status="installed", created_at=START, installed_on=date(2026, 3, 1), last_seen_at=seen,
        last_beat_at=seen, battery_pct=percent, sos_proved_at=START,
    )  # fmt: skip
    return Facts(terminal=terminal, faults={} if fault is None else {"voice_lost": fault})


def clock_at(now: int, outages: list[tuple[int, int]]) -> Clock:
    gaps = [Gap(from_at=START + b * MINUTE, until_at=START + min(e, now) * MINUTE) for b, e in outages if b < now]
    return Clock(START + now * MINUTE, gaps)


def minutes(at: datetime) -> int:
    return int((at - START) / MINUTE)


@settings(max_examples=400)
@given(faults, spans, spans, st.lists(st.tuples(minute, st.integers(0, 100)), min_size=1, max_size=40))
def test_findings_are_what_the_facts_support(
    told: list[tuple[int, int, int, int]],
    silences: list[tuple[int, int]],
    outages: list[tuple[int, int]],
    looks: list[tuple[int, int]],
) -> None:
    """Looks come at any moments; between two there may have been a restart: only what is open is handed on."""
    log = events(told, outages)
    open_now: dict[str, Finding] = {}
    low = False
    for now, percent in sorted(looks):
        if in_(outages, now):
            continue  # the action looks at nothing then
        facts = facts_at(now, log, silences, outages, percent)
        was = open_now
        open_now = {each.rule: each for each in findings(facts, LIMITS, clock_at(now, outages), was)}
        assert set(open_now) <= {"voice_lost", "silent", "battery_low"}
        _check_fault(facts.faults.get("voice_lost"), now, outages, was.get("voice_lost"), open_now.get("voice_lost"))
        _check_silence(heard_at(now, silences, outages), now, outages, was.get("silent"), open_now.get("silent"))
        low = percent < (LIMITS["battery_low_close"] if low else LIMITS["battery_low_open"])
        assert ("battery_low" in open_now) == low


def _check_fault(
    fault: Fault | None, now: int, outages: list[tuple[int, int]], was: Finding | None, holds: Finding | None
) -> None:
    if fault is None:
        assert holds is None
        return
    lasted = counted(minutes(fault.since), now, outages)
    settled = counted(minutes(fault.told_at), now, outages) >= SETTLE
    assert (holds is not None) == (lasted >= VOICE * KEPT if was else lasted >= VOICE and settled)
    assert holds is None or holds.since == fault.since


def _check_silence(
    seen: int, now: int, outages: list[tuple[int, int]], was: Finding | None, holds: Finding | None
) -> None:
    lasted = counted(seen, now, outages)
    assert (holds is not None) == (lasted > (SILENT * KEPT if was else SILENT))
    assert holds is None or minutes(holds.since) == seen


@given(faults, spans, spans, st.lists(minute, max_size=20))
def test_when_all_is_well_and_told_nothing_is_open(
    told: list[tuple[int, int, int, int]],
    silences: list[tuple[int, int]],
    outages: list[tuple[int, int]],
    looks: list[int],
) -> None:
    """Whatever was looked at on the way, the last look leaves nothing."""
    log = events(told, outages)
    over = max([END, *(each[2] for each in log), *(end for _, end in (*silences, *outages))]) + 20
    open_now: dict[str, Finding] = {}
    for now in [*sorted(looks), over]:
        if not in_(outages, now):
            facts = facts_at(now, log, silences, outages, 90)
            open_now = {each.rule: each for each in findings(facts, LIMITS, clock_at(now, outages), open_now)}
    assert open_now == {}
