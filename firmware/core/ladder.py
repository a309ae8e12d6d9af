"""The dial ladder: from a fired key to a person who answers.

In: fired keys, the modem's reports, routes and words of the desk, the passing of time. Out: actions as plain tuples,
carried out by somebody else: dial, hangup, answer, restart_modem, tone, report, exhausted, done, save.
One call at a time. An SOS ends only by ten seconds with a staffed target, an accept by key, the desk's acceptance, or
Cancel; once every rung of every cycle was tried it goes on slowly, for ever, rather than give up.
Talk comes from the modem's report of an active call, never from an `OK`.
"""

from firmware.core import limits, resume
from firmware.core import plan as plans_
from firmware.core.attempt import DIALLING, HANGING, LINE_CAUSES, RINGING, TALKING, Alarm, Attempt, view

SOS = plans_.SOS
ACCEPT_KEY = "1"  # "press 1 to accept", as the cloud's own calls say


class Ladder:
    """One line, one alarm. `plans`: {key: rungs} of the configuration in force, `ver` its version."""

    def __init__(self, plans: object, ver: int, times: dict[str, int] | None = None) -> None:
        self._plans: dict[str, list[tuple[str, str, int, int]]] = {}
        if not self.set_plans(plans, ver):
            raise ValueError("plans: a valid sos ladder with a staffed rung")
        self.configure(times)
        self._alarm: Alarm | None = None
        self._attempt: Attempt | None = None
        self._count = 0  # attempts so far
        self._voice = False
        self._caller: str | None = None  # somebody rings and nobody has decided
        self._clear_until = 0  # a call that is not ours is being hung up
        self._wait_until = 0  # for the cloud: a route, or the desk's word between two calls
        self._data = False
        self._retry_at = 0  # not before: gap after a modem fault, slow retry
        self._deaf_since: int | None = None  # registration missing while a dial was due
        self._blind_at = 0  # then a dial goes out without registration
        self.ignored = 0  # routes and desk messages for no open press of ours

    # Configuration.

    def configure(self, times: dict[str, int] | None) -> None:
        """Take the times of a configuration; their hard bounds hold."""
        self._publish_wait = limits.limit(times, "publish_wait")
        self._listen = limits.limit(times, "listen")
        self._cycles = limits.limit(times, "cycles")
        self._talk_min = limits.limit(times, "talk_min")
        self._slow_retry = limits.limit(times, "slow_retry")

    def set_plans(self, plans: object, ver: int) -> bool:
        """Take a stored plan for the next alarm. False: refused, because SOS would not end at a staffed target."""
        good = plans_.checked_all(plans)
        if good is None:
            return False
        self._plans = good
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
        return view(self._alarm, self._attempt, self._voice, now)

    # What the user does.

    def fire(self, key: str, ref: str, now: int, data_up: bool, line_busy: bool = False) -> list[tuple[object, ...]]:
        """A key fired and its press has the id `ref`. `line_busy`: a call that is not of this ladder is up."""
        out: list[tuple[object, ...]] = []
        alarm = self._alarm
        if line_busy and key != SOS:
            return [("tone", "busy")]
        if alarm is not None and alarm.over is None:
            if key == alarm.key:
                return self._again(alarm, ref, now)
            talking = self._attempt is not None and self._attempt.talk_at is not None
            if key != SOS and (alarm.key == SOS or talking):
                return [("tone", "busy")]
            out = self._finish(alarm, "preempted", now) + self._hang("preempted", now)
        self._alarm = alarm = Alarm(key, ref, plans_.of_key(self._plans, key), self._ver)
        self._retry_at = 0
        self._deaf_since = None
        self._data = data_up
        # In a call data is suspended: a route cannot come, so nothing is gained by waiting for it.
        self._wait_until = now + self._publish_wait if data_up and not line_busy and self._attempt is None else now
        if line_busy and (self._caller is None or plans_.rung_of(alarm.plan, self._caller) is None):
            self._caller = None
            out.append(("hangup",))
            self._clear_until = now + limits.HANGUP_MS
        out.append(("tone", SOS if key == SOS else "calling"))
        return out + self._advance(now) + [("save",)]

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
        elif attempt is None and alarm.exhausted:
            self._retry_at = now
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

    def call(self, number: int, what: str, now: int, cause: str | None = None) -> list[tuple[object, ...]]:
        """A report about attempt `number`: dialling, ringing, active, ended. Late and repeated ones change nothing."""
        attempt = self._attempt
        if attempt is None or attempt.number != number:
            return []
        if what == "ended":
            return self._ended(attempt, cause, now)
        if what == "active":
            return self._active(attempt, now)
        if attempt.state == DIALLING and what == "ringing":
            attempt.state = RINGING
            attempt.deadline = now + attempt.ring_s * 1_000
            return [attempt.report("ring"), ("tone", "ringing")]
        if attempt.state == DIALLING and not attempt.set_up:
            attempt.set_up = True
            attempt.deadline = now + attempt.ring_s * 1_000
        return []

    def _active(self, attempt: Attempt, now: int) -> list[tuple[object, ...]]:
        if attempt.talk_at is not None:
            return []
        attempt.talk_at = now
        if attempt.state != HANGING:  # answered in the moment in which we hang up: it is told, and hung up
            attempt.state = TALKING
        return [attempt.report("talk"), ("tone", "answered"), ("save",)]

    def dtmf(self, key: str, now: int) -> list[tuple[object, ...]]:
        """A key that the other side pressed."""
        attempt = self._attempt
        if attempt is None or attempt.talk_at is None or attempt.accepted or key != ACCEPT_KEY:
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

    def _take_caller(self, number: str, now: int) -> list[tuple[object, ...]]:
        """A caller during an alarm: a target of the ladder is answered, anybody else must leave the line."""
        alarm, self._caller = self._alarm, None
        if alarm is None:
            return []
        rung = plans_.rung_of(alarm.plan, number)
        if rung is not None:
            attempt = self._start(alarm, rung, "in", now + limits.ANSWER_MS)
            attempt.state = RINGING
            return [("answer", attempt.number), attempt.report("ring")]
        self._clear_until = now + limits.HANGUP_MS
        return [("hangup",), ("report", "event", {"ev": "call_refused", "ref": alarm.ref})]

    # What time does.

    def tick(self, now: int) -> list[tuple[object, ...]]:
        """Let time pass; call it at least every 100 ms."""
        out: list[tuple[object, ...]] = []
        attempt, alarm = self._attempt, self._alarm
        if attempt is not None and attempt.state == TALKING:
            attempt.count_talk(now, self._talk_min)
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
        return out + self._advance(now)

    def _ended(self, attempt: Attempt, cause: str | None, now: int) -> list[tuple[object, ...]]:
        """No call is up any more."""
        alarm = attempt.alarm
        attempt.count_talk(now, self._talk_min)
        self._attempt = None
        out = [attempt.last_report(cause, now)]
        if alarm.over is None:
            out.append(("tone", "ended" if attempt.talk_at is not None else "busy"))
            out.append(("save",))
            if alarm.exhausted:
                alarm.slow += 1
                self._retry_at = now + (self._slow_retry if alarm.slow < limits.SLOW_TRIES else limits.SLOWEST_MS)
            elif attempt.talk_at is None and (attempt.why or cause) in LINE_CAUSES:
                self._retry_at = now + limits.GAP_MS
            if self._data and cause != "busy":
                self._wait_until = now + self._listen
            if self._caller is not None and attempt.target in alarm.tried and not attempt.set_up:
                alarm.tried.remove(attempt.target)  # somebody rang before our dial went out: its turn is still to come
        return out + self._advance(now)

    def _hang(self, why: str, now: int) -> list[tuple[object, ...]]:
        attempt = self._attempt
        if attempt is None or attempt.state == HANGING:
            return []
        attempt.state = HANGING
        attempt.why = why
        attempt.deadline = now + limits.HANGUP_MS
        return [("hangup",)]

    def _finish(self, alarm: Alarm, how: str, now: int) -> list[tuple[object, ...]]:
        alarm.over = how
        alarm.over_at = now
        return [("done", how), ("save",)]

    def _advance(self, now: int) -> list[tuple[object, ...]]:
        """What is due while no call is up: the end, the next dial, or more patience."""
        alarm = self._alarm
        if alarm is None or alarm.over is not None or self._attempt is not None:
            return []
        if alarm.end is not None:
            return self._finish(alarm, alarm.end, now)
        if self._caller is not None:
            return self._take_caller(self._caller, now)
        if now < max(self._clear_until, self._wait_until, self._retry_at):
            return []
        return self._dial(alarm, now) if self._voice else self._deaf(alarm, now)

    def _deaf(self, alarm: Alarm, now: int) -> list[tuple[object, ...]]:
        """No registration: said aloud, the modem restarted once, and now and then a dial all the same."""
        if self._deaf_since is None:
            self._deaf_since = now
            self._blind_at = now + self._slow_retry
            return [("tone", "no_network")]
        if now >= self._blind_at:
            # What the driver knows about registration may be wrong; a dial that fails costs nothing.
            self._blind_at = now + self._slow_retry
            return self._dial(alarm, now)
        if not alarm.restarted and now - self._deaf_since >= limits.RESTART_AFTER_MS:
            alarm.restarted = True
            self._blind_at = now + self._slow_retry
            return [("restart_modem",)]
        return []

    def _dial(self, alarm: Alarm, now: int) -> list[tuple[object, ...]]:
        last = alarm.tried[-1] if alarm.tried else None
        # The first cycle is the plan's own order; from then on nobody is dialled twice in a row if it can be helped.
        rung = plans_.next_rung(alarm.plan, alarm.tried, last if alarm.cycle else None)
        if rung is None:
            alarm.cycle += 1
            alarm.tried = []
            if alarm.cycle >= self._cycles and not alarm.exhausted:
                return self._exhaust(alarm, now)
            rung = plans_.next_rung(alarm.plan, [], last) or 0
        attempt = self._start(alarm, rung, "out", now + limits.SETUP_MS)
        # Spent when dialled, not when ended: a target whose call resets the terminal must not be next for ever.
        alarm.tried.append(attempt.target)
        return [("dial", attempt.number, attempt.target), ("tone", "calling"), attempt.report("dial"), ("save",)]

    def _start(self, alarm: Alarm, rung: int, direction: str, deadline: int) -> Attempt:
        self._count += 1
        self._attempt = Attempt(alarm, self._count, rung, direction, deadline)
        return self._attempt

    def _exhaust(self, alarm: Alarm, now: int) -> list[tuple[object, ...]]:
        """Every rung of every cycle was tried: said aloud, told to the cloud, and for SOS not the end."""
        alarm.exhausted = True
        out: list[tuple[object, ...]] = [("report", "event", {"ev": "ladder_exhausted", "ref": alarm.ref})]
        out += [("exhausted", alarm.ref), ("tone", "nobody")]
        if alarm.key != SOS:
            return out + self._finish(alarm, "exhausted", now)
        self._retry_at = now + self._slow_retry
        return out + [("save",)]

    # A reset in the middle.

    def dump(self) -> dict[str, object] | None:
        """What a reset must not take away, or None: small enough for the chip's own key-value storage."""
        alarm = self._alarm
        if alarm is None or (alarm.over is not None and self.view(alarm.over_at)["desk"] is None):
            return None
        return resume.pack(alarm, self._attempt, self._count)

    def restore(self, dump: object, now: int, talking: bool = False) -> list[tuple[object, ...]]:
        """Go on after a reset. `talking`: the modem says that a call is active. An unreadable dump is ignored."""
        found = resume.unpack(dump)
        if found is None or self._alarm is not None:
            return []
        self._alarm, attempt, self._count = found
        self._alarm.over_at = now
        if attempt is None:
            # A call that was being hung up for this alarm may still stand: the line is cleared before the next dial.
            self._clear_until = now + limits.HANGUP_MS
            return [("hangup",)] if self.running else []
        self._attempt = attempt
        out, goes_on = resume.take_up(self._alarm, attempt, now, talking)
        return out if goes_on else self._hang("terminal_reset", now)
