"""An alarm as a small dict and back, so that a reset inside an emergency does not end it.

In: alarm and attempt, or a dict from storage. Out: the other of the two. A dict that does not fit is refused as a
whole: half an alarm is worse than a fresh press.
"""

from firmware.core import plan as plans_
from firmware.core.attempt import TALKING, Alarm, Attempt
from protocol import codes, const

_STALE_S = const(6 * 3_600)  # without power; who fell in a power cut may still lie there, a call in vain costs little


def pack(alarm: Alarm, attempt: Attempt | None, count: int) -> dict[str, object]:
    """The dict to store."""
    out: dict[str, object] = {"key": alarm.key, "refs": alarm.refs, "case": alarm.case, "stored": alarm.stored}
    out["plan"] = alarm.plan if alarm.plan is not alarm.stored else None
    out["src"] = alarm.src
    out["ver"] = alarm.ver
    out["cycle"] = alarm.cycle
    out["tried"] = alarm.tried
    out["last"] = alarm.last
    out["sms"] = alarm.texts.dump()
    out["slow"] = alarm.slow
    out["flags"] = (1 if alarm.exhausted else 0) + (2 if alarm.restarted else 0) + (4 if alarm.regiven else 0)
    out["desk"] = alarm.desk
    out["end"] = alarm.end
    out["over"] = alarm.over
    out["count"] = count
    if attempt is not None and attempt.alarm is alarm:
        talked = 1 if attempt.talk_at is not None else 0
        out["call"] = [attempt.rung, attempt.cycle, attempt.direction, talked, attempt.label, attempt.target]
        out["call_of"] = [attempt.src, attempt.ver, attempt.staffed]
    return out


_LABEL_SHORT = const(3)


def shorten(dump: dict[str, object], step: int) -> bool:
    """Take something away that a resumed alarm can do without, in place; False when nothing is left to take.

    First what only names things, then targets that the route has replaced anyway, the route itself last.
    """
    refs, stored, plan = dump["refs"], dump["stored"], dump["plan"]
    if step == 0 and isinstance(refs, list):
        dump["refs"] = [refs[0], refs[-1]]
    elif step == 1 and isinstance(stored, list):
        dump["stored"] = _named_shortly(stored)
        dump["plan"] = _named_shortly(plan) if isinstance(plan, list) else None
    elif step == 2 and isinstance(stored, list) and plan is not None:
        dump["stored"] = plans_.staffed(stored) or stored
    elif step == 3:
        dump["plan"], dump["src"] = None, "stored"
    else:
        return step < 3
    return True


def _named_shortly(plan: list[tuple[str, str, int, int]]) -> list[tuple[str, str, int, int]]:
    return [(rung[0][:_LABEL_SHORT], rung[1], rung[2], rung[3]) for rung in plan]


def stale(dump: dict[str, object], epoch: int | None) -> bool:
    """Whether an alarm was kept so long ago that nobody waits for it. One of unknown age is not."""
    at = dump.get("t")
    return isinstance(at, int) and epoch is not None and epoch - at > _STALE_S


def _texts(value: object) -> list[str] | None:
    if not isinstance(value, (list, tuple)):
        return None
    texts = [one for one in value if isinstance(one, str)]
    return texts if len(texts) == len(value) else None


def _number(value: object) -> int:
    """An integer from 0, or 0."""
    return value if isinstance(value, int) and value > 0 else 0


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def unpack(dump: object, now: int) -> tuple[Alarm, Attempt | None, int] | None:
    """(alarm, attempt that was under way, attempts so far), or None."""
    if not isinstance(dump, dict):
        return None
    refs = _texts(dump.get("refs"))
    tried = _texts(dump.get("tried"))
    stored = plans_.checked(dump.get("stored"))
    key = dump.get("key")
    if not refs or tried is None or stored is None or key not in codes.KEYS:
        return None
    alarm = Alarm(key, refs[0], stored, _number(dump.get("ver")))
    alarm.refs = refs
    alarm.plan = plans_.checked(dump.get("plan")) or stored
    alarm.src = "route" if dump.get("src") == "route" else "stored"
    alarm.case = _text(dump.get("case"))
    alarm.tried = tried
    alarm.last = _text(dump.get("last"))
    alarm.texts.restore(dump.get("sms"), now)
    alarm.cycle = _number(dump.get("cycle"))
    alarm.slow = _number(dump.get("slow"))
    flags = _number(dump.get("flags"))
    alarm.exhausted = bool(flags & 1)
    alarm.restarted = bool(flags & 2)
    alarm.regiven = bool(flags & 4)
    alarm.desk = _text(dump.get("desk"))
    alarm.end = _text(dump.get("end"))
    alarm.over = _text(dump.get("over"))
    count = _number(dump.get("count"))
    return alarm, _attempt(alarm, dump.get("call"), dump.get("call_of"), count), count


def _attempt(alarm: Alarm, call: object, call_of: object, count: int) -> Attempt | None:
    if (
        not isinstance(call, (list, tuple))
        or len(call) != 6
        or not isinstance(call_of, (list, tuple))
        or len(call_of) != 3
    ):
        return None
    rung = None if call[0] is None else 0
    attempt = Attempt(alarm, count, rung, "in" if call[2] == "in" else "out", 0)
    attempt.rung = None if rung is None else _number(call[0])
    attempt.cycle = _number(call[1])
    attempt.talk_at = 0 if call[3] else None
    attempt.label = str(call[4])
    attempt.target = str(call[5])
    attempt.src = str(call_of[0])
    attempt.ver = _number(call_of[1])
    attempt.staffed = _number(call_of[2])
    return attempt


def take_up(alarm: Alarm, attempt: Attempt, now: int, talking: bool) -> tuple[list[tuple[object, ...]], bool]:
    """A call that a reset found: (what to tell, whether it goes on). One that does not is hung up by the ladder."""
    told = attempt.talk_at is not None
    attempt.shown_at = now
    if talking:
        attempt.talk_at = now
        attempt.state = TALKING
        return ([] if told else [attempt.report("talk"), ("save",)]), True
    if told:
        # It had been answered: the same target first, not the next.
        attempt.talk_at = now
        alarm.cut(attempt.target)
    return [], False
