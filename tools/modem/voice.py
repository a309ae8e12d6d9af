"""Voice: one call at a time, as AT commands and unsolicited lines show it.

In: ATD, ATA, ATH, what the scripted network does, somebody who rings. Out: results, `+CLCC`, `RING`, `NO CARRIER` …,
and a record of every call. While a call is set up or stands, the packet service is suspended (class B).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from tools.modem.network import Record, course
from tools.modem.syntax import ERROR, OK, Answer, Request

if TYPE_CHECKING:
    from tools.modem.channel import Channel
    from tools.modem.core import Modem
    from tools.modem.timers import Timer

ACTIVE, DIALLING, ALERTING, INCOMING, DISCONNECT = 0, 2, 3, 4, 6
RING_EVERY_S = 5.0
WITHHELD = 1  # the last value of +CLIP, for a caller who hides the number
# Somebody who calls back: how long they let it ring, how long they talk, and what they do when they get no line.
BACK_RING_S, BACK_TALK_S, BACK_AGAIN_S, BACK_TRIES = 25.0, 60.0, 30.0, 3
_NUMBER = re.compile(r"\+?[0-9*#]{1,20}")
_KEY = re.compile(r"[0-9A-D*#]")

# AT+CEER, in the words of the vendor's manual.
_NO_CAUSE = "No cause"
_CAUSES = {
    "BUSY": "user busy",
    "NO ANSWER": "user alerting, no answer",
    "NO CARRIER": "normal call clearing",
    "network": "network out of order",
    "dropped": "network out of order",
    "unreachable": "no route to destination",
}


@dataclass
class Call:
    """The call that stands."""

    mobile_terminated: bool
    number: str
    record: Record
    stat: int
    timers: list[Timer] = field(default_factory=list)
    calls_back: float | None = None  # an outgoing one: they ring us so long after it, unless it was answered
    talk: float | None = None  # an incoming one: the caller's patience after the answer
    at: Channel | None = None  # an outgoing one: where it was dialled

    @property
    def waits(self) -> bool:
        """Its ATD has no result yet."""
        return self.at is not None and self.at.running is not None and self.at.running.name == "D"


class Voice:
    """The one call and its story."""

    def __init__(self, modem: Modem) -> None:
        self.modem = modem
        self.call: Call | None = None
        self.last_cause = _NO_CAUSE

    @property
    def busy(self) -> bool:
        """A call is set up or stands."""
        return self.call is not None

    # Out.

    def dial(self, number: str, at: Channel) -> None:
        """ATD was accepted for execution; nothing has been said to the terminal yet."""
        modem = self.modem
        self.call = Call(False, number, modem.network.record("out", number, modem.now), DIALLING, at=at)
        modem.speech.stop()
        modem.event("dial", number=number, id=self.call.record.id)
        modem.data.refresh()

    def proceed(self) -> None:
        """The network has taken the dialling: report it, and let the script play after the set-up."""
        call = self.call
        if call is None:
            return
        self._report(call)
        call.timers.append(self.modem.wait(self.modem.timing.setup, self._play))

    def _play(self) -> None:
        call = self.call
        if call is None:
            return
        plan = self.modem.network.answer(call.record)
        call.calls_back = plan.calls_back
        for seconds, what in course(plan):
            if seconds:
                call.timers.append(self.modem.timers.after(seconds, partial(self.happen, what)))
            else:
                self.happen(what)

    def happen(self, what: str) -> bool:
        """One step of the other side: ringing, answered, `dtmf <key>`, or an end. False if it does not fit."""
        call = self.call
        if call is None:
            return False
        if what == "ringing" and call.stat == DIALLING:
            self._ring(call)
        elif what == "answered" and call.stat == ALERTING:
            self._connect(call)
        elif what.startswith("dtmf ") and call.stat == ACTIVE:
            call.record.pressed += what[5:]
            self.modem.urc(f"+DTMF: {what[5:]}")
            self.modem.event("dtmf", id=call.record.id, key=what[5:])
        elif what == "dropped":
            self.end(what, "network", "NO CARRIER")
        elif what in {"BUSY", "NO ANSWER", "NO CARRIER"}:
            self.end(what, "network" if call.stat in (DIALLING, ALERTING) else "other", what)
        else:
            return False
        return True

    def _ring(self, call: Call) -> None:
        call.stat = ALERTING
        call.record.ringing_at = self.modem.now
        self._report(call)
        self.modem.urc("MO RING")
        self.modem.event("ringing", number=call.number, id=call.record.id, direction="out")

    def _connect(self, call: Call) -> None:
        modem = self.modem
        call.stat = ACTIVE
        call.record.active_at = modem.now
        self._report(call)
        if not call.mobile_terminated:
            modem.urc("MO CONNECTED")
        modem.event("active", number=call.number, id=call.record.id)
        if call.waits and call.at is not None:
            call.at.finish(Answer((f'+COLP: "{call.number}",{_type(call.number)},"",0,""',)))

    def abort_dialling(self, at: Channel) -> None:
        """A character came in before ATD was done."""
        if self.call is not None and self.call.at is at:
            self.end("aborted", "terminal", None)
        at.finish(Answer(final="NO CARRIER"))

    # In.

    def ring(self, number: str, seconds: float, talk: float | None) -> str:
        """Somebody calls the terminal and waits `seconds`; what became of it: ringing, busy or unreachable."""
        modem = self.modem
        record = modem.network.record("in", number, modem.now)
        record.human = True
        refused = None
        if not modem.awake or not modem.radio.registered:
            refused = "unreachable"
        elif self.call is not None or modem.sms.sending or modem.registers.number("+GSMBUSY"):
            refused = "busy"
        if refused:
            record.ended_at, record.cause, record.by = modem.now, refused, "network"
            modem.event("end", number=number, id=record.id, cause=refused, by="network", seconds=0.0)
            return refused
        call = self.call = Call(True, number, record, INCOMING, talk=talk)
        modem.speech.stop()
        record.ringing_at = modem.now
        modem.event("ringing", number=number, id=record.id, direction="in")
        modem.data.refresh()
        self._report(call)
        self._sound(call)
        call.timers.append(modem.timers.after(seconds, lambda: self.end("NO CARRIER", "other", "NO CARRIER")))
        return "ringing"

    def _sound(self, call: Call) -> None:
        modem = self.modem
        modem.urc("+CRING: VOICE")
        modem.urc("RING")
        modem.urc(f'+CLIP: "{call.number}",{_type(call.number)},"",0,"",{0 if call.number else WITHHELD}')
        call.timers.append(modem.timers.after(RING_EVERY_S, lambda: self._sound(call)))

    def pick_up(self) -> bool:
        """ATA: False if nobody rings."""
        call = self.call
        if call is None or call.stat != INCOMING:
            return False
        self._stop_timers(call)
        if call.talk is not None:
            call.timers.append(self.modem.timers.after(call.talk, lambda: self.happen("NO CARRIER")))
        self._connect(call)
        return True

    # The end.

    def hang_up(self, by: str) -> None:
        """The terminal lets go; no text is due for that."""
        self.end("hung up", by, None)

    def lose(self, cause: str) -> None:
        """Power or network is gone in the middle of it."""
        call = self.call
        if call is not None and call.number == "112" and cause == "network" and self.modem.radio.can_call("112"):
            return
        if cause == "network":
            self.end(cause, "network", "NO CARRIER")
        else:
            self.end(cause, "terminal", None)

    def end(self, cause: str, by: str, text: str | None) -> None:
        """Close the call: last report, text, record, and data may flow again."""
        call, self.call = self.call, None
        if call is None:
            return
        modem = self.modem
        self._stop_timers(call)
        record = call.record
        record.ended_at, record.cause, record.by = modem.now, cause, by
        never_rang = cause == "NO CARRIER" and not call.mobile_terminated and record.ringing_at is None
        self.last_cause = _CAUSES.get("unreachable" if never_rang else cause, _CAUSES["NO CARRIER"])
        call.stat = DISCONNECT
        self._report(call)
        if text is not None and call.waits and call.at is not None:
            call.at.finish(Answer(final=text))
        elif text is not None:
            modem.urc(text)
        modem.event("end", number=call.number, id=record.id, cause=cause, by=by, seconds=record.talked)
        if call.calls_back is not None and record.active_at is None:
            self._expect(call.number, call.calls_back, BACK_TRIES)
        modem.data.refresh()

    def _expect(self, number: str, seconds: float, tries: int) -> None:
        """Somebody saw that we called, and will ring; who finds no line tries again, but not for ever."""

        def ring() -> None:
            if self.ring(number, BACK_RING_S, BACK_TALK_S) != "ringing" and tries > 1:
                self._expect(number, BACK_AGAIN_S, tries - 1)

        self.modem.timers.after(seconds, ring, lasting=True)

    def _stop_timers(self, call: Call) -> None:
        for timer in call.timers:
            timer.cancel()
        call.timers.clear()

    def _report(self, call: Call) -> None:
        self.modem.urc(clcc(call))


def clcc(call: Call) -> str:
    """The call as a `+CLCC` line."""
    return f'+CLCC: 1,{int(call.mobile_terminated)},{call.stat},0,0,"{call.number}",{_type(call.number)},""'


def _type(number: str) -> int:
    return 145 if number.startswith("+") else 129


def _dial(at: Channel, request: Request) -> Answer | None:
    number = request.args[0].rstrip()
    if not number.endswith(";"):
        return Answer(final="NO CARRIER", after=at.modem.timing.dial)  # a data call, which no network offers any more
    number = re.sub(r"[ \-()]", "", number[:-1])
    if not _NUMBER.fullmatch(number):
        return ERROR
    if at.modem.voice.busy:
        return at.refuse(3)
    if not at.modem.radio.can_call(number):
        at.modem.event("dial_refused", number=number)
        return Answer(final="NO CARRIER", after=at.modem.timing.dial) if at.modem.radio.sim else at.refuse(10)
    at.modem.voice.dial(number, at)

    def accepted() -> None:
        if at.running is not request:
            return  # it was aborted
        if at.registers.number("+COLP"):
            at.modem.voice.proceed()  # the result comes with the answer or the end
        else:
            at.finish(Answer(then=at.modem.voice.proceed))

    at.modem.wait(at.modem.timing.dial, accepted)
    return None


def _hang_up(at: Channel, _: Request) -> Answer:
    at.modem.voice.hang_up("terminal")
    return Answer(after=at.modem.timing.hang_up)


def _pick_up(at: Channel, _: Request) -> Answer | None:
    call = at.modem.voice.call
    if call is None or call.stat != INCOMING:
        return Answer(final="NO CARRIER")
    modem = at.modem
    modem.wait(modem.timing.pick_up, lambda: at.finish(OK if modem.voice.pick_up() else Answer(final="NO CARRIER")))
    return None


def _list(at: Channel, _: Request) -> Answer:
    call = at.modem.voice.call
    return Answer((clcc(call),)) if call is not None else OK


def _cause(at: Channel, _: Request) -> Answer:
    return Answer((f"+CEER: {at.modem.voice.last_cause}",))


def _send_key(at: Channel, request: Request) -> Answer:
    call = at.modem.voice.call
    keys = [key for key in request.args if key]
    if call is None or call.stat != ACTIVE:
        return at.refuse(3)
    if not keys or not all(_KEY.fullmatch(key) for key in "".join(keys)):
        return ERROR
    call.record.dtmf += "".join(keys)
    return Answer(after=at.modem.timing.tone)


def _tone(at: Channel, request: Request) -> Answer:
    """A tone in the module's own loudspeaker: the end of it is announced."""
    if request.args[0] == "1":
        milliseconds = request.args[-1]
        if len(request.args) < 2 or not milliseconds.isdigit():
            return ERROR
        at.modem.wait(int(milliseconds) / 1000, lambda: at.modem.urc(f"{request.name}: 0"))
    return OK


def _detection(_: Channel, __: Request) -> Answer:
    return Answer(("+DDET: (0,1),(0-10000),(0,1),(0,1)",))


COMMANDS = {
    ("+DDET", "test"): _detection,
    ("D", "exec"): _dial,
    ("H", "exec"): _hang_up,
    ("+CHUP", "exec"): _hang_up,
    ("+HVOIC", "exec"): _hang_up,
    ("A", "exec"): _pick_up,
    ("+CLCC", "exec"): _list,
    ("+CEER", "exec"): _cause,
    ("+VTS", "write"): _send_key,
    ("+STTONE", "write"): _tone,
    ("+SIMTONE", "write"): _tone,
}
