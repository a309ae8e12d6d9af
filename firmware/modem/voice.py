"""Calls: dial, hang up, answer, and what the network made of it.

In: numbers to dial and the modem's words. Out: steps (`on_step(step, cause)` with codes of the wire) and
incoming rings (`on_incoming(number)`, `on_missed()`).
Must never call a call answered unless `+CLCC` shows it active: `OK` after `ATD` only says that dialling began.
"""

import asyncio

from firmware.modem.at import AT, EMERGENCY, VOICE, ATError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_POLL_S = 1.0  # the report of `+CLCC` can be lost
_ABSENT_POLLS = 3  # polls without our call after which it is over without a word
_WORD_S = 0.5  # the word that says why follows a `+CLCC` stat 6 within this
_NAMELESS_MAX = 3  # looks at a caller without a number after which it is told as withheld
_MUTE_MS = 30_000  # a modem that answers no poll for so long has no call that we could know of
_DIAL_S = 25.0  # the manual's 20 s and some
_BLOCKED_MS = 1000  # a channel held longer than this must not keep a press waiting
_HANG_UP_S = 2.0
_LOOK_S = 1.0
_CLEAR_S = 3.0  # after that the next dial goes out whatever the modem says
_AGAIN_S = 0.1
_REASONS = {"reset": "modem_reset", "timeout": "timeout", "aborted": "local_hangup"}
_WORDS = {"BUSY": "busy", "NO ANSWER": "no_answer", "NO CARRIER": "no_carrier", "NO DIALTONE": "no_dialtone"}

ACTIVE, HELD, DIALLING, ALERTING, INCOMING, WAITING, GONE = range(7)


def parse_clcc(line: str) -> "tuple[int, int, str] | None":
    """(direction, stat, number or "") of a voice call in `+CLCC: <id>,<dir>,<stat>,<mode>,<mpty>[,"<num>",…]`."""
    fields = line[line.find(":") + 1 :].split(",")
    try:
        direction, stat, mode = int(fields[1]), int(fields[2]), int(fields[3])
    except (IndexError, ValueError):
        return None
    if mode != 0 or direction not in (0, 1) or not 0 <= stat <= 6:
        return None
    return direction, stat, fields[5].strip('"') if len(fields) > 5 else ""


class Voice:
    """At most one call of ours, and one that comes in. Start `run` as a task."""

    def __init__(
        self,
        at: AT,
        on_step: "Callable[[str, str | None], None]",
        on_incoming: "Callable[[str], None]",
        on_missed: "Callable[[], None]",
        restart: "Callable[[], Awaitable[None]] | None" = None,
    ) -> None:
        self.at = at
        self.on_step = on_step
        self.on_incoming = on_incoming
        self.on_missed = on_missed
        self.restart = restart
        self.state = "idle"  # idle, dialling, ringing, talking
        self.direction = 0  # of the call in `state`: 0 ours, 1 one that came in and was answered
        self.incoming = False  # somebody rings
        self.blocked = 0  # times a dial met a channel that was held
        self.unclear = 0  # times the modem did not say that the line was clear
        self._doubt = True  # a call may stand that we know nothing of: no dial before a hang-up
        self._calls = 0  # so that an answer to a question about one call is not taken for the next
        self._accepted = False  # the modem said OK to ATD, or shows the call that we answered
        self._answered = False  # ATA was taken
        self._ending: str | None = None  # cause that we gave ourselves by hanging up
        self._rang = False  # RING was heard, the list has not been looked at
        self._announced = False
        self._nameless = 0
        self._gone = False  # stat 6 was seen, the word is awaited
        self._absent = 0
        self._listed = False  # the modem's list has shown this call: only then its absence there means an end
        self._mute_ms: int | None = None  # since then no poll was answered
        self._restarting: "asyncio.Task[None] | None" = None
        self._wake = asyncio.Event()
        at.on("+CLCC:*", self._on_clcc)
        at.on("+CLIP:*", self._on_clip)
        at.on("RING", self._on_ring)
        at.on("MO RING", lambda line: self._wake.set())
        at.on("MO CONNECTED", lambda line: self._wake.set())  # a hint to look; only +CLCC is believed
        for word in _WORDS:
            at.on(word, self._on_word)

    def in_call(self) -> bool:
        """Whether the network must suspend data for us."""
        return self.state != "idle" or self.incoming

    def _begin(self, state: str, direction: int) -> None:
        self._calls += 1
        self.state = state
        self.direction = direction
        self._accepted = state == "talking"
        self._ending = None
        self._gone = False
        self._absent = 0
        self._listed = state == "talking"
        self._mute_ms = None
        self._wake.set()

    async def dial(self, number: str) -> None:
        """Begin a call; steps follow through `on_step`, a failure to begin too."""
        self._begin("dialling", 0)
        if self.incoming:
            self._finish("no_carrier")  # somebody began to ring meanwhile: that is decided first
            return
        if self._doubt:
            await self._clear()
        if self._ending is None:
            await self._dial(number)
        if self._ending is not None:
            self._finish("no_carrier")

    async def _dial(self, number: str) -> None:
        watch = asyncio.create_task(self._watch_blocked())
        try:
            await self.at.command("ATD%s;" % number, _DIAL_S, EMERGENCY, fail=tuple(_WORDS))
        except ATError as error:
            if error.reason == "timeout" or (self._ending is not None and error.reason != "aborted"):
                await self._clear()
            else:
                # The word may have been a late one of the call before, and this one is being set up all the same.
                self._doubt = self._doubt or error.reason == "refused"
            self._finish(_dial_cause(error))
            return
        finally:
            watch.cancel()
        if self._ending is not None:
            await self._clear()  # taken back, but too late: the call is being set up
        elif self.state == "dialling":
            self._accepted = True
            self.on_step("dial", None)
            self._wake.set()

    async def _watch_blocked(self) -> None:
        """A press must not wait for a command that holds the channel: restart the modem if the board can."""
        await asyncio.sleep(_BLOCKED_MS / 1000)
        if self.at.running_priority() > EMERGENCY:
            self.blocked += 1
            if self.restart is not None:
                # A task of its own: half a restart, cut by the end of the dial, would leave the modem without power.
                self._restarting = asyncio.create_task(self._power())

    async def _power(self) -> None:
        if self.restart is not None:
            await self.restart()

    def abort(self) -> None:
        """A hang-up is on its way: a dial that has not been answered yet ends now and does not wait for it."""
        if self.state == "dialling" and not self._accepted:
            self._ending = "local_hangup"
            self.at.abort("ATD")

    async def hang_up(self, cause: str) -> None:
        """End every call: ours with `cause`, a caller is sent away. Nothing if the line is known to be clear."""
        if self.state != "idle":
            self._ending = cause
        if self.in_call() or self._doubt:
            await self._clear()
        self._finish("no_carrier")  # the word of the modem may have come first; then this does nothing
        self._end_incoming()

    async def _clear(self) -> None:
        """Hang up and look: afterwards no call stands, or the modem has not said so within a bound."""
        self._doubt = True
        try:
            await asyncio.wait_for(self._until_clear(), _CLEAR_S)
        except asyncio.TimeoutError:
            self.unclear += 1

    async def _until_clear(self) -> None:
        text = "ATH"
        while True:
            try:
                await self.at.command(text, _HANG_UP_S, EMERGENCY)
                reply = await self.at.command("AT+CLCC", _LOOK_S, EMERGENCY, prefix="+CLCC:")
                if not [line for line in reply.lines if _stands(line)]:
                    self._doubt = False
                    return
            except ATError:
                pass  # the engine counts it; a silent modem is told
            text = "AT+CHUP"
            await asyncio.sleep(_AGAIN_S)

    async def answer(self) -> None:
        """Take the call that comes in; `talk` follows when the modem shows it active. Once is enough."""
        if self.incoming and not self._answered:
            self._answered = True
            try:
                await self.at.command("ATA", 20.0, EMERGENCY, fail=tuple(_WORDS))
            except ATError:
                self._caller_gone()
        self._wake.set()

    async def adopt(self) -> bool:
        """Whether a call is active that we know nothing about: this program restarted, the modem did not."""
        try:
            reply = await self.at.command("AT+CLCC", 2.0, VOICE, prefix="+CLCC:")
        except ATError:
            return False
        self._doubt = False
        for line in reply.lines:
            found = parse_clcc(line)
            if found is not None and found[1] == ACTIVE and self.state == "idle":
                self._begin("talking", found[0])
            else:
                self._on_clcc(line)
        return self.state == "talking"

    def forget(self) -> None:
        """The modem restarted: no call survives that."""
        self._caller_gone()
        self._doubt = False
        self._ending = None
        self._finish("modem_reset")

    async def run(self) -> None:
        """While there is a call, ask for it: reports can be lost."""
        while True:
            self._wake.clear()
            if not self.in_call():
                await self._wake.wait()
            else:
                try:
                    await asyncio.wait_for(self._wake.wait(), _POLL_S)
                except asyncio.TimeoutError:
                    pass
            if self._gone:
                await asyncio.sleep(_WORD_S)
            if self._accepted or self.incoming or self._rang:
                self._rang = False
                await self._poll()

    async def _poll(self) -> None:
        calls = self._calls
        try:
            reply = await self.at.command("AT+CLCC", 2.0, VOICE, prefix="+CLCC:")
        except ATError as error:
            if error.reason != "refused":  # a modem that knows no list still reports by itself
                self._mute()
            return
        self._mute_ms = None
        seen = [False, False]  # by direction
        for line in reply.lines:
            found = parse_clcc(line)
            if found is not None and found[1] != GONE:
                seen[found[0]] = True
            self._on_clcc(line)
        if self.incoming and not seen[1]:
            self._caller_gone()
        if calls != self._calls or not self._accepted:
            return
        if seen[self.direction]:
            self._absent = 0
            self._listed = True
            self._gone = False  # a late stat 6 of the call before, or of another
            return
        self._absent += 1
        if self._gone or (self._listed and self._absent >= _ABSENT_POLLS):
            self._doubt = self._doubt or not self._gone
            self._finish("no_carrier")

    def _mute(self) -> None:
        """No answer to a poll. A call must not stand in our books for ever because the modem is dead."""
        now = self.at.ms()
        if self._mute_ms is None:
            self._mute_ms = now
        elif now - self._mute_ms >= _MUTE_MS:
            self._mute_ms = None
            self._doubt = True
            self._caller_gone()
            self._finish("timeout")

    # The modem's words

    def _on_clcc(self, line: str) -> None:
        found = parse_clcc(line)
        if found is None:
            return
        direction, stat, number = found
        if direction == 1 and (self.state == "idle" or self.direction == 0):
            self._on_their_call(stat, number)
        elif self.state == "idle":
            self._doubt = self._doubt or stat != GONE
        elif direction != self.direction or not self._accepted:
            return  # before the OK of our dial it is of the call before
        elif stat == GONE:
            self._gone = True
            self._wake.set()
        elif stat == ALERTING and self.state == "dialling":
            self.state = "ringing"
            self.on_step("ring", None)
        elif stat == ACTIVE and self.state != "talking":
            self.state = "talking"
            self.on_step("talk", None)

    def _on_their_call(self, stat: int, number: str) -> None:
        if stat == GONE:
            self._caller_gone()
        elif stat == ACTIVE and self.state == "idle":
            self.incoming = False
            self._begin("talking", 1)
            self.on_step("talk", None)
        elif stat in (INCOMING, WAITING):
            self.incoming = True
            self._nameless += 1
            if number or self._nameless >= _NAMELESS_MAX:
                self._announce(number)
            self._wake.set()

    def _announce(self, number: str) -> None:
        if not self._announced:
            self._announced = True
            self.on_incoming(number)

    def _end_incoming(self) -> None:
        self.incoming = False
        self._answered = False
        self._announced = False
        self._nameless = 0

    def _caller_gone(self) -> None:
        if self.incoming:
            self._end_incoming()
            self.on_missed()

    def _on_ring(self, line: str) -> None:
        self._rang = True
        self._wake.set()

    def _on_clip(self, line: str) -> None:
        start = line.find('"')
        number = line[start + 1 : line.find('"', start + 1)] if start >= 0 else ""
        self.incoming = True
        self._announce(number)  # empty: the caller withholds it
        self._wake.set()

    def _on_word(self, line: str) -> None:
        if self.state != "idle" and self._accepted:
            self._finish(_WORDS[line])
        elif self.state == "idle" and self.incoming:
            self._caller_gone()

    def _finish(self, cause: str) -> None:
        """Our call is over. A cause of our own wins over the modem's word."""
        if self.state == "idle":
            return
        talked = self.state == "talking"
        self.state = "idle"
        self._accepted = False
        self._answered = False
        self._announced = False  # who waited through our call is told anew, and so is the next caller
        self._nameless = 0
        self._gone = False
        if self._ending is not None:
            cause = self._ending
        elif talked and cause in ("no_carrier", "no_answer"):
            cause = "remote_hangup"
        self._ending = None
        self.on_step("end" if talked else "fail", cause)


def _stands(line: str) -> bool:
    found = parse_clcc(line)
    return found is not None and found[1] != GONE


def _dial_cause(error: ATError) -> str:
    if error.text in _WORDS:
        return _WORDS[error.text]
    if error.code() in (10, 13):
        return "no_sim"
    if error.code() == 30:
        return "no_registration"
    return _REASONS.get(error.reason, "modem_error")
