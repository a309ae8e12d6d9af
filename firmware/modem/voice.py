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
_DIAL_S = 25.0  # the manual's 20 s and some
_BLOCKED_MS = 1000  # a channel held longer than this must not keep a press waiting
_HANG_UP_S = 5.0
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
        self._accepted = False  # the modem said OK to ATD
        self._ending: str | None = None  # cause that we gave ourselves by hanging up
        self._announced = False
        self._gone = False  # stat 6 was seen, the word is awaited
        self._absent = 0
        self._wake = asyncio.Event()
        self.idle = asyncio.Event()
        self.idle.set()
        at.on("+CLCC:*", self._on_clcc)
        at.on("+CLIP:*", self._on_clip)
        at.on("RING", lambda line: self._wake.set())
        at.on("MO RING", lambda line: self._wake.set())
        at.on("MO CONNECTED", lambda line: self._wake.set())  # a hint to look; only +CLCC is believed
        for word in _WORDS:
            at.on(word, self._on_word)

    def in_call(self) -> bool:
        """Whether the network must suspend data for us."""
        return self.state != "idle" or self.incoming

    async def dial(self, number: str) -> None:
        """Begin a call; steps follow through `on_step`, a failure to begin too. The caller has hung up before."""
        self.state = "dialling"
        self.direction = 0
        self.idle.clear()
        self._accepted = False
        self._ending = None
        self._gone = False
        self._absent = 0
        task = asyncio.create_task(self._watch_blocked())
        try:
            await self.at.command("ATD%s;" % number, _DIAL_S, EMERGENCY, fail=tuple(_WORDS))
        except ATError as error:
            if error.reason == "timeout":
                await self._quiet_hang_up()
            self._finish(_dial_cause(error))
            return
        finally:
            task.cancel()
        if self.state == "dialling":
            self._accepted = True
            self.on_step("dial", None)
            self._wake.set()

    async def _watch_blocked(self) -> None:
        """A press must not wait for a command that holds the channel: restart the modem if the board can."""
        await asyncio.sleep(_BLOCKED_MS / 1000)
        if self.at.running_priority() > EMERGENCY:
            self.blocked += 1
            if self.restart is not None:
                await self.restart()

    async def hang_up(self, cause: str) -> None:
        """End our call, whatever its state; the step that follows carries `cause`. Nothing if there is none."""
        if self.state == "idle":
            return
        self._ending = cause
        await self._quiet_hang_up()
        self._finish("no_carrier")  # the word of the modem may have come first; then this does nothing

    async def answer(self) -> None:
        """Take the call that comes in; `talk` follows when the modem shows it active."""
        self.idle.clear()
        try:
            await self.at.command("ATA", 20.0, EMERGENCY, fail=tuple(_WORDS))
        except ATError:
            self._caller_gone()
        self._wake.set()

    async def refuse(self) -> None:
        """Send the call that comes in away."""
        if self.incoming:
            await self._quiet_hang_up()
            self._end_incoming()

    async def adopt(self) -> bool:
        """Whether a call of ours is active that we know nothing about: this program restarted, the modem did not."""
        try:
            reply = await self.at.command("AT+CLCC", 2.0, VOICE, prefix="+CLCC:")
        except ATError:
            return False
        for line in reply.lines:
            found = parse_clcc(line)
            if found is not None and found[1] == ACTIVE and self.state == "idle":
                self.direction = found[0]
                self.state = "talking"
                self._accepted = True
                self._absent = 0
                self.idle.clear()
                self._wake.set()
        return self.state == "talking"

    def forget(self) -> None:
        """The modem restarted: no call survives that."""
        self._end_incoming()
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
                if self._gone:  # still the same call, and no word came
                    self._finish("no_carrier")
            if self.in_call() and (self._accepted or self.incoming):
                await self._poll()

    async def _poll(self) -> None:
        try:
            reply = await self.at.command("AT+CLCC", 2.0, VOICE, prefix="+CLCC:")
        except ATError:
            return
        seen = [False, False]  # by direction
        for line in reply.lines:
            found = parse_clcc(line)
            if found is not None and found[1] != GONE:
                seen[found[0]] = True
            self._on_clcc(line)
        if self.incoming and not seen[1]:
            self._caller_gone()
        if self.state == "idle" or seen[self.direction]:
            self._absent = 0
        elif not self._gone:
            self._absent += 1
            if self._absent >= _ABSENT_POLLS:
                self._finish("no_carrier")

    # The modem's words

    def _on_clcc(self, line: str) -> None:
        found = parse_clcc(line)
        if found is None:
            return
        direction, stat, number = found
        if direction == 1 and (self.state == "idle" or self.direction == 0):
            self._on_their_call(stat, number)
        elif self.state == "idle" or direction != self.direction:
            return
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
            if self.incoming:
                self._caller_gone()
        elif stat == ACTIVE and self.state == "idle":
            self.incoming = False
            self.direction = 1
            self._accepted = True
            self._absent = 0
            self.idle.clear()
            self.state = "talking"
            self.on_step("talk", None)
        elif stat in (INCOMING, WAITING):
            self.incoming = True
            if number:
                self._announce(number)
            self._wake.set()

    def _announce(self, number: str) -> None:
        if not self._announced:
            self._announced = True
            self.on_incoming(number)

    def _end_incoming(self) -> None:
        self.incoming = False
        self._announced = False
        if self.state == "idle":
            self.idle.set()

    def _caller_gone(self) -> None:
        if self.incoming:
            self._end_incoming()
            self.on_missed()

    def _on_clip(self, line: str) -> None:
        start = line.find('"')
        number = line[start + 1 : line.find('"', start + 1)] if start >= 0 else ""
        self.incoming = True
        self._announce(number)  # empty: the caller withholds it
        self._wake.set()

    def _on_word(self, line: str) -> None:
        if self.state != "idle":
            self._finish(_WORDS[line])
        elif self.incoming:
            self._caller_gone()

    def _finish(self, cause: str) -> None:
        """Our call is over. A cause of our own wins over the modem's word."""
        if self.state == "idle":
            return
        talked = self.state == "talking"
        self.state = "idle"
        self._accepted = False
        self._gone = False
        if self._ending is not None:
            cause = self._ending
        elif talked and cause in ("no_carrier", "no_answer"):
            cause = "remote_hangup"
        self._ending = None
        if not self.incoming:
            self.idle.set()
        self.on_step("end" if talked else "fail", cause)

    async def _quiet_hang_up(self) -> None:
        for text in ("ATH", "AT+CHUP"):
            try:
                await self.at.command(text, _HANG_UP_S, EMERGENCY, ok=("OK", "NO CARRIER"))
                return
            except ATError:
                pass  # the engine counts it; if both fail the modem is silent or gone, and that is told


def _dial_cause(error: ATError) -> str:
    if error.text in _WORDS:
        return _WORDS[error.text]
    if error.reason == "reset":
        return "modem_reset"
    if error.reason == "timeout":
        return "timeout"
    if error.code() in (10, 13):
        return "no_sim"
    if error.code() == 30:
        return "no_registration"
    return "modem_error"
