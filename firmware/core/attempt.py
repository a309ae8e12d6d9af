"""One attempt to reach one target, and one alarm with its ladder: plain state, and the reports that go to the cloud.

In: what the ladder decided and what the modem told. Out: the fields of `call` messages.
Holds no rules: those are in ladder.py.
"""

from firmware.core.limits import DESK_SHOWN_MS, TALK_DOUBT_MS
from firmware.core.plan import SOS
from firmware.core.sms import Texts
from protocol import codes, const

_CYCLE_MAX = const(99)  # of the wire
DUR_MAX_S = const(86_400)
_REFS_MAX = const(8)  # presses of one alarm whose answers are listened to: the first and the latest

# Not the target's doing; a dial that fails so fast must not eat the whole ladder.
LINE_CAUSES = ("no_carrier", "no_dialtone", "no_registration", "no_sim", "modem_error", "modem_reset", "timeout")
_NOBODY_SHOWN_MS = const(60_000)  # the lamp of a service key that reached nobody

_EM112 = const(("112", "112", 60, 0))  # not staffed: in many places a tape answers, and tapes do not help

DIALLING = const("dialling")
RINGING = const("ringing")
TALKING = const("talking")
HANGING = "hanging"


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
        self.last: str | None = None  # number dialled last
        self.texts = Texts()
        self.cut_off = False  # data was down at the press, and the first call is not over
        self.faults = 0  # calls in a row that failed in the modem or the network
        self.slow = 0  # attempts since the ladder was exhausted
        self.exhausted = False
        self.restarted = False  # the modem, once per alarm
        self.regiven = False  # a target whose talk was cut has had a second turn, once per cycle
        self.pressed: tuple[str, str, int] | None = None  # key, press and uptime of the latest one while this ran
        self.begun = 0  # uptime of the press, or of the restart after it
        self.desk: str | None = None  # the last state that the desk told
        self.end: str | None = None  # why nobody needs to be dialled any more; a call that is up still goes on
        self.over: str | None = None  # how it ended
        self.over_at = 0

    @property
    def ref(self) -> str:
        """The press that opened it."""
        return self.refs[0]

    def cut(self, target: str) -> bool:
        """The talk with a target was cut off by a fault of ours: it is dialled again first, but not for ever."""
        again = not self.regiven and target in self.tried
        if again:
            self.regiven = True
            self.tried.remove(target)
            self.last = None
        return again

    def faded(self, now: int) -> bool:
        """Whether it ended so long ago that the lamp has nothing to say about it."""
        return self.over is not None and now - self.over_at > DESK_SHOWN_MS

    def again(self, ref: str) -> None:
        """A repeated press belongs to this alarm too."""
        if ref not in self.refs:
            self.refs = self.refs[: _REFS_MAX - 1] if len(self.refs) < _REFS_MAX else self.refs[:1] + self.refs[2:]
            self.refs.append(ref)


class Attempt:
    """One call. It is talk by the modem's own report of an active call and by nothing else, and only up to the last."""

    def __init__(self, alarm: Alarm, number: int, rung: int | None, direction: str, now: int) -> None:
        self.alarm = alarm
        self.number = number  # counts attempts, so that a late report is not taken for one of this call
        self.rung = rung  # None: the emergency number, which is in no plan
        self.direction = direction
        self.label, self.target, self.ring_s, self.staffed = _EM112 if rung is None else alarm.plan[rung]
        self.cycle = min(alarm.cycle, _CYCLE_MAX)
        self.src, self.ver = alarm.src, alarm.ver
        self.state = DIALLING
        self.deadline = now  # when the ladder loses patience; not while talking
        self.set_up = False  # the modem said OK to the dial: no proof of anything but its own health
        self.talk_at: int | None = None  # first time that the modem showed it active
        self.shown_at = now  # last time
        self.why: str | None = None  # our own reason for hanging up
        self.accepted = False  # by key

    def shown(self, now: int, talk_min: int) -> bool:
        """The modem shows the call active; True the first time.

        Long enough a talk ends an SOS with a staffed target, and any other alarm with any. Time in which the modem
        said nothing does not count until it shows the call again: it may have been dead, and the call with it.
        """
        first = self.talk_at is None
        if self.talk_at is None:
            self.talk_at = now
        self.shown_at = now
        if now - self.talk_at >= talk_min and (self.staffed or self.alarm.key != SOS):
            self.alarm.end = self.alarm.end or "answered"
        return first

    def report(self, step: str, cause: str | None = None, dur: int | None = None) -> tuple[object, ...]:
        """("report", "call", fields)."""
        fields: dict[str, object] = {"ref": self.alarm.ref, "dir": self.direction, "step": step, "to": self.label}
        if self.rung is not None:
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

    def last_report(self, cause: str | None) -> tuple[object, ...]:
        """The one report that closes the attempt: `end` after talk, `fail` without."""
        if self.accepted:
            cause = "accepted"
        elif self.why is not None:
            cause = self.why
        elif cause not in codes.CAUSES:
            cause = "no_carrier" if self.talk_at is None else "remote_hangup"
        if self.talk_at is None:
            return self.report("fail", cause)
        return self.report("end", cause, min((self.shown_at - self.talk_at) // 1_000, DUR_MAX_S))


def view(alarm: Alarm | None, attempt: Attempt | None, voice: bool, sim: bool, now: int) -> dict[str, str | None]:
    """What lamp and tones need: `phase` idle, calling, ringing, talking, no_voice, no_sim, nobody; `desk` its word."""
    if alarm is None:
        return {"phase": "idle", "desk": None}
    desk = None if alarm.desk == "closed" or alarm.over in ("cancelled", "preempted") else alarm.desk
    if attempt is not None and attempt.state == TALKING and now - attempt.shown_at >= TALK_DOUBT_MS:
        return {"phase": "calling", "desk": desk}  # the modem is dumb: nobody may hear the elder any more
    if attempt is not None and attempt.state in (RINGING, TALKING):
        return {"phase": attempt.state, "desk": desk}
    if alarm.over is not None:
        nobody = alarm.over == "exhausted" and now - alarm.over_at < _NOBODY_SHOWN_MS
        return {"phase": "nobody" if nobody else "idle", "desk": desk}
    if attempt is None and not voice:
        return {"phase": "no_voice" if sim else "no_sim", "desk": desk}
    return {"phase": "nobody" if alarm.exhausted and attempt is None else "calling", "desk": desk}
