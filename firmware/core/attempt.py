"""One attempt to reach one target, and one alarm with its ladder: plain state, and the reports that go to the cloud.

In: what the ladder decided and what the modem told. Out: the fields of `call` messages.
Holds no rules: those are in ladder.py.
"""

from firmware.core.limits import DESK_SHOWN_MS
from firmware.core.plan import SOS
from protocol import codes

CYCLE_MAX = 99  # of the wire
DUR_MAX_S = 86_400
REFS_MAX = 8  # presses of one alarm whose answers are listened to: the first and the latest

# Not the target's doing; a dial that fails so fast must not eat the whole ladder.
LINE_CAUSES = ("no_carrier", "no_dialtone", "no_registration", "no_sim", "modem_error", "modem_reset", "timeout")
NOBODY_SHOWN_MS = 60_000  # the lamp of a service key that reached nobody

DIALLING, RINGING, TALKING, HANGING = "dialling", "ringing", "talking", "hanging"


class Alarm:
    """What one press (and its repetitions) asks for."""

    def __init__(self, key: str, ref: str, plan: list[tuple[str, str, int, int]], ver: int) -> None:
        self.key = key
        self.refs = [ref]
        self.case: str | None = None
        self.stored = plan
        self.plan = plan
        self.src = "stored"
        self.ver = ver
        self.cycle = 0
        self.tried: list[str] = []  # numbers dialled in this cycle
        self.slow = 0  # attempts since the ladder was exhausted
        self.exhausted = False
        self.restarted = False  # the modem, once per alarm
        self.desk: str | None = None  # the last state that the desk told
        self.end: str | None = None  # why nobody needs to be dialled any more; a call that is up still goes on
        self.over: str | None = None  # how it ended
        self.over_at = 0

    @property
    def ref(self) -> str:
        """The press that opened it."""
        return self.refs[0]

    def faded(self, now: int) -> bool:
        """Whether it ended so long ago that the lamp has nothing to say about it."""
        return self.over is not None and now - self.over_at > DESK_SHOWN_MS

    def again(self, ref: str) -> None:
        """A repeated press belongs to this alarm too."""
        if ref not in self.refs:
            self.refs = self.refs[: REFS_MAX - 1] if len(self.refs) < REFS_MAX else self.refs[:1] + self.refs[2:]
            self.refs.append(ref)


class Attempt:
    """One call. `talk_at` is set by the modem's own report of an active call and by nothing else."""

    def __init__(self, alarm: Alarm, number: int, rung: int, direction: str, now: int) -> None:
        self.alarm = alarm
        self.number = number  # counts attempts, so that a late report is not taken for one of this call
        self.rung = rung
        self.direction = direction
        self.label, self.target, self.ring_s, self.staffed = alarm.plan[rung]
        self.cycle = min(alarm.cycle, CYCLE_MAX)
        self.src, self.ver = alarm.src, alarm.ver
        self.state = DIALLING
        self.deadline = now  # when the ladder loses patience; not while talking
        self.set_up = False  # the modem said OK to the dial: no proof of anything but its own health
        self.talk_at: int | None = None
        self.why: str | None = None  # our own reason for hanging up
        self.accepted = False  # by key

    def count_talk(self, now: int, talk_min: int) -> None:
        """Long enough a talk ends an SOS with a staffed target, and any other alarm with any."""
        long = self.talk_at is not None and now - self.talk_at >= talk_min
        if long and (self.staffed or self.alarm.key != SOS):
            self.alarm.end = self.alarm.end or "answered"

    def report(self, step: str, cause: str | None = None, dur: int | None = None) -> tuple[object, ...]:
        """("report", "call", fields)."""
        fields: dict[str, object] = {"ref": self.alarm.ref, "dir": self.direction, "step": step, "to": self.label}
        fields["rung"] = self.rung
        fields["cycle"] = self.cycle
        fields["src"] = self.src
        fields["ver"] = self.ver
        if self.alarm.case is not None:
            fields["case"] = self.alarm.case
        if cause is not None:
            fields["cause"] = cause
        if dur is not None:
            fields["dur"] = dur
        return ("report", "call", fields)

    def last_report(self, cause: str | None, now: int) -> tuple[object, ...]:
        """The one report that closes the attempt: `end` after talk, `fail` without."""
        if self.accepted:
            cause = "accepted"
        elif self.why is not None:
            cause = self.why
        elif cause not in codes.CAUSES:
            cause = "no_carrier" if self.talk_at is None else "remote_hangup"
        if self.talk_at is None:
            return self.report("fail", cause)
        return self.report("end", cause, min((now - self.talk_at) // 1_000, DUR_MAX_S))


def view(alarm: Alarm | None, attempt: Attempt | None, voice: bool, now: int) -> dict[str, str | None]:
    """What the lamp needs: `phase` idle, calling, ringing, talking, no_voice, nobody; `desk` the desk's own word."""
    if alarm is None:
        return {"phase": "idle", "desk": None}
    desk = None if alarm.desk == "closed" or alarm.over in ("cancelled", "preempted") else alarm.desk
    if attempt is not None and attempt.state in (RINGING, TALKING):
        return {"phase": attempt.state, "desk": desk}
    if alarm.over is not None:
        nobody = alarm.over == "exhausted" and now - alarm.over_at < NOBODY_SHOWN_MS
        return {"phase": "nobody" if nobody else "idle", "desk": desk}
    if attempt is None and not voice:
        return {"phase": "no_voice", "desk": desk}
    return {"phase": "nobody" if alarm.exhausted and attempt is None else "calling", "desk": desk}
