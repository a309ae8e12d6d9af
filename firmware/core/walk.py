"""The walk along a ladder: what is due while no call is up, the next dial, the short messages, the end.

In: the alarm, the line and the time. Out: actions, as ladder.py describes them.
A short message never delays a dial but for one bounded pause after a cycle, on a modem with a single channel.
"""

from firmware.core import limits, sms
from firmware.core import plan as plans_
from firmware.core.attempt import HANGING, LINE_CAUSES, RINGING, TALKING, Alarm, Attempt

SOS = plans_.SOS


class Walk:
    """One line and one alarm; Ladder adds what is told to it from outside."""

    def __init__(self) -> None:
        self._plans: dict[str, object] = {}  # as they came: those of nine keys nobody needs twice
        self._ver = 0  # of these plans
        self._alarm: Alarm | None = None
        self._attempt: Attempt | None = None
        self._count = 0  # attempts so far
        self._voice = False
        self._sim = True
        self._caller: str | None = None  # somebody rings and nobody has decided
        self._clear_until = 0  # a call that is not ours is being hung up
        self._wait_until = 0  # for the cloud: a route, or the desk's word between two calls
        self._room_until = 0  # for short messages, on a modem with one channel
        self._data = False
        self._retry_at = 0  # not before: gap after a modem fault, slow retry
        self._rested: dict[str, int] = {}  # number: uptime before which it is not dialled again
        self._deaf_since: int | None = None  # registration missing while a dial was due
        self._blind_at = 0  # then a dial goes out without registration
        self._em_at = 0  # then the emergency number, where the district wants that
        self._em112 = False
        self._sms: list[str] | None = None  # configured receivers; None: the mobiles of the plan
        self.beside = False  # short messages have a channel of their own
        self.configure(None)

    def configure(self, times: dict[str, int] | None) -> None:
        """Take the times of a configuration; their hard bounds hold."""
        self._publish_wait = limits.limit(times, "publish_wait")
        self._listen = limits.limit(times, "listen")
        self._cycles = limits.limit(times, "cycles")
        self._talk_min = limits.limit(times, "talk_min")
        self._slow_retry = limits.limit(times, "slow_retry")

    def last_resorts(self, numbers: list[str] | None, em112: bool) -> None:
        """Who gets short messages (None: the mobiles of the plan), and whether 112 may be dialled."""
        self._sms = numbers
        self._em112 = em112

    # The line.

    def _start(self, alarm: Alarm, rung: int | None, direction: str, deadline: int) -> Attempt:
        self._count += 1
        self._attempt = Attempt(alarm, self._count, rung, direction, deadline)
        return self._attempt

    def _hang(self, why: str, now: int) -> list[tuple[object, ...]]:
        attempt = self._attempt
        if attempt is None or attempt.state == HANGING:
            return []
        attempt.state = HANGING
        attempt.why = why
        attempt.deadline = now + limits.HANGUP_MS
        return [("hangup",)]

    def _ended(self, attempt: Attempt, cause: str | None, now: int) -> list[tuple[object, ...]]:
        """No call is up any more."""
        alarm = attempt.alarm
        self._attempt = None
        out = [attempt.last_report(cause)]
        if alarm.over is None:
            out.append(("tone", "ended" if attempt.talk_at is not None else "busy"))
            out.append(("save",))
            fault = attempt.talk_at is None and (attempt.why or cause) in LINE_CAUSES
            out += self._after_cut(alarm, attempt, cause, now)
            if alarm.exhausted:
                alarm.slow += 1
                self._retry_at = now + (self._slow_retry if alarm.slow < limits.SLOW_TRIES else limits.SLOWEST_MS)
                self._room_until = now + limits.TEXT_ROOM_MS
            elif fault:
                self._retry_at = now + limits.GAP_MS
            if attempt.direction == "out" and (attempt.set_up or not fault) and attempt.target in alarm.tried:
                rested = self._rested.items()
                self._rested = {number: until for number, until in rested if until > now}
                self._rested[attempt.target] = now + limits.AGAIN_MS
            if self._data and cause != "busy":
                self._wait_until = now + self._listen
            if self._caller is not None and attempt.target in alarm.tried and not attempt.set_up:
                alarm.tried.remove(attempt.target)  # somebody rang before our dial went out: its turn is still to come
            if attempt.rung is None:
                self._em_at = now + self._slow_retry  # whoever answers there is not rung again in the same minute
            alarm.faults = alarm.faults + 1 if fault else 0
            if alarm.faults >= limits.TEXT_FAULTS or (alarm.cut_off and attempt.talk_at is None):
                self._begin_texts(alarm, sms.FIRST, now)
            alarm.cut_off = False
        return out + self._advance(now)

    def _after_cut(self, alarm: Alarm, attempt: Attempt, cause: str | None, now: int) -> list[tuple[object, ...]]:
        """A talk that the modem's fault cut goes on with the same target; a modem that answers nothing is restarted."""
        if attempt.talk_at is not None and alarm.end is None and cause in ("modem_reset", "timeout"):
            alarm.cut(attempt.target)
        if cause != "timeout" or attempt.why is not None or alarm.restarted:
            return []
        alarm.restarted = True
        self._retry_at = now + limits.GAP_MS  # by then it is known that there is no registration
        return [("restart_modem",)]

    def _finish(self, alarm: Alarm, how: str, now: int) -> list[tuple[object, ...]]:
        alarm.over = how
        alarm.over_at = now
        return [("done", how), ("save",)]

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

    # The begin and the end.

    def _begin(self, key: str, ref: str, now: int, data_up: bool, line_busy: bool) -> list[tuple[object, ...]]:
        """A new alarm in the place of the one before, which is over."""
        before, self._alarm = self._alarm, Alarm(key, ref, plans_.of_key(self._plans, key), self._ver)
        alarm = self._alarm
        if before is not None:
            alarm.texts.follow(before.texts)
        alarm.begun = now
        self._retry_at = self._room_until = 0
        self._rested = {}
        self._deaf_since = None
        self._data = data_up
        alarm.cut_off = not data_up
        # In a call data is suspended: a route cannot come, so nothing is gained by waiting for it.
        self._wait_until = now + self._publish_wait if data_up and not line_busy and self._attempt is None else now
        out: list[tuple[object, ...]] = []
        if line_busy and (self._caller is None or plans_.rung_of(alarm.plan, self._caller) is None):
            self._caller = None
            out.append(("hangup",))
            self._clear_until = now + limits.HANGUP_MS
        out.append(("tone", SOS if key == SOS else "calling"))
        return out + self._advance(now) + [("save",)]

    def _end(self, alarm: Alarm, how: str, now: int) -> list[tuple[object, ...]]:
        """Nobody needs to be dialled any more, unless somebody pressed just now because the line had gone dead.

        The end of a talk is known up to some seconds late, and a press in them was taken for one in the talk.
        """
        out = self._finish(alarm, how, now)
        if how != "answered" or alarm.pressed is None or now - alarm.pressed[2] > limits.LAST_WORD_MS:
            return out
        key, ref, _ = alarm.pressed
        return out + self._begin(key, ref, now, self._data, False)

    # What is due.

    def _advance(self, now: int) -> list[tuple[object, ...]]:
        """What is due while no call is up: the end, the next dial, or more patience."""
        alarm = self._alarm
        if alarm is None or alarm.over is not None or self._attempt is not None:
            return []
        if alarm.end is not None:
            return self._end(alarm, alarm.end, now)
        if self._caller is not None:
            return self._take_caller(self._caller, now)
        if now < max(self._clear_until, self._wait_until, self._retry_at) or self._gives_room(alarm, now):
            return []
        return self._dial(alarm, now) if self._voice else self._deaf(alarm, now)

    def _deaf(self, alarm: Alarm, now: int) -> list[tuple[object, ...]]:
        """No registration: said aloud, the modem restarted once, and now and then a dial all the same."""
        out: list[tuple[object, ...]] = []
        if self._deaf_since is None:
            self._deaf_since = now
            self._blind_at = now + self._slow_retry
            self._em_at = now + (limits.EM112_AFTER_MS if self._sim else 0)
            out = [("tone", "no_network" if self._sim else "siren")]
        if self._em112 and alarm.key == SOS and now >= self._em_at:
            self._em_at = now + self._slow_retry
            return out + self._order(self._start(alarm, None, "out", now + limits.SETUP_MS))
        if now >= self._blind_at:
            # What the driver knows about registration may be wrong; a dial that fails costs nothing.
            self._blind_at = now + self._slow_retry
            return out + self._dial(alarm, now)
        if not alarm.restarted and now - self._deaf_since >= limits.RESTART_AFTER_MS:
            alarm.restarted = True
            self._blind_at = now + self._slow_retry
            return [("restart_modem",)]
        return out

    def _dial(self, alarm: Alarm, now: int) -> list[tuple[object, ...]]:
        # The first cycle is the plan's own order; from then on nobody is dialled twice in a row if it can be helped.
        resting = [number for number, until in self._rested.items() if now < until]
        rung = plans_.next_rung(alarm.plan, alarm.tried, alarm.last if alarm.cycle else None, resting)
        saves: list[tuple[object, ...]] = []
        if rung is None:
            saves = [("save",)]
            alarm.cycle += 1
            alarm.regiven = False
            alarm.tried = plans_.carried(alarm.plan, alarm.last)
            lasted = now - alarm.begun >= self._cycles * limits.CYCLE_MS_MIN
            if alarm.cycle >= self._cycles and lasted and not alarm.exhausted:
                return self._exhaust(alarm, now)
            self._begin_texts(alarm, sms.FIRST, now)
            self._room_until = now + limits.TEXT_ROOM_MS
            if self._gives_room(alarm, now):
                return saves
            rung = plans_.next_rung(alarm.plan, alarm.tried, alarm.last, resting) or 0
        if alarm.plan[rung][1] in resting:
            return saves  # and so is everybody else whose turn has not come
        attempt = self._start(alarm, rung, "out", now + limits.SETUP_MS)
        # Spent when dialled, not when ended: a target whose call resets the terminal must not be next for ever.
        alarm.tried.append(attempt.target)
        alarm.last = attempt.target
        return self._order(attempt)

    def _order(self, attempt: Attempt) -> list[tuple[object, ...]]:
        return [("dial", attempt.number, attempt.target), ("tone", "calling"), attempt.report("dial"), ("save",)]

    def _exhaust(self, alarm: Alarm, now: int) -> list[tuple[object, ...]]:
        """Every rung of every cycle was tried: said aloud, told to the cloud, and for SOS not the end."""
        alarm.exhausted = True
        self._begin_texts(alarm, sms.LAST if alarm.key == SOS else sms.FIRST, now)
        self._room_until = now + limits.TEXT_ROOM_MS
        out: list[tuple[object, ...]] = [("report", "event", {"ev": "ladder_exhausted", "ref": alarm.ref})]
        out += [("exhausted", alarm.ref), ("tone", "nobody")]
        if alarm.key != SOS:
            return out + self._finish(alarm, "exhausted", now)
        self._retry_at = now + self._slow_retry
        return out + [("save",)]

    # Short messages.

    def _begin_texts(self, alarm: Alarm, wave: int, now: int) -> None:
        if wave > alarm.texts.wave:
            alarm.texts.begin(wave, sms.people(alarm.plan, self._sms), now)

    def _may_text(self, alarm: Alarm) -> bool:
        """Whether a message could leave at all. The last wave tries without registration too: that may be wrong."""
        wanted = alarm.end is None and alarm.over in (None, "exhausted")
        return wanted and alarm.texts.wave > 0 and (self._voice or alarm.texts.wave == sms.LAST)

    def _gives_room(self, alarm: Alarm, now: int) -> bool:
        """Whether the next dial waits for messages that would hold the only channel."""
        return not self.beside and now < self._room_until and self._may_text(alarm) and alarm.texts.at_work(now)

    def _text(self, now: int) -> list[tuple[object, ...]]:
        """The next message, where it holds nothing up.

        On one channel in the pause that is made for it. With its own, beside a call: a modem that sends a message
        rejects callers, and during a call of ours nobody can ring anyway. Where calls do not even begin, after a while.
        """
        alarm, attempt = self._alarm, self._attempt
        if alarm is None or not self._may_text(alarm):
            return []
        if self.beside:
            up = attempt is not None and attempt.state in (RINGING, TALKING)
            if attempt is not None and (not up or (attempt.state == TALKING and attempt.staffed)):
                return []
            if not up and now - alarm.texts.begun < limits.TEXT_PATIENCE_MS:
                return []
        elif attempt is not None or now >= self._room_until:
            return []
        order = alarm.texts.next(now)
        about = {"key": alarm.key, "wave": alarm.texts.wave, "ref": alarm.ref}
        return [] if order is None else [("text", order[0], order[1], about), ("save",)]
