"""What a message changes about its terminal, and how a terminal stands now. In: facts and `now`. Out: new facts.

Pure. A terminal in a call is not offline, a will alone is not silence, and our own outage is not its fault.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cloud.devices.models import DayCount, DeviceState
from protocol import codes, ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cloud.devices.models import Contact, Gap, Received

# How a terminal stands, from the best to the worst that silence can be; the last two are a person's decision.
CONTACTS = (
    "never_seen",
    "online",
    "in_call",  # data is suspended while it talks
    "late",  # a heartbeat is overdue
    "silent_30m",
    "silent_24h",
    "silent_72h",
    "paused",
    "retired",
)

HEARTBEAT_S = 600  # shipped interval
LATE_GRACE = timedelta(minutes=2)  # a resend over 2G, or a reconnect after the network dropped it
SILENT_BEATS = 3  # heartbeats missed in a row before it is silence: 30 min at the shipped interval
SILENT_SHORT = timedelta(minutes=30)
SILENT_LONG = timedelta(hours=24)
SILENT_WORST = timedelta(hours=72)

# A ladder of three cycles takes 12 minutes; data comes back with the end of the last call.
IN_CALL = timedelta(minutes=15)

# An arrival later than this says nothing about the present.
FRESH_S = 120.0

_TWIN_OF_FAULT = dict(codes.FAULTS)
_TWIN_OF_RESTORE = {restore: fault for fault, restore in codes.FAULTS}
_LADDER_OVER = ("ladder_exhausted", "ladder_cancelled")


def contact(facts: Contact, now: datetime, gaps: Sequence[Gap] = ()) -> str:
    """One of CONTACTS."""
    if facts.status in {"retired", "paused"}:
        return facts.status
    if facts.last_seen_at is None:
        return "never_seen"
    if facts.in_call_until is not None and facts.in_call_until > now:
        return "in_call"
    return _of_silence(silence(facts, now, gaps), timedelta(seconds=facts.heartbeat_s or HEARTBEAT_S))


def _of_silence(silent: timedelta, beat: timedelta) -> str:
    """Nobody is silent before SILENT_BEATS of its own are missing, nor before the time that the word says."""
    if silent > max(SILENT_WORST, beat * SILENT_BEATS):
        return "silent_72h"
    if silent > max(SILENT_LONG, beat * SILENT_BEATS):
        return "silent_24h"
    if silent > max(SILENT_SHORT, beat * SILENT_BEATS):
        return "silent_30m"
    return "late" if silent > beat + LATE_GRACE else "online"


def silence(facts: Contact, now: datetime, gaps: Sequence[Gap] = ()) -> timedelta:
    """How long nothing was heard that could have been: time in a call and our own outages are not counted."""
    if facts.last_seen_at is None:
        return timedelta(0)
    since = max(facts.last_seen_at, facts.in_call_until or facts.last_seen_at)
    return max(now - since - _overlap(since, now, gaps), timedelta(0))


def _overlap(start: datetime, end: datetime, gaps: Sequence[Gap]) -> timedelta:
    """How much of a stretch lies in gaps, each moment counted once."""
    total = timedelta(0)
    for gap in sorted(gaps, key=lambda each: each.from_at):
        begin, until = max(start, gap.from_at), min(end, gap.until_at)
        if begin < until:
            total += until - begin
            start = until
    return total


def advance(state: DeviceState | None, message: Received, *, overtaken: bool = False) -> DeviceState:
    """The state after one new message; `overtaken`: the twin of this event is known to have happened later."""
    at = message.received_at
    state = state or DeviceState(device_id=message.device_id, first_seen_at=at, last_seen_at=at)
    late = message.late_s is None or message.late_s > FRESH_S
    offset = clock_offset_ms(message.body, at)
    state = replace(
        state,
        last_seen_at=max(state.last_seen_at, at),
        late=state.late + late,
        clock_offset_ms=state.clock_offset_ms if offset is None else offset,
        in_call_until=_in_call_until(state.in_call_until, message),
    )
    if message.kind == "hb":
        return _beat(state, message)
    if message.kind == "boot":
        return _boot(state, message)
    if message.kind == "event" and message.body["ev"] == "config_applied" and not late:
        # With its heartbeat's interval: the next one may be an hour away, and would be missed after half of it.
        return replace(state, config_version=message.body["val"] or state.config_version)
    if message.kind == "event" and not overtaken:
        return replace(state, open_faults=_faults(state.open_faults, message.body["ev"]))
    return state


def _beat(state: DeviceState, message: Received) -> DeviceState:
    body = message.body
    return replace(
        state,
        last_beat_at=message.received_at,
        config_version=body["cfg"],
        battery_mv=body["bat"],
        battery_pct=body["pct"],
        on_mains=None if body["mains"] is None else body["mains"] == 1,
        csq=body["csq"],
        registration=body["reg"],
        cell=body["cell"],
        drops=body["drops"],
    )


def _boot(state: DeviceState, message: Received) -> DeviceState:
    parsed = ids.parse_id(message.id)
    assert parsed is not None  # noqa: S101 - the id was checked on decoding
    epoch, count, _sequence = parsed
    if epoch == state.boot_epoch and state.boot_count is not None and count < state.boot_count:
        return state  # the record of an earlier boot that was long on its way
    body = message.body
    return replace(
        state,
        boot_epoch=epoch,
        boot_count=count,
        booted_at=message.happened_at or message.received_at,
        reset_cause=body["cause"],
        firmware=body["fw"],
        board=body["board"],
        imei=body["imei"] or state.imei,
        iccid=body["iccid"] or state.iccid,
        config_version=body["cfg"],
    )


def twin(event: str) -> str | None:
    """The event that undoes this one, either way round; None for one that stands alone."""
    return _TWIN_OF_FAULT.get(event) or _TWIN_OF_RESTORE.get(event)


def _faults(faults: list[str], event: str) -> list[str]:
    if event in _TWIN_OF_FAULT:
        return sorted({*faults, event})
    restored = _TWIN_OF_RESTORE.get(event)
    return [fault for fault in faults if fault != restored]


def _in_call_until(until: datetime | None, message: Received) -> datetime | None:
    """Presumed in a call from a press or a `dial` for IN_CALL; over by the end of a call or of the ladder."""
    if message.happened_at is None:
        return until  # an undated record says nothing about the present
    began, body = message.happened_at, message.body
    if message.kind == "press" and body["key"] != "cancel" and body["how"] != "test":
        return max(began + IN_CALL, until or began)
    if message.kind == "call" and body["step"] != "fail":
        if body["step"] != "end":
            return max(began + IN_CALL, until or began)
        return _over(until, began)
    ladder_over = message.kind == "event" and body["ev"] in _LADDER_OVER
    idle_beat = message.kind == "hb" and body["call"] == 0
    return _over(until, began) if ladder_over or idle_beat else until


def _over(until: datetime | None, at: datetime) -> datetime | None:
    """The presumption ends, unless something began after `at`."""
    return until if until is not None and until - IN_CALL > at else None


def clock_offset_ms(body: dict[str, Any], received_at: datetime) -> int | None:
    """The terminal's clock minus ours, from a message that it dated and sent in the same boot; else None."""
    t, u, s = body["t"], body["u"], body["s"]
    if t is None or s is None or s < u:
        return None
    device_ms = t * 1000 + (s - u)
    ours_ms = (received_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return int(device_ms - ours_ms)


def day_count(message: Received, received_day: object) -> DayCount:
    """What a message adds to the day that it happened on."""
    if message.kind == "hb":
        return DayCount(beats=1)
    return DayCount(
        presses=int(message.kind == "press" and message.body["key"] != "cancel"),
        calls=int(message.kind == "call" and message.body["step"] == "talk"),
        messages=1,
        late=int(message.day != received_day),
        undated=int(message.happened_at is None),
    )


def merged_report(known: dict[str, int] | None, told: dict[str, int]) -> dict[str, int]:
    """A terminal's record of a day, told twice: its counts only grow, so the larger one of each is the later one."""
    known = known or {}
    return {name: max(value, known.get(name, 0)) for name, value in {**known, **told}.items()}


def line_changed(before: DeviceState | None, after: DeviceState, now: datetime) -> bool:
    """Whether its connection began or ended outside a call: in one its data is suspended, and the will may fire."""
    if before is None or before.link in {"unknown", after.link}:
        return False
    return after.in_call_until is None or after.in_call_until < now


def worth_showing(before: DeviceState | None, after: DeviceState) -> bool:
    """Whether somebody who looks at a list of terminals would see a difference that matters."""
    if before is None:
        return True
    fields = ("link", "in_call_until", "open_faults", "boot_count", "firmware", "on_mains")
    if any(getattr(before, name) != getattr(after, name) for name in fields):
        return True
    return after.last_seen_at - before.last_seen_at > timedelta(seconds=HEARTBEAT_S) + LATE_GRACE
