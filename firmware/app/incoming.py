"""Who rings, and the talk with a caller whom no alarm is about.

In: rings and steps of such a call. Out: orders to answer or refuse, reports. The ladder hears of every caller first:
an alarm that begins while somebody rings answers a target of its own. Must never cut a talk for whoever waits.
"""

from firmware.core import callers
from firmware.core.attempt import DUR_MAX_S

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.app.alarm import Alarm


class Incoming:
    """`announced`: a caller whom the desk asked us to answer."""

    def __init__(self, alarm: "Alarm") -> None:
        self.alarm = alarm
        self.announced = callers.Announced()
        self._talk_ms: int | None = None
        self._shown_ms = 0

    def on_incoming(self, number: str) -> None:
        """Somebody rings."""
        alarm, config = self.alarm, self.alarm.config
        now = alarm.board.now()
        running = alarm.ladder.running
        alarm.act(alarm.ladder.incoming(number, now))
        if running or alarm.voice.state != "idle":
            return
        allowed = config.allowed()
        what = callers.decide(number, allowed, config.number("back") * 60_000, alarm.back.since(now))
        if what == "answer" or self.announced.covers(number, allowed, now):
            alarm.orders.give(("answer", None))
        elif what == "ring":
            alarm.sounds.indicator.tone("ringing", now)
        else:
            alarm.orders.give(("hangup",))
            alarm.telemetry.event("call_refused")

    def on_missed(self) -> None:
        """The caller gave up, or could not be answered."""
        alarm = self.alarm
        alarm.act(alarm.ladder.incoming_gone(alarm.board.now()))
        if alarm.orders.attempt is not None and alarm.voice.state == "idle":
            alarm.orders.end("no_carrier")
        elif not alarm.ladder.running:
            alarm.telemetry.event("call_missed")

    def step(self, step: str, cause: "str | None", now: int) -> None:
        """A step of a call that is not the ladder's."""
        if step == "talk":
            self._talk_ms = self._shown_ms = now
            self.alarm.notes.report("call", {"dir": "in", "step": "talk"})
        elif step in ("end", "fail"):
            self.alarm.act(self.alarm.ladder.line_clear(now))
            if step == "end":
                seconds = 0 if self._talk_ms is None else (self._shown_ms - self._talk_ms) // 1000
                fields = {"dir": "in", "step": "end", "dur": min(seconds, DUR_MAX_S), "cause": cause}
                self.alarm.notes.report("call", fields)
                self._talk_ms = None

    def shown(self, now: int) -> None:
        """The modem shows that talk."""
        self._shown_ms = now
