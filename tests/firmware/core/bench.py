"""A ladder on a bench: its actions are logged and its clock is a number. Runs on both Pythons.

A hang-up is confirmed with the next step of 100 ms, as a healthy modem does, unless `deaf_to_hangup` is set; a talk is
shown each second and in the moment of its end, unless the modem is `dumb`.
"""

from firmware.core.ladder import Ladder

DESK = ("desk", "01055500001", 30, 1)
SON = ("son", "13800000001", 25, 0)
DAUGHTER = ("daughter", "13800000002", 25, 0)
STATION = ("station", "01055500002", 20, 1)
PLANS = {"sos": [DESK, SON, DESK], "k1": [SON, DESK]}
REF = "0123abcd.1.1"


class Bench:
    """One terminal's ladder; `now` starts where a boot has long been over. Texts nobody unless `sms` says whom."""

    def __init__(
        self,
        plans: object = None,
        voice: bool = True,
        times: dict[str, int] | None = None,
        sms: list[str] | None = None,
    ) -> None:
        self.ladder = Ladder(PLANS if plans is None else plans, 7, times)
        self.ladder.last_resorts(sms or [], False)
        self.now = 100_000
        self.log: list[tuple[object, ...]] = []
        self.attempt = 0
        self.answers_texts = True  # a message is taken by the network within a second
        self._text: int | None = None
        self.deaf_to_hangup = False
        self.dumb = False
        self._talking = 0  # attempt that the modem shows as active
        self._hangup = False
        self.do(self.ladder.voice(voice, self.now))

    def do(self, actions: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
        """Carry out actions."""
        for action in actions:
            self.log.append(action)
            if action[0] in ("dial", "answer") and isinstance(action[1], int):
                self.attempt = action[1]
            self._hangup = self._hangup or action[0] == "hangup"
            if action[0] == "text" and isinstance(action[1], int):
                assert self._text is None or not self.answers_texts, "two messages at once"
                self._text, self._text_at = action[1], self.now
        return actions

    def fire(
        self, key: str = "sos", ref: str = REF, data: bool = False, busy: bool = False
    ) -> list[tuple[object, ...]]:
        """A key fires."""
        return self.do(self.ladder.fire(key, ref, self.now, data, busy))

    def say(self, what: str, cause: str | None = None) -> list[tuple[object, ...]]:
        """The modem reports about the present attempt."""
        if what == "active":
            self._talking = self.attempt
        elif what == "ringing":
            self._talking = 0
        elif what == "ended" and not self.dumb:
            self.show()
        if what == "ended":
            self._talking = 0
        return self.do(self.ladder.call(self.attempt, what, self.now, cause))

    def show(self) -> None:
        """The modem is asked, and shows a talk that is up."""
        if self._talking:
            self.do(self.ladder.call(self._talking, "active", self.now))

    def due(self) -> None:
        """Let time pass until a call is up, or the ladder is over."""
        while self.ladder.running and not self.ladder.in_call:
            self.wait(100)

    def fails(self, count: int, cause: str = "busy", ms: int = 0) -> None:
        """So many calls end so after `ms`; the next has begun, if there is one."""
        for _ in range(count):
            self.due()
            self.wait(ms)
            self.say("ended", cause)
        self.due()

    def exhaust(self, cause: str = "busy") -> None:
        """Every call ends so at once, until there is none left."""
        while not self.of("exhausted"):
            self.say("ended", cause)
            self.wait(100)

    def talk(self, ms: int, cause: str | None = "remote_hangup") -> None:
        """The present attempt rings, is answered, and ends after so many ms."""
        self.say("dialling")
        self.say("ringing")
        self.say("active")
        self.wait(ms)
        self.say("ended", cause)

    def wait(self, ms: int) -> None:
        """Let time pass."""
        until = self.now + ms
        while self.now < until:
            self.now = min(self.now + 100, until)
            if self.now % 1_000 < 100 and not self.dumb:
                self.show()
            if self._hangup and not self.deaf_to_hangup:
                self._hangup = False
                self.say("ended")
                self.do(self.ladder.line_clear(self.now))
            if self._text is not None and self.answers_texts and self.now - self._text_at >= 1_000:
                self.texted(True)
            self.do(self.ladder.tick(self.now))

    def texted(self, sent: bool) -> None:
        """What became of the message under way."""
        serial, self._text = self._text, None
        assert serial is not None
        self.do(self.ladder.texted(serial, sent, self.now))

    def texts(self) -> list[object]:
        """The numbers texted so far."""
        return [action[2] for action in self.of("text")]

    def of(self, what: str) -> list[tuple[object, ...]]:
        """All actions of one kind so far."""
        return [action for action in self.log if action[0] == what]

    def dialled(self) -> list[object]:
        """The numbers dialled so far."""
        return [action[2] for action in self.of("dial")]

    def reports(self) -> list[tuple[object, object, object]]:
        """(step or event, target, cause) of the reports so far."""
        out = []
        for action in self.of("report"):
            fields = action[2]
            assert isinstance(fields, dict)
            out.append((fields.get("step") or fields.get("ev"), fields.get("to"), fields.get("cause")))
        return out

    def done(self) -> list[object]:
        """How alarms ended."""
        return [action[1] for action in self.of("done")]

    def route(self, plan: object, ver: int = 1, ref: str = REF) -> list[tuple[object, ...]]:
        """A route arrives."""
        return self.do(self.ladder.route(ref, "case-1", ver, plan, self.now))

    def desk(self, state: str, ref: str = REF) -> list[tuple[object, ...]]:
        """A word of the desk arrives."""
        return self.do(self.ladder.desk(ref, state, self.now))
