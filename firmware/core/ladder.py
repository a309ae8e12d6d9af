"""The dial ladder: from a fired key to a person who answers.

In: fired keys, the modem's reports, routes and words of the desk, the passing of time. Out: actions as plain tuples,
carried out by somebody else: dial, hangup, answer, restart_modem, text, tone, report, exhausted, done, save.
One call at a time. An SOS ends only by ten seconds with a staffed target, an accept by key, the desk's acceptance, or
Cancel; once every rung of every cycle was tried it goes on slowly, for ever, rather than give up.
Talk comes from the modem's report of an active call, never from an `OK`.
"""

from firmware.core import limits, resume
from firmware.core import plan as plans_
from firmware.core.attempt import DIALLING, HANGING, RINGING, TALKING, Alarm, Attempt, view
from firmware.core.walk import SOS, Walk
from protocol import const

_ACCEPT_KEY = const("1")  # "press 1 to accept", as the cloud's own calls say


class Ladder(Walk):
    """`plans`: {key: rungs} of the configuration in force, `ver` its version."""

    def __init__(self, plans: object, ver: int, times: dict[str, int] | None = None) -> None:
        super().__init__()
        if not self.set_plans(plans, ver):
            raise ValueError("plans: a valid sos ladder with a staffed rung")
        self.configure(times)
        self.ignored = 0  # routes and desk messages for no open press of ours

    # Configuration.

    def set_plans(self, plans: object, ver: int) -> bool:
        """Take a stored plan for the next alarm. False: refused, because SOS would not end at a staffed target."""
        if not isinstance(plans, dict) or not plans_.all_right(plans):
            return False
        self._plans = plans
        self._ver = ver
        return True

    # Facts.

    @property
    def running(self) -> bool:
        """Whether help is being called."""
        return self._alarm is not None and self._alarm.over is None

    @property
    def ref(self) -> str | None:
        """The press that is open, or None."""
        return self._alarm.ref if self._alarm is not None and self._alarm.over is None else None

    @property
    def refs(self) -> list[str]:
        """The presses whose routes and desk messages count."""
        return self._alarm.refs if self._alarm is not None else []

    @property
    def in_call(self) -> bool:
        """Whether a call of ours is up, being set up or being hung up."""
        return self._attempt is not None

    @property
    def knows_caller(self) -> bool:
        """Whether a caller is known who rings, or talks without an alarm."""
        return self._caller is not None

    def view(self, now: int) -> dict[str, str | None]:
        """{"phase", "desk"} for the lamp."""
        return view(self._alarm, self._attempt, self._voice, self._sim, now)

    def spoken(self, now: int) -> dict[str, object]:
        """What the terminal could say about the alarm, see speech.py."""
        view = self.view(now)
        alarm = self._alarm if self.running else None
        about: dict[str, object] = {"ref": self.ref, "phase": view["phase"], "desk": view["desk"]}
        if alarm is not None:
            rung = plans_.next_rung(alarm.plan, alarm.tried) or 0
            about["key"], about["tries"], about["staffed"] = alarm.key, alarm.last is not None, alarm.plan[rung][3]
        return about

    # What the user does.

    def fire(self, key: str, ref: str, now: int, data_up: bool, line_busy: bool = False) -> list[tuple[object, ...]]:
        """A key fired and its press has the id `ref`. `line_busy`: a call that is not of this ladder is up."""
        out: list[tuple[object, ...]] = []
        alarm = self._alarm
        if line_busy and key != SOS:
            return [("tone", "busy")]
        if alarm is not None and alarm.over is None:
            alarm.pressed = (key, ref, now)
            if key == alarm.key:
                return self._again(alarm, ref, now)
            talking = self._attempt is not None and self._attempt.talk_at is not None
            if key != SOS and (alarm.key == SOS or talking):
                return [("tone", "busy")]
            out = self._finish(alarm, "preempted", now) + self._hang("preempted", now)
        return out + self._begin(key, ref, now, data_up, line_busy)

    def cancel(self, now: int) -> list[tuple[object, ...]]:
        """The Cancel key: hangs up at once and ends the alarm."""
        alarm = self._alarm
        if alarm is None or alarm.over is not None:
            return []
        out = self._hang("local_hangup", now)
        out.append(("report", "event", {"ev": "ladder_cancelled", "ref": alarm.ref}))
        out.append(("tone", "cancelled"))
        return out + self._finish(alarm, "cancelled", now)

    def _again(self, alarm: Alarm, ref: str, now: int) -> list[tuple[object, ...]]:
        """The same key while its ladder runs: a tone; it goes on only from a talk with nobody's desk, or a pause."""
        alarm.again(ref)
        out: list[tuple[object, ...]] = [("tone", SOS if alarm.key == SOS else "calling"), ("save",)]
        attempt = self._attempt
        if alarm.key == SOS and alarm.end is None and attempt is not None and attempt.state == TALKING:
            if not attempt.staffed:
                out += self._hang("local_hangup", now)
        elif attempt is None and (alarm.exhausted or now < self._room_until):
            self._retry_at = self._room_until = now
            self._rested = {}
            out += self._advance(now)
        return out

    # What the cloud says.

    def route(self, ref: object, case: object, ver: object, plan: object, now: int) -> list[tuple[object, ...]]:
        """A `route` message. It holds from the next rung on; an invalid one leaves the stored plan in force."""
        alarm = self._alarm
        if alarm is None or alarm.over is not None or ref not in alarm.refs:
            self.ignored += 1
            return []
        alarm.case = case if isinstance(case, str) else alarm.case
        rungs = plans_.checked(plan)
        if rungs is not None and isinstance(ver, int) and (alarm.src == "stored" or ver > alarm.ver):
            alarm.plan = plans_.merge(rungs, alarm.stored)
            alarm.src, alarm.ver = "route", ver
        self._wait_until = now
        return [("save",)] + self._advance(now)

    def desk(self, ref: object, state: object, now: int) -> list[tuple[object, ...]]:
        """A `desk` message: what a person there did. A call that is up is left alone; no further one is dialled."""
        alarm = self._alarm
        if alarm is None or ref not in alarm.refs or alarm.over in ("cancelled", "preempted"):
            self.ignored += 1
            return []
        out: list[tuple[object, ...]] = [("save",)]
        if state in ("accepted", "on_the_way"):
            if alarm.desk is None:
                out.append(("tone", "accepted"))
            alarm.end = alarm.end or "accepted"
        elif state == "closed" and alarm.exhausted:
            # Nobody answers and the desk has done its work: no reason to ring for ever. Before, `closed` ends nothing.
            alarm.end = alarm.end or "closed"
        alarm.desk = str(state)
        return out + self._advance(now)

    def data(self, up: bool, now: int) -> list[tuple[object, ...]]:
        """The data link came or went: without it nothing is waited for."""
        self._data = up
        return [] if up else self.heard(now)

    def heard(self, now: int) -> list[tuple[object, ...]]:
        """What the cloud had to say about the last call has come: the next dial need not wait for it."""
        self._wait_until = min(self._wait_until, now)
        return self._advance(now)

    # What the modem says.

    def voice(self, up: bool, now: int) -> list[tuple[object, ...]]:
        """Registration for calls came or went."""
        if up and not self._voice and self._alarm is not None and self._deaf_since is not None:
            self._retry_at = now
        if up:
            self._deaf_since = None
        self._voice = up
        return self._advance(now)

    def card(self, present: bool) -> None:
        """Whether there is a SIM, as far as the modem knows."""
        self._sim = present

    def call(self, number: int, what: str, now: int, cause: str | None = None) -> list[tuple[object, ...]]:
        """A report about attempt `number`: dialling, ringing, active, ended. Late ones change nothing.

        `active` again and again for as long as the modem shows it: that is the proof of the talk.
        """
        attempt = self._attempt
        if attempt is None or attempt.number != number:
            return []
        if what == "ended":
            return self._ended(attempt, cause, now)
        if what == "active":
            return self._active(attempt, now)
        if attempt.state in (DIALLING, TALKING) and what == "ringing":
            attempt.state = RINGING
            attempt.talk_at = None  # of a call that was none yet
            attempt.deadline = now + attempt.ring_s * 1_000
            return [attempt.report("ring"), ("tone", "ringing")]
        if attempt.state == DIALLING and not attempt.set_up:
            attempt.set_up = True
            attempt.deadline = now + attempt.ring_s * 1_000
        return []

    def _active(self, attempt: Attempt, now: int) -> list[tuple[object, ...]]:
        if not attempt.shown(now, self._talk_min):
            return []
        if attempt.state != HANGING:  # answered in the moment in which we hang up: it is told, and hung up
            attempt.state = TALKING
        return [attempt.report("talk"), ("tone", "answered"), ("save",)]

    def dtmf(self, key: str, now: int) -> list[tuple[object, ...]]:
        """A key that the other side pressed."""
        attempt = self._attempt
        if attempt is None or attempt.talk_at is None or attempt.accepted or key != _ACCEPT_KEY:
            return []
        attempt.accepted = True
        attempt.alarm.end = attempt.alarm.end or "answered"
        return [("save",)]

    def incoming(self, number: str, now: int) -> list[tuple[object, ...]]:
        """Somebody rings (every RING may be told); "" is a withheld number. Only remembered while no ladder runs."""
        answering = self._attempt is not None and self._attempt.direction == "in"
        if self._caller is not None or answering or now < self._clear_until:
            return []
        self._caller = number  # during a call of ours: decided when that is over
        return self._take_caller(number, now) if self.running and self._attempt is None else []

    def incoming_gone(self, now: int) -> list[tuple[object, ...]]:
        """Nobody rings any more, and the call was not answered by this ladder."""
        self._caller = None
        return []

    def line_clear(self, now: int) -> list[tuple[object, ...]]:
        """No call is up: what had to be hung up before the next dial is gone."""
        self._caller = None
        self._clear_until = min(self._clear_until, now)
        return self._advance(now)

    # What time does.

    def tick(self, now: int) -> list[tuple[object, ...]]:
        """Let time pass; call it at least every 100 ms."""
        out: list[tuple[object, ...]] = []
        attempt, alarm = self._attempt, self._alarm
        if attempt is not None and attempt.state == TALKING:
            if now - attempt.shown_at >= limits.TALK_LOST_MS:
                out = self._hang("timeout", now)
        elif attempt is not None and now >= attempt.deadline:
            if attempt.state == HANGING:
                out = self._ended(attempt, None, now)
            else:
                # Neither OK nor ringing came: the modem is silent. Otherwise the other side does not answer.
                silent = attempt.state == DIALLING and not attempt.set_up
                out = self._hang("timeout" if silent or attempt.direction == "in" else "no_answer", now)
                if silent and not attempt.alarm.restarted:
                    attempt.alarm.restarted = True
                    out = [("restart_modem",)]  # which ends any call
        elif attempt is None and alarm is not None and alarm.faded(now):
            self._alarm = None
        return out + self._advance(now) + self._text(now)

    def texted(self, serial: int, sent: bool, now: int) -> list[tuple[object, ...]]:
        """What became of a short message. Late words about one that was given up change nothing."""
        alarm = self._alarm
        told = None if alarm is None else alarm.texts.told(serial, sent)
        if alarm is None or told is None:
            return []
        event = {"ev": told[0], "txt": told[1], "val": told[2], "ref": alarm.ref}
        return [("report", "event", event), ("save",)]

    # A reset in the middle.

    def dump(self) -> dict[str, object] | None:
        """What a reset must not take away, or None: small enough for the chip's own key-value storage."""
        alarm = self._alarm
        if alarm is None or (alarm.over is not None and self.view(alarm.over_at)["desk"] is None):
            return None
        return resume.pack(alarm, self._attempt, self._count)

    def begun(self, key: str, ref: str) -> dict[str, object]:
        """As `dump` of an alarm that this press has just opened, with the plan in force."""
        return resume.pack(Alarm(key, ref, plans_.of_key(self._plans, key), self._ver), None, 0)

    def restore(self, dump: object, now: int, talking: bool = False) -> list[tuple[object, ...]]:
        """Go on after a reset. `talking`: the modem says that a call is active. An unreadable dump is ignored."""
        found = resume.unpack(dump, now)
        if found is None or self._alarm is not None:
            return []
        self._alarm, attempt, self._count = found
        self._alarm.over_at = self._alarm.begun = now
        if attempt is None:
            # A call that was being hung up for this alarm may still stand: the line is cleared before the next dial.
            self._clear_until = now + limits.HANGUP_MS
            return [("hangup",)] if self.running else []
        self._attempt = attempt
        out, goes_on = resume.take_up(self._alarm, attempt, now, talking)
        return out if goes_on else self._hang("terminal_reset", now)
