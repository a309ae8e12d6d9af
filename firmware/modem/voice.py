"""Calls as the modem tells them: its words and its list, asked for each second while there is a call.

In: the modem's words. Out: steps, each showing of a talk (`on_shown()`), rings (`on_incoming(number)`, `on_missed()`).
Must never call a call answered unless `+CLCC` shows it active: `OK` after `ATD` only says that dialling began.
"""

import asyncio

from firmware.core import limits
from firmware.core.callers import same_number
from firmware.modem.at import AT
from firmware.modem.command import VOICE, ATError
from firmware.modem.line import ANSWER, DIAL, WORDS, Line
from firmware.modem.replies import ACTIVE, ALERTING, DIALLING, GONE, HELD, INCOMING, WAITING, parse_clcc
from firmware.waits import came
from protocol import const

_TYPE_CHECKING = const(False)
if _TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_POLL_S = const(1.0)  # the report of `+CLCC` can be lost
_ABSENT_POLLS = const(3)  # polls without our call after which it is over without a word
_WORD_S = const(0.5)  # the word that says why follows a `+CLCC` stat 6 within this
_NAMELESS_MAX = const(3)  # looks at a caller without a number after which it is told as withheld


class Voice(Line):
    """At most one call of ours, and one that comes in. Start `run` as a task."""

    def __init__(
        self,
        at: AT,
        on_step: "Callable[[str, str | None], None]",
        on_incoming: "Callable[[str], None]",
        on_missed: "Callable[[], None]",
        restart: "Callable[[], Awaitable[None]] | None" = None,
    ) -> None:
        super().__init__(at, on_step, on_incoming, on_missed, restart)
        at.on("+CLCC:*", self._on_clcc)
        at.on("+CLIP:*", self._on_clip)
        at.on("RING", self._on_ring)
        at.on(("MO RING", "MO CONNECTED"), lambda line: self._wake.set())  # a hint to look; only +CLCC is believed
        at.on(tuple(WORDS), self._on_word)

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

    async def run(self) -> None:
        """While there is a call, ask for it: reports can be lost."""
        while True:
            self._wake.clear()
            if not self.in_call():
                await self._wake.wait()
            else:
                await came(self._wake, _POLL_S)
            if self._gone:
                await asyncio.sleep(_WORD_S)
            if self._accepted or self.incoming or self._rang or self.at.sent(DIAL):
                self._rang = False
                await self._poll()

    async def _poll(self) -> None:
        calls = self._calls
        at = self.beside() if self.at.sent(DIAL) or self.at.sent(ANSWER) else self.at
        if at is None:
            return  # the only channel waits for a result, and any character would end that
        try:
            reply = await at.command("AT+CLCC", 2.0, VOICE, prefix="+CLCC:")
        except ATError as error:
            if error.reason != "refused":
                self._mute()
                return
            self._heard_ms = self.at.ms()
            if self.state == "talking" and not self._lists:
                self.on_shown()  # a modem that knows no list reports the end by itself, and it is there
            return
        self._lists = True
        self._heard_ms = self.at.ms()
        seen = [False, False]  # by direction
        for line in reply.lines:
            found = parse_clcc(line)
            if found is not None and found[1] != GONE:
                seen[found[0]] = True
            if found is not None and self.state == "talking" and self.direction == found[0] == 0:
                self._not_yet(found[1])
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
        off = self.powered() is False
        most = limits.MUTE_TALK_MS if self.state == "talking" else limits.MUTE_RING_MS
        if self.at.sent(DIAL):
            most = limits.MUTE_DIAL_MS
        if off or self.at.ms() - self._heard_ms >= most:
            self._doubt = True
            self._caller_gone()
            self._finish("modem_reset" if off else "timeout")

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
        elif direction == self.direction and (self._accepted or self._is_ours(stat, number)):
            self._on_our_call(stat)

    def _is_ours(self, stat: int, number: str) -> bool:
        """Before the OK of our dial: whether it can be no call but ours. Then the OK was lost, or is late."""
        if stat in (GONE, HELD) or not self._sure or not self.at.sent(DIAL):
            return False
        if number and number != self._number and not same_number(number, self._number):
            return False
        self._accept()
        return True

    def _on_our_call(self, stat: int) -> None:
        self._heard_ms = self.at.ms()
        if stat == GONE:
            self._end_shown()
            self._gone = True
            self._wake.set()
        elif stat == ALERTING and self.state == "dialling":
            self.state = "ringing"
            self.on_step("ring", None)
        elif stat == ACTIVE and self.state != "talking":
            self.at.settle(DIAL)
            self.state = "talking"
            self.on_step("talk", None)
        elif stat == ACTIVE:
            self.on_shown()

    def _not_yet(self, stat: int) -> None:
        """A call that is still being set up was never active: that report was a late one, about the call before it."""
        if stat in (DIALLING, ALERTING):
            self.state = "ringing"
            self.on_step("ring", None)

    def _end_shown(self) -> None:
        """The modem itself says that the talk is over: it was one until now."""
        if self.state == "talking":
            self.on_shown()

    def _on_their_call(self, stat: int, number: str) -> None:
        if stat == GONE:
            self._caller_gone()
        elif stat == ACTIVE and self.state == "idle":
            self.incoming = False
            self.at.settle(ANSWER)
            self._begin("talking", 1)
            self.on_step("talk", None)
        elif stat in (INCOMING, WAITING):
            self._rings()
            self._nameless += 1
            if number or self._nameless >= _NAMELESS_MAX:
                self._announce(number)
            self._wake.set()

    def _rings(self) -> None:
        if not self.in_call():
            self._heard_ms = self.at.ms()
        self.incoming = True

    def _announce(self, number: str) -> None:
        if not self._announced:
            self._announced = True
            self.on_incoming(number)

    def _on_ring(self, line: str) -> None:
        self._rang = True
        self._wake.set()

    def _on_clip(self, line: str) -> None:
        start = line.find('"')
        number = line[start + 1 : line.find('"', start + 1)] if start >= 0 else ""
        self._rings()
        self._announce(number)  # empty: the caller withholds it
        self._wake.set()

    def _on_word(self, line: str) -> None:
        if self.state != "idle" and self._accepted:
            self._end_shown()
            self._finish(WORDS[line])
        elif self.state == "idle" and self.incoming:
            self._caller_gone()
