"""One line of the modem: dial, answer, hang up, and what stands on it.

In: what the terminal wants. Out: steps (`on_step(step, cause)`, codes of the wire). voice.py adds what the modem says.
Must never let a dial out while a call stands of which nobody knows, nor wait for a result longer than limits.py says.
"""

import asyncio

from firmware.core import limits
from firmware.modem.at import AT
from firmware.modem.command import EMERGENCY, ATError
from firmware.modem.replies import GONE, parse_clcc
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_BLOCKED_MS = const(1000)  # a channel held longer than this must not keep a press waiting
_HANG_UP_S = const(2.0)
_ANSWER_S = const(20.0)  # the manual's
_LOOK_S = const(1.0)
_AGAIN_S = const(0.1)
_REASONS = {"reset": "modem_reset", "timeout": "timeout", "aborted": "local_hangup"}
WORDS = {"BUSY": "busy", "NO ANSWER": "no_answer", "NO CARRIER": "no_carrier", "NO DIALTONE": "no_dialtone"}
DIAL = const("ATD")  # commands that any character aborts before their result
ANSWER = const("ATA")


class Line:
    """At most one call of ours, and one that comes in."""

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
        self.on_shown: "Callable[[], None]" = _nothing  # the modem shows the talk, now
        self.beside: "Callable[[], AT | None]" = _nothing  # for questions while the voice's channel waits for a result
        self.powered: "Callable[[], bool | None]" = _nothing  # what the modem's own line says, None without one
        self.state = "idle"  # idle, dialling, ringing, talking
        self.direction = 0  # of the call in `state`: 0 ours, 1 one that came in and was answered
        self.incoming = False  # somebody rings
        self.blocked = 0  # times a dial met a channel that was held
        self.unclear = 0  # times the modem did not say that the line was clear
        self._doubt = True  # a call may stand that we know nothing of: no dial before a hang-up
        self._calls = 0  # so that an answer to a question about one call is not taken for the next
        self._accepted = False  # the modem said OK to ATD, or shows the call
        self._number = ""  # dialled last
        self._sure = False  # the line was known to be clear before that: what the modem shows now is our call
        self._answered = False  # ATA was taken
        self._ending: str | None = None  # cause that we gave ourselves by hanging up
        self._rang = False  # RING was heard, the list has not been looked at
        self._announced = False
        self._nameless = 0
        self._gone = False  # stat 6 was seen, the word is awaited
        self._absent = 0
        self._listed = False  # the modem's list has shown this call: only then its absence there means an end
        self._lists = False  # this modem answers `AT+CLCC`
        self._heard_ms = 0  # when it last said anything about a call
        self._restarting: "asyncio.Task[None] | None" = None
        self._wake = asyncio.Event()

    def in_call(self) -> bool:
        """Whether the network must suspend data for us."""
        return self.state != "idle" or self.incoming

    @property
    def stray(self) -> bool:
        """Whether a call of ours may stand that nobody asked for."""
        return self._doubt and not self.in_call()

    def _begin(self, state: str, direction: int) -> None:
        self._calls += 1
        self.state = state
        self.direction = direction
        self._accepted = state == "talking"
        self._ending = None
        self._gone = False
        self._absent = 0
        self._listed = state == "talking"
        self._heard_ms = self.at.ms()
        self._wake.set()

    def _accept(self) -> None:
        """Our dial is under way."""
        self._accepted = True
        self._heard_ms = self.at.ms()
        self.on_step("dial", None)
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
        self._number, self._sure = number, not self._doubt
        watch = asyncio.create_task(self._watch_blocked())
        try:
            await self.at.command(
                "%s%s;" % (DIAL, number), limits.DIAL_MS / 1000, EMERGENCY, fail=tuple(WORDS), then=self._taken
            )
        except ATError as error:
            lost = error.reason in ("timeout", "closed")
            if self.state == "idle":
                self._doubt = True  # ended by a word on another channel
            if self.state == "idle" or (lost and self._accepted and self._ending is None):
                return  # its result was lost; the call has been seen, and is asked for
            if lost or (self._ending is not None and error.reason != "aborted"):
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
        elif self.state == "idle" and not self._accepted:
            self._doubt = True

    def _taken(self) -> None:
        """OK, and perhaps the word that ends the call right behind it, before anybody who waited has had a turn."""
        if self.state != "idle" and self._ending is None and not self._accepted:
            self._accept()

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
        """A hang-up is on its way: a dial or an answer without a result ends now, and the hang-up need not wait."""
        if self.state != "idle" and (self.at.sent(DIAL) or not self._accepted):
            self._ending = "local_hangup"
            self.at.abort(DIAL)
        if self._answered:
            self.at.abort(ANSWER)

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
            await asyncio.wait_for(self._until_clear(), limits.CLEAR_MS / 1000)
        except asyncio.TimeoutError:
            self.unclear += 1

    async def _until_clear(self) -> None:
        text = "ATH"
        while True:
            try:
                await self.at.command(text, _HANG_UP_S, EMERGENCY)
                reply = await self.at.command("AT+CLCC", _LOOK_S, EMERGENCY, prefix="+CLCC:")
                self._lists = True
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
                await self.at.command(ANSWER, _ANSWER_S, EMERGENCY, fail=tuple(WORDS))
            except ATError:
                self._doubt = self._doubt or self.incoming
                self._caller_gone()
        self._wake.set()

    def forget(self) -> None:
        """The modem restarted: no call survives that."""
        self._caller_gone()
        self._doubt = self._lists = False
        self._ending = None
        self._finish("modem_reset")

    def _end_incoming(self) -> None:
        self.incoming = False
        self._answered = False
        self._announced = False
        self._nameless = 0

    def _caller_gone(self) -> None:
        if self.incoming:
            self._end_incoming()
            self.on_missed()

    def _finish(self, cause: str) -> None:
        """Our call is over. A cause of our own wins over the modem's word."""
        if self.state == "idle":
            return
        talked = self.state == "talking"
        if self.at.sent(DIAL):
            self.at.abort(DIAL)  # its result was lost
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


def _nothing() -> None:
    return None


def _stands(line: str) -> bool:
    found = parse_clcc(line)
    return found is not None and found[1] != GONE


def _dial_cause(error: ATError) -> str:
    if error.text in WORDS:
        return WORDS[error.text]
    if error.code() in (10, 13):
        return "no_sim"
    if error.code() == 30:
        return "no_registration"
    return _REASONS.get(error.reason, "modem_error")
